"""Does the fit card tell good from bad? Takes, spoiled takes and stems of people, measured as a musician's would be.

    python -m benchmarks.fit.fit EVAL_DIR --work DIR [--stems DIR] [--ideas 32] [--write] [--out JSON]

Every loop is proven over its idea; what was found lies in ``--work``, a JSON line a loop, so that a run can be stopped
and go on. ``--write`` learns ``helpers/loops/weights/{harmony,place}.json`` from the half of the pieces called *fitted
on*; the table tells both halves, weights see only the first. An *unproven* loop (its idea has no pitch or pulse)
is left out and counted.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.fit.cases import Case, sketch_cases, stem_cases
from benchmarks.fit.learn import learn_harmony, learn_place, weights_of
from helpers.loops import prove
from helpers.loops.fit import Bars
from helpers.loops.fit.harmony import harmony_cues
from helpers.loops.fit.place import place_cues
from helpers.loops.ranking import score

WEIGHTS = Path(__file__).resolve().parents[2] / "helpers" / "loops" / "weights"
HALVES = ("fitted on", "other half")
CLEAR = 0.5  # of two takes, a difference in independent fit this large is clear


def measured(case: Case) -> dict[str, Any]:
    """One line of the results: verdict, score, cues, and how well the notes fit by an independent measure."""
    loop, side = Bars(case.clip, case.request.bars, case.request.time), case.idea.side(case.analysis)
    idea = side.bars_for(case.request)
    human = "stem" in case.kind
    card = prove(case.clip, case.request, case.analysis, idea=side, foreign=human)
    line: dict[str, Any] = {"piece": case.piece, "idea": case.idea.name, "half": case.half, "kind": case.kind}
    line |= {"number": case.number, "instrument": case.request.instrument, "role": case.request.role}
    line |= {"verdict": card.verdict, "failed": list(card.failed), "score": score(case.clip, card, case.request)}
    line |= {"harmony": None, "place": None, "independent": None}
    if idea is None:
        return line
    if case.request.role != "drums" and not human:
        line["independent"] = independent_fit(loop, idea)
    if card.harmony is not None:
        line["harmony"] = harmony_cues(loop.half_bars, idea.half_bars)
    if card.place is not None:
        lags, table = place_cues(loop, idea)
        line["place"] = {"lags": lags.tolist(), "table": np.round(table, 4).tolist()}
    return line


def independent_fit(loop: Bars, idea: Bars) -> float | None:
    """Agreement minus clash of constant-Q chroma (librosa), half bar by half bar: another ear than the card's."""
    import librosa

    def chroma(sound: Bars) -> np.ndarray:
        mono = librosa.resample(sound.clip.mono(), orig_sr=sound.clip.sample_rate, target_sr=22_050)
        frames = np.abs(librosa.cqt(mono, sr=22_050, fmin=librosa.note_to_hz("C2"), n_bins=60, hop_length=1024))
        frames = np.maximum(frames - np.median(frames, axis=0), 0).reshape(5, 12, -1).sum(axis=0)
        return np.array([part.mean(axis=1) for part in np.array_split(frames, 2 * sound.bars, axis=1)]).T

    own, other = chroma(loop) ** 1.5, chroma(idea) ** 1.5
    if own.sum() <= 0 or other.sum() <= 0:
        return None
    weight = np.sqrt(own.sum(axis=0) * other.sum(axis=0)) + 1e-9
    own, other = own / (own.sum(axis=0) + 1e-9), other / (other.sum(axis=0) + 1e-9)
    clash = np.roll(other, 1, axis=0) + np.roll(other, -1, axis=0)
    return float(np.average(12 * (own * other).sum(axis=0) - 6 * (own * clash).sum(axis=0), weights=weight))


def collected(groups: Iterator[list[Case]], path: Path) -> list[dict[str, Any]]:
    """The lines of all groups; those that the file holds are not measured again."""
    done = [json.loads(text) for text in path.read_text().splitlines()] if path.is_file() else []
    known = {(line["piece"], line["idea"], line["instrument"]) for line in done}
    for group in groups:
        fresh = [c for c in group if (c.piece, c.idea.name, c.request.instrument) not in known]
        lines = [measured(case) for case in fresh]
        with path.open("a") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)
        done += lines
        print(f"{group[0].idea.name}: {len(lines)} loops", flush=True)
    return done


