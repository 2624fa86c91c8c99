"""Build the gallery: six ideas of ours, eight instruments in two genres for each, on one page with players.

    python -m examples.gallery [FOLDER] [--ideas 6] [--instruments 8]        (or: make gallery)

Every idea is written below as tempo, key, chords and two instruments; the loops are made by hearing its sound alone, as
for any upload. The page plays the idea, the loop, and both together, and shows the loop's card and its piano roll.
Nothing of it belongs into the repository.
"""

from __future__ import annotations

import argparse
import html
import tempfile
from pathlib import Path

import numpy as np

from helpers import pipeline
from helpers.errors import LoopsError
from helpers.loops import make_loop
from helpers.music.instruments import find_instrument
from helpers.music.pitch import parse_key, parse_progression
from helpers.records import Analysis, Clip, Request, Take
from helpers.report import card_text
from helpers.sketch import compose, render
from helpers.sound.audio import mp3_bytes, read_back, wav_bytes

RATE = 44_100
# title | BPM | key | chords | genre | instruments of the idea | the two genres asked for
IDEAS = """
Night bus | 92 | A minor | Am F C G | hip hop | electric piano, drum kit | hip hop, house
Warehouse | 126 | F minor | Fm Db Ab Eb | house | synth stab, 909 kit | house, trance
Porch | 104 | G major | G Em C D | folk | acoustic guitar, shaker | folk, pop
Tunnel | 140 | D minor | Dm Bb Gm A | trap | piano, 808 kit | trap, drill
Lagoon | 118 | E minor | Em7 Am7 D7 Gmaj7 | bossa nova | nylon guitar, bass guitar | bossa nova, house
Orbit | 84 | C minor | Cm Ab Eb Bb | ambient | warm pad, synth lead | ambient, synthwave
"""
INSTRUMENTS = ("bass guitar", "pluck", "warm pad", "909 kit", "piano", "synth bass", "808", "supersaw")
BARS = 4

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 78rem; padding: 1.5rem; color: #1c2430;
       background: #f4f6f8; }
