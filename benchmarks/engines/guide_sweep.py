"""How much of a guide survives, by noise level: one command on a machine with weights (a T4 needs some 20 minutes).

    python -m benchmarks.engines.guide_sweep                          # Stable Audio Open, 8 ideas, 6 noise levels
    python -m benchmarks.engines.guide_sweep --engine foundation-1 --sigmas 0.3 0.6 1 2 4 6
    python -m benchmarks.engines.guide_sweep --tiny                   # a random tiny model: only checks the script

An idea is a key, chords, a tempo and an instrument; its sketch is the guide. Every take is cut and proven like another.
The table has, for each level, the mean over the ideas of what the fit card measures (chords, key, grid, purity), of the
guide's own values, and of two likenesses between loop and guide: their chroma over time, and their onsets. Choose the
largest level at which chords and grid still hold: there the model has most to say. The default strength follows.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import describe_machine, print_table
from helpers.engines import registry
from helpers.engines.fast.sampling import CLOSEST_START, FREEST_START, start_sigma
from helpers.engines.prompts import write_prompt
from helpers.errors import LoopsError
from helpers.loops import make_loop, prove
from helpers.music.pitch import parse_key, parse_progression
from helpers.records import Clip, FitCard, Request
from helpers.sound.features import note_gram, onset_bands

RESULTS = Path(__file__).resolve().parents[1] / "results"
IDEAS = (
    ("electric piano", "chords", 120.0, "A minor", "Am | F | C | G"),
    ("bass guitar", "bass", 100.0, "E minor", "Em | C | G | D"),
    ("synth pad", "pad", 110.0, "D minor", "Dm | Bb | F | C"),
    ("acoustic guitar", "chords", 128.0, "G major", "G | D | Em | C"),
    ("pluck", "arpeggio", 140.0, "F minor", "Fm | Db | Ab | Eb"),
    ("flute", "lead", 130.0, "C major", "C | Am | F | G"),
    ("strings", "pad", 100.0, "B minor", "Bm | G | D | A"),
    ("marimba", "arpeggio", 150.0, "Eb major", "Eb | Bb | Cm | Ab"),
)
Idea = tuple[str, str, float, str, str]
FIELDS = ("chord_agreement", "in_key_share", "grid_error_ms", "purity")


def request_of(idea: Idea, engine: str, sigma: float, seed: int) -> Request:
    """The request whose guide strength stands for a noise level."""
    instrument, role, bpm, key, chords = idea
    strength = math.log(FREEST_START / sigma) / math.log(FREEST_START / CLOSEST_START)
    made = dict(key=parse_key(key), progression=parse_progression(chords), seed=seed, takes=1, engine=engine)
    return Request(instrument, role, bpm, bars=4, guide_strength=min(1.0, max(0.001, strength)), **made)


def likeness(loop: Clip, guide: Clip) -> dict[str, float]:
    """Correlation of chroma over time and of onset curves, loop against guide, over the loop's length."""
    measures = {
        "chroma_likeness": lambda clip: note_gram(clip).chroma(),
        "onset_likeness": lambda clip: onset_bands(clip).all,
    }
    found = {}
    for name, measure in measures.items():
        one, other = measure(loop), measure(guide)
        count = min(one.shape[-1], other.shape[-1])
        found[name] = float(np.corrcoef(one[..., :count].ravel(), other[..., :count].ravel())[0, 1])
    return found


def values(card: FitCard) -> dict[str, float]:
    return {name: float(value) for name in FIELDS if (value := getattr(card, name)) is not None}


def one_take(
    idea: tuple[str, str, float, str, str], engine: str, sigma: float, seed: int, options: dict
) -> dict[str, Any]:
    """What the fit card and the guide say of one take; ``failed`` holds the sentence of one that gave no loop."""
    request = request_of(idea, engine, sigma, seed)
    guide = registry.get_engine("sketch").generate(request.with_(engine="sketch", dry=True, options={}))[0].clip
    prompt, negative = write_prompt(engine, request)
    request = request.with_(options={"prompt": prompt, "negative_prompt": negative} | options)
    row: dict[str, Any] = {"idea": idea[0], "sigma": round(start_sigma(request.guide_strength), 3)}
    try:
        take = registry.get_engine(engine).generate(request, guide=guide)[0]
        loop = make_loop(take, request)
        card = prove(loop.clip, request)
    except LoopsError as error:
        return row | {"failed": str(error).partition("\n")[0]}
    cut = Clip(guide.samples[:, : request.samples(guide.sample_rate)], guide.sample_rate)
    row |= {"verdict": card.verdict, **values(card), **likeness(loop.clip, cut), "notes": list(take.notes)}
    return row | {f"guide_{name}": value for name, value in values(prove(cut, request)).items()}


def summary(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Means by noise level, highest first."""
    out = []
    for sigma in sorted({row["sigma"] for row in rows}, reverse=True):
        of = [row for row in rows if row["sigma"] == sigma]
        made = [row for row in of if "failed" not in row]
        line: dict[str, Any] = {"sigma": sigma, "loops": f"{len(made)}/{len(of)}"}
        line["passed"] = sum(row["verdict"] != "failed" for row in made)
        for name in (*FIELDS, "chroma_likeness", "onset_likeness", *(f"guide_{name}" for name in FIELDS)):
            found = [row[name] for row in made if name in row]
            line[name] = round(float(np.mean(found)), 3) if found else None
        out.append(line)
    return out


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", choices=("stable-audio-open", "foundation-1"), default="stable-audio-open")
    parser.add_argument("--sigmas", nargs="+", type=float, default=[0.3, 0.6, 1.0, 2.0, 4.0, 6.0])
    parser.add_argument("--ideas", type=int, default=len(IDEAS))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--tiny", action="store_true", help="a tiny random model, to check the script")
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args(arguments)
    options: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        if chosen.tiny:
            from helpers.engines.hub.sources import SOURCES
            from tests.engines.tiny import build_tiny

            built = build_tiny(folder, chosen.engine)
            os.environ[SOURCES[chosen.engine].variable] = str(built)
            os.environ[SOURCES["t5-base"].variable] = str(built / "t5")
            options = {"steps": 8}
        rows = []
        for idea in IDEAS[: chosen.ideas]:
            for sigma in chosen.sigmas:
                for seed in range(1, chosen.seeds + 1):
                    rows.append(one_take(idea, chosen.engine, sigma, seed, options))
                    print(
                        {k: v for k, v in rows[-1].items() if k in ("idea", "sigma", "verdict", "failed")}, flush=True
                    )
        registry.get_engine(chosen.engine).release()
    table = summary(rows)
    import torch

    machine = describe_machine("cuda" if torch.cuda.is_available() else "cpu")
    result = {"machine": machine, "engine": chosen.engine, "weights": "tiny, random" if chosen.tiny else "released"}
    print_table(table, {name: name.replace("_", " ") for name in table[0]})
    out = chosen.out or RESULTS / f"guide_sweep-{chosen.engine}{'-tiny' if chosen.tiny else ''}.json"
    out.write_text(json.dumps(result | {"levels": table, "rows": rows}, indent=1) + "\n", encoding="utf-8")
    print(f"written to {out.name}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
