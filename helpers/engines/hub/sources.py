"""Where the weights of each model come from: Hub ids and revisions in one table, local folders instead, what is cached.

Nothing here imports torch or touches the network, so that ``engines`` can ask at once.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ...errors import InvalidInput, LoopsError, NotAvailable, first_line
from ...machine.files import read_json
from ...music.tables import read_table

TOKENIZER_FILES = ("tokenizer.json", "spiece.model", "vocab.json")  # one of them


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


def _source(row: tuple[str, ...]) -> ModelSource:
    name, hub_id, licence, gib, *lists = row
    words = [tuple("" if word == "." else word for word in cell.split()) for cell in lists]
    parts, tokenizers, extras, files, needs, revisions = words
    terms, gated = licence.removesuffix(", gated"), licence.endswith(", gated")
    return ModelSource(
        name, hub_id, terms, float(gib), parts, tokenizers, extras, gated, revisions or ("main",), files, needs
    )


_TABLE = read_table(__package__, "sources.txt")
SOURCES = {row[0]: _source(row) for rows in _TABLE.values() for row in rows}
# The checkpoints of a family by their short names.
VARIANTS = {family: tuple(name.removeprefix(f"{family}-") for name, *_ in rows) for family, rows in _TABLE.items()}


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
        raise NotAvailable(
            f"The weights of {source.hub_id} cannot be loaded ({type(error).__name__}: {first_line(error)}): a file is "
            f"damaged, missing or another model's. Take {repository_folder(source).name} out of the Hub's cache, or "
            f"correct the folder that {source.variable} names, and fetch them again."
        ) from error


def local_folder(source: ModelSource) -> Path | None:
    """The folder that ``source.variable`` names, checked; None when it is not set.

    The small model of a family goes by the family's name too: ``LOOPS_MODEL_MUSICGEN``. Raises InvalidInput if the
    folder is not there or is not such a checkpoint; the text names what is missing.
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
        commit = reference.read_text(encoding="utf-8").strip() if os.path.isfile(reference) else revision
        snapshot = repository / "snapshots" / commit
        if os.path.isdir(snapshot) and not missing_files(snapshot, source):
            return snapshot
    return None


def cached_gib(source: ModelSource) -> float:
    """GiB of this model already in the Hub's cache, finished files and resumable pieces alike."""
    blobs = repository_folder(source) / "blobs"
    return sum(f.stat().st_size for f in blobs.iterdir() if f.is_file()) / 2**30 if os.path.isdir(blobs) else 0.0
