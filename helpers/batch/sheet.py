"""The cover sheet of a pack: one HTML page that plays its loops and shows their cards, readable without a network."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib import resources
from itertools import groupby
from string import Template
from typing import Any
from urllib.parse import quote

import numpy as np

from ..export import StoredLoop
from ..records.fit_card import VERDICTS
from ..sound.audio import read_back

COLUMNS = 160  # of a waveform


def cover_sheet(title: str, loops: Sequence[StoredLoop], names: Sequence[str], rows: Sequence[dict[str, Any]]) -> bytes:
    """The page's bytes. Every word that came from outside is escaped; sounds are linked beside the page."""
    cards = sorted(zip(loops, names, rows, strict=True), key=lambda card: card[0].idea)
    groups = "\n".join(
        f"<h2>{escape(idea or 'Without an idea')}</h2>\n<section>{''.join(_card(*card) for card in group)}</section>"
        for idea, group in groupby(cards, key=lambda card: card[0].idea)
    )
    count = f"{len(loops)} loop{'s' * (len(loops) != 1)}"
    page = Template((resources.files(__package__) / "sheet.html").read_text(encoding="utf-8"))
    return page.substitute(title=escape(title), count=count, groups=groups).encode()


def _card(loop: StoredLoop, name: str, row: dict[str, Any]) -> str:
    about = [f"{row['bpm']:g} BPM", row["key"] or "no key", f"{row['bars']} bars of {row['meter']}", str(row["engine"])]
    values = [(row.label, text) for row, text, _ in loop.fit.rows() if getattr(loop.fit, row.name) is not None]
    table = [("File", f"{name}.wav"), *values, ("Seed", str(row["seed"])), ("Licence", str(row["license"]))]
    cells = "".join(f"<tr><td>{escape(label)}<td>{escape(text)}" for label, text in table)
    reasons = "".join(f"<p>{escape(str(reason))}" for reason in loop.fit.reasons)
    midi = f' · <a href="{quote(row["midi"])}">MIDI</a>' if loop.midi else ""
    verdict = loop.fit.verdict if loop.fit.verdict in VERDICTS else "unknown"
    return (
        f'<article><header><h3>{escape(row["instrument"])}</h3><b class="{verdict}">{verdict}</b></header>'
        f"<small>{escape(', '.join(about))}{midi}</small>{_wave(loop)}"
        f'<audio controls loop preload="metadata" src="{quote(row["file"])}" aria-label="{escape(name)}"></audio>'
        f"<p>{escape(loop.fit.summary)}</p>"
        f"<details><summary>Fit card</summary><table>{cells}</table>{reasons}</details>"
        "</article>"
    )


def _wave(loop: StoredLoop) -> str:
    mono = np.abs(read_back(loop.wav).mono())
    peaks = [float(part.max(initial=0.0)) for part in np.array_split(mono, COLUMNS)]
    top = max(peaks) or 1.0
    line = "".join(f"M{x + 0.5} {32 - 30 * p / top:.1f}V{32 + 30 * p / top:.1f}" for x, p in enumerate(peaks))
    return (
        f'<svg viewBox="0 0 {COLUMNS} 64" preserveAspectRatio="none" aria-hidden="true">'
        f'<path d="{line}" stroke="currentColor" stroke-width=".7" fill="none"/></svg>'
    )
