"""Bars of chords brought into another key, and the triads of a key. Pure harmony, no audio."""

from __future__ import annotations

from .pitch import CHORD_INTERVALS, NO_CHORD, ChordSymbol, Key, parse_chord

Progression = tuple[tuple[str, ...], ...]
MOSTLY_DIATONIC = 0.6


def fit_to_key(progression: Progression, key: Key, heard: Key | None) -> tuple[Progression, str]:
    """Bring chords into the key the musician chose; returns them and a sentence ('' when nothing changed).

    When most chords belong to ``key`` already they stay where they sound (the key was misread, the chords were not);
    else they are transposed by the distance of the tonics. What is still foreign takes the diatonic triad sharing most
    tones.
    """
    labels = [label for bar in progression for label in bar if label != NO_CHORD]
    inside = sum(_is_diatonic(parse_chord(label), key) for label in labels) / max(len(labels), 1)
    shift = 0
    if inside < MOSTLY_DIATONIC and heard is not None:
        shift = (key.tonic - heard.tonic) % 12
    changed = tuple(tuple(_into_key(label, key, shift) for label in bar) for bar in progression)
    if changed == progression:
        return progression, ""
    how = "transposed into" if shift else "adapted to"
    return (
        changed,
        f"The idea's chords were {how} {key.name}; the idea itself sounds in {heard.name if heard else 'another key'}.",
    )


def _is_diatonic(chord: ChordSymbol | None, key: Key) -> bool:
    return chord is None or set(chord.pitch_classes) <= set(key.scale)


def _into_key(label: str, key: Key, shift: int) -> str:
    chord = parse_chord(label)
    if chord is None:
        return label
    moved = chord.transposed(shift)
    if _is_diatonic(moved, key):
        return moved.label(key)
    tones, triads = set(moved.pitch_classes), [degree_chord(key, degree) for degree in range(1, 8)]
    return max(triads, key=lambda triad: (len(tones & set(triad.pitch_classes)), triad.root == moved.root)).label(key)


def degree_chord(key: Key, degree: int, sevenths: bool = False) -> ChordSymbol:
    """The diatonic chord on a degree 1..7 of the key, as a triad or a seventh chord."""
    scale = key.scale
    stack = tuple((scale[(degree - 1 + 2 * i) % 7] - scale[degree - 1]) % 12 for i in range(4 if sevenths else 3))
    for quality, intervals in CHORD_INTERVALS.items():
        if intervals == stack:
            return ChordSymbol(scale[degree - 1], quality)
    return degree_chord(key, degree)  # every diatonic triad is in the table
