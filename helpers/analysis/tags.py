"""Which genre, which mood? The tag models' answers in words that the music models understand.

First choice: Discogs-EffNet's 400 styles and the MTG-Jamendo mood head, once fetched. Second: CLAP asked with our own
words, where transformers and its weights already are. With neither the genre stays unknown.

Three people agree on half of all genre and mood tags: the answer is the best three with scores, never a fact.
"""

from __future__ import annotations

import importlib.util
import json
import os

import numpy as np

from ..errors import LoopsError, NotAvailable
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
CLAP_MODEL = "laion/larger_clap_music"

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
# words for CLAP, which takes any: broad genres first, then what loops are made for
CLAP_GENRES = (
    "rock", "pop", "jazz", "blues", "classical", "folk", "country", "funk", "soul", "disco", "reggae", "metal",
    "hip hop", "trap", "lofi hip hop", "house", "techno", "trance", "drum and bass", "dubstep", "ambient",
    "synthwave", "latin", "bossa nova", "afrobeat", "cinematic orchestral",
)  # fmt: skip
CLAP_MOODS = tuple(sorted(set(MOOD_WORDS.values())))
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
    if is_clap_here():
        try:
            genres, moods = _clap_tags(clip)
            return genres, moods, (*notes, f"Genre and mood by {CLAP_MODEL}, asked with our own words: best three.")
        except LoopsError as error:
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


def is_clap_here() -> bool:
    """Whether transformers and torch are installed and CLAP's weights lie in the hub's cache (nothing is imported)."""
    if any(importlib.util.find_spec(package) is None for package in ("transformers", "torch")):
        return False
    home = os.environ.get("HF_HUB_CACHE") or os.path.join(
        os.environ.get("HF_HOME") or os.path.join(os.path.expanduser("~"), ".cache", "huggingface"), "hub"
    )
    return os.path.isdir(os.path.join(home, "models--" + CLAP_MODEL.replace("/", "--"), "snapshots"))


def _clap_tags(clip: Clip) -> tuple[tuple[Tag, ...], tuple[Tag, ...]]:
    """Zero-shot tags (Wu et al., ICASSP 2023): the words whose sentence lies nearest to the sound."""
    import soxr
    from transformers import ClapModel, ClapProcessor

    try:
        model = ClapModel.from_pretrained(CLAP_MODEL, local_files_only=True).requires_grad_(False).eval()
        processor = ClapProcessor.from_pretrained(CLAP_MODEL, local_files_only=True)
        mono = soxr.resample(clip.mono(), clip.sample_rate, 48_000)[: 48_000 * 30]

        def ask(words: tuple[str, ...], sentence: str) -> tuple[Tag, ...]:
            text = [sentence.format(word) for word in words]
            given = processor(text=text, audios=[mono], sampling_rate=48_000, return_tensors="pt", padding=True)
            odds = model(**given).logits_per_audio.softmax(dim=-1)[0].numpy()
            return best_tags(list(words), odds)

        return ask(CLAP_GENRES, "This audio is a {} song."), ask(CLAP_MOODS, "This audio is {} music.")
    except Exception as error:  # torch and transformers raise anything from OSError to RuntimeError
        reason = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
        raise NotAvailable(f"CLAP could not be asked for genre and mood: {reason}.") from None
