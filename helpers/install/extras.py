"""What makes the tool better and is fetched only on the user's word: the genre and mood models, a better SoundFont."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..analysis import tag_models
from ..sketch import fluidr3


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


EXTRAS = {
    extra.name: extra
    for extra in (
        Extra(
            "tags",
            "Genre and mood",
            "names the idea's genre and mood, so that the part and the models' words follow them",
            tag_models.DOWNLOAD_BYTES,
            tag_models.LICENCE,
            tag_models.are_tag_models_here,
            tag_models.fetch_tag_models,
        ),
        Extra(
            "soundfont",
            "Better instruments",
            "the FluidR3 SoundFont: real samples in place of the small bank that is always at hand",
            fluidr3.PACKAGE.size_bytes or 0,
            fluidr3.LICENCE,
            fluidr3.has_good_soundfont,
            fluidr3.fetch_soundfont,
        ),
    )
}
