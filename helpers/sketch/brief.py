"""What the composer is told: the request and what was heard in the idea, brought onto the part's own grid.

Everything after this works in steps (sixteenths from bar 1), whatever the meter.
"""

from __future__ import annotations

import copy
import hashlib
from bisect import bisect_right
from collections.abc import Container
from math import sqrt

import numpy as np

from ..music.instruments import find_instrument
from ..music.meter import step_seconds
from ..music.pitch import Key
from ..records import Analysis, Request
from .family import member_form
from .feel import KITS_PLAYED, PLAYED, PROGRAMMED, Feel, learnt_feel
from .form import Bar, heard_letters, plan_form
from .genres import FAMILIES, GENRES, PLAIN, Genre, Mood, find_genre, find_mood, guess_genre, shaped_by
from .harmony import Harmony, key_of_chords, read_harmony, suggest_progression
from .idea import crowding, heard_groove, heard_motif, heard_swing, heard_timing, heard_tones

# Where a role sits when the idea leaves every octave free (MIDI notes).
CENTRES = {"bass": 40, "chords": 60, "pad": 60, "lead": 72, "arpeggio": 69, "drums": 60}
TIMING_SECONDS = 0.008  # standard deviation of a pitched part at humanize = 1
USUAL_GROOVE = 0.5  # of the idea's own timing and accents
USUAL_ANSWER = 0.15  # a part mostly goes with the idea's accents and sometimes fills its gaps
HEARD_MOOD_STRENGTH = 0.5  # a mood read from the sound is a guess; one the musician names is an order
# How far a role may move away from where the idea is busy, in semitones.
ROOM_TO_MOVE = {"lead": (-7, 0, 5), "arpeggio": (-9, 0, 7), "chords": (-5, 0, 5), "pad": (-5, 0, 7)}
# How far takes of one request differ in register, in semitones either way.
TAKE_SPREAD = {"lead": 4, "arpeggio": 5, "chords": 8, "pad": 7}
BASS_SHIFTS = (-6, -2, 2, 6)  # takes of a bass line differ by which octave its roots fall into
SUB_BASSES = ("808", "sub bass")
TOP_OF_BASS, TOP_OF_SUB = 52, 39  # bass lines stay below E3, and what is only felt below 80 Hz


