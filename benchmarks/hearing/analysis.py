"""How well we hear, beside every library one could pick instead: the same clips, the same run, one table.

    python -m benchmarks.hearing.analysis MANIFEST [MANIFEST ...] [--jobs 2] [--limit N] [--no-peers] [--out JSON]

A manifest is a CSV with a row for each clip: ``file`` (beside the manifest or below it), ``kind`` or ``instrument``,
``bpm``, ``key``, ``origin`` (clips of one origin are resampled together), ``notes`` (``octave-ambiguous``: half and
double count as right; ``weak-pulse``: reported apart). ``beats`` says that the clip starts on a beat and holds so many.
Where they are known: ``beat_times`` and ``downbeat_times`` (seconds, blank-separated), ``chords``
(``start,end,root:maj|min`` blank-separated). Empty fields are unknown and not scored.

Figures: Acc1e the right whole BPM, Acc1 within 4 %, Acc2 octaves and thirds forgiven, offered: answer or an alternative
within 4 %, strict Acc1 whatever the notes say; phase: the first beat within 25 ms or a tenth of a beat of a true one,
where the tempo is right; recall of each metre (``meter``); loop claims that are true (``is_loop``); MIREX key weights,
the exact key, the key among the first two; beat and downbeat F1 at 70 ms (mir_eval); chords: share of time with the
right root and third. In brackets 95 % intervals, bootstrap over origins.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from benchmarks.hearing.peers import KEY_PEERS, TEMPO_PEERS, peer_beats
from benchmarks.measure import mirex_score
from helpers.analysis import estimate_chords, estimate_key, estimate_tempo
from helpers.analysis.listening import Listening
from helpers.analysis.metre import COMMON
from helpers.music.pitch import parse_chord, parse_key, pitch_class
from helpers.sound.audio import read_clip

OURS = "ours"
BINS = (0.0, 0.4, 0.6, 0.8, 0.95, 1.01)


def read_manifest(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    for row in rows:
        row["path"] = str(path.parent / row["file"])
        row["set"] = path.parent.name if path.parent.name else path.stem
    return rows


# -------------------------------------------------------------------------------------------------------------- scoring


def tempo_marks(answer: float | None, truth: float, *, octave_free: bool) -> dict[str, float]:
    """Acc1e, Acc1 and Acc2 of one answer, each 0 or 1."""
    truths = [truth, truth / 2, truth * 2] if octave_free else [truth]
    if not answer:
        return {"acc1e": 0.0, "acc1": 0.0, "acc2": 0.0}
    return {
        "acc1e": float(any(round(answer) == round(t) for t in truths)),
        "acc1": float(any(abs(answer / t - 1) <= 0.04 for t in truths)),
        "acc2": float(any(abs(answer / (truth * f) - 1) <= 0.04 for f in (1, 2, 3, 0.5, 1 / 3))),
    }


def beat_f1(truth: list[float], found: list[float]) -> float:
    import mir_eval

    return float(mir_eval.beat.f_measure(np.array(truth), np.array(found), 0.07)) if len(found) else 0.0


def chord_share(truth: list[tuple[float, float, str]], spans: list[tuple[float, float, str]]) -> float:
    """Share of time with the right root and a third of the right kind; diminished truth is not scored."""
    right = total = 0
    for start, end, label in truth:
        root, quality = label.split(":")
        if quality not in ("maj", "min"):
            continue
        for t in np.arange(start + 0.025, end, 0.05):
            total += 1
            chord = next((parse_chord(name) for a, b, name in spans if a <= t < b), None)
            right += chord is not None and chord.root == pitch_class(root) and chord.is_minor == (quality == "min")
    return right / max(1, total)


def floats(text: str | None) -> list[float]:
    return [float(x) for x in (text or "").split()]


def measure(job: tuple[dict[str, str], bool]) -> dict:
    """All answers for one clip, ours and the peers', with the CPU seconds each took."""
    row, with_peers = job
    clip = read_clip(row["path"])
    out: dict = {"row": row, "seconds": clip.seconds, "tempo": {}, "key": {}, "beats": {}, "cpu": {}}
    started = time.process_time()
    heard = Listening(clip)
    tempo = estimate_tempo(heard)
    key = estimate_key(heard)
    chords = estimate_chords(heard, tempo, key)
    out["cpu"][OURS] = time.process_time() - started
    out["tempo"][OURS] = tempo.bpm
    out["offered"] = [tempo.bpm] * (tempo.bpm is not None) + [a.bpm for a in tempo.alternatives]
    out["tempo_confidence"], out["is_loop"] = tempo.confidence, tempo.is_loop
    out["phase_confidence"], out["meter"] = tempo.phase_confidence, tempo.meter.name
    out["beats"][OURS], out["downbeats"] = list(tempo.beats), list(tempo.downbeats)
    out["key"][OURS] = key.key.name if key else None
    out["key_second"] = key.alternatives[0].name if key else None
    out["key_confidence"] = key.confidence if key else None
    out["chords"] = [(c.start, c.end, c.label) for c in chords]
    if with_peers:
        mono = np.ascontiguousarray(clip.mono())
        for table, name_of in ((TEMPO_PEERS, "tempo"), (KEY_PEERS, "key")):
            if not row.get("bpm" if name_of == "tempo" else "key"):
                continue
            for name, ask in table.items():
                started = time.process_time()
                out[name_of][name] = ask(mono, clip.sample_rate)
                out["cpu"][name] = time.process_time() - started
        if true_beats(row):
            out["beats"] |= peer_beats(mono, clip.sample_rate)
    return out


