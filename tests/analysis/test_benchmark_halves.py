"""The benchmark's halves: whole origins, alike in kinds of material, and nothing else decides."""

from collections import Counter

from benchmarks.hearing.analysis import split_by_origin


def clips(count: int, instruments=("bass", "drums", "keys")) -> list[dict[str, str]]:
    """``count`` origins of two clips each, their instruments taking turns."""
    return [
        {
            "set": "s",
            "file": f"{n}-{kind}",
            "kind": kind,
            "instrument": instruments[n % len(instruments)],
            "origin": str(n),
        }
        for n in range(count)
        for kind in ("exact", "free")
    ]


def test_halves_hold_whole_origins_and_as_much_of_each_kind():
    rows = clips(36)
    halves = split_by_origin(rows)
    by_origin = {row["origin"]: set() for row in rows}
    for row, half in zip(rows, halves, strict=True):
        by_origin[row["origin"]].add(half)
    assert all(len(found) == 1 for found in by_origin.values())
    counts = Counter((row["instrument"], half) for row, half in zip(rows, halves, strict=True))
    assert set(counts.values()) == {12}


def test_names_and_results_of_clips_do_not_decide_the_half():
    rows = clips(30)
    renamed = [row | {"file": row["file"][::-1], "bpm": "99", "key": "C major"} for row in rows]
    assert split_by_origin(renamed) == split_by_origin(rows)
