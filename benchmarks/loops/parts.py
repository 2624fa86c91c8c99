"""The loop maker's parts by themselves: ranking and speed (purity: benchmarks/loops/purity.py).

    python -m benchmarks.loops.parts EVAL_DIR [--every 3] [--out benchmarks/results/loops_parts.json]

*Ranking*: how often the undamaged take of five comes first, beside one with another stem at -6 dB, one 5 % slow, one
whose second half fades and one a semitone off (drums: drifting by 2.5 %). *Speed*: find, correct and prove eight bars
at 44.1 kHz stereo.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.loops.takes import RATE, Source, canvas, damages, drifted, faded, read_sources, stretched
from helpers.errors import Refused
from helpers.loops import make_loop, prove
from helpers.loops.ranking import rank
from helpers.music.pitch import ALL_KEYS
from helpers.records import Clip, Take
from helpers.sound.features import key_scores, note_gram


def rank_first(sources: list[Source], everything: list[Source]) -> tuple[int, int, list[str]]:
    """How often the undamaged take comes first among five, of how many, and what beat it."""
    first, total, beaten = 0, 0, []
    for source in sources:
        request = source.request
        if source.tonal and request.key is None:
            heard = key_scores(note_gram(source.loop).chroma().sum(axis=1))
            request = request.with_(key=ALL_KEYS[int(np.argmax(heard))])
        whole = canvas(source, request.bars + 1.3)
        leak = damages(source, everything, ["leak -6 dB"])[0].clip
        takes = {
            "undamaged": whole,
            "leak": leak,
            "stretched": stretched(whole, 1.05),
            "fade": faded(canvas(source, request.bars), request.seconds / 2),
            "other": stretched(whole, 1.0, 1.0) if source.tonal else drifted(whole, 2.5),
        }
        loops, names = [], {}
        for name, clip in takes.items():
            take = Take(clip=clip, engine="damaged", engine_version="1", seed=0, prompt="")
            try:
                loop = make_loop(take, request)
            except Refused:
                continue
            loops.append(replace(loop, fit=prove(loop.clip, request, None, loop.corrections)))
            names[id(take)] = name
        best = names[id(rank(loops, request)[0].take)] if loops else "nothing"
        total += 1
        first += best == "undamaged"
        if best != "undamaged":
            beaten.append(f"{source.name}: {best}")
    return first, total, beaten


def speed(sources: list[Source]) -> dict[str, float]:
    """Median CPU seconds to make and to prove eight bars (44.1 kHz stereo), stretched and shifted takes."""
    made, proven, lengths = [], [], []
    for source in [s for s in sources if s.request.bars == 8][:6]:
        take = stretched(canvas(source, 9.3), 1.03)
        wide = Clip(np.repeat(take.samples[:1], 2, axis=0), RATE)
        for warm in (False, True):
            begin = time.process_time()
            loop = make_loop(Take(clip=wide, engine="damaged", engine_version="1", seed=0, prompt=""), source.request)
            middle = time.process_time()
            prove(loop.clip, source.request, None, loop.corrections)
            if warm:
                made.append(middle - begin)
                proven.append(time.process_time() - middle)
                lengths.append(loop.clip.seconds)
    return {name: float(np.median(v)) for name, v in (("make", made), ("prove", proven), ("loop seconds", lengths))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder with manifest.csv and its recordings")
    parser.add_argument("--every", type=int, default=1, help="use every n-th source only")
    parser.add_argument("--out", type=Path, help="JSON to write")
    options = parser.parse_args()
    everything = read_sources(options.folder)
    sources = everything[:: options.every]
    first, total, beaten = rank_first(sources, everything)
    print(f"undamaged first among five: {first} of {total}; otherwise {beaten}", flush=True)
    seconds = speed(sources)
    print("CPU seconds, eight bars:", {k: round(v, 2) for k, v in seconds.items()})
    if options.out:
        found = {"speed": seconds, "ranking": {"first": first, "of": total, "beaten": beaten}}
        options.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