def true_beats(row: dict[str, str]) -> list[float]:
    if row.get("beat_times"):
        return floats(row["beat_times"])
    if row.get("beats") and row.get("bpm"):
        return [k * 60.0 / float(row["bpm"]) for k in range(int(float(row["beats"])))]
    return []


def score(result: dict) -> dict[str, dict[str, float]]:
    """Figure name -> method -> mark, for one clip."""
    row, marks = result["row"], {}
    notes = row.get("notes") or ""
    if row.get("bpm"):
        truth = float(row["bpm"])
        free = "octave-ambiguous" in notes
        for method, answer in result["tempo"].items():
            for name, mark in tempo_marks(answer, truth, octave_free=free).items():
                marks.setdefault(name, {})[method] = mark
        truths = [truth, truth / 2, truth * 2] if free else [truth]
        offered = any(abs(o / t - 1) <= 0.04 for o in result["offered"] for t in truths)
        marks["offered"] = {OURS: float(offered)}
        for method, answer in result["tempo"].items():
            marks.setdefault("strict acc1", {})[method] = tempo_marks(answer, truth, octave_free=False)["acc1"]
        if row.get("meter") in COMMON:
            marks["metre " + row["meter"]] = {OURS: float(result.get("meter") == row["meter"])}
        if row.get("is_loop") and result["is_loop"]:
            marks["loop claims"] = {OURS: float(row["is_loop"] == "1")}
    if row.get("key"):
        truth_key = parse_key(row["key"])
        for method, name in result["key"].items():
            answer = parse_key(name) if name else None
            marks.setdefault("mirex", {})[method] = mirex_score(answer, truth_key) if answer else 0.0
            marks.setdefault("key exact", {})[method] = float(answer == truth_key)
        marks["key in two"] = {OURS: float(truth_key.name in (result["key"][OURS], result["key_second"]))}
    if true_beats(row) and row.get("bpm"):
        period = 60.0 / float(row["bpm"])
        for method, found in result["beats"].items():
            right = len(found) > 1 and abs(60.0 / np.median(np.diff(found)) / float(row["bpm"]) - 1) <= 0.04
            if right:
                away = np.abs((np.array(found) - true_beats(row)[0] + period / 2) % period - period / 2)
                marks.setdefault("phase", {})[method] = float(np.median(away) <= max(0.025, 0.1 * period))
    if true_beats(row):
        for method, found in result["beats"].items():
            marks.setdefault("beat F1", {})[method] = beat_f1(true_beats(row), found)
    if row.get("downbeat_times"):
        marks["downbeat F1"] = {OURS: beat_f1(floats(row["downbeat_times"]), result["downbeats"])}
    if row.get("chords"):
        parts = [c.split(",") for c in row["chords"].split()]
        truth_chords = [(float(a), float(b), label) for a, b, label in parts]
        marks["chords"] = {OURS: chord_share(truth_chords, result["chords"])}
    return marks


# --------------------------------------------------------------------------------------------------------------- tables


def interval(values: np.ndarray, origins: list[str]) -> tuple[float, float]:
    """95 % percentile interval of a mean, bootstrap over origins (1000 draws, fixed seed)."""
    names = {origin: i for i, origin in enumerate(dict.fromkeys(origins))}
    where = np.array([names[o] for o in origins])
    sums, counts = np.bincount(where, values, len(names)), np.bincount(where, minlength=len(names))
    rng = np.random.default_rng(1)
    draws = rng.integers(0, len(names), (1000, len(names)))
    means = sums[draws].sum(axis=1) / counts[draws].sum(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)


def summarize(results: list[dict], marks: list[dict], chosen: list[int]) -> dict:
    """Figure -> method -> mean, low, high, n over the chosen clips."""
    table: dict = {}
    for i in chosen:
        for figure, methods in marks[i].items():
            for method, mark in methods.items():
                table.setdefault(figure, {}).setdefault(method, []).append((mark, origin_of(results[i]["row"])))
    out: dict = {}
    for figure, methods in table.items():
        for method, pairs in methods.items():
            values = np.array([p[0] for p in pairs])
            low, high = interval(values, [p[1] for p in pairs])
            out.setdefault(figure, {})[method] = {
                "mean": round(float(values.mean()), 4), "low": round(low, 4), "high": round(high, 4), "n": len(values),
            }  # fmt: skip
    return out


