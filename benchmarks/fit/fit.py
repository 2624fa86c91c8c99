"""Does the fit card tell good from bad? Takes, spoiled takes, stems and loops of people, measured as a musician's are.

    python -m benchmarks.fit.fit IDEAS_DIR --work DIR [--stems DIR] [--loops DIR] [--ideas 60] [--write] [--delivered]

``--work`` keeps the loops (``loops/``) and what was found in each (``lines/``), so that a run can go on, weights can be
learnt again from the same lines, and the loops be measured again when ``lines/`` is removed. The pieces, in the order
of their names, belong by turns to the half to learn on and to the other. ``--write`` learns the weights of harmony and
place from the first alone and says which limits it gives. An *unproven* loop (its idea has no pitch or pulse) is left
out of the shares and counted.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.fit.cases import Case, Group, kept, loop_groups, sketch_groups, stem_groups
from benchmarks.fit.learn import learn_harmony, learn_place, weights_of
from benchmarks.fit.tables import docs_markdown
from helpers.loops import prove
from helpers.loops.fit import Bars
from helpers.loops.fit.harmony import certainty, harmony_cues
from helpers.loops.fit.place import place_cues, place_probabilities
from helpers.loops.ranking import WEIGHTS, score_parts
from helpers.machine.weights import load_weights
from helpers.records import FIT_FIELDS
from helpers.records.fit_fields import FITS

FOLDER = Path(__file__).resolve().parents[2] / "helpers" / "loops" / "weights"
HALVES = ("learnt on", "other half")
CLEAR = 0.12  # of two takes: half of what lies between the takes to learn on (0.31) and the same a fourth up (0.06)
INDEPENDENT = ("good", "fourth", "drone in eighths", "drone held")
LET_FAIL = 0.02  # of the good takes to learn on: a limit is where this share of them would fail


def measured(case: Case) -> dict[str, Any]:
    """One line of the results: the card's values, the cues, and how well the notes fit by an independent measure."""
    human = "stem" in case.kind or case.idea is None
    side = case.idea.side(case.analysis) if case.idea and case.analysis else None
    card = prove(case.clip, case.request, case.analysis, idea=side, foreign=human)
    line: dict[str, Any] = {"piece": case.piece, "idea": case.idea.name if case.idea else "", "kind": case.kind}
    line |= {"number": case.number, "instrument": case.request.instrument, "role": case.request.role, "human": human}
    line |= {"values": {name: card.values.get(name) for name in FIT_FIELDS}}
    line["failed"] = [name for name in card.failed if FIT_FIELDS[name].group != FITS]
    line["parts"] = score_parts(case.clip, card, case.request)
    line |= {"harmony": None, "place": None, "independent": None}
    if side is None or (idea := side.bars_for(case.request)) is None:
        return line
    loop = Bars(case.clip, case.request.bars, case.request.time)
    if card.harmony is not None:
        line["harmony"] = harmony_cues(loop.half_bars, idea.half_bars, bass=case.request.role == "bass")
        if not human and case.kind in INDEPENDENT:
            line["independent"] = independent_fit(loop, idea)
    if card.place is not None:
        lags, table = place_cues(loop, idea, drums=case.request.role == "drums")
        line["place"] = {"lags": lags.tolist(), "table": np.round(table, 4).tolist()}
    return line


def independent_fit(loop: Bars, idea: Bars) -> float | None:
    """Agreement minus clash of constant-Q chroma (librosa), half bar by half bar: another ear than the card's."""
    own, other = _chroma(loop) ** 1.5, _chroma(idea) ** 1.5
    if own.sum() <= 0 or other.sum() <= 0:
        return None
    weight = np.sqrt(own.sum(axis=0) * other.sum(axis=0)) + 1e-9
    own, other = own / (own.sum(axis=0) + 1e-9), other / (other.sum(axis=0) + 1e-9)
    clash = np.roll(other, 1, axis=0) + np.roll(other, -1, axis=0)
    return float(np.average(12 * (own * other).sum(axis=0) - 6 * (own * clash).sum(axis=0), weights=weight))


