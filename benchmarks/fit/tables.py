"""The published tables of ``benchmarks/results/fit.json``."""

from __future__ import annotations

from typing import Any

NO_KINDS = ("ranking", "pieces", "about")
COLUMNS = {
    "learnt on": "fails, learnt on",
    "other half": "fails, other half",
    "worst": "worst other half",
    "unseen": "fails",
}


def readme_markdown(found: dict[str, Any]) -> str:
    """The short table: a column a kind of loop, a row a half, the share that fails its fit card."""
    kinds = [kind for kind in found if kind not in NO_KINDS and "stem" not in kind and "drone" not in kind]
    rows = ["| | " + " | ".join(kinds) + " |", "|---" * (len(kinds) + 1) + "|"]
    for name in found["ranking"]:
        rows.append(f"| {COLUMNS[name]} | " + " | ".join(_share(found[kind].get(name)) for kind in kinds) + " |")
    return "\n".join(rows)


def docs_markdown(found: dict[str, Any]) -> str:
    """The long table, with the numbers of loops, and the figures of the ranking."""
    halves = found["ranking"]
    shares = [name for name in COLUMNS if name in halves or (name == "worst" and len(halves) > 1)]
    rows = [f"| loops | compared | unproven | {' | '.join(COLUMNS[name] for name in shares)} |"]
    rows += ["|---" * (3 + len(shares)) + "|"]
    for kind, of in found.items():
        if kind not in NO_KINDS:
            cells = [str(of["loops"]), str(of["unproven"]), *(_share(of.get(name)) for name in shares)]
            rows.append(f"| {kind} | {' | '.join(cells)} |")
    rows += ["", f"| ranking | {' | '.join(halves)} |", "|---" * (1 + len(halves)) + "|"]
    names = next(iter(halves.values()))
    rows += [f"| {name} | {' | '.join(_figure(of[name]) for of in halves.values())} |" for name in names]
    return "\n".join(rows)


def _share(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.0%}"


def _figure(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f}" if value <= 1 else f"{value:.0f}"
