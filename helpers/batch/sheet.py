"""The cover sheet of a pack: one HTML page that plays its loops and shows their cards, readable without a network."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from ..records.fit_card import VERDICTS
from ..records.fit_fields import FIT_FIELDS
from ..sound.audio import read_back

if TYPE_CHECKING:
    from .pack import PackLoop

BARS_DRAWN = 240  # columns of a waveform
_STYLE = """
:root { color-scheme: light dark; --ink: #1c1e21; --soft: #5f6670; --page: #faf9f7; --card: #fff; --line: #e3e0da;
  --wave: #2e6f95; --good: #1f7a4d; --bad: #b3261e; --other: #8a5a00; }
@media (prefers-color-scheme: dark) { :root { --ink: #ececec; --soft: #a6adb6; --page: #16181b; --card: #1f2226;
  --line: #33373d; --wave: #7fb8d8; --good: #6ccf9b; --bad: #ff8a80; --other: #e5b567; } }
* { box-sizing: border-box } body { margin: 0 auto; max-width: 72rem; padding: 2rem 1rem; background: var(--page);
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif } h1 { margin: 0 0 .25rem }
p { color: var(--soft); margin: 0 0 1.5rem }
main { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr)) }
article { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 1rem; min-width: 0 }
h2 { font-size: 1rem; margin: 0; overflow-wrap: anywhere } small { color: var(--soft) }
svg { display: block; width: 100%; height: 64px; margin: .5rem 0; color: var(--wave) } audio { width: 100% }
.pass, .corrected { color: var(--good) } .failed { color: var(--bad) } .unproven, .unknown { color: var(--other) }
b { text-transform: uppercase; letter-spacing: .04em; font-size: .8rem } details { margin-top: .5rem }
table { border-collapse: collapse; width: 100%; font-size: .85rem } td { padding: .1rem .25rem; vertical-align: top }
td + td { text-align: right; font-variant-numeric: tabular-nums }
"""


def cover_sheet(title: str, loops: Sequence[PackLoop], names: Sequence[str], rows: Sequence[dict[str, Any]]) -> bytes:
    """The page's bytes. Every word that came from outside is escaped; sounds are linked beside the page."""
    cards = "\n".join(_card(loop, name, row) for loop, name, row in zip(loops, names, rows, strict=True))
    return (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">\n'
        f"<title>{escape(title)}</title><style>{_STYLE}</style>\n<h1>{escape(title)}</h1>\n"
        f"<p>{len(loops)} loops, each measured on its file. Licences stand on the cards and in manifest.csv.</p>\n"
        f"<main>\n{cards}\n</main></html>\n"
    ).encode()


def _card(loop: PackLoop, name: str, row: dict[str, Any]) -> str:
    about = [f"{row['bpm']:g} BPM", row["key"] or "no key", f"{row['bars']} bars of {row['meter']}", row["engine"]]
    fit = loop.document.get("fit") or {}
    measured = [(field.label, field.text(fit.get(key))) for key, field in FIT_FIELDS.items() if key in fit]
    measured += [("Seed", str(row["seed"])), ("Licence", str(row["license"]))]
    table = "".join(f"<tr><td>{escape(label)}<td>{escape(text)}" for label, text in measured)
    midi = f' · <a href="midi/{escape(name)}.mid">MIDI</a>' if loop.midi else ""
    verdict = loop.verdict if loop.verdict in VERDICTS else "unknown"
    return (
        f"<article><h2>{escape(name)}</h2><small>{escape(', '.join(about))}{midi}</small>"
        f'{_wave(loop)}<audio controls loop preload="metadata" src="loops/{escape(name)}.wav" '
        f'aria-label="{escape(name)}"></audio>'
        f'<b class="{verdict}">{verdict}</b>'
        f"<details><summary>Fit card</summary><table>{table}</table></details></article>"
    )


def _wave(loop: PackLoop) -> str:
    mono = np.abs(read_back(loop.wav).mono())
    peaks = [float(part.max(initial=0.0)) for part in np.array_split(mono, BARS_DRAWN)]
    top = max(peaks) or 1.0
    line = "".join(f"M{x} {32 - 30 * p / top:.1f}V{32 + 30 * p / top:.1f}" for x, p in enumerate(peaks))
    return (
        f'<svg viewBox="0 0 {BARS_DRAWN} 64" preserveAspectRatio="none" aria-hidden="true">'
        f'<path d="{line}" stroke="currentColor" fill="none"/></svg>'
    )
