"""The fit card: what a finished loop really is, measured on its audio and never copied from the request."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ..music.pitch import ALL_KEYS
from ..records import FIT_FIELDS, Analysis, Clip, Correction, FitCard, Request
from ..sound.features import key_scores
from ..sound.imports import import_scipy
from ..sound.infrasound import infrasound_share
from ..sound.levels import loudness_lufs, true_peak_dbtp
from .findings import Findings
from .fit import Bars, IdeaSide, measure_fit
from .fit.summary import summarise
from .pulse import measure_pulse
from .purity import measure_purity
from .seam_measure import measure_seam
from .shift import chord_share, scale_share

SHORTEST_SECONDS = 0.3
SILENT_DBTP = -60.0
SAME_SCALE = 0.03  # of the energy on the scale: less does not tell two keys apart
SAID_ALWAYS = ("harmony",)  # where the notes agree least; of a field that is kept, any other phrase would be untrue
NEARLY_EXACT_SECONDS = 0.02  # of 61 loops by people that were cut to their tempo none is farther off


def prove(
    clip: Clip,
    request: Request,
    analysis: Analysis | None = None,
    corrections: tuple[Correction, ...] = (),
    *,
    idea: IdeaSide | None = None,
    foreign: bool = False,
) -> FitCard:
    """Measure a finished loop against its request and, laid over them, the idea's bars that it was made for.

    Parameters
    ----------
    clip
        The loop as read back from its file.
    request
        What was asked for.
    analysis
        Of the idea; what was heard steered the part, so nothing is judged by it.
    corrections
        What was done to the take; decides between ``pass`` and ``corrected``.
    idea
        The idea's own sound. None: only the request is compared.
    foreign
        Somebody else made the loop: their peak level, feel and file length are remarks.

    Returns
    -------
    FitCard
        What could not be measured is None and ``reasons`` says why.
    """
    found = Findings(
        {
            "samples": clip.length,
            "samples_expected": request.samples(clip.sample_rate),
            "bpm_requested": request.bpm,
            "key_requested": request.key.name if request.key else None,
        }
    )
    failures: list[str] = []
    parts: dict[str, float] = {}
    strokes_a_bar = 0.0
    if clip.seconds < SHORTEST_SECONDS:
        failures.append(f"{clip.seconds:.2f} s is too short to be measured.")
    else:
        loop = Bars(clip, request.tuning_cents, bars=request.bars, meter=request.time)
        import_scipy()
        with ThreadPoolExecutor(1) as aside:  # two halves side by side: the first take is proven with a core to spare
            heard = aside.submit(lambda: loop.notes)
            level, seam = aside.submit(_measure_level, clip), aside.submit(_measure_seam, clip, request)
            room = aside.submit(lambda: (loop.erb_beats, loop.loudness_lufs) if idea is not None else None)
            pulse = measure_pulse(clip, request, loop.struck)
            heard.result()
            key = _measure_key(loop, request)
            purity, parts = _measure_purity(clip, request)
            room.result()
            fit = Findings() if idea is None else measure_fit(loop, idea, request)
            found = found | level.result() | pulse | key | seam.result() | purity | fit
        strokes_a_bar = loop.struck.times.size / request.bars
        if found.values["loudness_lufs"] is None and _number(found, "true_peak_dbtp") < SILENT_DBTP:
            failures.append("It is silent.")
    broken = [n for n, row in FIT_FIELDS.items() if n not in found.excused and row.fails(found.values)]
    remarks = [n for n in broken if foreign and not _fails_others(found, n, clip.sample_rate)]
    failed = [n for n in broken if n not in remarks]
    failures = [FIT_FIELDS[n].failing(found.values, found.details.get(n, "")) for n in failed] + failures
    said = [FIT_FIELDS[n].failing(found.values, found.details.get(n, "")) for n in remarks]
    changed = any(not correction.is_minor for correction in corrections)
    proofs = ("place", "groove") if request.role == "drums" else ("harmony",)
    compared = idea is None or any(found.values.get(name) is not None for name in proofs)
    return FitCard(
        values=found.values,
        verdict="failed" if failures else "unproven" if not compared else "corrected" if changed else "pass",
        failed=tuple(failed),
        bars=found.bars,
        details={n: said for n, said in found.details.items() if n in broken or n in SAID_ALWAYS},
        summary=summarise(found, failures, strokes_a_bar),
        purity_parts=parts,
        corrections=corrections,
        reasons=(*failures, *said, *found.notes),
    )


def _number(found: Findings, name: str) -> float:
    value = found.values[name]
    assert isinstance(value, (int, float)), f"{name} is always measured"
    return value


def _fails_others(found: Findings, name: str, rate: int) -> bool:
    """Whether a loop fails that somebody else made; its length may differ by what editors and codecs leave or cut."""
    if name == "samples":
        off = abs(_number(found, "samples") - _number(found, "samples_expected"))
        return off > NEARLY_EXACT_SECONDS * rate
    return FIT_FIELDS[name].fails(found.values, others=True)


def _measure_level(clip: Clip) -> Findings:
    loudness = loudness_lufs(clip)
    notes = () if loudness is not None else ("Loudness was not measured: too quiet or too short.",)
    share = infrasound_share(clip)
    values = {"loudness_lufs": loudness, "true_peak_dbtp": true_peak_dbtp(clip), "infrasound_share": share}
    return Findings(values, notes=notes)


def _measure_seam(clip: Clip, request: Request) -> Findings:
    seam = measure_seam(clip, request)
    return Findings({"seam": seam.value}, {"seam": seam.words()})


def _measure_purity(clip: Clip, request: Request) -> tuple[Findings, dict[str, float]]:
    if not request.role:
        return Findings(notes=("Purity was not measured: no instrument was named.",)), {}
    purity, parts = measure_purity(clip, request)
    foreign = "Notes" if request.role == "drums" else "Drums or another instrument"
    return Findings({"purity": purity}, {"purity": f"{foreign} are heard beside the {request.instrument}"}), parts


def _measure_key(loop: Bars, request: Request) -> Findings:
    if request.role == "drums":
        return Findings(notes=("Key was not measured: drums have none.",))
    energy = np.square(loop.notes.chroma())  # the card speaks of energy; the frames hold amplitudes
    total = energy.sum(axis=1)
    if total.sum() <= 0:
        return Findings(notes=("Key was not measured: nothing pitched sounds.",))
    key = ALL_KEYS[int(np.argmax(key_scores(loop.notes.chroma().sum(axis=1))))]
    chords = chord_share(energy, loop.notes.times, request)
    if request.key is None:
        why = "Key was not compared: none was asked for."
        return Findings({"key_measured": key.name, "chord_agreement": chords}, notes=(why,))
    share = scale_share(total, request.key)
    if scale_share(total, key) - share < SAME_SCALE:
        key = request.key  # its notes are those of both keys: nothing in them speaks against the one asked for
    return Findings(
        {
            "key_measured": key.name,
            "in_key_share": share,
            "chord_agreement": chords,
        },
        {"in_key_share": request.key.name},
    )
