"""Tables kept as text beside the code: facts that a musician can read, mend and add to, one row a line."""

from __future__ import annotations

import tomllib
from importlib import resources
from typing import Any

Rows = tuple[tuple[str, ...], ...]


def read_table(package: str, name: str) -> dict[str, Rows]:
    """The sections of a table, each headed ``= title``: their rows, cut at ``|``. A line that begins with ``#`` is a
    remark."""
    sections: dict[str, Rows] = {}
    title = ""
    for line in (resources.files(package) / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("= "):
            title = line[2:].strip()
        elif line.strip() and not line.startswith("#"):
            sections[title] = (*sections.get(title, ()), tuple(cell.strip() for cell in line.split("|")))
    return sections


def comma_words(cell: str) -> tuple[str, ...]:
    """The words of a cell, which are cut at commas."""
    return tuple(word.strip() for word in cell.split(",") if word.strip())


def read_toml(package: str, name: str) -> dict[str, Any]:
    """The tables of a TOML file, for rows with many columns that are often left out."""
    return tomllib.loads((resources.files(package) / name).read_text(encoding="utf-8"))
