"""Which genre, which mood? The tag models' answers in words that the music models understand.

Discogs-EffNet's 400 styles and the MTG-Jamendo mood head, once fetched; without them the genre stays unknown.

Three people agree on half of all genre and mood tags: the answer is the best three with scores, never a fact.
"""

from __future__ import annotations

import json

import numpy as np

from ..errors import NotAvailable
from ..records import Clip, Tag
from .effnet import run_effnet
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


def estimate_tags(clip: Clip) -> tuple[tuple[Tag, ...], tuple[Tag, ...], tuple[str, ...]]:
    """Genres, moods (at most three each, best first) and notes on where they come from or why there are none.

    Never raises: whatever is missing or broken becomes a note.
    """
    notes: list[str] = []
    if are_tag_models_here():
        try:
            genres, moods = _effnet_tags(clip)
            return genres, moods, (EFFNET_NOTE,)
        except NotAvailable as error:
            notes.append(str(error))
    return (), (), tuple(notes) or (NO_MODELS_NOTE,)


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
