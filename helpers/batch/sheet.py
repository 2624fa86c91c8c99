"""The cover sheet of a pack: one HTML page that plays its loops and shows their cards, readable without a network."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np

from ..records.fit_card import VERDICTS
from ..records.fit_fields import FIT_FIELDS
from ..sound.audio import read_back

if TYPE_CHECKING:
    from .pack import PackLoop

COLUMNS = 160  # of a waveform
_STYLE = """
:root { color-scheme: light dark; --ink: #1d2024; --soft: #5d646d; --page: #f6f4f0; --card: #fff; --line: #e4e0d8;
  --wave: #2e6f95; --good: #1b7047; --bad: #b3261e; --other: #805300 }
@media (prefers-color-scheme: dark) { :root { --ink: #ebebea; --soft: #a9b0b8; --page: #141618; --card: #1e2125;
  --line: #32363c; --wave: #7fb8d8; --good: #70d19f; --bad: #ff8a80; --other: #e5b567 } }
* { box-sizing: border-box; overflow-wrap: anywhere }
body { margin: 0 auto; max-width: 76rem; padding: clamp(1.25rem, 4vw, 3rem) clamp(1rem, 3vw, 2rem);
  background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, sans-serif }
h1 { font-size: clamp(1.75rem, 5vw, 2.5rem); line-height: 1.15; margin: 0 0 .5rem }
h2 { font-size: 1.15rem; margin: 2.25rem 0 .75rem } h3 { font-size: 1.05rem; margin: 0 }
p { color: var(--soft); margin: 0; max-width: 60ch } small { color: var(--soft) } a { color: var(--wave) }
section { display: grid; gap: 1rem; align-items: start;
  grid-template-columns: repeat(auto-fill, minmax(min(20rem, 100%), 1fr)) }
article { background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: 1rem 1.1rem }
article > small { display: block }
header { display: flex; gap: .75rem; justify-content: space-between; align-items: baseline }
header b { text-transform: uppercase; letter-spacing: .05em; font-size: .75rem }
.pass, .corrected { color: var(--good) } .failed { color: var(--bad) } .unproven, .unknown { color: var(--other) }
svg { display: block; width: 100%; height: 64px; margin: .75rem 0; color: var(--wave) }
audio { display: block; width: 100% }
article p { margin-top: .75rem; font-size: .9rem }
details { margin-top: .75rem; font-size: .9rem } summary { cursor: pointer; color: var(--soft) }
table { border-collapse: collapse; width: 100%; font-size: .875rem; margin-top: .5rem }
td { padding: .2rem 0; vertical-align: top; border-top: 1px solid var(--line) }
td:first-child { min-width: 8.5rem }
td + td { text-align: right; padding-left: 1rem; font-variant-numeric: tabular-nums }
"""
_SCRIPT = """
document.addEventListener("play", (event) => {
  for (const other of document.querySelectorAll("audio")) if (other !== event.target) other.pause();
}, true);
"""


def cover_sheet(title: str, loops: Sequence[PackLoop], names: Sequence[str], rows: Sequence[dict[str, Any]]) -> bytes:
    """The page's bytes. Every word that came from outside is escaped; sounds are linked beside the page."""
    cards = sorted(zip(loops, names, rows, strict=True), key=lambda card: card[0].idea)
    groups = "\n".join(
        f"<h2>{escape(idea or 'Without an idea')}</h2>\n<section>{''.join(_card(*card) for card in group)}</section>"
        for idea, group in groupby(cards, key=lambda card: card[0].idea)
    )
    count = f"{len(loops)} loop{'s' * (len(loops) != 1)}"
    return (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">\n'
        f"<title>{escape(title)}</title><style>{_STYLE}</style>\n<h1>{escape(title)}</h1>\n"
        f"<p>{count}, each measured on its file. Drag the WAVs into any DAW, or open a .dawproject, which holds all "
        "loops of an idea in place. Licences stand on the cards and in manifest.csv.</p>\n"
        f"<main>\n{groups}\n</main><script>{_SCRIPT}</script></html>\n"
    ).encode()


def _card(loop: PackLoop, name: str, row: dict[str, Any]) -> str:
    about = [f"{row['bpm']:g} BPM", row["key"] or "no key", f"{row['bars']} bars of {row['meter']}", str(row["engine"])]
    measured = {field: getattr(loop.fit, key) for key, field in FIT_FIELDS.items()}
    values = [(field.label, field.text(value)) for field, value in measured.items() if value is not None]
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


def _wave(loop: PackLoop) -> str:
    mono = np.abs(read_back(loop.wav).mono())
    peaks = [float(part.max(initial=0.0)) for part in np.array_split(mono, COLUMNS)]
    top = max(peaks) or 1.0
    line = "".join(f"M{x + 0.5} {32 - 30 * p / top:.1f}V{32 + 30 * p / top:.1f}" for x, p in enumerate(peaks))
    return (
        f'<svg viewBox="0 0 {COLUMNS} 64" preserveAspectRatio="none" aria-hidden="true">'
        f'<path d="{line}" stroke="currentColor" stroke-width=".7" fill="none"/></svg>'
    )
