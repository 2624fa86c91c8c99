"""Which loops a batch makes: ideas and lists in, jobs with lasting names out."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import __version__
from ..engines.registry import get_engine
from ..errors import InvalidInput
from ..machine.files import on_disk, plain_name, read_json, sha256_of, shown_name
from ..music.instruments import find_instrument
from ..records import CONTROLS, Request, read_controls

AUDIO_SUFFIXES = (
    ".wav", ".mp3", ".flac", ".ogg", ".opus", ".aif", ".aiff", ".m4a", ".aac", ".webm", ".caf",
    ".w64", ".au", ".wv", ".wma", ".mp2", ".mp4", ".tta", ".ape",
)  # fmt: skip
LIST_SUFFIXES = (".csv", ".json")
SEEDS = 1_000_000  # a drawn seed has at most six digits, so that it can be read out


@dataclass(frozen=True)
class Job:
    """One instrument's loops for one idea.

    ``id`` is the hash of the idea's bytes, the settings with their seed, and the version: the same work always has the
    same id. ``folder`` is where its loops go, below the batch's folder. ``settings`` are controls by name, as given.
    """

    id: str
    idea: Path
    settings: Mapping[str, Any]
    folder: str

    @property
    def instrument(self) -> str:
        return str(self.settings["instrument"])


def plan_jobs(
    sources: Sequence[str | os.PathLike[str]] | os.PathLike[str],
    instruments: Sequence[str],
    settings: Mapping[str, Any],
) -> list[Job]:
    """The jobs of a batch, in the order given; the same job twice is one.

    ``sources`` are audio files, folders of them (not searched deeper) and lists: CSV or JSON rows with ``idea``
    (relative to the list) and any control by its name. Every idea whose row names no instrument gets one job for each
    of ``instruments``; ``settings`` are controls that hold wherever a row says nothing else.

    Raises InvalidInput if nothing is named, a list cannot be read, or a row's control is refused. An idea that cannot
    be read is found when its turn comes.
    """
    jobs: dict[str, Job] = {}
    digests: dict[Path, str] = {}
    if isinstance(sources, str | os.PathLike):  # one alone, not its letters
        sources = [sources]
    instruments = [instruments] if isinstance(instruments, str) else list(instruments)
    for path, given, place in _rows(sources):
        named = [given["instrument"]] if given.get("instrument") else instruments
        if not named:
            raise InvalidInput(f"{place}No instrument is named; add --instrument, such as --instrument 'bass guitar'.")
        for name in named:
            try:
                values = read_controls(asked := {**settings, **given, "instrument": name})
                asked["instrument"] = values["instrument"] = find_instrument(values["instrument"]).instrument.name
                get_engine(values.get("engine", Request.engine))
            except InvalidInput as error:
                raise InvalidInput(f"{place}{error}" if place else str(error)) from None
            if path not in digests:
                digests[path] = _digest_of_file(path)
            job = _job(path, digests[path], asked, values)
            jobs.setdefault(job.id, job)
    if not jobs:
        raise InvalidInput("No audio was found for the batch; name ideas, a folder of them, or a CSV or JSON list.")
    return list(jobs.values())


def _job(path: Path, idea: str, asked: dict[str, Any], values: dict[str, Any]) -> Job:
    """The job; ``values`` are what ``asked`` reads as, so that ``4`` and ``"4"`` are the same work."""
    if asked.get("seed") is None:
        asked["seed"] = values["seed"] = int(_digest([idea, values]), 16) % SEEDS
    identity = _digest([idea, values, __version__])[:16]
    folder = f"{plain_name(path.stem) or 'idea'}/{plain_name(str(asked['instrument']))}_{identity[:8]}"
    return Job(identity, path, asked, folder)


def _rows(sources: Sequence[str | os.PathLike[str]]) -> Iterator[tuple[Path, dict[str, Any], str]]:
    """Every idea with the controls its row gives and, for lists, the place to name in a refusal."""
    for source in map(Path, sources):
        if os.path.isdir(source):
            for path in audio_files(source):
                yield path, {}, ""
        elif source.suffix.lower() in LIST_SUFFIXES:
            for number, cells in enumerate(_read_list(source), 1):
                place = f"Row {number} of “{shown_name(source)}”: "
                given = {k.strip().lower(): v.strip() if isinstance(v, str) else v for k, v in cells.items()}
                given = {k: v for k, v in given.items() if v not in (None, "")}
                idea = given.pop("idea", None)
                if not isinstance(idea, str) or "\0" in idea:
                    raise InvalidInput(f"{place}it names no idea; give its file in the column idea.")
                unknown = sorted(set(given) - set(CONTROLS))
                if unknown:
                    raise InvalidInput(f"{place}there is no control {unknown[0]!r}; use {', '.join(CONTROLS)}.")
                yield source.parent / idea, given, place
        else:
            yield source, {}, ""


def audio_files(folder: Path) -> list[Path]:
    """The audio files in a folder by name, not deeper and without hidden ones; raises InvalidInput."""
    with on_disk(f"The folder “{shown_name(folder)}” cannot be read", "check its rights"):
        inside = sorted(folder.iterdir())
    named = [path for path in inside if path.suffix.lower() in AUDIO_SUFFIXES and not path.name.startswith(".")]
    return [path for path in named if not os.path.isdir(path)]


def _read_list(path: Path) -> list[dict[str, Any]]:
    name = shown_name(path)
    with on_disk(f"The list “{name}” cannot be read", "check its name and its rights"):
        data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
        rows = read_json(text) if path.suffix.lower() == ".json" else _read_csv(text)
    except (ValueError, csv.Error) as error:
        raise InvalidInput(f"The list “{name}” is not a CSV or JSON file in UTF-8 ({error}).") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) and None not in row for row in rows):
        raise InvalidInput(
            f"The list “{name}” does not hold one row an idea; give columns or objects with idea, instrument ..."
        )
    return rows


def _read_csv(text: str) -> list[dict[str, Any]]:
    """Rows of a table whose columns are parted by what its first line holds most of: spreadsheets differ by country."""
    head = text.partition("\n")[0]
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=head.count)))


def _digest(data: Any) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True, default=str).encode()).hexdigest()


def _digest_of_file(path: Path) -> str:
    """Of the bytes; of the name where there are none to read, so that the job still has a row."""
    try:
        if not os.path.isfile(path):  # a pipe would never end
            return _digest(str(path))
        return sha256_of(path)
    except OSError:
        return _digest(str(path))
