"""Chords heard in seconds, written as bars; and bars of chords brought into another key. Pure harmony, no audio."""

from __future__ import annotations

from .meter import Meter, bar_seconds
from .pitch import NO_CHORD, ChordSymbol, Key, parse_chord
from .records import Analysis

Progression = tuple[tuple[str, ...], ...]
# Tempo ratios that are another reading of the same sound (half, double, ...), not another speed.
SAME_SOUND_RATIOS = (0.5, 2 / 3, 0.75, 1.0, 4 / 3, 1.5, 2.0)
RATIO_TOLERANCE = 0.03
MOSTLY_DIATONIC = 0.6


def bars_of_chords(analysis: Analysis, bpm: float, meter: Meter, bars: int) -> Progression:
    """The idea's chords from its first downbeat on, two labels (half bars) a bar, at most ``bars`` bars.

    Read on the grid of ``bpm`` where that is another reading of the idea's own tempo, else bar by bar on the idea's
    grid. Only bars that the idea fills are returned; half bars without a chord take the one before. Empty when nothing
    was heard.
    """
    if not analysis.chords or analysis.tempo.bpm is None:
        return ()
    ratio = bpm / analysis.tempo.bpm
    reread = any(abs(ratio / same - 1) < RATIO_TOLERANCE for same in SAME_SOUND_RATIOS)
    bar = bar_seconds(bpm if reread else analysis.tempo.bpm, meter)
    start = analysis.tempo.downbeats[0] if analysis.tempo.downbeats else analysis.chords[0].start
    whole = int((analysis.seconds - start) / bar + 0.1)
    halves: list[str] = []
    for index in range(2 * max(1, min(bars, whole))):
        begin, end = start + index * bar / 2, start + (index + 1) * bar / 2
        overlap: dict[str, float] = {}
        for chord in analysis.chords:
            shared = min(end, chord.end) - max(begin, chord.start)
            if shared > 0:
                overlap[chord.label] = overlap.get(chord.label, 0.0) + shared
        halves.append(max(overlap, key=overlap.__getitem__) if overlap else NO_CHORD)
    heard = [label for label in halves if label != NO_CHORD]
    if not heard:
        return ()
    last = heard[0]
    for index, label in enumerate(halves):
        halves[index] = last = label if label != NO_CHORD else last
    return tuple((halves[i], halves[i + 1]) for i in range(0, len(halves), 2))


def fit_to_key(progression: Progression, key: Key, heard: Key | None) -> tuple[Progression, str]:
    """Bring chords into the key the musician chose; returns them and a sentence ('' when nothing changed).

    When most chords belong to ``key`` already they stay where they sound (the key was misread, the chords were not);
    else they are transposed by the distance of the tonics. What is still foreign takes the diatonic triad sharing most
    tones.
    """
    labels = [label for bar in progression for label in bar if label != NO_CHORD]
    inside = sum(_is_diatonic(label, key) for label in labels) / max(len(labels), 1)
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


def _is_diatonic(label: str, key: Key) -> bool:
    chord = parse_chord(label)
    return chord is None or set(chord.pitch_classes) <= set(key.scale)


def _into_key(label: str, key: Key, shift: int) -> str:
    chord = parse_chord(label)
    if chord is None:
        return label
    chord = chord.transposed(shift)
    if not set(chord.pitch_classes) <= set(key.scale):
        chord = max(diatonic_triads(key), key=lambda triad: (_shared(triad, chord), triad.root == chord.root))
    return chord.label(key)


def _shared(one: ChordSymbol, other: ChordSymbol) -> int:
    return len(set(one.pitch_classes) & set(other.pitch_classes))


def diatonic_triads(key: Key) -> tuple[ChordSymbol, ...]:
    """The seven triads of a key, from the tonic up."""
    out = []
    for degree in range(7):
        root, third, fifth = (key.scale[(degree + step) % 7] for step in (0, 2, 4))
        thirds = ((third - root) % 12, (fifth - root) % 12)
        out.append(ChordSymbol(root, {(4, 7): "", (3, 7): "m", (3, 6): "dim"}[thirds]))
    return tuple(out)