class Brief:
    """The composer's orders.

    ``harmony`` is one ``(start, end, chord)`` in steps for each chord; spans end at bar lines.
    ``accents`` and ``low_accents`` are the idea's onsets 0..1 for each bar and step, shape (bars, steps_per_bar), all
    zero when unknown; ``levels`` is a factor 0..1 a bar; ``motif`` holds the idea's melody as ``(step, length,
    pitch)``, ``tones`` how clearly each half bar of it sounds each pitch class, -1..1. ``density`` and ``syncopation``
    are changes -1..1 to what the genre plays; ``complexity`` is 0..1; ``lean`` is how much rhythms go with the idea's
    accents (above 0) or answer in its gaps (below 0), -1..1; ``groove`` is how much of the idea's accents and of
    ``timing_ms``, its place of each step of a bar, the part takes. ``feel`` stretches the genre's cells (2 = half
    time). ``low``..``high`` is the range the part may use, ``centre`` where it should sit, ``depth`` the share of the
    idea's energy below C3. ``member`` is which of a family it is, if any. ``heard`` says what was made of the idea.
    """

    def __init__(self, request: Request, analysis: Analysis | None, take: int) -> None:
        """Bring the request and the analysis together; what neither knows, the genre and the take decide."""
        self.request, self.analysis = request, analysis
        self.role, self.meter, self.bars = request.role, request.time, request.bars
        self.steps_per_bar = self.meter.steps_per_bar
        self.steps = self.bars * self.steps_per_bar
        self.step_seconds = step_seconds(request.bpm, self.meter)
        self.member = request.member(take)
        self.stream = stream_of(request, take)
        rng = np.random.Generator(np.random.PCG64(int.from_bytes(self.stream, "big")))
        self.heard: list[str] = []
        genre = self._find_genre()
        self.mood_name, mood = self._find_mood()
        self.genre, self.mood = shaped_by(request.style, genre, mood)
        self.instrument = find_instrument(request.instrument).instrument
        self.key, self.harmony = self._find_harmony(rng)
        self.accents, self.low_accents, self.levels = heard_groove(request, analysis, self.heard)
        self.motif, self.tones = heard_motif(request, analysis), heard_tones(request, analysis)
        self.swing, self.swing_unit = heard_swing(request, analysis, self.genre)
        self.timing_ms = heard_timing(request, analysis, (self.swing, self.swing_unit))
        self.groove = USUAL_GROOVE if request.groove is None else request.groove
        self.answer = USUAL_ANSWER if request.answer is None else request.answer
        self.lean = 1.0 - 2.0 * self.answer
        self.complexity = 0.5 if request.complexity is None else request.complexity
        self.density = _signed(request.density) + self.mood.density + 0.8 * (self.complexity - 0.5)
        self.syncopation = _signed(request.syncopation) + self.mood.syncopation + 0.6 * (self.complexity - 0.5)
        played = self.instrument.is_drums and self.instrument.program in KITS_PLAYED
        self.humanize = (PLAYED if played else PROGRAMMED) if request.humanize is None else request.humanize
        self.feel = 1.0 if self.meter.steps_per_beat == 6 else feel_at(request.bpm, self.genre.native)
        octaves = np.asarray(analysis.groove.octaves if analysis else (), dtype=float)
        self.depth = float(octaves[:2].sum())
        self.low, self.high, self.centre = self._find_register(octaves, rng)

    def from_pitch(self, low: int) -> Brief:
        """The same orders for notes from ``low`` up."""
        other = copy.copy(self)
        other.low = max(self.low, low)
        return other

    def pitches(self, classes: Container[int]) -> list[int]:
        """The notes of the part's range that are of these pitch classes, from below."""
        return [p for p in range(self.low, self.high + 1) if p % 12 in classes]

    def nearest(self, classes: Container[int], pitch: float) -> int:
        """The note of these pitch classes in the part's range that lies nearest to a pitch, the lower of two."""
        return min(self.pitches(classes), key=lambda p: (abs(p - pitch), p))

    def accent(self, step: float) -> float:
        """How much the idea stresses a step of the loop, against its mean: about -0.5..1, 0 when nothing was heard."""
        row = self.accents[int(round(step) // self.steps_per_bar) % self.bars]
        return float(row[round(step) % row.size] - self.accents.mean())

    def sounding(self, step: float) -> np.ndarray:
        """How clearly the idea sounds each pitch class around a step, -1..1 (12,)."""
        return self.tones[int(2 * step / self.steps_per_bar) % len(self.tones)]

    def feel_of(self, limb: str) -> Feel:
        """How a limb places and strikes each step of the bar, as human as the part is to be."""
        learnt = learnt_feel(self.genre.drums, limb, self.steps_per_bar)
        # Where the idea's own place is heard, it takes the room of a player's habits as far as the groove goes.
        taken = [
            self.groove * (ms != 0.0 or (step == 0 and any(self.timing_ms))) for step, ms in enumerate(self.timing_ms)
        ]
        habit = tuple(sqrt(1.0 - share**2) for share in taken)  # deviations add up in their squares
        if self.role != "drums":
            heard = tuple(self.groove * v for v in self.timing_ms)
            return Feel(heard, (0.0,) * self.steps_per_bar, 1000 * TIMING_SECONDS * self.humanize, 0.0, habit)
        own = [self.humanize * v for v in learnt.ms]
        ms = tuple(m + share * (v - m) for m, v, share in zip(own, self.timing_ms, taken, strict=True))
        # A machine's hits differ in force too: whoever programs it draws the accents.
        force = max(self.humanize, 0.4)
        velocity = tuple(force * v for v in learnt.velocity)
        return Feel(ms, velocity, self.humanize * learnt.ms_deviation, force * learnt.deviation, habit)

    def rng(self, *words: object) -> np.random.Generator:
        """The random stream for one decision; the same words give the same stream."""
        text = "|".join(str(w) for w in words).encode()
        return np.random.Generator(np.random.PCG64(int.from_bytes(hashlib.sha256(self.stream + text).digest(), "big")))

    def form(self) -> tuple[Bar, ...]:
        """The form of the bars: the idea's own repeats where they give one, else one the take picks."""
        form = plan_form(self.bars, int(self.rng("form").integers(8)), heard_letters(self.accents))
        return member_form(form, self.member)

    def chord(self, step: float) -> Harmony:
        """The harmony at a step; past the end it is the beginning again, for the loop goes round."""
        return self.span(step)[2]

    def span(self, step: float) -> tuple[float, float, Harmony]:
        """``(start, end, harmony)`` of the chord at a step, within its bar and its lap of the loop."""
        lap, inside = divmod(step, self.steps)
        start, end, chord = self.harmony[bisect_right(self.harmony, inside, key=lambda s: s[0]) - 1]
        return start + lap * self.steps, end + lap * self.steps, chord

    @property
    def half_bar_labels(self) -> tuple[str, ...]:
        half = self.steps_per_bar / 2
        return tuple(self.chord(i * half + 2 * (i % 2)).label for i in range(2 * self.bars)) if self.harmony else ()

    def changes(self, bar: int) -> tuple[float, ...]:
        """The steps inside a bar, from its start, on which another chord comes."""
        begin, size = bar * self.steps_per_bar, self.steps_per_bar
        return tuple(start - begin for start, _, _ in self.harmony if begin < start < begin + size)

    def weight(self, step: float) -> float:
        """Metrical weight of a step in the bar: 1 on beat 1, 0.1 on a weak sixteenth."""
        s = round(step) % self.steps_per_bar
        beat = self.meter.steps_per_beat
        if s == 0:
            return 1.0
        if s % beat == 0:
            return 0.8 if self.meter.beats_per_bar == 4 and s == 2 * beat else 0.65
        if s % 2 == 0:
            return 0.4
        return 0.12

    def _find_genre(self) -> Genre:
        request, analysis = self.request, self.analysis
        tags = [tag.label for tag in analysis.genres if tag.steers] if analysis else []
        named = next((text for text in (request.genre, request.style, *tags) if find_genre(text)), None)
        family = find_genre(named)
        if analysis is None or (family is not None and named not in tags):
            return family or GENRES[PLAIN]
        if family is not None:
            self.heard.append(f"genre {family.name}")
        among = None if family is None else FAMILIES.get(family.name, ())
        low = np.asarray(analysis.groove.low_accents, dtype=float)
        guess = guess_genre(request.bpm, low, analysis.groove.density, analysis.tempo.swing or 0.5, among)
        if guess not in (None, family):
            self.heard.append(f"{guess.name} by its tempo and kicks")
        return guess or family or GENRES[PLAIN]

    def _find_mood(self) -> tuple[str, Mood]:
        heard, asked = self.analysis.moods if self.analysis else (), self.request.mood
        for text in (asked, self.request.style):
            name, mood = find_mood(text)
            if name != "neutral":
                guessed = bool(heard and asked == heard[0].label)
                return name, mood.scaled(HEARD_MOOD_STRENGTH) if guessed else mood
        for tag in heard:
            name, mood = find_mood(tag.label if tag.steers else None)
            if name != "neutral":
                self.heard.append(f"mood {name}")
                return name, mood.scaled(HEARD_MOOD_STRENGTH)
        return find_mood(None)

    def _find_harmony(self, rng: np.random.Generator) -> tuple[Key | None, tuple[tuple[float, float, Harmony], ...]]:
        request, analysis = self.request, self.analysis
        size, progression = self.steps_per_bar, request.progression
        bars = [progression[bar % len(progression)] for bar in range(self.bars) if progression]
        labels = tuple(label for bar in bars for label in bar)
        if self.role == "drums":
            return request.key, ()
        key = request.key or (analysis.key.key if analysis and analysis.key else None) or key_of_chords(labels)
        if key is None:
            key = Key(9, "minor")
            self.heard.append("no key was heard, so A minor was taken")
        if not bars:
            colour = max(0, self.genre.colour + self.mood.colour)
            bars = list(suggest_progression(key, self.bars, self.genre.progressions, colour, self.mood.bright, rng))
            labels = tuple(label for bar in bars for label in bar)
            self.heard.append("no chords were given, so the key and the genre chose them")
        places = [zip(s, (*s[1:], size), strict=True) for s in map(self.meter.chord_steps, map(len, bars))]
        placed = [(float(n * size + a), float(n * size + b)) for n, bar in enumerate(places) for a, b in bar]
        lengths = tuple(end - start for start, end in placed)
        spans: list[tuple[float, float, Harmony]] = []
        chords = read_harmony(labels, key, heard=request.chords_heard, lengths=lengths)
        for (start, end), chord in zip(placed, chords, strict=True):
            goes_on = start % size and spans[-1][2] == chord
            spans.append((spans.pop()[0] if goes_on else start, end, chord))
        return key, tuple(spans)

    def _find_register(self, octaves: np.ndarray, rng: np.random.Generator) -> tuple[int, int, int]:
        low, high = self.instrument.low, self.instrument.high
        centre = CENTRES[self.role] + self.mood.register
        if self.role == "bass":
            sub = self.instrument.name in SUB_BASSES
            centre = min(centre, 43) - (5 if sub else 0) + int(rng.choice(BASS_SHIFTS))
            high = max(low + 14, min(high, TOP_OF_SUB if sub else TOP_OF_BASS))
        elif self.role in ("chords", "pad"):
            low, high = max(low, 43), min(high, 84)
        if octaves.size == 7 and self.role in ROOM_TO_MOVE:
            span = ROOM_TO_MOVE[self.role]
            costs = [crowding(octaves, centre + s) + 0.15 * abs(s) / 12 for s in span]
            shift = span[int(np.argmin(costs))]
            if shift:
                self.heard.append(f"the idea is busy around there, so the part moved {'up' if shift > 0 else 'down'}")
            centre += shift
        spread = TAKE_SPREAD.get(self.role)
        if spread:
            centre += int(rng.integers(-spread, spread + 1))
        centre += 12 * self.request.register
        if high - low < 15:  # a narrow instrument: all of it
            return low, high, (low + high) // 2
        return low, high, int(np.clip(centre, low + 6, high - 6))


def stream_of(request: Request, take: int) -> bytes:
    """The root of all random choices of a take."""
    alone = request.with_(seed=request.take_seed(take))
    return hashlib.sha256(alone.musical_digest() + b"|sketch").digest()


def _signed(control: float | None) -> float:
    """A control 0..1 as a change -1..1; None changes nothing."""
    return 0.0 if control is None else 2.0 * control - 1.0


def feel_at(bpm: float, native: tuple[float, float]) -> float:
    """2 where the tempo is too fast for what is felt at ``native`` tempi (half time), 0.5 where too slow, else 1."""
    low, high = native
    if bpm > 1.08 * high and bpm / 2 >= 0.85 * low:
        return 2.0
    return 0.5 if bpm < 0.78 * low and bpm * 2 <= 1.1 * high else 1.0