@lru_cache(maxsize=4)
def _chroma(sound: Bars) -> np.ndarray:
    import librosa

    mono = librosa.resample(sound.clip.mono(), orig_sr=sound.clip.sample_rate, target_sr=22_050)
    frames = np.abs(librosa.cqt(mono, sr=22_050, fmin=librosa.note_to_hz("C2"), n_bins=60, hop_length=1024))
    frames = np.maximum(frames - np.median(frames, axis=0), 0).reshape(5, 12, -1).sum(axis=0)
    return np.array([part.mean(axis=1) for part in np.array_split(frames, 2 * sound.bars, axis=1)]).T


def collected(groups: Iterator[Group], work: Path) -> list[dict[str, Any]]:
    """The lines of all groups; those of an earlier run are read from its files."""
    lines: list[dict[str, Any]] = []
    for group in groups:
        path = work / "lines" / f"{group[0]}.json"
        if not path.is_file():
            found = [measured(case) for case in kept(group, work / "loops")]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(found))
            print(f"{group[0]}: {len(found)} loops", flush=True)
        lines += json.loads(path.read_text())
    return lines


def judged(line: dict[str, Any]) -> dict[str, Any]:
    """The line with what the present weights and limits make of it: ``verdict`` and ``score``."""
    values = dict(line["values"])
    if line["harmony"]:
        values["harmony"] = certainty(line["harmony"])
    if line["place"]:
        lags, table = np.array(line["place"]["lags"]), np.array(line["place"]["table"])
        values["place"] = float(place_probabilities(table)[lags == 0][0])
    fits = [name for name, row in FIT_FIELDS.items() if row.group == FITS and row.fails(values, others=line["human"])]
    alone = not line["idea"]
    compared = alone or values["place" if line["role"] == "drums" else "harmony"] is not None
    failed = [*line["failed"], *fits]
    shares = {name: row.share(values[name]) for name, row in FIT_FIELDS.items() if row.weight}
    parts = {name: part for name, part in line["parts"].items() if name not in FIT_FIELDS}
    parts |= {name: share for name, share in shares.items() if share is not None}
    score = sum(WEIGHTS[n].weight * v for n, v in parts.items()) / sum(WEIGHTS[n].weight for n in parts)
    verdict = "failed" if failed else "pass" if compared else "unproven"
    return line | {"values": values, "failed": failed, "verdict": verdict, "score": score}


