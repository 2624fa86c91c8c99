"""Where the weights of each model come from: Hub ids and revisions in one table, local folders instead, what is cached.

Nothing here imports torch or touches the network, so that ``engines`` can ask at once.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import InvalidInput, LoopsError, NotAvailable
from ...machine.files import read_json
from ...records import EngineInfo

TOKENIZER_FILES = ("tokenizer.json", "spiece.model", "vocab.json")  # one of them
STABILITY_LICENCE = "Stability AI Community License"
AUDIOLDM2_LICENCE = "CC BY-NC-SA 4.0 (no commercial use)"
MUSICGEN_LICENCE = "CC BY-NC 4.0 (no commercial use)"


@dataclass(frozen=True)
class ModelSource:
    """One checkpoint: its place on the Hub, the files we need of it, and what they are under.

    ``revisions`` (branches, commits or ``refs/pr/N``) are tried in order: the first that holds every part is taken.
    ``parts`` are the folders (``""`` = the top) that must hold a ``config.json`` and safetensors weights. Those of
    ``tokenizers`` must hold one (without it the libraries make an empty one, which knows no word); ``extras`` are
    folders with other small files. ``files`` are needed by name or pattern; a checkpoint of audiocraft is nothing else.
    ``download_gib`` is what the Hub sends for a full set; ``needs`` names the sources that the checkpoint points to
    instead of holding them.
    """

    name: str
    hub_id: str
    licence: str
    download_gib: float
    parts: tuple[str, ...]
    tokenizers: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    gated: bool = False
    revisions: tuple[str, ...] = ("main",)
    files: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()

    @property
    def variable(self) -> str:
        """The environment variable that names a local folder to use instead."""
        return "LOOPS_MODEL_" + self.name.upper().replace("-", "_")

    @property
    def page(self) -> str:
        """The page a person opens to read about the model or to accept its licence."""
        return model_page(self.hub_id)

    @property
    def patterns(self) -> tuple[str, ...]:
        """What to download: safetensors and small text files of our parts; other formats only by name (``files``)."""
        out: list[str] = ["*.json"] if "" not in self.parts else []
        for part in dict.fromkeys((*self.parts, *self.tokenizers, *self.extras)):
            stem = f"{part}/" if part else ""
            out += [f"{stem}*.json", f"{stem}*.txt", f"{stem}*.model"]
            if part in self.parts:
                out += self._weights(part)
        return (*out, *self.files)

    @property
    def weights(self) -> tuple[tuple[str, ...], ...]:
        """For each part the patterns of which one must match: what a revision without safetensors lacks."""
        return tuple(self._weights(part) for part in self.parts)

    @staticmethod
    def _weights(part: str) -> tuple[str, ...]:
        """Whole or in shards; not the copies in another precision that some repositories hold beside them."""
        stem = f"{part}/" if part else ""
        names = ("model", "diffusion_pytorch_model")
        return tuple(f"{stem}{name}{end}.safetensors" for name in names for end in ("", "-*-of-*"))


def _musicgen(variant: str, download_gib: float, *elsewhere: str) -> ModelSource:
    name = f"musicgen-{variant}"
    revisions = ("main", *elsewhere)  # a pull request may be merged one day
    top = ("",)
    return ModelSource(name, f"facebook/{name}", MUSICGEN_LICENCE, download_gib, top, top, revisions=revisions)


def _audiocraft(variant: str, download_gib: float) -> ModelSource:
    """Meta's own format: pickles, which only the isolated worker opens, and runs code from only if they are Meta's."""
    files = ("state_dict.bin", "compression_state_dict.bin")
    needs = ["t5-base"]
    needs += ["audiocraft-stems"] if "melody" in variant else []
    # The codec file of these repositories is 589 bytes: the name of another repository.
    needs += ["audiocraft-codec"] if "stereo" in variant or variant == "melody-large" else []
    name = f"audiocraft-{variant}"
    hub_id = f"facebook/musicgen-{variant}"
    return ModelSource(name, hub_id, MUSICGEN_LICENCE, download_gib, parts=(), files=files, needs=tuple(needs))


# GiB of transformers' files and of audiocraft's, and the revisions but "main" that may hold the former as safetensors.
_MUSICGEN: dict[str, tuple[Any, ...]] = {
    "small": (2.2, 1.0),
    "medium": (7.5, 3.6, "refs/pr/10"),
    "large": (12.8, 6.3, "037a9f5a2a8a44bd6eaa38b1171f6fdfb1b0b1a9"),
    "melody": (5.7, 3.0),
    "melody-large": (9.8, 6.1),
    "stereo-small": (1.14, 0.84),
    "stereo-medium": (3.8, 3.45),
    "stereo-large": (6.45, 6.1),
    "stereo-melody": (5.9, 2.8),
    "stereo-melody-large": (9.9, 6.1),
}
# Sizes as the repositories list them (see tests/engines/hub_listings.json), else from the number of parameters; the
# exact figure is asked of the Hub before a download.
SOURCES = {
    source.name: source
    for source in (
        ModelSource(
            "stable-audio-open",
            "stabilityai/stable-audio-open-1.0",
            STABILITY_LICENCE,
            4.9,
            parts=("transformer", "vae", "text_encoder", "projection_model"),
            tokenizers=("tokenizer",),
            extras=("scheduler",),
            gated=True,
        ),
        ModelSource(
            "foundation-1",
            "RoyalCities/Foundation-1",
            STABILITY_LICENCE,
            2.26,
            parts=(),
            files=("Foundation_1.safetensors", "model_config.json"),
            needs=("t5-base",),
        ),
        ModelSource(
            "audioldm2-music",
            "cvssp/audioldm2-music",
            AUDIOLDM2_LICENCE,
            4.2,
            parts=("unet", "vae", "vocoder", "text_encoder", "text_encoder_2", "projection_model", "language_model"),
            tokenizers=("tokenizer", "tokenizer_2"),
            extras=("scheduler", "feature_extractor"),
        ),
        ModelSource(
            "ace-step",
            "Runware/acestep-v15-base-diffusers",
            "MIT",
            6.2,
            parts=("transformer", "condition_encoder", "text_encoder", "vae"),
            tokenizers=("tokenizer",),
            extras=("scheduler",),
        ),
        *(_musicgen(variant, gib, *elsewhere) for variant, (gib, _, *elsewhere) in _MUSICGEN.items()),
        *(_audiocraft(variant, gib) for variant, (_, gib, *_) in _MUSICGEN.items()),
        _audiocraft("style", 3.9),
        ModelSource(
            "audiocraft-diffusion",
            "facebook/multiband-diffusion",
            MUSICGEN_LICENCE,
            1.0,
            parts=(),
            files=("mbd_musicgen_32khz.th",),
        ),
        # What audiocraft's checkpoints name instead of holding it: the text encoder, and what hears a melody in a mix.
        ModelSource("t5-base", "t5-base", "Apache-2.0", 0.9, parts=("",), tokenizers=("",)),
        ModelSource("audiocraft-codec", "facebook/encodec_32khz", MUSICGEN_LICENCE, 0.2, parts=("",)),
        ModelSource(
            "audiocraft-stems",
            "adefossez/HTDemucs",
            "MIT",
            0.2,
            parts=(),
            files=("htdemucs.yaml", "*.safetensors"),
        ),
    )
}


def model_info(source: ModelSource, name: str, **facts: Any) -> EngineInfo:
    """What an engine is; where the weights of its default checkpoint come from is said by ``source``."""
    size = source.download_gib + sum(SOURCES[need].download_gib for need in source.needs)
    said: dict[str, Any] = dict(
        licence=source.licence, hub_id=source.hub_id, gated=source.gated, download_gib=round(size, 2)
    )
    return EngineInfo(name=name, **({"prompt_style": name, "packages": "diffusers"} | said | facts))


def hub_endpoint() -> str:
    """The Hub's address, ``HF_ENDPOINT`` or the public one, without a slash at the end."""
    return (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")


def model_page(hub_id: str) -> str:
    """The page of a model on the Hub, where its licence is accepted."""
    return f"{hub_endpoint()}/{hub_id}"


def token_page() -> str:
    """The page where a person makes a token."""
    return f"{hub_endpoint()}/settings/tokens"


def hub_cache() -> Path:
    """The cache folder of the Hub's library, as it says itself."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def repository_folder(source: ModelSource) -> Path:
    """The folder of the Hub's cache that holds all revisions of a model; it may not exist."""
    return hub_cache() / ("models--" + source.hub_id.replace("/", "--"))


def missing_files(folder: Path, source: ModelSource) -> list[str]:
    """What a folder lacks to be a usable checkpoint of ``source``, as relative paths; empty when complete.

    A sharded checkpoint is complete when every shard that its index names is there.
    """
    lacking = [name for name in source.files if not any(folder.glob(name))]
    lacking += [f"{extra}/" for extra in source.extras if not (folder / extra).is_dir()]
    for part in source.parts:
        place, stem = folder / part, f"{part}/" if part else ""
        needed = ["config.json"]
        if indexes := sorted(place.glob("*.safetensors.index.json")):
            try:
                needed += sorted({str(name) for name in read_json(indexes[0].read_bytes())["weight_map"].values()})
            except (OSError, InvalidInput, TypeError, KeyError, AttributeError):  # cut short, or somebody else's
                lacking.append(f"{stem}{indexes[0].name} in one piece")
        elif not any(place.glob("*.safetensors")):
            needed.append("*.safetensors")
        lacking += [f"{stem}{name}" for name in needed if not (place / name).is_file()]
    for part in source.tokenizers:
        if not any((folder / part / name).is_file() for name in TOKENIZER_FILES):
            lacking.append(f"{part}/{TOKENIZER_FILES[0]}" if part else TOKENIZER_FILES[0])
    return lacking


@contextmanager
def readable(source: ModelSource) -> Iterator[None]:
    """Raise NotAvailable, with what to do, for a file of the model that is cut short, missing or another model's."""
    from ..devices import is_out_of_memory

    try:
        yield
    except LoopsError:
        raise
    except Exception as error:  # every library has its own
        if is_out_of_memory(error):
            raise
        first = (str(error).strip().splitlines() or ["no message"])[0][:200]
        raise NotAvailable(
            f"The weights of {source.hub_id} cannot be loaded ({type(error).__name__}: {first}): a file is damaged, "
            f"missing or another model's. Take {repository_folder(source).name} out of the Hub's cache, or correct the "
            f"folder that {source.variable} names, and fetch them again."
        ) from error


def local_folder(source: ModelSource) -> Path | None:
    """The folder that ``source.variable`` names, checked; None when it is not set.

    The small model of a family goes by the family's name too: ``LOOPS_MODEL_MUSICGEN``.

    Raises
    ------
    InvalidInput
        If the folder is not there or is not such a checkpoint; the text names what is missing.
    """
    family = [source.variable.removesuffix("_SMALL")] if source.name in ("musicgen-small", "audiocraft-small") else []
    for variable in (source.variable, *family):
        if not os.environ.get(variable):
            continue
        folder = Path(os.environ[variable]).expanduser()
        if not folder.is_dir():
            raise InvalidInput(f"{variable} names {folder}, which is not a folder; correct it or unset it.")
        if lacking := missing_files(folder, source):
            raise InvalidInput(
                f"{variable} names {folder}, which lacks {lacking[0]}; it must hold {source.hub_id} in the Hub's own "
                "layout, with safetensors weights."
            )
        return folder
    return None


def cached_folder(source: ModelSource) -> Path | None:
    """The complete snapshot of ``source`` in the Hub's cache, or None."""
    repository = repository_folder(source)
    for revision in source.revisions:
        reference = repository / "refs" / revision
        commit = reference.read_text(encoding="utf-8").strip() if reference.is_file() else revision
        snapshot = repository / "snapshots" / commit
        if snapshot.is_dir() and not missing_files(snapshot, source):
            return snapshot
    return None


def cached_gib(source: ModelSource) -> float:
    """GiB of this model already in the Hub's cache, finished files and resumable pieces alike."""
    blobs = repository_folder(source) / "blobs"
    return sum(f.stat().st_size for f in blobs.iterdir() if f.is_file()) / 2**30 if blobs.is_dir() else 0.0
