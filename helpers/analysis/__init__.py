"""Hearing: what is in an idea. One musical question, one module; :func:`analyze` asks them all.

``tempo`` (candidates in ``pulse``, their ``evidence``, the ``tempo_model``, the ``precise`` figure, ``drift`` and
``metre``, the ``grid`` by the evidence in ``phase``), ``key`` (with essentia's votes from ``estimators``), ``chords``,
``melody``, ``groove``, ``spans`` and ``tags`` (fetched files in ``tag_models``, run by ``effnet``). Learned models that
come inside packages are ``ears``: ``transcribe`` (Basic Pitch), ``musicnn``. What could not be heard is None or empty,
and ``Analysis.notes`` says why.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from ..records import Analysis, Clip, KeyEstimate, Progress, Tempo, silent_progress
from ..sound.imports import import_scipy
from ..sound.levels import loudness_lufs
from .chords import estimate_chords
from .ears import missing_note
from .groove import estimate_groove
from .key import estimate_key, has_open_mode
from .listening import Listening
from .melody import estimate_melody, estimate_notes, notes_to_midi
from .metre import SURE_METRE
from .spans import find_spans
from .tags import estimate_tags
from .tempo import estimate_tempo

__all__ = [
    "analyze",
    "estimate_chords",
    "estimate_groove",
    "estimate_key",
    "estimate_melody",
    "estimate_notes",
    "estimate_tempo",
    "import_libraries",
    "notes_to_midi",
]

UNSURE = 0.5  # below this confidence the notes say so
LONG_SECONDS = 180.0  # of so long an idea one thing is heard after the other: two at once took 2 GB of ten minutes


def import_libraries() -> None:
    """Import what hearing imports on first use; a process that hears on several threads calls this before it does."""
    import librosa.filters
    import librosa.segment  # noqa: F401

    import_scipy()


def analyze(
    clip: Clip, *, file: str = "", sha256: str = "", progress: Progress = silent_progress, tags: bool = True
) -> Analysis:
    """Hear everything we can in an idea.

    Parameters
    ----------
    clip
        Finite audio of any rate and channel count.
    file, sha256
        Carried into the record.
    progress
        Told the stage and the fraction done.
    tags
        Whether genre and mood models may be asked, when they are there.

    Returns
    -------
    Analysis
        Deterministic: the same samples give the same record on the same machine.
    """
    import_scipy()
    heard = Listening(clip)
    is_tagged = tags and not heard.is_silent
    with ThreadPoolExecutor(1) as ear:  # its convolutions need no interpreter: a second core does them meanwhile
        named = ear.submit(estimate_tags, heard) if is_tagged else None
        progress("listening to tempo and beats", 0.05)
        if named is not None and heard.seconds > LONG_SECONDS:
            named.result()
        tempo = estimate_tempo(heard)
        progress("listening to key and chords", 0.35)
        key = estimate_key(heard)
        progress("writing down the notes", 0.5)
        melody = estimate_melody(heard) if key is not None else ()
        played = estimate_notes(heard, melody) if key is not None else ()
        chords = estimate_chords(heard, tempo, key, one_voice=bool(melody))
        groove = estimate_groove(heard, tempo)
        progress("measuring loudness", 0.7)
        loudness = loudness_lufs(clip)
        progress("naming genre and mood", 0.8)
        genres, moods, tag_notes = named.result() if named is not None else ((), (), ())
    progress("heard", 1.0)
    return Analysis(
        file=file,
        sha256=sha256,
        seconds=clip.seconds,
        sample_rate=clip.sample_rate,
        channels=clip.channels,
        tempo=tempo,
        key=key,
        chords=chords,
        genres=genres,
        moods=moods,
        loudness_lufs=loudness,
        melody=melody,
        played=played,
        spans=find_spans(heard, tempo),
        groove=groove,
        notes=_notes(heard, tempo, key) + tag_notes,
    )


def _notes(heard: Listening, tempo: Tempo, key: KeyEstimate | None) -> tuple[str, ...]:
    """Why anything is unknown or unsure, in the order of the record's fields."""
    said = []
    if heard.is_silent:
        return ("The file is silent: there is nothing to hear.",)
    if tempo.bpm is None:
        said.append("No tempo: nothing in the sound repeats; set the tempo by hand.")
    elif tempo.confidence < UNSURE and tempo.drift_bpm is None:
        said.append("The tempo is unsure: few clear attacks; compare the alternatives or set it by hand.")
    if tempo.drift_bpm is not None:
        start, end = tempo.drift_bpm
        said.append(
            f"The tempo moves from about {start:.0f} to {end:.0f} BPM; the beats follow it, but a loop has one tempo: "
            "choose a short part of the idea (--start, --bars-heard)."
        )
    elif tempo.bpm is not None and tempo.phase_confidence < UNSURE:
        said.append("Where the beat falls is unsure: it may lie an eighth or a sixteenth beside.")
    if tempo.bpm is not None and tempo.meter_confidence < SURE_METRE:
        others = " or ".join(tempo.meter_alternatives) or "another"
        said.append(f"The metre is unsure: {tempo.meter.name} is a guess; if it is {others}, set it by hand (--meter).")
    if tempo.bars and not tempo.is_loop:
        said.append(f"The file is as long as a loop (bars: {tempo.bars}), but bar 1 need not be at its start.")
    if key is None:
        said.append("No key: nothing in the sound is clearly pitched.")
    elif has_open_mode(heard):
        said.append(f"No third sounds, so the mode is open: {key.key.name} is a guess.")
    elif key.confidence < UNSURE:
        said.append(f"The key is unsure: {key.key.name} and {key.alternatives[0].name} fit nearly as well.")
    if (missing := missing_note()) is not None:
        said.append(missing)
    return tuple(said)
