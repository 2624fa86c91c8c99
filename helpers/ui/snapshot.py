"""A still picture of the results, for a notebook that is opened without its kernel: names, facts, waveforms, sound."""

from __future__ import annotations

import base64
import functools
import html
import io
from pathlib import Path
from typing import Any

import numpy as np
from IPython.display import HTML
from PIL import Image

from ..errors import InvalidInput
from ..sound.audio import mp3_bytes, read_clip
from . import cards
from .state import State

MOST_CARDS, MOST_SOUNDS = 6, 2  # a saved notebook stays below some 400 kB
LONGEST_SOUND_SECONDS = 20.0
WIDTH, HEIGHT, INK = 420, 56, (87, 70, 214)


def picture(state: State) -> HTML:
    """The kept loops (else the newest) as plain paragraphs that any reader of the notebook shows.

    The live panel hides it: see ``results.js``.
    """
    names = [name for run in state.runs for name in run.loops]
    chosen = [name for name in names if state.marks.get(name) == "kept"] or [
        name for name in names if state.marks.get(name) != "discarded"
    ]
    rows: list[str] = []
    for name in chosen[:MOST_CARDS]:
        try:
            card = cards.card(state.folder / name, 0)
            sound = _sound(state, name) if len(rows) < MOST_SOUNDS else ""
        except InvalidInput:
            continue
        rows.append(_row(card, sound))
    said = "As it was saved; run all cells to go on from here." if rows else "No loops yet."
    return HTML(f'<div class="loops-generator-still">{"".join(rows)}<p><i>{said}</i></p></div>')


def _row(card: dict[str, Any], sound: str) -> str:
    image = f'<img alt="Waveform of {html.escape(card["title"])}" width="{WIDTH}" height="{HEIGHT}" src="{_png(card)}">'
    text = f"<b>{html.escape(card['title'])}</b><br>{html.escape(card['facts'])}<br>{html.escape(card['words'])}"
    return f"<p>{text}<br>{image}{sound}</p>"


def _sound(state: State, name: str) -> str:
    wav = cards.loop_files(state.folder, name)[0]
    return _audio(wav, wav.stat().st_mtime_ns)


@functools.lru_cache(maxsize=8)
def _audio(wav: Path, _changed: int) -> str:
    clip = read_clip(wav)
    if clip.seconds > LONGEST_SOUND_SECONDS:
        return ""
    data = base64.b64encode(mp3_bytes(clip)).decode()
    return f'<br><audio controls loop preload="none" src="data:audio/mpeg;base64,{data}"></audio>'


def _png(card: dict[str, Any]) -> str:
    """The waveform as a small PNG (one bar a peak, on nothing), as a data address."""
    heights = np.interp(
        np.linspace(0, len(card["peaks"]) - 1, WIDTH // 4), np.arange(len(card["peaks"])), card["peaks"]
    )
    loudest = max(8.0, float(heights.max(initial=0.0)))
    rows = np.abs(np.arange(HEIGHT)[:, None] - (HEIGHT - 1) / 2) <= np.maximum(1, heights / loudest * (HEIGHT / 2 - 2))
    drawn = np.repeat(rows, 4, axis=1)
    drawn[:, 3::4] = False
    pixels = np.zeros((HEIGHT, drawn.shape[1], 4), np.uint8)
    pixels[drawn] = (*INK, 255)
    picture = io.BytesIO()
    Image.fromarray(pixels).save(picture, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(picture.getvalue()).decode()