h1 { margin: 0; }
h2 { margin: 2rem 0 0; }
p { margin: .2rem 0 .8rem; color: #4a5666; }
.loops { display: grid; grid-template-columns: repeat(auto-fill, minmax(22rem, 1fr)); gap: 1rem; margin-top: 1rem; }
article { background: #fff; border-radius: 10px; padding: .9rem 1rem; box-shadow: 0 1px 4px #1c243022; }
article h3 { display: flex; align-items: baseline; gap: .5rem; margin: 0 0 .5rem; font-size: 1.05rem; }
.player { display: grid; grid-template-columns: 6.6rem 1fr; align-items: center; margin: .25rem 0; }
audio { width: 100%; height: 2rem; }
img { width: 100%; margin-top: .4rem; }
small { white-space: nowrap; color: #66717f; font-weight: normal; font-size: .85rem; }
h3 b { margin-left: auto; border-radius: 9px; padding: 0 .6rem; font-size: .75rem; background: #eee; }
h3 .pass, h3 .corrected { color: #0f5a30; background: #d9f2e3; }
.failed { color: #8f1d16; background: #f9dedc; }
pre { white-space: pre-wrap; font-size: 12px; }
"""


def looped(instrument: str, bpm: float, key: str, chords: str, genre: str, seed: int) -> np.ndarray:
    """One part of an idea as an exact loop (2, samples)."""
    found = find_instrument(instrument).instrument
    request = Request(
        found.name,
        found.role,
        bpm,
        BARS,
        key=None if found.is_drums else parse_key(key),
        progression=() if found.is_drums else parse_progression(" | ".join(chords.split())),
        genre=genre,
        seed=seed,
    )
    take = Take(render(compose(request, None), request, RATE), "sketch", "", seed, "", exact=True)
    return make_loop(take, request).clip.samples


def mixed(one: np.ndarray, other: np.ndarray) -> Clip:
    """Two loops of one tempo together, the shorter going round; peak at -2 dBFS."""
    count = max(one.shape[1], other.shape[1])
    both = _round(one, count) + _round(other, count)
    return Clip((both * (0.8 / max(float(np.abs(both).max()), 1e-9))).astype(np.float32), RATE)


def _round(sound: np.ndarray, count: int) -> np.ndarray:
    return np.tile(sound, (1, -(-count // sound.shape[1])))[:, :count]


def player(folder: Path, name: str, clip: Clip, label: str) -> str:
    """Write a clip as mp3 and return the line that plays it."""
    (folder / f"{name}.mp3").write_bytes(mp3_bytes(clip))
    sounding = f'<audio controls loop preload="none" src="{name}.mp3"></audio>'
    return f"<div class='player'><small>{label}</small>{sounding}</div>"


def loop_card(folder: Path, idea: pipeline.Idea, analysis: Analysis, instrument: str, genre: str, stem: str) -> str:
    """Make one loop and return its part of the page; what goes wrong is said there."""
    name = html.escape(instrument)
    try:
        request, _ = pipeline.plan_request(analysis, instrument=instrument, genre=genre, bars=BARS, takes=1, seed=1)
        with tempfile.TemporaryDirectory() as scratch:
            result = pipeline.make_loops(request, idea, analysis, scratch)
            finished = result.loops[0]
            clip = read_back(finished.files.wav)
            rolls = pipeline.plot_loops(result, analysis)
            (folder / f"{stem}.png").write_bytes(rolls[0].read_bytes())
    except LoopsError as error:
        return f"<article><h3>{name}</h3><p class='failed'>{html.escape(str(error))}</p></article>"
    fit = finished.loop.fit
    preset = html.escape(f"{genre} · {finished.loop.take.sound.get('preset', '')}")
    return (
        f"<article><h3>{name} <small>{preset}</small> <b class='{fit.verdict}'>{fit.verdict.upper()}</b></h3>"
        + player(folder, stem, clip, "the loop")
        + player(folder, f"{stem}-with", mixed(idea.clip.samples, clip.samples), "with the idea")
        + f'<img loading="lazy" src="{stem}.png" alt="piano roll"><details><summary>fit card</summary>'
        f"<pre>{html.escape(card_text(fit))}</pre></details></article>"
    )


def build(folder: Path, ideas: int, instruments: int) -> Path:
    """Write the page and all it plays into ``folder``; returns the page."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = []
    for number, row in enumerate(IDEAS.strip().splitlines()[:ideas]):
        title, bpm, key, chords, genre, playing, asked = (cell.strip() for cell in row.split("|"))
        one, other = (looped(i.strip(), float(bpm), key, chords, genre, number) for i in playing.split(","))
        wav = folder / f"idea{number + 1}.wav"
        wav.write_bytes(wav_bytes(mixed(one, other)))
        idea = pipeline.load_idea(wav)
        analysis = pipeline.analyze_idea(idea, tags=False)
        heard = f"{analysis.tempo.bpm:.1f} BPM" if analysis.tempo.bpm else "no tempo"
        heard += f", {analysis.key.key.name}" if analysis.key else ""
        print(f"{title}: heard {heard}", flush=True)
        cards = [
            loop_card(folder, idea, analysis, instrument, wanted.strip(), f"idea{number + 1}-{i}-{j}")
            for i, instrument in enumerate(INSTRUMENTS[:instruments])
            for j, wanted in enumerate(asked.split(","))
        ]
        parts.append(
            f"<h2>{title}</h2><p>{playing}; written at {bpm} BPM in {key}, {chords}; heard: {heard}.</p>"
            + player(folder, f"idea{number + 1}", idea.clip, "the idea")
            + f"<div class='loops'>{''.join(cards)}</div>"
        )
    page = folder / "index.html"
    page.write_text(
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>Loops for six ideas</title>"
        f"<style>{STYLE}</style>"
        "<h1>Loops for six ideas</h1><p>Made by the sketch engine, on a processor, by hearing "
        "the idea alone; each loop is measured again on its file, and its card says what was found.</p>"
        f"{''.join(parts)}</html>",
        encoding="utf-8",
    )
    return page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=Path("build/gallery"))
    parser.add_argument("--ideas", type=int, default=6)
    parser.add_argument("--instruments", type=int, default=8)
    options = parser.parse_args()
    print(f"The gallery is {build(options.folder, options.ideas, options.instruments)}")


if __name__ == "__main__":
    main()
