"""Words for each model: a request told in the prompt format that the model is known to understand.

What carries tempo and key differs by model. Stable Audio Open's own card leads with the number ("128 BPM tech house
drum loop"); MusicGen was trained on comma-separated metadata fields and takes the tempo last ("bpm: 128");
AudioLDM2-Music documents neither, so it gets a description and a tempo in words, and its takes are held to the grid
afterwards.

Nothing is claimed that the request does not say: a field that is None leaves no trace in the text.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from ..errors import InvalidInput
from ..music.instruments import find_instrument
from ..music.tables import read_table
from ..records import Request

_TABLE = read_table(__package__, "prompts.txt")
ROLE_WORDS = {role: words for role, words, _, _ in _TABLE["roles"]}
_TAGS = {role: tag for role, _, tag, _ in _TABLE["roles"]}
NEGATIVES = {role: tuple(terms.split(", ")) for role, _, _, terms in _TABLE["roles"]}
_VOICE_TERMS = ("vocals", "singing")
_QUALITY_NEGATIVES = ("low quality", "noise", "distortion artifacts")
_VOICE_WORDS = {"voice", "vocal", "choir", "oohs", "aahs", "vox"}
_MOST_CHARACTERS = 400  # about 100 tokens: every text encoder here reads at least 77 (Stable Audio Open: 128)


def write_prompt(engine_name: str, request: Request) -> tuple[str, str]:
    """Write the prompt and the negative prompt for one engine; the latter is empty for models that cannot hear it.

    An engine that reads no words (``sketch``) gets two empty texts. ``options["prompt"]`` and
    ``options["negative_prompt"]`` of the request, where given, are used as they stand. Raises InvalidInput if there is
    no such engine, or a prompt given by hand is empty or not text.
    """
    from .registry import get_engine

    style = get_engine(engine_name).info.prompt_style
    if not style:
        return "", ""
    prompt, negative = _WRITERS[style](request, _Words(request))
    return _by_hand(request, "prompt", prompt), _by_hand(request, "negative_prompt", negative)


def _by_hand(request: Request, option: str, written: str) -> str:
    if option not in request.options:
        return written
    text = request.options[option]
    if not isinstance(text, str) or (option == "prompt" and not text.strip()):
        raise InvalidInput(f"The option {option!r} is {text!r}; write words, or leave it out to have them written.")
    return text.strip()


class _Words:
    """The parts of a request as words; an empty text where the request is silent."""

    def __init__(self, request: Request) -> None:
        heard = find_instrument(request.instrument).instrument
        self.instrument = request.instrument
        self.aliases = {heard.name, request.instrument.lower()}
        self.genre = request.genre or ""
        self.mood = request.mood or ""
        self.role = ROLE_WORDS[request.role]
        self.key = "" if request.key is None or request.role == "drums" else request.key.name
        self.bpm = f"{round(request.bpm)}"  # training metadata holds whole numbers; the fraction is stretched in later
        self.feel = {"3/4": "waltz time", "6/8": "6/8 feel"}.get(request.meter, "")
        self.busy = _scale_word(request.density, "sparse", "busy")
        self.space = "dry, no reverb" if request.dry else ""
        self.style = request.style.strip()

    @property
    def noun(self) -> str:
        """``rhodes loop``, ``drum loop``; the instrument's own name is kept."""
        return f"{self.instrument} loop"


def _scale_word(value: float | None, low: str, high: str) -> str:
    if value is None or 1 / 3 <= value <= 2 / 3:
        return ""
    return low if value < 1 / 3 else high


def _joined(parts: Iterable[str], separator: str = ", ") -> str:
    """Join what is not empty, whole parts only, within what the shortest text encoder reads."""
    out: list[str] = []
    for part in (p.strip() for p in parts if p and p.strip()):
        if out and len(separator.join([*out, part])) > _MOST_CHARACTERS:
            break
        out.append(part)
    return separator.join(out)


