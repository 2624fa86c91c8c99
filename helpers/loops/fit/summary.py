"""The card in one sentence, in a producer's words."""

from __future__ import annotations

from collections.abc import Mapping

from ...records.fit_fields import Value
from ..findings import Findings

IN_TIME_MS, TIGHT_MS = 4.0, 3.0
SHARES = 0.5  # agreement with the idea's notes; 0 is chance
HITS, LOOSE = 0.6, 0.25  # of the accents shared
HIDDEN, RUBBING = 0.25, 0.3  # of the power masked, of the low end against another note


def summarise(found: Findings, failures: list[str], strokes_a_bar: float = 0.0) -> str:
    """One sentence of what was measured; a loop that fails says why first. ``strokes_a_bar`` tell takes apart."""
    if failures:
        more = f" ({len(failures) - 1} more below)" if len(failures) > 1 else ""
        return f"Not usable as it is: {failures[0][0].lower()}{failures[0][1:].rstrip('.')}{more}."
    clauses = [clause for clause in (_notes(found), _time(found.values, strokes_a_bar), _room(found)) if clause]
    text = "; ".join(clauses)
    return f"{text[0].upper()}{text[1:]}." if text else ""


def _notes(found: Findings) -> str:
    if not found.bars:
        return ""
    worst, best = min(found.bars), max(found.bars)
    if best <= SHARES:
        return "shares few of the idea's notes"
    if len(found.bars) == 1:
        return "agrees with the idea's notes"
    if best - worst < 0.1:
        return "agrees with the idea's notes in every bar alike"
    where, least = found.bars.index(best) + 1, found.bars.index(worst) + 1
    if worst > SHARES:
        return f"shares the idea's notes in every bar, most in bar {where}, least in bar {least}"
    return f"shares the idea's notes most in bar {where} and hardly in bar {least}"


def _time(values: Mapping[str, Value], strokes_a_bar: float) -> str:
    said = []
    groove, pocket, spread = (values.get(name) for name in ("groove", "pocket_ms", "looseness_ms"))
    if isinstance(groove, float):
        said.append(f"{'hits' if groove > HITS else 'follows' if groove > LOOSE else 'plays across'} its accents")
    if isinstance(pocket, float):
        if strokes_a_bar >= 0.5:
            said.insert(0, f"plays {strokes_a_bar:.0f} {'stroke' if strokes_a_bar < 1.5 else 'strokes'} a bar")
        side = "behind" if pocket > 0 else "ahead of"
        said.append("in its pocket" if abs(pocket) < IN_TIME_MS else f"{abs(pocket):.0f} ms {side} its pocket")
    if isinstance(spread, float):
        said.append("tight" if spread < TIGHT_MS else f"steady to {spread:.0f} ms")
    return ", ".join(said)


def _room(found: Findings) -> str:
    hidden, low = found.values.get("masked_share"), found.values.get("low_end")
    if isinstance(low, float) and low > RUBBING and found.bars:  # else what sounds low in the idea are drums
        return f"its low notes differ from the idea's for {low:.0%} of their time"
    return f"{hidden:.0%} of it lies hidden under the idea" if isinstance(hidden, float) and hidden > HIDDEN else ""
