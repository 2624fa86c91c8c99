"""Analyses, fit cards and engines as plain text for a terminal (and their JSON where the record has none)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from .music.pitch import write_progression
from .records import Analysis, EngineInfo, FitCard, Readiness

UNKNOWN = "unknown"


def analysis_text(analysis: Analysis) -> str:
    """What was heard, a line for each question."""
    t, k = analysis.tempo, analysis.key
    rows = [
        (
            "idea",
            f"{analysis.file}, {analysis.seconds:.2f} s, {analysis.sample_rate} Hz, {channel_words(analysis.channels)}",
        )
    ]
    if t.bpm is None:
        rows.append(("tempo", UNKNOWN))
    else:
        others = ", ".join(f"{a.bpm:.5g} ({a.relation})" for a in t.alternatives)
        rows.append(
            ("tempo", f"{t.bpm:.6g} BPM in {t.meter.name}, confidence {t.confidence:.2f}; else {others or 'none'}")
        )
        length = f"an exact loop of {t.bars} bar{'s' if t.bars != 1 else ''}" if t.is_loop else "a free take"
        swing = "" if t.swing is None else f", swing {t.swing:.2f}"
        first = f", first downbeat at {t.downbeats[0]:.3f} s" if t.downbeats else ""
        sure = f", beats sure by {t.phase_confidence:.2f}, bar 1 by {t.bar_confidence:.2f}"
        sure += f", metre by {t.meter_confidence:.2f}"
        rows.append(("grid", f"{length}{first}{swing}{sure}"))
    if k is None:
        rows.append(("key", UNKNOWN))
    else:
        others = ", ".join(a.name for a in k.alternatives[:3])
        rows.append(
            ("key", f"{k.key.name}, confidence {k.confidence:.2f}, tuning {k.tuning_cents:+.0f} cents; else {others}")
        )
    rows.append(("chords", _chords(analysis)))
    for name, tags in (("genre", analysis.genres), ("mood", analysis.moods)):
        rows.append((name, ", ".join(f"{tag.label} {tag.score:.2f}" for tag in tags[:3]) or UNKNOWN))
    rows.append(("loudness", UNKNOWN if analysis.loudness_lufs is None else f"{analysis.loudness_lufs:.1f} LUFS"))
    if analysis.melody:
        rows.append(("melody", f"{len(analysis.melody)} notes"))
    elif analysis.played:
        rows.append(("notes", f"{len(analysis.played)} of several voices"))
    if analysis.spans:
        best = (f"{s.section} from {s.start:.2f} s, {s.bars} bars" for s in analysis.spans)
        rows.append(("loops well", "; ".join(best)))
    rows += [("note", note) for note in analysis.notes]
    return "What was heard\n" + _table(rows)


def _chords(analysis: Analysis) -> str:
    from .records import bars_of_chords

    if not analysis.chords or analysis.tempo.bpm is None:
        return UNKNOWN
    bars = bars_of_chords(analysis, analysis.tempo.bpm, analysis.tempo.meter, 16)
    return write_progression(bars) if bars else "none heard"


def _verdict(verdict: str, score: float | None) -> str:
    """With the score, which says nothing of a loop that failed or could not be compared."""
    return verdict.upper() + ("" if score is None or verdict in ("failed", "unproven") else f", score {score:.2f}")


def card_text(card: FitCard) -> str:
    """A fit card as a small table; what could not be measured says so."""
    rows = [("verdict", _verdict(card.verdict, card.score)), *([("in short", card.summary)] if card.summary else [])]
    rows += [(row.said, f"{text} (asked: {asked})" if asked else text) for row, text, asked in card.rows()]
    if card.bars:
        rows.append(("notes by bar", "  ".join(f"{value:.1f}" for value in card.bars)))
    rows.append(("corrections", "; ".join(made.words for made in card.corrections) or "none"))
    rows += [("because" if card.verdict == "failed" else "note", reason) for reason in card.reasons]
    return "Fit card\n" + _table(rows)


def result_text(result: Any, *, cards: bool) -> str:
    """The request, then each loop: its verdict, files and what to know of it; with ``cards`` everything measured."""
    request = result.request
    key = request.key.name if request.key else "no key"
    what = request.instrument or "any instrument"
    parts = [f"{what}, {request.bars} bars of {request.meter} at {request.bpm:.6g} BPM, {key}"]
    if request.progression:
        parts[0] += f", {write_progression(request.progression)}"
    for f in result.loops:
        take, card = f.loop.take, f.fit
        others = [path.suffix for path in (f.files.json, f.files.midi) if path]
        lines = [f"{f.rank}  {_verdict(card.verdict, f.loop.score)}  {f.files.wav} (and {', '.join(others)})"]
        lines += [
            f"   {text}"
            for text in (
                "" if cards else card.summary,
                *(card.reasons if card.verdict == "unproven" and not cards else ()),
                *f.loop.why[:1],
                f"{take.engine}, seed {take.seed}",
            )
            if text
        ]
        if cards:
            lines += [f"   parts: {', '.join(f.loop.why[1:])}"] if f.loop.why[1:] else []
            lines += [card_text(card)]
        parts.append("\n".join(lines))
    parts += [f"Refused: {reason}" for reason in result.refused]
    parts += list(result.notes)
    if not cards and result.loops:
        parts.append("Everything that was measured is in the JSON beside each loop; --cards prints it.")
    return "\n\n".join(parts)


def engine_json(info: EngineInfo, readiness: Readiness) -> dict[str, Any]:
    """One row of ``engines --json``."""
    return asdict(info) | {
        "ready": readiness.ready,
        "reason": readiness.reason or None,
        "remedy": readiness.remedy or None,
        "license": info.licence,
        "hears": sorted(info.hears),
        "details": readiness.details,
    }


def engines_text(rows: Iterable[tuple[EngineInfo, Readiness]]) -> str:
    """What can run here and, for the rest, why not and what to do."""
    parts = []
    for info, r in rows:
        lines = [f"{info.name:<20}{'ready' if r.ready else 'not here'}"]
        lines += [f"  {r.reason}"] if r.reason else []
        lines += [f"  do: {r.remedy}"] if r.remedy and not r.ready else []
        lines.append(f"  weights: {info.licence}")
        parts.append("\n".join(lines))
    return "\n".join(parts)


def _table(rows: Iterable[tuple[str, str]]) -> str:
    rows = list(rows)
    width = max(len(name) for name, _ in rows) + 2
    return "\n".join(f"  {name:<{width}}{value}" for name, value in rows)


def channel_words(count: int) -> str:
    """``mono``, ``stereo`` or ``6 channels``."""
    return {1: "mono", 2: "stereo"}.get(count, f"{count} channels")
