"""The published tables of ``benchmarks/results/fit.json``."""

from __future__ import annotations

from typing import Any

NO_KINDS = ("ranking", "pieces")


def readme_markdown(found: dict[str, Any]) -> str:
    """The short table: a column a kind of loop, a row a half of the pieces, the share that fails its fit card."""
    kinds = [kind for kind in found if kind not in NO_KINDS and "stem" not in kind and "drone" not in kind]
    rows = ["| fails, of pieces | " + " | ".join(kinds) + " |", "|---" * (len(kinds) + 1) + "|"]
    for half in found["pieces"]:
        rows.append(f"| {half} | " + " | ".join(_share(found[kind][half]["failed"]) for kind in kinds) + " |")
    return "\n".join(rows)


def docs_markdown(found: dict[str, Any]) -> str:
    """The long table, with the numbers of loops, and the figures of the ranking."""
    halves = found["pieces"]
    heads = [f"fails, {half} ({pieces} pieces)" for half, pieces in halves.items()]
    rows = [f"| loops | {' | '.join(heads)} | unproven |", "|---|---|---|---|"]
    for kind, of in found.items():
        if kind not in NO_KINDS:
            cells = [f"{_share(of[half]['failed'])} of {of[half]['loops']}" for half in halves]
            rows.append(f"| {kind} | {' | '.join(cells)} | {sum(of[half]['unproven'] for half in halves)} |")
    rows += ["", f"| ranking | {' | '.join(halves)} |", "|---|---|---|"]
    names = next(iter(found["ranking"].values()))
    rows += [f"| {name} | {' | '.join(_figure(found['ranking'][half][name]) for half in halves)} |" for name in names]
    return "\n".join(rows)


def _share(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.0%}"


def _figure(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f}" if isinstance(value, float) else str(value)