def table(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """For each kind and half, how many loops were compared and the share that failed (of good ones: that passed)."""
    out: dict[str, Any] = {}
    for kind in dict.fromkeys(line["kind"] for line in lines):
        out[kind] = {}
        for half in HALVES:
            of_kind = [line for line in lines if line["kind"] == kind and line["half"] == half]
            compared = [line for line in of_kind if line["verdict"] != "unproven"]
            failed = sum(line["verdict"] == "failed" for line in compared)
            share = failed / len(compared) if compared else None
            out[kind][half] = {"loops": len(compared), "unproven": len(of_kind) - len(compared), "failed": share}
    return out | {"ranking": ranking_figures(lines)}


def ranking_figures(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """How far the score follows independent harmonic fit, where drones rank, and own stems against foreign ones."""
    pitched = [x for x in lines if x["role"] != "drums" and x["independent"] is not None and x["harmony"]]
    pairs = [(x["independent"], x["score"]) for x in pitched if "stem" not in x["kind"]]
    goods: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for line in pitched:
        if line["kind"] == "good":
            goods.setdefault((line["idea"], line["instrument"]), []).append(line)
    clear = [
        (a["independent"] > b["independent"]) == (a["score"] > b["score"])
        for takes in goods.values()
        for a, b in itertools.combinations(takes, 2)
        if abs(a["independent"] - b["independent"]) > CLEAR
    ]
    drones = [(x, goods[x["idea"], x["instrument"]]) for x in pitched if "drone" in x["kind"]]
    best = [x["score"] > max(t["score"] for t in takes) for x, takes in drones]
    worst = [x["score"] > min(t["score"] for t in takes) for x, takes in drones]
    return (
        {
            "correlation of score and independent fit": float(np.corrcoef(np.array(pairs).T)[0, 1]) if pairs else None,
            "clear pairs": len(clear),
            "clear pairs in order": float(np.mean(clear)) if clear else None,
            "drones above the best take": float(np.mean(best)) if best else None,
            "drones above the worst take": float(np.mean(worst)) if worst else None,
        }
        | _rivals(lines, "over the rest")
        | _rivals(lines, "over the mix")
    )


def _rivals(lines: list[dict[str, Any]], over: str) -> dict[str, Any]:
    """How often a stem of the piece scores higher than one of another piece."""
    own = {(x["idea"], x["instrument"]): x["score"] for x in lines if x["kind"] == f"own stem {over}"}
    pairs = [(own[x["idea"], x["instrument"]], x["score"]) for x in lines if x["kind"] == f"other stem {over}"]
    share = float(np.mean([a > b for a, b in pairs])) if pairs else None
    return {f"pairs of own and other stems {over}": len(pairs), f"own stem scores higher {over}": share}


def readme_markdown(found: dict[str, Any]) -> str:
    """The short table: a column a kind of loop, a row a half of the pieces, the share that fails its fit card."""
    kinds = [kind for kind in found if kind != "ranking" and "stem" not in kind and "drone" not in kind]
    rows = ["| fails, of pieces | " + " | ".join(kinds) + " |", "|---" * (len(kinds) + 1) + "|"]
    for half in HALVES:
        rows.append(f"| {half} | " + " | ".join(_share(found[kind][half]["failed"]) for kind in kinds) + " |")
    return "\n".join(rows)


def docs_markdown(found: dict[str, Any]) -> str:
    """The long table, with the numbers of loops, and the figures of the ranking."""
    rows = ["| loops | fails, weights' half | fails, other half | unproven |", "|---|---|---|---|"]
    for kind, halves in found.items():
        if kind == "ranking":
            continue
        cells = [f"{_share(halves[half]['failed'])} of {halves[half]['loops']}" for half in HALVES]
        rows.append(f"| {kind} | {cells[0]} | {cells[1]} | {sum(halves[half]['unproven'] for half in HALVES)} |")
    rows += ["", "| ranking | |", "|---|---|"]
    return "\n".join(rows + [f"| {name} | {_figure(value)} |" for name, value in found["ranking"].items()])


def _share(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.0%}"


def _figure(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f}" if isinstance(value, float) else str(value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder with manifest.csv and its recordings")
    parser.add_argument("--stems", type=Path, help="folder with stems.csv and its recordings")
    parser.add_argument("--ideas", type=int, default=32)
    parser.add_argument("--work", type=Path, required=True, help="folder where the measured lines are kept")
    parser.add_argument("--write", action="store_true", help="learn the weights and replace them")
    parser.add_argument("--out", type=Path, help="JSON to write")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    lines = collected(sketch_cases(options.folder, options.ideas), options.work / "sketches.jsonl")
    if options.stems:
        lines += collected(stem_cases(options.stems), options.work / "stems.jsonl")
    if options.write:
        seen = [line for line in lines if line["half"] == HALVES[0]]
        for name, weights in (("harmony", learn_harmony(seen)), ("place", learn_place(seen))):
            (WEIGHTS / f"{name}.json").write_text(weights_of(weights, options.folder), encoding="utf-8")
    found = table(lines)
    print(docs_markdown(found))
    if options.out:
        options.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
