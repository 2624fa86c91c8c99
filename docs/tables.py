"""Write the tables of README.md and docs/*.md again from the code: ``python -m docs.tables``."""

from __future__ import annotations

import re
from pathlib import Path

from helpers.engines import registry
from helpers.music.instruments import INSTRUMENTS
from helpers.records import FIT_FIELDS, ROLES

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"(<!-- [\w ]+: written by docs\.tables\.(\w+) -->\n).*?(\n<!-- /)", re.DOTALL)


def instruments_markdown() -> str:
    """The table of docs/instruments.md: a role a row, each instrument with the other words for it."""
    rows = ["| role | instruments (and other words for them) |", "|---|---|"]
    for role in ROLES:
        cells = [f"{i.name} ({', '.join(i.words)})" if i.words else i.name for i in INSTRUMENTS if i.role == role]
        rows.append(f"| {role} | {'; '.join(cells)} |")
    return "\n".join(rows)


def engines_markdown() -> str:
    """The README's table of engines, as they declare themselves."""
    rows = ["| engine | good at | needs | licence of the weights |", "|---|---|---|---|"]
    for engine in registry.all_engines():
        info = engine.info
        needs = [f"{info.memory_gib:g} GiB GPU memory", f"{info.download_gib:g} GiB download"]
        needs = [*needs, *(["Hub token, licence accepted"] if info.gated else [])] if info.download_gib else ["nothing"]
        rows.append(f"| `{info.name}` | {info.good_at} | {', '.join(needs)} | {info.licence} |")
    return "\n".join(rows)


def fit_card_markdown() -> str:
    """The table of docs/fit-card.md: every field with its limit and reason."""
    rows = ["| field | meaning | limit | reason for the limit |", "|---|---|---|---|"]
    rows += [f"| {row.said} | {row.meaning} | {row.limit_text()} | {row.why} |" for row in FIT_FIELDS.values()]
    return "\n".join(rows)


def written(text: str) -> str:
    """The text of a page with every marked block replaced by what its function says now."""

    def table(block: re.Match[str]) -> str:
        return block[1] + globals()[block[2]]() + block[3]

    return BLOCK.sub(table, text)


if __name__ == "__main__":
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        page.write_text(written(page.read_text(encoding="utf-8")), encoding="utf-8")
