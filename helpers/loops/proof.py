"""The fit card: what a finished loop really is, measured on its audio and never copied from the request."""

from __future__ import annotations

import numpy as np

from ..music.pitch import ALL_KEYS, mirex_score
from ..records import FIT_FIELDS, Analysis, Clip, Correction, FitCard, Request
from ..sound.audio import loudness_lufs, true_peak_dbtp
from ..sound.features import chroma, key_scores
from ..sound.infrasound import infrasound_share
from .findings import Findings
from .pulse import measure_pulse
from .purity import measure_purity
from .seam_measure import measure_seam
from .shift import chord_share, scale_share

SHORTEST_SECONDS = 0.3
SILENT_DBTP = -60.0


def prove(
    clip: Clip, request: Request, analysis: Analysis | None = None, corrections: tuple[Correction, ...] = ()
) -> FitCard:
    """Measure a finished loop against its request.

    Parameters
    ----------
    clip
        The loop as read back from its file.
    request
        What was asked for.
    analysis
        Of the idea; its chords are in the request already, so None is fine.
    corrections
        What was done to the take; decides between ``pass`` and ``corrected``.

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
    if clip.seconds < SHORTEST_SECONDS:
        failures.append(f"{clip.seconds:.2f} s is too short to be measured.")
    else:
        purity, parts = _measure_purity(clip, request)
        found = found | _measure_level(clip) | measure_pulse(clip, request) | _measure_key(clip, request)
        found = found | _measure_seam(clip, request) | purity
        if found.values["loudness_lufs"] is None and found.values["true_peak_dbtp"] < SILENT_DBTP:
            failures.append("It is silent.")
    failed = [n for n, row in FIT_FIELDS.items() if n not in found.excused and row.fails(found.values)]
    failures = [FIT_FIELDS[n].failing(found.values, found.details.get(n, "")) for n in failed] + failures
    changed = any(not correction.is_minor for correction in corrections)
    return FitCard(
        values=found.values,
        verdict="failed" if failures else "corrected" if changed else "pass",
        failed=tuple(failed),
        purity_parts=parts,
        corrections=corrections,
        reasons=(*failures, *found.notes),
    )


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


def _measure_key(clip: Clip, request: Request) -> Findings:
    if request.role == "drums":
        return Findings(notes=("Key was not measured: drums have none.",))
    heard = chroma(clip)
    total = heard.frames.sum(axis=1)
    if total.sum() <= 0:
        return Findings(notes=("Key was not measured: nothing pitched sounds.",))
    key = ALL_KEYS[int(np.argmax(key_scores(total)))]
    energy = np.square(heard.frames)  # the card speaks of energy; the frames hold amplitudes
    found = Findings({"key_measured": key.name, "chord_agreement": chord_share(energy, heard.times, request)})
    if request.key is None:
        return found | Findings(notes=("Key was not compared: none was asked for.",))
    share = scale_share(energy.sum(axis=1), request.key)
    return found | Findings(
        {"key_score": mirex_score(key, request.key), "in_key_share": share}, {"in_key_share": request.key.name}
    )
