"""Does the fit card tell good from bad? Takes, spoiled takes, stems and loops of people, measured as a musician's are.

    python -m benchmarks.fit.fit IDEAS_DIR --work DIR [--stems DIR] [--loops DIR] [--ideas 60] [--write]
        [--delivered] [--unseen]

``--work`` keeps the loops (``loops/``) and what was found in each (``lines/``), so that a run can go on, weights can be
learnt again from the same lines, and the loops be measured again when ``lines/`` is removed. ``--write`` learns the
weights of harmony and place from all pieces. What the table says is not of those: SPLITS times the pieces are cut by
chance into two halves, weights are learnt on either alone, and the card with these is tried on both. The table holds
the means, and the worst of all halves that were not learnt on. ``--unseen`` learns nothing: new pieces are judged as
the card in the repository would. An *unproven* loop (its idea has no pitch or pulse) is left out of the shares and
counted.
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

from benchmarks.fit.cases import ASKED, DELIVERED, Case, Group, kept, loop_groups, sketch_groups, sources, stem_groups
from benchmarks.fit.learn import learn_harmony, learn_place, weights_of
from benchmarks.fit.tables import docs_markdown
from helpers.loops import prove
from helpers.loops.fit import Bars
from helpers.loops.fit.harmony import certainty, harmony_cues
from helpers.loops.fit.place import against_best_rival, place_cues, place_probabilities
from helpers.loops.ranking import field_parts, mean_of, moves, score_parts
from helpers.machine.weights import load_weights
from helpers.records import FIT_FIELDS
from helpers.records.fit_fields import FITS

FOLDER = Path(__file__).resolve().parents[2] / "helpers" / "loops" / "weights"
HALVES = ("learnt on", "other half")
UNSEEN = ("unseen",)
SPLITS = 5
CLEAR = 0.12  # of two takes: half of what lies between the takes to learn on (0.31) and the same a fourth up (0.06)
OVER = ("over the rest", "over the mix")
RANKING = (
    "correlation of score and independent fit", "clear pairs", "clear pairs in order",
    "drones above the best take", "drones above the worst take",
    *(f"own stem scores higher {over}" for over in OVER), *(f"same, both proven, {over}" for over in OVER),
)  # fmt: skip
FITTING = (DELIVERED, "good", "own stem", "loop by people")  # the fewer of these fail, the better
INDEPENDENT = ("good", "fourth", "drone in eighths", "drone held")
LET_FAIL = 0.01  # of the good takes to learn on: a limit is where this share of them would fail


def measured(case: Case) -> dict[str, Any]:
    """One line of the results: the card's values, the cues, and how well the notes fit by an independent measure."""
    human = "stem" in case.kind or case.idea is None
    side = case.idea.side(case.analysis) if case.idea and case.analysis else None
    card = prove(case.clip, case.request, case.analysis, idea=side, foreign=human)
    line: dict[str, Any] = {"piece": case.piece, "idea": case.idea.name if case.idea else "", "kind": case.kind}
    line |= {"number": case.number, "instrument": case.request.instrument, "role": case.request.role, "human": human}
    line |= {"values": {name: card.values.get(name) for name in FIT_FIELDS}}
    line["failed"] = [name for name in card.failed if FIT_FIELDS[name].group != FITS]
    line["excused"] = [] if case.request.role == "drums" else ["groove"]
    line["parts"] = {n: v for n, v in score_parts(case.clip, card, case.request).items() if n not in FIT_FIELDS}
    line |= {"harmony": None, "place": None, "independent": None}
    # What is delivered is judged by the card's own weights, as the musician's is, and not by those of a half.
    if case.kind == DELIVERED or side is None or (idea := side.bars_for(case.request)) is None:
        return line
    loop = Bars(case.clip, bars=case.request.bars, meter=case.request.time)
    if card.harmony is not None:
        line["harmony"] = harmony_cues(loop, idea, bass=case.request.role == "bass")
        if not human and case.kind in INDEPENDENT:
            line["independent"] = independent_fit(loop, idea)
    if card.place is not None:
        lags, table = place_cues(loop, idea, role=case.request.role)
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
    # From C1: a bass plays below C2, where a measure that begins there hears its overtones alone.
    frames = np.abs(librosa.cqt(mono, sr=22_050, fmin=librosa.note_to_hz("C1"), n_bins=72, hop_length=1024))
    frames = np.maximum(frames - np.median(frames, axis=0), 0).reshape(6, 12, -1).sum(axis=0)
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


