"""What is to be made."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidInput
from ..music.meter import FASTEST_BPM, METERS, MOST_BARS, SLOWEST_BPM, Meter, loop_samples
from ..music.pitch import Key
from .controls import GUIDE, NOTES, UNWANTED_WORDS, WORDS, control, controls_of

ROLES = ("bass", "chords", "pad", "lead", "arpeggio", "drums")
GUIDES = ("sketch", "idea", "none")
MOST_TAKES = 16
FAMILY = 100  # seeds of one hundred belong together
MEMBERS = ("main", "variation", "fill", "breakdown", "build")  # of one loop, in the order of the takes
LARGEST_SEED = 10**15 - 1  # JavaScript keeps every whole number below 2^53 (about 9 * 10^15) exactly
STRAIGHT, MOST_SWING = 0.5, 0.75  # share of a beat the first of two notes takes
_UNNAMED = ("instrument", "role")  # "" in both: audio of unknown kind that is only measured


def _slider(label: str, left: str, right: str, help: str, default: Any = None, **more: Any) -> Any:
    """A number 0 to 1 on a slider."""
    return control("number", label, help, default, **({"low": 0, "high": 1, "ends": (left, right)} | more))


def _music(kind: str, label: str, help: str, default: Any = ..., **more: Any) -> Any:
    """A musical choice: another value gives other notes."""
    return control(kind, label, help, default, composes=True, **more)


@dataclass(frozen=True)
class Request:
    """What is to be made. Everything that decides the sound is in here, so that a loop can be made again from its JSON.

    Every field is a control: one row that says its kind, range, default and help (see :mod:`.controls`). A request
    that exists is in range: the constructor raises InvalidInput for anything else.

    ``instrument`` is a canonical name of :mod:`helpers.music.instruments`; it and ``role`` are ``""`` when audio of
    unknown kind is only measured. ``key`` is None for drums or when it is unknown. ``progression`` holds the chords
    bar by bar (one to four labels a bar), repeated over the bars; empty when the idea's harmony is unknown.
    ``chords_heard`` says that they are our estimate, which may be wrong: a part keeps to the tones that lie on the
    scale, where chords a musician wrote are played to the note. ``tuning_cents``: where the idea's pitch lies, against
    A4 = 440 Hz. None in a field that shapes the part: the idea and
    the genre decide. ``options`` holds an engine's own settings (``steps``, ``guidance``, ``preset``, ``prompt`` ...).
    """

    # fmt: off
    instrument: str = _music("text", "Instrument", "any everyday name: 'bass guitar', rhodes, 808, 'drum kit' ...")
    role: str = _music("choice", "Role", "what it does in the music (default: the instrument's own)", choices=ROLES,
                       is_open=True, hint="the instrument's own", group="Music", heard_by=NOTES)
    bpm: float = _music("number", "Tempo", "overrule the tempo heard", low=SLOWEST_BPM, high=FASTEST_BPM, is_open=True,
                        why="the beats in a minute")
    bars: int = _music("whole", "Bars", "length of the loop; an idea that loops gives its own", 4, low=1,
                       high=MOST_BARS, group="Music")
    meter: str = _music("choice", "Time signature", "overrule the meter heard (in 6/8 BPM counts dotted quarters)",
                        "4/4", choices=tuple(METERS), is_open=True, hint="as heard", group="Music")
    key: Key | None = _music("key", "Key", "overrule the key heard, such as 'A minor'", None)
    progression: tuple[tuple[str, ...], ...] = _music(
        "chords", "Chords", "overrule the chords heard, such as '| Am | F | C G |'", (), name="chords", is_open=True)
    chords_heard: bool = control("switch", default=False, is_offered=False)
    engine: str = control("text", "Engine", "sketch, or one listed by the engines command", "sketch")
    genre: str | None = _music("text", "Genre", "such as house, bossa nova, trap", None)
    mood: str | None = _music("text", "Mood", "such as dark, happy, calm", None)
    style: str = _music("text", "Style words", "more words about the sound", "", hint="such as fingered, mellow, tape",
                        group="Music", heard_by=WORDS)
    avoid: str = control("text", "Avoid", "what must not be in it", "", hint="such as reverb, slides", group="Music",
                         heard_by=UNWANTED_WORDS)
    register: int = _music("whole", "Register (octaves)", "shift the part by whole octaves", 0, low=-3, high=3,
                           group="Music", heard_by=NOTES)
    tuning_cents: float = control("number", default=0.0, low=-50, high=50, is_offered=False)
    complexity: float | None = _slider("Complexity", "simple", "intricate", "simple 0 to intricate 1", composes=True,
                                       group="Playing", heard_by=NOTES)
    density: float | None = _slider("Density", "few notes", "many", "few notes 0 to many 1", composes=True,
                                    group="Playing")
    syncopation: float | None = _slider("Syncopation", "on the beat", "off it", "on the beat 0 to off it 1",
                                        composes=True, group="Playing", heard_by=NOTES)
    answer: float | None = _slider("Answers the idea", "independent", "fills its gaps", "go its own way 0 to fill the "
                                   "idea's gaps 1", composes=True, group="Playing", heard_by=NOTES)
    humanize: float | None = _slider("Feel", "tight", "loose", "exactly on the grid 0 to human timing and touch 1",
                                     group="Playing", heard_by=NOTES)
    swing: float | None = _slider("Swing", "straight", "shuffle", "how long the first of two notes is (default: as "
                                  "heard)", low=STRAIGHT, high=MOST_SWING, group="Playing", heard_by=NOTES,
                                  why="0.5 is straight, 0.667 triplets")
    groove: float | None = _slider("The idea's groove", "none of it", "all of it", "how much of the idea's own timing "
                                   "and accents the part takes (default: half)", group="Playing", heard_by=NOTES)
    family: bool = control("switch", "A family", "five parts that belong together: main, variation, fill, breakdown, "
                           "build", False, group="Takes and steering", heard_by=NOTES)
    takes: int = control("whole", "Takes", "how many loops", 3, low=1, high=MOST_TAKES, group="Takes and steering")
    seed: int = _music("whole", "Seed", "repeat a result; without it one is drawn and reported", 0, low=0,
                       high=LARGEST_SEED, is_open=True, hint="new each time", group="Takes and steering")
    dry: bool = control("switch", "Dry, without reverb", "no reverb", False, group="Takes and steering")
    sound: str = control("text", "Sound", "a preset: classic, warm, dark, bright, plucky, gritty, wide, soft, tight, "
                         "deep, alone or with a number such as 'warm 7'; or sampled", "", hint="as the genre has it",
                         group="Sound", heard_by=NOTES)
    width: float | None = _slider("Width", "mono", "wide", "stereo width, mono 0 to twice as wide 1", group="Sound",
                                  heard_by=NOTES)
    duck: float = _slider("Ducks under the kick", "not", "deep", "how far the part ducks under the idea's kick", 0.0,
                          group="Sound", heard_by=NOTES)
    guide: str = control("choice", "Guide", "what a neural model follows", "sketch", choices=GUIDES,
                         group="Takes and steering", heard_by=GUIDE)
    guide_strength: float = _slider("Guide strength", "free", "close", "how closely", 0.5, group="Takes and steering",
                                    heard_by=GUIDE)
    sample_rate: int = control("whole", default=44_100, low=8_000, high=192_000, is_offered=False)
    options: dict[str, Any] = control("options", default={}, is_offered=False)
    # fmt: on

    def __post_init__(self) -> None:
        for name, (field, row) in CONTROLS.items():
            value = getattr(self, field)
            if (value == "" and name in _UNNAMED) or (value is None and row.default is None):
                continue
            read = row.read(value)
            if read is None:
                raise InvalidInput(f"{name} is not given; {row.rule}.")
            object.__setattr__(self, field, read)

    @property
    def time(self) -> Meter:
        return METERS[self.meter]

    @property
    def seconds(self) -> float:
        """Exact length of the loop."""
        return self.bars * self.time.beats_per_bar * 60.0 / self.bpm

    @property
    def quarters(self) -> float:
        """Length of the loop in quarter notes, as MIDI and DAWs count it."""
        return self.bars * self.time.beats_per_bar * self.time.quarters_per_beat

    def samples(self, sample_rate: int | None = None) -> int:
        """Samples of the finished loop at ``sample_rate`` (default: the request's)."""
        return loop_samples(self.bars, self.bpm, self.time, sample_rate or self.sample_rate)

    def half_bars(self) -> tuple[str, ...]:
        """The progression as ``2 * bars`` chord labels, one per half bar; empty when harmony is unknown.

        Every bar is split at half its length, whatever its chords' own places (:meth:`.Meter.chord_steps`): the chord
        that sounds there.
        """
        if not self.progression:
            return ()
        out: list[str] = []
        for bar in range(self.bars):
            labels = self.progression[bar % len(self.progression)]
            places = self.time.chord_steps(len(labels))
            middle = sum(at <= self.time.steps_per_bar / 2 + 2 for at in places) - 1
            out += [labels[0], labels[middle]]
        return tuple(out)

    def with_(self, **changes: Any) -> Request:
        return dataclasses.replace(self, **changes)

    def to_json(self) -> dict[str, Any]:
        out = dataclasses.asdict(self)
        out["key"] = self.key.name if self.key else None
        out["progression"] = [list(bar) for bar in self.progression]
        return out

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Request:
        """Read what :meth:`to_json` wrote; unknown fields, missing ones and odd values raise InvalidInput."""
        unknown = sorted(set(data) - {f.name for f in dataclasses.fields(cls)})
        if unknown:
            raise InvalidInput(
                f"The request holds fields we do not know: {', '.join(unknown)}; it is from another version."
            )
        seed = data.get("seed")
        if isinstance(seed, int):  # version 0.1 allowed 63 bits
            data = data | {"seed": seed % (LARGEST_SEED + 1)}
        try:
            return cls(**data)
        except TypeError as error:
            raise InvalidInput(f"The request is incomplete: {error}.") from None

    def take_seed(self, number: int) -> int:
        """The seed of take ``number`` (from 0): the request's own and those after it, round within its family.

        A request with this seed and one take makes that very take. The members of a family share one seed.
        """
        return self.family_seed + (self.seed + number // (len(MEMBERS) if self.family else 1)) % FAMILY

    def member(self, number: int) -> str:
        """What take ``number`` is in its family of parts; ``""`` when none is asked for."""
        return MEMBERS[number % len(MEMBERS)] if self.family else ""

    @property
    def family_seed(self) -> int:
        """The first seed of the family: its sketch is what a neural model follows in every take of the family."""
        return self.seed - self.seed % FAMILY

    def musical_digest(self) -> bytes:
        """SHA-256 over the musical choices alone, the root of a composer's random choices.

        Controls that do not compose (engine, reverb, words to avoid, guide, touch, rate ...) change nothing in it, nor
        does a control that is left at its default: one that is added later leaves every older loop as it was.
        """
        data = self.to_json()
        composed = {
            field: data[field]
            for field, row in CONTROLS.values()
            if row.composes and getattr(self, field) != row.default
        }
        return hashlib.sha256(json.dumps(composed, sort_keys=True, ensure_ascii=True).encode()).digest()


CONTROLS = controls_of(Request)


def read_controls(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Values by a control's name, each as its row reads it; what is left open (None) is left out.

    Raises InvalidInput if there is no such control, or a row refuses a value.
    """
    for name in asked:
        if name not in CONTROLS:
            raise InvalidInput(f"There is no control called {name!r}.")
    read = {name: CONTROLS[name][1].read(value) for name, value in asked.items() if value is not None}
    return {name: value for name, value in read.items() if value is not None}
