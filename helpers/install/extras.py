"""What makes the tool better and is fetched only on the user's word: the genre and mood models, better instruments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..analysis import tag_models
from ..records import CancelCheck, Progress, never_cancelled, silent_progress
from ..sketch import sound_fetch
from . import install


@dataclass(frozen=True)
class Extra:
    """One thing to fetch: ``fetch(progress, cancel)`` brings it, ``is_here()`` says whether that was done."""

    name: str
    title: str
    good_at: str
    download_bytes: int
    licence: str
    is_here: Callable[[], bool]
    fetch: Callable[..., Any]


def _instrument(which: sound_fetch.SampleSet) -> Extra:
    def fetch(progress: Progress = silent_progress, cancel: CancelCheck = never_cancelled) -> None:
        install("sfz", on_line=lambda line: progress(line, None), cancel=cancel)
        sound_fetch.fetch_samples(which, progress, cancel)

    good_at = f"plays the {which.instrument}: its layers answer the touch, where a SoundFont has one or two"
    name = which.instrument.replace(" ", "-")
    return Extra(name, which.title, good_at, which.samples_bytes, which.licence, lambda: which.is_here, fetch)


_TAGS = Extra(
    "tags",
    "Genre and mood",
    "names the idea's genre and mood, so that the part and the models' words follow them",
    tag_models.DOWNLOAD_BYTES,
    tag_models.LICENCE,
    tag_models.are_tag_models_here,
    tag_models.fetch_tag_models,
)
_BANK = Extra(
    "soundfont",
    "Better instruments",
    "the MuseScore General SoundFont: real samples, several layers, in place of the small bank at hand",
    sound_fetch.MUSESCORE.package.size_bytes or 0,
    sound_fetch.MUSESCORE.licence,
    sound_fetch.has_good_soundfont,
    sound_fetch.fetch_soundfont,
)
EXTRAS = {extra.name: extra for extra in (_TAGS, _BANK, *map(_instrument, sound_fetch.SETS))}