def judged(line: dict[str, Any], learnt: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The line with what weights and limits make of it: ``verdict`` and ``score``."""
    values = dict(line["values"])
    if line["harmony"]:
        values["harmony"] = certainty(line["harmony"], learnt["harmony"])
    if line["place"]:
        lags, table = np.array(line["place"]["lags"]), np.array(line["place"]["table"])
        values["place"] = against_best_rival(place_probabilities(table, learnt["place"][line["role"]]), lags)
    fits = [
        name
        for name, row in FIT_FIELDS.items()
        if row.group == FITS and name not in line["excused"] and row.fails(values, others=line["human"])
    ]
    alone = not line["idea"]
    compared = alone or values["place" if line["role"] == "drums" else "harmony"] is not None
    failed = [*line["failed"], *fits]
    score = mean_of(field_parts(values, line["role"]) | line["parts"])
    verdict = "failed" if failed else "pass" if compared else "unproven"
    return line | {"values": values, "failed": failed, "verdict": verdict, "score": score}


def learn(lines: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {"harmony": learn_harmony(lines, LET_FAIL), "place": learn_place(lines)}


def splits(lines: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """The lines judged by weights that were learnt on half of the pieces, which ``half`` names; twice SPLITS."""
    pieces = sorted({line["piece"] for line in lines})
    for split in range(SPLITS):
        mixed = np.random.default_rng(split).permutation(pieces).tolist()
        for seen in (set(mixed[::2]), set(mixed[1::2])):
            learnt = learn([line for line in lines if line["piece"] in seen])
            yield [judged(line | {"half": HALVES[line["piece"] not in seen]}, learnt) for line in lines]


def table(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """For each kind and half, the share that failed; then the ranking, by half: the means of all splits."""
    found = [_table(judgement) for judgement in splits(lines)]
    out: dict[str, Any] = {"pieces": len({line["piece"] for line in lines})}
    for kind in dict.fromkeys(line["kind"] for line in lines):
        shares = {half: [one[kind][half] for one in found if one[kind][half] is not None] for half in HALVES}
        worst = max if kind.startswith(FITTING) else min
        out[kind] = {half: round(float(np.mean(of)), 4) for half, of in shares.items() if of}
        out[kind] |= {"worst": worst(shares[HALVES[1]])} if shares[HALVES[1]] else {}
        out[kind] |= {name: round(float(np.mean([one[kind][name] for one in found]))) for name in ("loops", "unproven")}
    means = {half: {name: _mean([one["ranking"][half][name] for one in found]) for name in RANKING} for half in HALVES}
    return out | {"ranking": means}


def unseen_table(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """The same, of pieces that the card has never seen, judged by its own weights."""
    own = {name: dict(load_weights("helpers.loops", name)) for name in ("harmony", "place")}
    found = _table([judged(line | {"half": UNSEEN[0]}, own) for line in lines], UNSEEN)
    return {"pieces": len({line["piece"] for line in lines})} | found


def _table(lines: list[dict[str, Any]], halves: tuple[str, ...] = HALVES) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for kind in dict.fromkeys(line["kind"] for line in lines):
        compared = [line for line in lines if line["kind"] == kind and line["verdict"] != "unproven"]
        out[kind] = {"loops": len(compared), "unproven": sum(line["kind"] == kind for line in lines) - len(compared)}
        out[kind] |= {h: _mean([x["verdict"] == "failed" for x in compared if x["half"] == h]) for h in halves}
    return out | {"ranking": {half: ranking_figures([x for x in lines if x["half"] == half]) for half in halves}}


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
    asked = {key: [x for x in made if x["number"] < ASKED] for key, made in goods.items()}
    drones = [(x, asked[x["idea"], x["instrument"]]) for x in pitched if "drone" in x["kind"]]
    own = {x["idea"]: x for x in lines if x["kind"].startswith("own stem")}
    won = {over: [(own[x["idea"]], x) for x in lines if x["kind"] == f"other stem {over}"] for over in OVER}
    proven = {
        over: [pair for pair in pairs if "unproven" not in (pair[0]["verdict"], pair[1]["verdict"])]
        for over, pairs in won.items()
    }
    both = np.array([(x["independent"], x["score"]) for x in pitched]).T
    return {
        RANKING[0]: round(float(np.corrcoef(both)[0, 1]), 3) if len(pitched) > 2 else None,
        RANKING[1]: len(clear),
        RANKING[2]: _mean(clear),
        RANKING[3]: _mean([_rank(x) > max(map(_rank, takes)) for x, takes in drones]),
        RANKING[4]: _mean([_rank(x) > min(map(_rank, takes)) for x, takes in drones]),
        **{f"own stem scores higher {over}": _mean([a["score"] > b["score"] for a, b in won[over]]) for over in OVER},
        **{f"same, both proven, {over}": _mean([a["score"] > b["score"] for a, b in proven[over]]) for over in OVER},
    }


def _rank(line: dict[str, Any]) -> tuple[bool, float, float]:
    """Greater is better, as :func:`helpers.loops.ranking.rank` has it: failed loops last, then those that stay."""
    return line["verdict"] != "failed", moves(line["values"]["movement"]), line["score"]


def _mean(values: list[Any]) -> float | None:
    known = [value for value in values if value is not None]
    return round(float(np.mean(known)), 4) if known else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder with manifest.csv and its recordings")
    parser.add_argument("--stems", type=Path, help="folder with stems.csv and its recordings")
    parser.add_argument("--loops", type=Path, help="folder with loops.csv and its recordings")
    parser.add_argument("--ideas", type=int, default=60)
    parser.add_argument("--work", type=Path, required=True, help="folder where loops and lines are kept")
    parser.add_argument("--write", action="store_true", help="learn the weights and replace them")
    parser.add_argument("--unseen", action="store_true", help="judge by the card's own weights; nothing is learnt")
    parser.add_argument("--delivered", action="store_true", help="also what a musician gets: mended, or made again")
    parser.add_argument("--out", type=Path, help="JSON to write")
    options = parser.parse_args()
    groups = [sketch_groups(options.folder, options.ideas)]
    groups += [stem_groups(options.stems)] if options.stems else []
    groups += [loop_groups(options.loops)] if options.loops else []
    lines = collected(itertools.chain(*groups), options.work)
    if options.write:
        for name, weights in learn(lines).items():
            (FOLDER / f"{name}.json").write_text(weights_of(weights, options.folder), encoding="utf-8")
        load_weights.cache_clear()
    # Last, since what is delivered depends on the weights: take its loops and lines away before another --write.
    if options.delivered:
        lines = collected(sketch_groups(options.folder, options.ideas, delivered=True), options.work) + lines
    found = unseen_table(lines) if options.unseen else table(lines)
    found["about"] = sources(options.folder, options.stems, options.loops)
    print(docs_markdown(found))
    if options.out:
        options.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
