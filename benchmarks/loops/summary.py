"""What benchmarks/loops/loops.py found, in figures: by damage and method, and against the targets of the loop maker."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass
class Outcome:
    """What one method did with one take; None where it does not apply or cannot be measured.

    ``struck``: the undamaged recording has notes whose beginning can be told. ``timing_ms``: median over the bars of
    how far each lies from where it should. ``seam_kept``: the seam is at most 1 or no worse
    than the recording's own. ``key_after``: ``same``, ``relative`` or ``other``, the key heard in the finished loop
    against the one asked for.
    """

    source: str
    damage: str
    method: str
    role: str
    correctable: bool = True
    struck: bool = True
    refused: str | None = None
    right_refusal: bool | None = None
    exact: bool | None = None
    phase_right: bool | None = None
    clean_window: bool | None = None
    timing_ms: float | None = None
    timing_worst_ms: float | None = None
    grid_error_ms: float | None = None
    semitones_left: int | None = None
    key_after: str | None = None
    shifted: bool | None = None
    seam: float | None = None
    seam_kept: bool | None = None
    dip_db: float | None = None
    verdict: str | None = None
    purity: float | None = None
    seconds: float | None = None
    words: str = ""


def share(values: list[bool | None]) -> float | None:
    known = [v for v in values if v is not None]
    return round(float(np.mean(known)), 4) if known else None


def point(values: list[float | None], q: float) -> float | None:
    known = [v for v in values if v is not None]
    return round(float(np.percentile(known, q)), 2) if known else None


def figures(rows: list[Outcome]) -> dict[str, float | int | None]:
    """One row of the table: counts, shares 0..1, milliseconds, CPU seconds; None where nothing was measured."""
    struck = [o for o in rows if o.struck]
    return {
        "n": len(rows),
        "refused": share([o.refused is not None for o in rows]),
        "right_refusal": share([o.right_refusal for o in rows if not o.correctable]),
        "exact": share([o.exact for o in rows]),
        "phase": share([o.phase_right for o in rows]),
        "clean_window": share([o.clean_window for o in rows]),
        "ms_50": point([o.timing_ms for o in struck], 50),
        "ms_95": point([o.timing_ms for o in struck], 95),
        "worst_bar_ms_95": point([o.timing_worst_ms for o in struck], 95),
        "grid_ms_95": point([o.grid_error_ms for o in struck], 95),
        "pitch": share([None if o.semitones_left is None else o.semitones_left == 0 for o in rows]),
        "key": share([None if o.key_after is None else o.key_after != "other" for o in rows]),
        "seam_at_most_1": share([None if o.seam is None else o.seam <= 1 for o in rows]),
        "seam_kept": share([o.seam_kept for o in rows]),
        "dip_over_1_db": share([None if o.dip_db is None else o.dip_db > 1 for o in rows]),
        "not_failed": share([None if o.verdict is None else o.verdict != "failed" for o in rows]),
        "seconds": point([o.seconds for o in rows], 50),
    }


def summary(outcomes: list[Outcome]) -> dict[str, dict[str, dict[str, float | int | None]]]:
    """Figures by damage and method, with all that can be corrected and all that cannot taken together."""
    groups = {name: [o for o in outcomes if o.damage == name] for name in dict.fromkeys(o.damage for o in outcomes)}
    groups["ALL correctable"] = [o for o in outcomes if o.correctable]
    groups["ALL uncorrectable"] = [o for o in outcomes if not o.correctable]
    methods = dict.fromkeys(o.method for o in outcomes)
    return {
        name: {m: figures([o for o in rows if o.method == m]) for m in methods} for name, rows in groups.items() if rows
    }


def targets(outcomes: list[Outcome]) -> list[dict[str, object]]:
    """Each promise of the loop maker: what is asked, what was measured, on how many takes."""
    ours = [o for o in outcomes if o.method == "ours"]
    good, hopeless = [o for o in ours if o.correctable], [o for o in ours if not o.correctable]
    struck = [o.timing_ms for o in good if o.struck]
    shifted = [o for o in good if o.damage == "shifted" and o.key_after]
    in_key = [o for o in good if o.role != "drums" and o.damage not in ("shifted", "detuned") and o.shifted is not None]
    drums = [o.shifted for o in good if o.role == "drums"]
    chosen = [o.clean_window for o in good if o.clean_window is not None]
    rows: list[tuple[str, str, float | None, int]] = [
        ("exact samples", "= 1", share([o.exact for o in good]), len(good)),
        ("timing, median loop, ms", "<= 8", point(struck, 50), len(struck)),
        ("timing, 95th percentile, ms", "<= 20", point(struck, 95), len(struck)),
        ("fit card's grid error, median, ms", "<= 8", point([o.grid_error_ms for o in good], 50), len(struck)),
        ("fit card's grid error, 95th, ms", "<= 20", point([o.grid_error_ms for o in good], 95), len(struck)),
        ("bar 1 on a bar line", ">= 0.85", share([o.phase_right for o in good]), len(good)),
        ("key right after a shift of 1-6", ">= 0.9", share([o.key_after != "other" for o in shifted]), len(shifted)),
        ("drums shifted", "= 0", share(drums), len(drums)),
        ("takes in key shifted", "= 0", share([o.shifted for o in in_key]), len(in_key)),
        ("seam at most 1", ">= 0.97", share([None if o.seam is None else o.seam <= 1 for o in good]), len(good)),
        ("seam at most 1 or the recording's own", ">= 0.97", share([o.seam_kept for o in good]), len(good)),
        ("dip of over 1 dB", "= 0", share([None if o.dip_db is None else o.dip_db > 1 for o in good]), len(good)),
        ("uncorrectable refused rightly", "= 1", share([bool(o.right_refusal) for o in hopeless]), len(hopeless)),
        ("correctable refused", "few", share([o.refused is not None for o in good]), len(good)),
        ("clean bars chosen where some are not", "high", share(chosen), len(chosen)),
    ]
    return [{"line": line, "target": target, "measured": value, "n": n} for line, target, value, n in rows]


def table(found: dict[str, dict[str, dict[str, float | int | None]]]) -> str:
    """The summary as text, a line for each damage and method."""
    names = list(next(iter(next(iter(found.values())).values())))
    lines = [f"{'damage':20}{'method':10}" + "".join(f"{name[:9]:>10}" for name in names)]
    for damage, methods in found.items():
        for method, row in methods.items():
            cells = "".join(f"{'-' if row[name] is None else row[name]:>10}" for name in names)
            lines.append(f"{damage:20}{method:10}{cells}")
    return "\n".join(lines)


def shortfalls(outcomes: list[Outcome]) -> list[str]:
    """The loop maker's own outcomes that miss a target, a line each: recording, damage, what is missed."""
    lines = []
    for o in outcomes:
        missed = {
            f"refused: {o.refused}": o.correctable and o.refused is not None,
            f"refused wrongly or not at all: {o.refused}": not o.correctable and not o.right_refusal,
            "bar 1 wrong": o.phase_right is False,
            "spoilt bars chosen": o.clean_window is False,
            f"{o.timing_ms or 0:.0f} ms off": o.struck and (o.timing_ms or 0) > 20,
            f"seam {o.seam or 0:.2f}": (o.seam or 0) > 1,
            f"dip {o.dip_db or 0:.1f} dB": (o.dip_db or 0) > 1,
            "key wrong": o.damage == "shifted" and o.key_after == "other",
            "shifted in vain": bool(o.shifted) and o.damage not in ("shifted", "detuned"),
        }
        named = [name for name, true in missed.items() if true]
        if o.method == "ours" and named:
            lines.append(f"{o.source}, {o.damage}: {', '.join(named)}")
    return lines