def _negative(request: Request, words: _Words, *extra: str) -> str:
    own = {word for alias in words.aliases for word in alias.split()}
    terms = [term for term in NEGATIVES[request.role] if not own & set(term.split())]
    if own & _VOICE_WORDS:
        terms = [term for term in terms if term not in _VOICE_TERMS]
    if family_names(request.instrument)[0] == "Mallet":
        terms = [term for term in terms if term != "percussion"]
    asked = [term.strip() for term in request.avoid.replace(";", ",").split(",")]
    return _joined(dict.fromkeys([*asked, *terms, *extra]))


def _stable_audio(request: Request, w: _Words) -> tuple[str, str]:
    head = _joined([f"{w.bpm} BPM", w.genre, w.noun], " ")
    prompt = _joined([head, f"solo {w.role}", w.key, w.style, w.mood, w.busy, w.feel, w.space, "high quality"])
    return prompt, _negative(request, w, *_QUALITY_NEGATIVES)


def _musicgen(request: Request, w: _Words) -> tuple[str, str]:
    fields = [f"solo {w.noun}", w.genre, w.role, w.style, w.mood, w.busy, w.feel, w.space, w.key]
    return _joined([*fields, f"bpm: {w.bpm}"]), ""


def _audioldm2(request: Request, w: _Words) -> tuple[str, str]:
    pace = "slow" if request.bpm < 85 else "fast" if request.bpm > 130 else "medium"
    head = _joined(["A", w.mood, w.genre, f"{w.role} played on solo {w.instrument}"], " ")
    prompt = _joined([head, w.style, w.busy, w.feel, w.space, f"{pace} tempo", "clear recording", "high quality"])
    return prompt, _negative(request, w, *_QUALITY_NEGATIVES)


def _ace_step(request: Request, w: _Words) -> tuple[str, str]:
    # Tempo, key and metre are told beside the words.
    return _joined([w.genre, f"solo {w.instrument}", w.role, w.style, w.mood, w.busy, w.space, "instrumental"]), ""


# Of Foundation-1, as its model card names them.
TRAINED_BPM = (100, 110, 120, 128, 130, 140, 150)
_NAMES = {ours: theirs for ours, theirs in _TABLE["foundation-1"]}
_GENRE_TAGS = ("dubstep", "chiptune")  # the only two it knows


@dataclass(frozen=True)
class Told:
    """What Foundation-1 is told instead of the request's tempo: ``pace`` of its beats are one of the request's."""

    bpm: int
    bars: int
    pace: float


def told_tempo(request: Request) -> Told:
    """The trained tempo nearest to the request's, to its double or to its half, and the four or eight bars that hold
    the loop (or as much of it as eight bars do)."""
    ways = [(abs(math.log(bpm / (request.bpm * pace))), pace, bpm) for pace in (1, 2, 0.5) for bpm in TRAINED_BPM]
    _, pace, bpm = min(ways, key=lambda way: (round(way[0], 9), way[1] != 1))
    return Told(bpm, 4 if request.bars * pace <= 4 else 8, pace)


def family_names(instrument: str) -> tuple[str, str]:
    """What Foundation-1 and ACE-Step call the family of an instrument, by its General MIDI program."""
    program = find_instrument(instrument).instrument.program
    return next((tag, track) for first, tag, track in reversed(_TABLE["families"]) if int(first) <= program)


def _foundation_1(request: Request, w: _Words) -> tuple[str, str]:
    """Instrument, timbre, what is played, effects; bars, tempo and key last, as the card's own examples have them."""
    told = told_tempo(request)
    family, _ = family_names(request.instrument)
    instrument = _NAMES.get(w.instrument, w.instrument)
    genre = w.genre if w.genre.lower() in _GENRE_TAGS else ""
    busy = _scale_word(request.density, "simple", "complex")
    tags = [family, instrument, w.style, w.mood, genre, _TAGS[request.role], busy, "dry" if request.dry else ""]
    titled = [word.strip().title() for tag in tags for word in tag.split(",") if word.strip()]
    return _joined([*dict.fromkeys(titled), f"{told.bars} Bars", f"{told.bpm} BPM", w.key]), _negative(request, w)


# By EngineInfo.prompt_style.
_WRITERS = {
    "stable-audio-open": _stable_audio,
    "audioldm2-music": _audioldm2,
    "musicgen": _musicgen,
    "foundation-1": _foundation_1,
    "ace-step": _ace_step,
}
