"""Do our parts move as people's do? One table, people beside ours, both measured in this run.

    python -m benchmarks.sketch.compare IDEAS CORPORA [--out benchmarks/results/compare.json]

IDEAS as for :mod:`benchmarks.sketch.composer`; CORPORA is a folder with ``lmms``, ``pop909`` and ``gmd`` (see
:mod:`benchmarks.sketch.people`). Printed: medians with the 10th and 90th percentile of both; how far genres lie apart
against takes of one request; whether a classifier tells ours from people's by the notes alone; the idioms that a genre
must have.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

from benchmarks.sketch.people import BARS, STEPS, Row, Window, read_people
from helpers.music.instruments import find_instrument
from helpers.planning import plan_request
from helpers.records import Analysis, Request
from helpers.sketch import Score, compose

PLAYERS = {
    "bass": "bass guitar",
    "lead": "synth lead",
    "chords": "electric piano",
    "arpeggio": "pluck",
    "drums": "drum kit",
}
TAKES = 3
FOURTH = 5  # semitones
KEEPERS = {42, 44, 46, 22, 26, 51, 59, 53}  # closed and open hats (and their edges), rides
TIMED = ("POP909", "GMD", "ours")  # corpora that were played; the others lie on the grid
TOLD_BY = ("rhythm repeat", "bar repeat", "entropy", "same", "leaps", "range", "pitches", "odd", "density", "length")
APART = ("house", "trap", "funk", "rock", "jazz", "reggae", "drum and bass", "ambient", "reggaeton", "synthwave")


# ------------------------------------------------------------------------------------------------------------- measures


def onset_groups(notes: tuple[Row, ...]) -> list[tuple[int, tuple[Row, ...]]]:
    """Notes that begin on one sixteenth, in order of time."""
    groups: dict[int, list[Row]] = defaultdict(list)
    for n in notes:
        groups[max(0, round(n[1]))].append(n)
    return [(step, tuple(sorted(rows))) for step, rows in sorted(groups.items())]


def repeated(grams: list) -> float:
    """Share of the items that came before."""
    return 1.0 - len(set(grams)) / len(grams) if grams else 0.0


def entropy_bits(items: list) -> float:
    p = np.array(list(Counter(items).values()), dtype=float)
    p /= p.sum()
    return float(-(p * np.log2(p)).sum())


def measure(window: Window) -> dict[str, float]:
    """The figures of a window; pitches of a chord are its top voice's for leaps and its set for repeats."""
    groups = onset_groups(window.notes)
    steps = [s for s, _ in groups]
    gaps = np.diff(steps).tolist()
    drums = window.role == "drums"
    by_bar: dict[int, list] = defaultdict(list)
    for step, rows in groups:
        by_bar[step // STEPS].append((step % STEPS, tuple(r[0] for r in rows) if drums else 0))
    bars = [tuple(by_bar[b]) for b in range(BARS)]
    out = {
        # A rhythm of four notes is where in the bar it begins and the three distances that follow.
        "rhythm repeat": repeated([(s % STEPS, *gaps[i : i + 3]) for i, s in enumerate(steps[:-3])]),
        "bar repeat": float(np.mean([bars[i] in bars[:i] for i in range(1, BARS)])),
        "entropy": entropy_bits(gaps) if gaps else 0.0,
        "odd": float(np.mean([s % 2 for s in steps])),
        "density": len(steps) / (BARS * STEPS),
        "velocity sd": float(np.std([r[3] for r in window.notes])),
    }
    off = np.array([(r[1] - round(r[1])) * window.step_ms for r in window.notes])
    out["timing sd ms"] = float(off.std())
    if drums:
        keeper = [(round(r[1]), r[3]) for r in window.notes if r[0] in KEEPERS]
        if len(keeper) >= 8:
            out["keeper velocity sd"] = float(np.std([v for _, v in keeper]))
            on, between = ([v for s, v in keeper if (s % 4 == 0) == beat] for beat in (True, False))
            if on and between:
                out["keeper on - off"] = float(np.mean(on) - np.mean(between))
        out["hits a bar"] = len(window.notes) / BARS
        out["kicks a bar"] = sum(r[0] in (35, 36) for r in window.notes) / BARS
        return out
    tops = [rows[-1][0] for _, rows in groups]
    moves = np.abs(np.diff(tops))
    sets = [tuple(r[0] for r in rows) for _, rows in groups]
    out |= {
        "same": float(np.mean([a == b for a, b in itertools.pairwise(sets)])) if len(sets) > 1 else 0.0,
        "leaps": float(np.mean(moves >= FOURTH)) if len(moves) else 0.0,
        "range": float(max(r[0] for r in window.notes) - min(r[0] for r in window.notes)),
        "pitches": float(len({r[0] for r in window.notes})),
        "length": float(np.median([r[2] for r in window.notes])),
        "voices": len(window.notes) / len(groups),
    }
    return out


def window_of(score: Score, source: str) -> Window:
    """The first four bars of a score."""
    rows = tuple((n.pitch, 4 * n.start, 4 * n.length, n.velocity) for n in score.notes if n.start < BARS * STEPS / 4)
    return Window("ours", score.role, source, 15_000 / score.quarters_per_minute, rows)


# --------------------------------------------------------------------------------------------- what is compared


def our_windows(ideas: list[tuple[str, Analysis]], role: str) -> list[Window]:
    """TAKES takes for every idea in four, at our defaults: nothing is asked for but the instrument."""
    out = []
    for name, analysis in ideas:
        request, _ = plan_request(analysis, instrument=PLAYERS[role], bars=BARS, seed=1)
        if request.meter == "4/4":
            out += [window_of(compose(request, analysis, take), name) for take in range(TAKES)]
    return out


def compare(people: list[Window], ours: list[Window]) -> dict[str, dict]:
    """Measure by measure the 10th, 50th and 90th percentile of both, and whether our median lies in the human range."""
    out = {}
    theirs, mine = [measure(w) for w in people], [measure(w) for w in ours]
    for name in dict.fromkeys(k for row in mine for k in row):
        pool = [
            m[name]
            for m, w in zip(theirs, people, strict=True)
            if name in m and (name not in ("timing sd ms", "velocity sd") or w.corpus.startswith(TIMED))
        ]
        if not pool and name in ("timing sd ms", "velocity sd"):  # nothing played to compare with: drawn notes
            pool = [m[name] for m in theirs]
        human = np.percentile(pool, [10, 50, 90]) if pool else np.full(3, np.nan)
        own = np.percentile([m[name] for m in mine if name in m], [10, 50, 90])
        inside = bool(human[0] - 1e-9 <= own[1] <= human[2] + 1e-9)
        out[name] = {"people": human.tolist(), "ours": own.tolist(), "inside": inside}
    return out


def told_apart(people: list[Window], ours: list[Window]) -> float:
    """Area under the ROC curve of a logistic regression on the notes' figures, five folds that keep songs together."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import GroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    windows = [*people, *ours]
    rows = [measure(w) for w in windows]
    # How many voices sound together is the role itself, except for chords.
    extra = {"chords": ("voices",), "drums": ("hits a bar", "kicks a bar")}.get(windows[0].role, ())
    names = [n for n in (*TOLD_BY, *extra) if n in rows[0]]
    x = np.array([[r[n] for n in names] for r in rows])
    y = np.array([0] * len(people) + [1] * len(ours))
    guesses = np.zeros(len(y))
    for train, test in GroupKFold(5).split(x, y, [w.source for w in windows]):
        model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1000))
        guesses[test] = model.fit(x[train], y[train]).predict_proba(x[test])[:, 1]
    return float(roc_auc_score(y, guesses))


def manner(score: Score) -> list[np.ndarray]:
    """How a part is written, whatever its pitches: places in the bar, lengths, distances of neighbours, density."""
    window = window_of(score, "")
    groups = onset_groups(window.notes)
    places = np.bincount([s % STEPS for s, _ in groups], minlength=STEPS)
    lengths = np.histogram([rows[0][2] for _, rows in groups], [0, 0.8, 1.3, 2.3, 3.3, 4.5, 6.5, 9, 1e9])[0]
    moves = np.histogram(np.abs(np.diff([rows[-1][0] for _, rows in groups])), [0, 1, 3, 5, 8, 1e9])[0]
    density = np.histogram([len(groups) / BARS], [0, 2, 4, 6, 8, 11, 1e9])[0]
    return [v / max(1, v.sum()) for v in (places, lengths, moves, density)]


def distance(one: Score, other: Score) -> float:
    """Mean total variation distance of what :func:`manner` counts, 0..1."""
    return float(np.mean([0.5 * np.abs(a - b).sum() for a, b in zip(manner(one), manner(other), strict=True)]))


def overlap(one: Score, other: Score) -> float:
    a, b = ({(n.pitch, round(n.start * 4)) for n in s.notes} for s in (one, other))
    return 2 * len(a & b) / max(1, len(a) + len(b))


def _asked(role: str, **given) -> Request:
    given = {"bpm": 120.0, "key": None if role == "drums" else "A minor", "seed": 3} | given
    return plan_request(None, instrument=PLAYERS[role], bars=BARS, **given)[0]


def separation(role: str, takes: int = 6) -> dict[str, float]:
    """Mean distance between genres over that between takes; also how alike the takes' notes are."""
    chords = None if role == "drums" else "| Am | F | C | G |"
    scores = {g: [compose(_asked(role, genre=g, chords=chords), None, t) for t in range(takes)] for g in APART}
    within = [distance(a, b) for own in scores.values() for a, b in itertools.combinations(own, 2)]
    across = [
        distance(a, b) for g, h in itertools.combinations(APART, 2) for a, b in zip(scores[g], scores[h], strict=True)
    ]
    alike = [overlap(a, b) for own in scores.values() for a, b in itertools.combinations(own, 2)]
    return {"ratio": float(np.mean(across) / np.mean(within)), "overlap": float(np.median(alike))}


def idioms(takes: int = 36) -> dict[str, float]:
    """Share of trap takes with rolls (hats under a sixteenth apart), of house takes with kicks on the beats alone."""
    rolls = [_has_roll(compose(_asked("drums", genre="trap", bpm=140.0), None, t)) for t in range(takes)]
    floor = [_on_the_floor(compose(_asked("drums", genre="house", bpm=124.0), None, t)) for t in range(takes)]
    return {"trap takes with rolls": float(np.mean(rolls)), "house on the floor": float(np.mean(floor))}


def _has_roll(score: Score) -> bool:
    hats = sorted(n.start for n in score.notes if n.pitch in KEEPERS)
    return any(0.02 < b - a < 0.2 for a, b in itertools.pairwise(hats))


def _on_the_floor(score: Score) -> bool:
    kicks = {round(4 * n.start) for n in score.notes if n.pitch in (35, 36)}
    beats = set(range(0, BARS * STEPS, 4))
    body = {s for s in beats if s < BARS * STEPS - 8}  # a fill may take the last half bar
    return body <= kicks and not {s for s in kicks if s < BARS * STEPS - 8} - beats


# -------------------------------------------------------------------------------------------------------- runs


def run(people: dict[str, list[Window]], ideas: list[tuple[str, Analysis]]) -> dict:
    report: dict = {"roles": {}, "idioms": idioms()}
    for role in PLAYERS:
        ours = our_windows(ideas, role)
        table = compare(people[role], ours)
        apart = separation(role)
        auc = told_apart(people[role], ours)
        # How far people of one corpus are told from people of another: what the figure above is to be read beside.
        corpora = sorted({w.corpus for w in people[role]}) if role != "drums" else []
        halves = [[w for w in people[role] if w.corpus == name] for name in corpora]
        report["roles"][role] = {
            "people": len(people[role]),
            "ours": len(ours),
            "table": table,
            "separation": apart,
            "auc": auc,
            "auc_between_corpora": told_apart(*halves) if len(halves) == 2 else None,
        }
        print(
            f"\n{role}: {len(people[role])} windows of people, {len(ours)} of ours; AUC {auc:.2f}, "
            f"genres/takes {apart['ratio']:.2f}, overlap of takes {apart['overlap']:.2f}, "
            f"AUC between corpora {report['roles'][role]['auc_between_corpora']}"
        )
        for name, row in table.items():
            human, own = ("{1:6.2f} [{0:5.2f} {2:6.2f}]".format(*row[k]) for k in ("people", "ours"))
            print(f"  {name:20} people {human}   ours {own}   {'' if row['inside'] else '<<< outside'}")
    print("\n" + ", ".join(f"{k}: {v:.0%}" for k, v in report["idioms"].items()), flush=True)
    return report


def main() -> None:
    from benchmarks.sketch.composer import read_ideas

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ideas", type=Path)
    parser.add_argument("corpora", type=Path)
    parser.add_argument("--most", type=int, default=24)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/compare.json"))
    args = parser.parse_args()
    for name in PLAYERS.values():
        find_instrument(name)
    report = run(read_people(args.corpora), [(i.name, i.analysis) for i in read_ideas(args.ideas, args.most)])
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