def table(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """For each kind and half, how many loops were compared and the share that failed; then the ranking, by half."""
    out: dict[str, Any] = {}
    for kind in dict.fromkeys(line["kind"] for line in lines):
        out[kind] = {}
        for half in HALVES:
            of_kind = [line for line in lines if line["kind"] == kind and line["half"] == half]
            compared = [line for line in of_kind if line["verdict"] != "unproven"]
            failed = sum(line["verdict"] == "failed" for line in compared)
            share = round(failed / len(compared), 4) if compared else None
            out[kind][half] = {"loops": len(compared), "unproven": len(of_kind) - len(compared), "failed": share}
    figures = {half: ranking_figures([x for x in lines if x["half"] == half]) for half in HALVES}
    pieces = {half: len({x["piece"] for x in lines if x["half"] == half}) for half in HALVES}
    return out | {"ranking": figures, "pieces": pieces}


def ranking_figures(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """How far the score follows independent harmonic fit, where drones rank, and own stems against foreign ones."""
    pitched = [x for x in lines if x["independent"] is not None]
    goods: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for line in pitched:
        if line["kind"] == "good":
            goods.setdefault((line["idea"], line["instrument"]), []).append(line)
    clear = [
        (a["independent"] > b["independent"]) == (_rank(a) > _rank(b))
        for takes in goods.values()
        for a, b in itertools.combinations(takes, 2)
        if abs(a["independent"] - b["independent"]) > CLEAR
    ]
    drones = [(x, goods[x["idea"], x["instrument"]]) for x in pitched if "drone" in x["kind"]]
    own = {x["idea"]: x["score"] for x in lines if x["kind"].startswith("own stem")}
    rivals = {
        over: [own[x["idea"]] > x["score"] for x in lines if x["kind"] == f"other stem {over}"]
        for over in ("over the rest", "over the mix")
    }
    both = np.array([(x["independent"], x["score"]) for x in pitched]).T
    return {
        "correlation of score and independent fit": round(float(np.corrcoef(both)[0, 1]), 3)
        if len(pitched) > 2
        else None,
        "clear pairs": len(clear),
        "clear pairs in order": _mean(clear),
        "drones above the best take": _mean([_rank(x) > max(map(_rank, takes)) for x, takes in drones]),
        "drones above the worst take": _mean([_rank(x) > min(map(_rank, takes)) for x, takes in drones]),
        "pairs of own and other stems": len(rivals["over the rest"]),
        **{f"own stem scores higher {over}": _mean(won) for over, won in rivals.items()},
    }


def _rank(line: dict[str, Any]) -> tuple[bool, float]:
    """Greater is better: a loop that failed comes after all others, as :func:`helpers.loops.ranking.rank` has it."""
    return line["verdict"] != "failed", line["score"]


def _mean(truths: list[bool]) -> float | None:
    return round(float(np.mean(truths)), 4) if truths else None


def limits(lines: list[dict[str, Any]]) -> dict[str, float]:
    """Where LET_FAIL of the good takes would fail each field that compares with the idea."""
    out = {}
    for name, row in FIT_FIELDS.items():
        values = [x["values"][name] for x in lines if x["kind"] == "good" and x["values"][name] is not None]
        if row.group == FITS and row.limit is not None and values:
            share = LET_FAIL if row.good == "at least" else 1 - LET_FAIL
            out[name] = round(float(np.quantile(np.abs(values), share)), 3)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder with manifest.csv and its recordings")
    parser.add_argument("--stems", type=Path, help="folder with stems.csv and its recordings")
    parser.add_argument("--loops", type=Path, help="folder with loops.csv and its recordings")
    parser.add_argument("--ideas", type=int, default=60)
    parser.add_argument("--work", type=Path, required=True, help="folder where loops and lines are kept")
    parser.add_argument("--write", action="store_true", help="learn the weights and replace them")
    parser.add_argument("--delivered", action="store_true", help="also what a musician gets: mended, or made again")
    parser.add_argument("--out", type=Path, help="JSON to write")
    options = parser.parse_args()
    groups = [sketch_groups(options.folder, options.ideas)]
    groups += [stem_groups(options.stems)] if options.stems else []
    groups += [loop_groups(options.loops)] if options.loops else []
    lines = collected(itertools.chain(*groups), options.work)
    halves = {piece: HALVES[i % 2] for i, piece in enumerate(sorted({line["piece"] for line in lines}))}
    if options.write:
        seen = [line for line in lines if halves[line["piece"]] == HALVES[0]]
        for name, weights in (("harmony", learn_harmony(seen, LET_FAIL)), ("place", learn_place(seen))):
            (FOLDER / f"{name}.json").write_text(weights_of(weights, options.folder), encoding="utf-8")
        load_weights.cache_clear()
        print("limits:", limits([judged(line) for line in seen]))
    # Last, since what is delivered depends on the weights: take its loops and lines away before another --write.
    if options.delivered:
        lines = collected(sketch_groups(options.folder, options.ideas, delivered=True), options.work) + lines
    found = table([judged(line | {"half": halves[line["piece"]]}) for line in lines])
    print(docs_markdown(found))
    if options.out:
        options.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
