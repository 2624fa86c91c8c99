"""Which genre, which mood? The tag models' answers in words that the music models understand.

First choice: Discogs-EffNet's 400 styles and the MTG-Jamendo mood head, once fetched. Without them musicnn tells
the family of the genre, by a model learnt from labelled music (``training/train_family.py``), and whether the idea is
energetic or calm; what is not sure stays unknown.

Three people agree on half of all genre and mood tags: the answer is the best three with scores, never a fact.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from ..errors import NotAvailable
from ..machine.weights import load_weights
from ..music.tables import read_toml
from ..records import Clip, Tag
from .effnet import run_effnet
from .listening import Listening, listen
from .musicnn import Tagged
from .tag_models import (
    BACKBONE,
    MOOD_HEAD,
    MOOD_LABELS,
    STYLE_LABELS,
    are_tag_models_here,
    read_tag_file,
)

SHOWN = 3
NO_MODELS_NOTE = "Genre is unknown: the genre and mood models have not been fetched."
FAMILY_NOTE = "Genre family and energy by musicnn (Pons & Serra); fetch the genre and mood models for styles and moods."
LEAST_ONSETS = 4
_TABLE = read_toml(__package__, "tags.toml")
MOOD_WORDS = _TABLE["mood_words"]
ENERGY = {name: (tuple(msd), tuple(mtt), score) for name, (msd, mtt, score) in _TABLE["energy"].items()}
BROADER = _TABLE["broader"]
NO_FAMILY = "none"  # of speech, noises and single notes, as the model learnt it
EFFNET_NOTE = "Genre and mood by Discogs-EffNet and MTG-Jamendo (UPF, CC BY-NC-ND 4.0): the best three, not facts."

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
    family, energy = genre_family(heard), energy_word(heard)
    if family is None and not notes:
        notes.append(NO_MODELS_NOTE)
    if family or energy:
        notes.append(FAMILY_NOTE)
    return (family,) if family else (), (energy,) if energy else (), tuple(notes)


def genre_family(sound: Clip | Listening) -> Tag | None:
    """The family with its probability, where that is enough for it to be right 8 times of 10; else None."""
    tagged = _tagged_music(listen(sound))
    return named_family(tagged.hidden, load_weights(__package__, "family")) if tagged is not None else None


def named_family(hidden: np.ndarray, learnt: dict[str, Any]) -> Tag | None:
    """The family that a model says of hidden layers, if surely enough; where only two together are, the broader."""
    scores = np.array(learnt["table"]) @ hidden + np.array(learnt["offsets"])
    chance = np.exp(scores - scores.max())
    each = dict(zip(learnt["families"], (chance / chance.sum()).tolist(), strict=True))
    joined: dict[str, float] = {}
    for name, share in each.items():
        joined[BROADER.get(name, name)] = joined.get(BROADER.get(name, name), 0.0) + share
    for said in (each, joined):
        best = max(said, key=lambda name: said[name])
        if best != NO_FAMILY and said[best] >= learnt["least"]:
            return Tag(best, said[best])
    return None


def energy_word(sound: Clip | Listening) -> Tag | None:
    """``energetic`` or ``calm`` where the tags clearly say so, scored by how clearly (0.5..1); else None."""
    tagged = _tagged_music(listen(sound))
    if tagged is None:
        return None
    tags = tagged.tags
    said = {
        word: float(np.mean(np.log([tags["MSD"][t] + 1e-3 for t in msd] + [tags["MTT"][t] + 1e-3 for t in mtt])))
        for word, (msd, mtt, _) in ENERGY.items()
    }
    word, other = sorted(said, key=lambda name: -said[name])
    lead = said[word] - said[other]
    return Tag(word, float(1 / (1 + np.exp(-lead)))) if lead >= ENERGY[word][2] else None


def _tagged_music(heard: Listening) -> Tagged | None:
    """What musicnn says; None without it, and of noise and drones, which are music to it."""
    return heard.tagged if heard.onsets[0].size >= LEAST_ONSETS else None


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
