"""The sketch engine: our own composer through our own voices or a SoundFont. Runs anywhere, in a moment."""

from __future__ import annotations

import re

from .. import __version__
from ..errors import InvalidInput, LoopsError
from ..music.instruments import find_instrument
from ..records import Analysis, EngineInfo, Readiness, Request, Take
from ..sketch import (
    Score,
    compose,
    find_soundfont,
    find_sounds,
    heard_kicks,
    patch_swapped,
    plan_sound,
    render,
    write_midi,
)
from ..sketch.voices import SAMPLED, read_sound
from .base import Engine, Job, stop_if


class SketchEngine(Engine):
    """Composes the part note by note, so that tempo, key and chords are right by construction."""

    one_by_one = True  # so that the first can be heard while the second is made
    info = EngineInfo(
        name="sketch",
        title="Sketch (built in)",
        sample_rate=44_100,
        channels=2,
        max_seconds=600.0,
        licence="The notes are yours, and so is the sound of electronic instruments; played ones sound from a "
        "SoundFont, named with its licence on every take.",
        memory_gib=0.4,
        hears=frozenset({"analysis"}),
        good_at="every instrument, at once: exact tempo, key and chords, with MIDI",
        options={
            "notes_of": "an instrument whose part is played instead: the same notes, a new sound",
            "recomposed": "a bar that is written again over another chord: 3:Gm",
        },
    )

    def _check_options(self, request: Request) -> None:
        if request.sound != SAMPLED:
            read_sound(request.sound)
        wanted = request.options.get("notes_of")
        if wanted is not None and find_instrument(wanted).instrument.is_drums != (request.role == "drums"):
            raise InvalidInput(
                f"{request.instrument} cannot play the notes of {wanted}: drums and pitched instruments share none."
            )
        again = request.options.get("recomposed")
        if again is not None and not re.fullmatch(r"[1-9]\d*:.+", str(again)):
            raise InvalidInput(f"{again!r} names no bar and chord to write again; write 3:Gm for bar 3 over G minor.")

    def readiness(self, request: Request | None = None) -> Readiness:
        """Ready wherever a SoundFont and the renderer are installed."""
        try:
            font = find_soundfont()
        except LoopsError as error:
            return Readiness("sketch", False, str(error), "Install the core requirements again.")
        return Readiness("sketch", True, details={"soundfont": font.title, "soundfont_licence": font.licence})

    def _generate(self, job: Job) -> list[Take]:
        request, analysis = job.request, job.analysis
        kicks = heard_kicks(request, analysis) if request.duck else ()
        takes = []
        for done, number in enumerate(job.numbers):
            stop_if(job.cancel)
            job.progress("composing", done / len(job.numbers), None)
            score = _compose(request, analysis, number)
            sound = plan_sound(score, request, number, analysis)
            notes = [f"{name}: {value}" for name, value in score.choices] + [f"sound: {sound.name} ({sound.family})"]
            font = find_sounds(score) if sound.is_sampled else None
            swapped = patch_swapped(score) if font else None
            if font and swapped:
                notes.append(f"sound: {font.title} has no usable {score.instrument} there, so its {swapped} plays")
            if font and font.note:
                notes.append(font.note)
            bank = font.credit if font else "made here, yours"
            takes.append(
                Take(
                    clip=render(score, request, self.info.sample_rate, sound, kicks),
                    engine=self.info.name,
                    engine_version=__version__,
                    seed=request.take_seed(number),
                    prompt=score.describe(),
                    licence=f"notes: yours; sound: {bank}",
                    model=font.title if font else "own voices",
                    midi=write_midi(score),
                    exact=True,
                    sound=sound.to_json(),
                    notes=tuple(notes),
                )
            )
        job.progress("composing", 1.0, 0.0)
        return takes


def _compose(request: Request, analysis: Analysis | None, number: int) -> Score:
    """The request's own part, or the part of ``notes_of`` (as that instrument's request has it) on its instrument.

    With ``recomposed`` one bar of it is that of the part over the progression with the other chord.
    """
    again = request.options.get("recomposed")
    if again is not None:
        bar, chord = str(again).split(":", 1)
        plain = request.with_(options={k: v for k, v in request.options.items() if k != "recomposed"})
        chords = [
            plain.progression[i % len(plain.progression)] if plain.progression else (chord,) for i in range(plain.bars)
        ]
        chords[min(int(bar), plain.bars) - 1] = (chord,)
        written = _compose(plain.with_(progression=tuple(chords)), analysis, number)
        return _compose(plain, analysis, number).with_bar_of(written, min(int(bar), plain.bars) - 1)
    wanted = request.options.get("notes_of")
    if wanted is None:
        return compose(request, analysis, number)
    other = find_instrument(wanted).instrument
    theirs = request.with_(instrument=other.name, role=other.role, options={})
    return compose(theirs, analysis, number).played_by(request.instrument)
