"""Write the tables of README.md and docs/*.md again from the code: ``python -m docs.tables``."""

from __future__ import annotations

import re
from pathlib import Path

from helpers import report

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"(<!-- [\w ]+: written by helpers\.report\.(\w+) -->\n).*?(\n<!-- /)", re.DOTALL)


def written(text: str) -> str:
    """The text of a page with every marked block replaced by what its function says now."""

    def table(block: re.Match[str]) -> str:
        return block[1] + getattr(report, block[2])() + block[3]

    return BLOCK.sub(table, text)


if __name__ == "__main__":
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        page.write_text(written(page.read_text(encoding="utf-8")), encoding="utf-8")
