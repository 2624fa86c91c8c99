"""Which genre, which mood? The tag models' answers in words that the music models understand.

First choice: Discogs-EffNet's 400 styles and the MTG-Jamendo mood head, once fetched. Without them musicnn names the
family of the genre, where it is sure; a family it confuses with others is not named, and the genre stays unknown.

Three people agree on half of all genre and mood tags: the answer is the best three with scores, never a fact.
"""

from __future__ import annotations

import json

import numpy as np

from ..errors import NotAvailable
from ..records import Clip, Tag
from .effnet import run_effnet
from .listening import Listening, listen
from .tag_models import (
    BACKBONE,
    DOWNLOAD_BYTES,
    LICENCE,
    MOOD_HEAD,
    MOOD_LABELS,
    STYLE_LABELS,
    are_tag_models_here,
    fetch_tag_models,
    read_tag_file,
)

__all__ = ["DOWNLOAD_BYTES", "LICENCE", "are_tag_models_here", "estimate_tags", "fetch_tag_models"]

SHOWN = 3
NO_MODELS_NOTE = "Genre is unknown: the genre and mood models have not been fetched."
FAMILY_NOTE = "Genre family by musicnn (Pons & Serra): the family alone; fetch the genre and mood models for styles."
LEAST_ONSETS = 4
# family: its tags of the two models, and the score from which it was right 8 times of 10 (the rest is not named)
FAMILIES: dict[str, tuple[tuple[str, ...], tuple[str, ...], float]] = {
    "electronic": (("electronic", "dance", "electronica", "electro", "House"), ("techno", "electronic", "dance"), 0.4),
    "rock": (("rock", "alternative rock", "classic rock", "indie rock", "hard rock", "punk"), ("rock",), 0.45),
    "metal": (("metal", "heavy metal"), ("metal",), 0.4),
    "jazz": (("jazz",), (), 0.6),
    "hip hop": (("Hip-Hop", "rnb"), (), 0.4),
    "folk": (("folk", "country"), ("country",), 0.4),
    "classical": ((), ("classical", "opera", "choral", "harpsichord"), 0.5),
    "ambient": (("ambient",), ("ambient", "new age"), 0.45),
}
EFFNET_NOTE = "Genre and mood by Discogs-EffNet and MTG-Jamendo (UPF, CC BY-NC-ND 4.0): the best three, not facts."

# MTG-Jamendo mood/theme tags that are moods, in the models' words; the others are uses (advertising, film), not moods
MOOD_WORDS = {
    "ambiental": "ambient",
    "calm": "calm",
    "cool": "cool",
    "dark": "dark",
    "deep": "deep",
    "drama": "dramatic",
    "dramatic": "dramatic",
    "dream": "dreamy",
    "emotional": "emotional",
    "energetic": "energetic",
    "epic": "epic",
    "fun": "playful",
    "funny": "playful",
    "groovy": "groovy",
    "happy": "happy",
    "heavy": "heavy",
    "hopeful": "hopeful",
    "inspiring": "inspiring",
    "love": "romantic",
    "meditative": "meditative",
    "melancholic": "melancholic",
    "melodic": "melodic",
    "motivational": "uplifting",
    "party": "upbeat",
    "positive": "positive",
    "powerful": "powerful",
    "relaxing": "relaxing",
    "retro": "retro",
    "romantic": "romantic",
    "sad": "sad",
    "sexy": "sensual",
    "soft": "soft",
    "space": "spacey",
    "summer": "sunny",
    "upbeat": "upbeat",
    "uplifting": "uplifting",
}
# parents whose styles do not say what they are by themselves
_PARENT_WORD = {"Hip Hop": "hip hop", "Reggae": "reggae", "Jazz": "jazz", "Blues": "blues", "Latin": "latin"}
_NOT_MUSIC = ("Non-Music", "Children's")


def genre_word(label: str) -> str | None:
    """``Electronic---Deep House`` gives ``deep house``, ``Hip Hop---Boom Bap`` ``boom bap hip hop``; None: no music."""
    parent, _, style = label.partition("---")
    if parent in _NOT_MUSIC or not style:
        return None
    word = style.lower().replace("/", " ").replace(" & ", " and ")
    extra = _PARENT_WORD.get(parent, "")
    return word if not extra or extra.split()[-1] in word else f"{word} {extra}"


def estimate_tags(sound: Clip | Listening) -> tuple[tuple[Tag, ...], tuple[Tag, ...], tuple[str, ...]]:
    """Genres, moods (at most three each, best first) and notes on where they come from or why there are none.

    Never raises: whatever is missing or broken becomes a note.
    """
    heard, notes = listen(sound), []
    if are_tag_models_here():
        try:
            genres, moods = _effnet_tags(heard.clip)
            return genres, moods, (EFFNET_NOTE,)
        except NotAvailable as error:
            notes.append(str(error))
    family = genre_family(heard)
    if family is not None:
        return (family,), (), (*notes, FAMILY_NOTE)
    return (), (), tuple(notes) or (NO_MODELS_NOTE,)


def genre_family(sound: Clip | Listening) -> Tag | None:
    """The family whose tags score best, where that is enough for it to be right 8 times of 10; else None."""
    heard = listen(sound)
    if heard.onsets[0].size < LEAST_ONSETS or heard.tags is None:  # noise and drones are no music to it
        return None
    scores = {
        name: max([heard.tags["MSD"][t] for t in msd] + [heard.tags["MTT"][t] for t in mtt])
        for name, (msd, mtt, _) in FAMILIES.items()
    }
    best = max(scores, key=lambda name: scores[name] - FAMILIES[name][2])
    return Tag(best, scores[best]) if scores[best] >= FAMILIES[best][2] else None


def _effnet_tags(clip: Clip) -> tuple[tuple[Tag, ...], tuple[Tag, ...]]:
    styles = [genre_word(label) for label in _classes(read_tag_file(STYLE_LABELS), STYLE_LABELS.name)]
    themes = [MOOD_WORDS.get(label) for label in _classes(read_tag_file(MOOD_LABELS), MOOD_LABELS.name)]
    heard = run_effnet(clip, read_tag_file(BACKBONE), read_tag_file(MOOD_HEAD))
    if len(styles) != heard.styles.size or len(themes) != heard.moods.size:
        raise NotAvailable("The tag models and their label lists do not belong together; fetch the models again.")
    return best_tags(styles, heard.styles), best_tags(themes, heard.moods)


def _classes(data: bytes, name: str) -> list[str]:
    try:
        classes = json.loads(data)["classes"]
        return [str(label) for label in classes]
    except (ValueError, KeyError, TypeError):
        raise NotAvailable(f"The label list {name} cannot be read; fetch the genre and mood models again.") from None


def best_tags(words: list[str | None], scores: np.ndarray) -> tuple[Tag, ...]:
    """The three best words with scores 0..1; words that several labels share keep their best score."""
    best: dict[str, float] = {}
    for word, score in zip(words, np.nan_to_num(scores), strict=True):
        if word is not None:
            best[word] = max(best.get(word, 0.0), float(np.clip(score, 0.0, 1.0)))
    ranked = sorted(best.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Tag(word, score) for word, score in ranked[:SHOWN])