def origin_of(row: dict[str, str]) -> str:
    return (row.get("origin") or row["file"]).split("@")[0]


def reliability(results: list[dict], marks: list[dict], figure: str, confidence: str) -> list[dict]:
    """Share right in five bins of confidence."""
    pairs = [(r[confidence], m[figure][OURS]) for r, m in zip(results, marks, strict=True) if OURS in m.get(figure, {})]
    pairs = [(c, mark) for c, mark in pairs if c is not None]
    rows = []
    for low, high in itertools.pairwise(BINS):
        inside = [(c, mark) for c, mark in pairs if low <= c < high]
        if inside:
            mean, right = np.mean(inside, axis=0)
            rows.append(
                {"from": low, "to": min(high, 1.0), "n": len(inside), "said": round(mean, 3), "right": round(right, 3)}
            )
    return rows


def print_summary(title: str, table: dict) -> None:
    figures = list(table)
    methods = list(dict.fromkeys(m for f in figures for m in table[f]))
    print(f"\n## {title}\n\n| method | " + " | ".join(figures) + " |\n|---|" + "---|" * len(figures))
    for method in methods:
        cells = []
        for figure in figures:
            cell = table[figure].get(method)
            cells.append(f"{cell['mean']:.3f} [{cell['low']:.2f}-{cell['high']:.2f}] n{cell['n']}" if cell else "")
        print(f"| {method} | " + " | ".join(cells) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifests", nargs="+", type=Path)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--limit", type=int, default=0, help="measure only the first N clips of each manifest")
    parser.add_argument("--about", default="", help="what a reader of the figures must know; kept in the JSON")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parents[1] / "results" / "analysis.json")
    args = parser.parse_args()
    rows = [row for path in args.manifests for row in read_manifest(path)[: args.limit or None]]
    rows = [row for row in rows if row.get("bpm") or row.get("key") or row.get("chords")]
    results = []
    with ProcessPoolExecutor(args.jobs) as pool:
        for i, result in enumerate(pool.map(measure, [(row, not args.no_peers) for row in rows], chunksize=2), 1):
            results.append(result)
            if i % 20 == 0:
                print(f"{i}/{len(rows)} clips", file=sys.stderr, flush=True)
    report(results, args.out, args.about)


def report(results: list[dict], out: Path, about: str) -> None:
    """Print every table and write the JSON."""
    marks = [score(result) for result in results]
    weak = ["weak-pulse" in (r["row"].get("notes") or "") for r in results]
    strong = [i for i, w in enumerate(weak) if not w]
    data: dict = {"about": about, "clips": len(results), "tables": {}}
    groups = {"all clips with a pulse": strong}
    for name in dict.fromkeys(r["row"]["set"] for r in results):
        groups[f"set {name}"] = [i for i in strong if results[i]["row"]["set"] == name]
    groups["weak pulse"] = [i for i, w in enumerate(weak) if w]
    for title, chosen in groups.items():
        if chosen:
            data["tables"][title] = summarize(results, marks, chosen)
            print_summary(f"{title} ({len(chosen)} clips)", data["tables"][title])
    print("\n## By kind, ours")
    data["kinds"] = {}
    for kind in sorted({r["row"].get("instrument") or r["row"].get("kind") or "" for r in results}):
        chosen = [i for i in strong if (results[i]["row"].get("instrument") or results[i]["row"].get("kind")) == kind]
        table = {f: m[OURS] for f, m in summarize(results, marks, chosen).items() if OURS in m}
        data["kinds"][kind] = table
        print(f"{kind:12s} n{len(chosen):3d}  " + "  ".join(f"{f} {cell['mean']:.2f}" for f, cell in table.items()))
    data["reliability"] = {
        "tempo": reliability(results, marks, "acc1", "tempo_confidence"),
        "key": reliability(results, marks, "key exact", "key_confidence"),
        "phase": reliability(results, marks, "phase", "phase_confidence"),
    }
    for name, table in data["reliability"].items():
        print(f"\n## Reliability of the {name} confidence\n\n| said | n | mean said | right |\n|---|---|---|---|")
        for row in table:
            print(f"| {row['from']:.2f}-{row['to']:.2f} | {row['n']} | {row['said']:.2f} | {row['right']:.2f} |")
    cpu: dict[str, list[float]] = {}
    for result in results:
        for method, seconds in result["cpu"].items():
            cpu.setdefault(method, []).append(seconds)
    data["cpu_seconds_median"] = {method: round(float(np.median(v)), 4) for method, v in cpu.items()}
    print("\n## CPU seconds per clip (median), ours: tempo, grid, key and chords together\n")
    for method, seconds in data["cpu_seconds_median"].items():
        print(f"{method:45s} {seconds:.3f}")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(data, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
