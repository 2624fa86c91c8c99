"""Meta's reference MusicGen through an isolated audiocraft worker: what only it has.

Loops beyond 30 s (a sliding window over its own output), the MultiBandDiffusion decoder, and MusicGen-Style where the
installed version has it. audiocraft's pins exclude everybody else's, so it runs in another process
(:mod:`.worker`), in a home made by ``python -m helpers install audiocraft``; a crash there is a sentence
here. Takes are made one at a time, each from its own seed, so take k is the same alone or among others.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InvalidInput, NotAvailable
from ...machine.audiocraft_home import WORKER_PROGRAM, WorkerHome, find_home, worker_environment
from ...music.meter import bar_seconds
from ...records import Analysis, CancelCheck, Clip, EngineInfo, Progress, Readiness, Request, Take
from ..base import Engine, stop_if, take_seed
from ..guides import lead_in, loop_of_guide
from ..hub import download as hub
from ..hub.sources import SOURCES, ModelSource, local_folder
from ..options import checked_choice, checked_number, planned_seconds, written_prompt
from ..ready import judge_readiness
from .link import WorkerFailed, WorkerLink

SAMPLE_RATE = 32_000
LONGEST_SECONDS = 180.0  # no limit of the method; beyond this the windows have long forgotten the beginning
VARIANTS = tuple(
    name.removeprefix("audiocraft-")
    for name, source in SOURCES.items()
    if name.startswith("audiocraft-") and "state_dict.bin" in source.files
)
DEFAULT_VARIANT = "small"
DEBUG = "debug"
STYLE = "style"
_STRIDE_SECONDS = 18.0  # audiocraft's own
_STYLE_SECONDS = 3.0  # the excerpt the style is taken from; trained on 1.5 to 4.5 s
# How long the worker may say nothing: importing and loading read gigabytes; a step of the largest model on a slow CPU
# takes seconds, the codec's decoding of three minutes a few more.
_IMPORT_SILENCE_SECONDS = 300.0
_LOAD_SILENCE_SECONDS = 1800.0
_STEP_SILENCE_SECONDS = 300.0
_WHY_NO_STYLE = (
    "MusicGen-Style is only in audiocraft's development version (1.4), which no package index has; this is {version}"
)
_WHERE_STYLE = "name a Python that has it in LOOPS_AUDIOCRAFT_PYTHON, or choose another variant"


class AudiocraftEngine(Engine):
    """The reference MusicGen in a process of its own."""

    info = EngineInfo(
        name="audiocraft",
        title="MusicGen (audiocraft)",
        sample_rate=SAMPLE_RATE,
        channels=2,
        max_seconds=LONGEST_SECONDS,
        licence=SOURCES["audiocraft-small"].licence,
        memory_gib=2.0,
        hears=frozenset({"text", "melody", "continuation"}),
        good_at="Loops longer than 30 s and the diffusion decoder; the reference to compare MusicGen with.",
        hub_id=SOURCES["audiocraft-small"].hub_id,
        download_gib=SOURCES["audiocraft-small"].download_gib + SOURCES["audiocraft-words"].download_gib,
        options={
            "prompt": "the words the model reads, instead of those written from the request",
            "negative_prompt": "kept for the record: MusicGen cannot be told what to leave out",
            "variant": (
                f"{', '.join(VARIANTS)}; default {DEFAULT_VARIANT}. {DEBUG}: a tiny random model, to try the worker"
            ),
            "decoder": "encodec, or diffusion: MultiBandDiffusion, cleaner and slower, mono models only",
            "guidance": "how closely the words are followed, 1 to 10; default 3",
            "top_k": "how many tokens each draw chooses from, 0 (all) to 2048; default 250",
            "top_p": "draw from the likeliest tokens that sum to this, 0 (off) to 1; default 0",
            "temperature": "how evenly it chooses, 0.1 to 2; default 1",
            "stride": f"seconds between windows beyond 30 s, 1 to 29; default {_STRIDE_SECONDS:g}",
        },
    )

    def __init__(self) -> None:
        super().__init__()
        self._link: WorkerLink | None = None
        self._home: WorkerHome | None = None
        self._about: dict[str, Any] = {}
        self._loaded: dict[str, Any] = {}
        self._loaded_as: tuple[WorkerHome, str, str | None] | None = None
        self.seconds_per_take: float | None = None  # measured in this process; None = never run

    # ---- what can be had

    def readiness(self) -> Readiness:
        """Whether the worker has a home and what the machine has for it; ``details["style"]``: can it be had."""
        home = find_home()
        needs = ("torch", "transformers", "huggingface_hub") if home and home.kind == "B" else ("huggingface_hub",)
        found = judge_readiness(
            self.info, _source(DEFAULT_VARIANT), ("LOOPS_MODEL_AUDIOCRAFT",), self.seconds_per_take, needs
        )
        style = _why_no_style(home) or "available"
        details = found.details | {"home": home.kind if home else None, "style": style}
        if home is None:
            return Readiness(
                self.info.name,
                False,
                "audiocraft is not installed here.",
                "Run: python -m helpers install audiocraft (130 MB in a folder of its own; nothing else is touched).",
                details,
            )
        return dataclasses.replace(found, details=details)

    def fetch(self, progress: Progress, cancel: CancelCheck) -> None:
        """The default model's weights."""
        _fetch(DEFAULT_VARIANT, progress, cancel)

    def _check_options(self, request: Request) -> None:
        settings = _settings(request)
        if settings["decoder"] == "diffusion" and "stereo" in settings["variant"]:
            raise InvalidInput(
                f"The diffusion decoder knows mono models only and the variant is {settings['variant']}; use the "
                "encodec decoder or a mono variant."
            )
        why_not = _why_no_style(find_home()) if settings["variant"] == STYLE else ""
        if why_not:
            raise InvalidInput(f"{why_not}; {_WHERE_STYLE}.")

    # ---- making takes

    def release(self) -> None:
        """End the worker, unless it is making a take: its memory comes back, on the GPU too."""
        if self._busy.acquire(blocking=False):
            try:
                self._end()
            finally:
                self._busy.release()

    def _end(self) -> None:
        link, self._link = self._link, None
        self._loaded_as = None
        if link is not None:
            link.close()

    def _generate(
        self,
        request: Request,
        *,
        analysis: Analysis | None,
        guide: Clip | None,
        numbers: Sequence[int],
        progress: Progress,
        cancel: CancelCheck,
    ) -> list[Take]:
        settings = _settings(request)
        prompt, negative = written_prompt(request, self.info.title)
        if request.guide == "none" or request.guide_strength == 0:
            guide = None
        try:
            link = self._with_model(settings, progress, cancel)
            asked, lead_samples, notes = self._ask_for(request, settings, guide, link.folder)
            meter = _Meter(progress, len(numbers))
            takes = []
            for number in numbers:
                stop_if(cancel)
                seed = take_seed(request, number)
                answer = link.ask(
                    "generate",
                    silence_seconds=_STEP_SILENCE_SECONDS,
                    on_progress=meter.step,
                    cancel=cancel,
                    cancellable=True,
                    prompt=prompt,
                    seed=seed,
                    file=str(link.folder / "take.npy"),
                    **asked,
                )
                meter.next_take()
                clip = _read_take(Path(answer["file"]), int(answer["sample_rate"]), lead_samples)
                takes.append(self._take(clip, settings, prompt, negative, seed, notes))
        except WorkerFailed as failure:
            self._forget_ended_worker()
            raise NotAvailable(self._in_words(failure)) from None
        except BaseException:
            self._forget_ended_worker()
            raise
        self.seconds_per_take = meter.seconds / len(numbers)
        return takes

    def _with_model(self, settings: dict[str, Any], progress: Progress, cancel: CancelCheck) -> WorkerLink:
        """The running worker with the model in it; starts and loads what is not there yet."""
        from ..registry import release_others

        folder, trusted = _fetch(settings["variant"], progress, cancel)
        decoder, decoder_trusted = None, True
        if settings["decoder"] == "diffusion":
            decoder, decoder_trusted = _fetch("diffusion", progress, cancel)
        home = find_home()
        assert home is not None, "generate() asked readiness() first"
        if self._link is not None and self._link.running and (home, folder, decoder) == self._loaded_as:
            return self._link
        release_others(self.info.name)
        facts = {"model": folder, "trusted": trusted and decoder_trusted, "decoder": decoder}
        # Everything we know of is fetched, so the worker looks only there; what it misses all the same, it may fetch.
        for offline in (True, False):
            link = self._started(home, offline, progress, cancel)
            progress(f"Loading {self.info.title} {settings['variant']}", None, None)
            try:
                self._loaded = link.ask("load", silence_seconds=_LOAD_SILENCE_SECONDS, cancel=cancel, **facts)
                self._loaded_as = (home, folder, decoder)
                break
            except WorkerFailed as failure:
                if failure.kind != "download" or not offline:
                    raise
                self._end()
        return link

    def _started(self, home: WorkerHome, offline: bool, progress: Progress, cancel: CancelCheck) -> WorkerLink:
        """A worker in ``home`` that has said hello, the one that runs if it can be used."""
        self._loaded_as = None
        if self._link is None or not self._link.running or home != self._home:
            self._end()
            progress("Starting audiocraft", None, None)
            environment = worker_environment(home) | ({"HF_HUB_OFFLINE": "1"} if offline else {})
            self._home, self._link = home, WorkerLink([home.python, str(WORKER_PROGRAM)], environment)
            self._about = self._link.ask("hello", silence_seconds=_IMPORT_SILENCE_SECONDS, cancel=cancel)
        return self._link

    def _ask_for(
        self, request: Request, settings: dict[str, Any], guide: Clip | None, folder: Path
    ) -> tuple[dict[str, Any], int, tuple[str, ...]]:
        """What the worker is told beside words and seed, the samples to cut off its take, and remarks."""
        seconds = planned_seconds(request, LONGEST_SECONDS)
        asked: dict[str, Any] = {
            "seconds": seconds,
            "guidance": settings["guidance"],
            "temperature": settings["temperature"],
            "top_k": settings["top_k"],
            "top_p": settings["top_p"],
            "stride_seconds": settings["stride"],
            "diffusion": settings["decoder"] == "diffusion",
        }
        notes: list[str] = []
        window = self._loaded["window_seconds"]
        if seconds > window:
            notes.append(f"Made in windows of {window:g} s, {min(settings['stride'], window - 1):g} s apart.")
        if guide is None:
            return asked, 0, tuple(notes)
        loop = loop_of_guide(guide, request, self._loaded["sample_rate"], self._loaded["channels"])
        asked["audio_rate"] = self._loaded["sample_rate"]
        if self._loaded["hears_melody"]:
            np.save(folder / "guide.npy", loop)
            notes.append(
                "In the style of the guide." if settings["variant"] == STYLE else "Follows the guide's melody."
            )
            return asked | {"melody": str(folder / "guide.npy")}, 0, tuple(notes)
        # Whole codec frames before bar 1, so that it begins where a frame begins and can be cut to the sample.
        frame_samples = round(self._loaded["sample_rate"] / self._loaded["frame_rate"])
        bar_samples = bar_seconds(request.bpm, request.time) * self._loaded["sample_rate"]
        lead_samples = -int(-bar_samples // frame_samples) * frame_samples
        np.save(folder / "guide.npy", lead_in(loop, lead_samples))
        asked |= {"continued": str(folder / "guide.npy"), "seconds": seconds + lead_samples / SAMPLE_RATE}
        notes.append("Continues a bar of the guide, which was cut off again.")
        return asked, lead_samples, tuple(notes)

    def _take(
        self,
        clip: Clip,
        settings: dict[str, Any],
        prompt: str,
        negative: str,
        seed: int,
        notes: tuple[str, ...],
    ) -> Take:
        source = _source(settings["variant"])
        return Take(
            clip=clip,
            engine=self.info.name,
            engine_version=f"audiocraft {self._about['audiocraft']}, torch {self._about['torch']}",
            seed=seed,
            prompt=prompt,
            negative_prompt=negative,
            licence=source.licence if source else self.info.licence,
            model=source.hub_id if source else "audiocraft's debug model",
            labels=settings["labels"],
            notes=notes,
        )

    def _forget_ended_worker(self) -> None:
        if self._link is not None and not self._link.running:
            self._link.kill()
            self._link = self._loaded_as = None

    def _in_words(self, failure: WorkerFailed) -> str:
        """What happened and what to do, with the worker's last lines."""
        title, device = self.info.title, self._about.get("device", "this machine")
        install = "install it again: python -m helpers install audiocraft"
        sentences = {
            "memory": (
                f"{title} ran out of memory on {device}; ask for fewer bars or a smaller variant, or free memory first."
            ),
            "download": f"{title} could not fetch a part of its model; check the connection and try again.",
            "weights": (
                f"{title} will not open these weights: reading them could run code, and they are not Meta's own; "
                "use the ones from the Hub (unset LOOPS_MODEL_AUDIOCRAFT...)."
            ),
            "package": f"{title} does not work with the packages or the GPU that are here; {install}.",
            "start": f"{title} could not be started; {install}.",
            "ended": f"The audiocraft worker {failure.text}; it will be started again the next time.",
            "silent": f"The audiocraft worker {failure.text} and was ended; it will be started again the next time.",
            "nonsense": f"The audiocraft worker {failure.text} and was ended; it will be started again the next time.",
        }
        text = sentences.get(failure.kind, f"{title} failed; try another seed or variant.")
        shown = [*failure.log]
        if failure.kind not in ("ended", "silent", "nonsense") and not any(failure.text in line for line in shown):
            shown.append(failure.text)
        return "\n".join([text, *(f"  {line}" for line in shown)])


class _Meter:
    """Turns the worker's steps into a share of all takes and the seconds left."""

    def __init__(self, progress: Progress, takes: int) -> None:
        self._progress, self._takes, self._done = progress, takes, 0
        self._started = time.monotonic()

    def step(self, answer: dict[str, Any]) -> None:
        within = answer["done"] / max(1, answer["total"])
        stage = answer["stage"]
        if self._takes > 1:
            stage += f" take {self._done + 1} of {self._takes}"
        # A second stage (the diffusion decoder) starts again at 0: it is its own story, with no estimate for the whole.
        share = (self._done + within) / self._takes if answer["stage"] == "Sampling" else None
        left = self.seconds * (1 - share) / share if share else None
        self._progress(stage, share if share is not None else within, left)

    def next_take(self) -> None:
        self._done += 1

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started


def _settings(request: Request) -> dict[str, Any]:
    """The engine's options, checked, and the labels of what differs from the published settings."""
    numbers = {
        "guidance": (3.0, checked_number(request, "guidance", 3.0, 1.0, 10.0)),
        "top_k": (250, int(checked_number(request, "top_k", 250, 0, 2048, whole=True))),
        "top_p": (0.0, checked_number(request, "top_p", 0.0, 0.0, 1.0)),
        "temperature": (1.0, checked_number(request, "temperature", 1.0, 0.1, 2.0)),
    }
    return {
        "variant": checked_choice(request, "variant", DEFAULT_VARIANT, (*VARIANTS, DEBUG)),
        "decoder": checked_choice(request, "decoder", "encodec", ("encodec", "diffusion")),
        "stride": checked_number(request, "stride", _STRIDE_SECONDS, 1.0, 29.0),
        "labels": tuple(f"{name} {value:g}" for name, (usual, value) in numbers.items() if value != usual),
        **{name: value for name, (_, value) in numbers.items()},
    }


def _source(variant: str) -> ModelSource | None:
    return None if variant == DEBUG else SOURCES[f"audiocraft-{variant}"]


def _fetch(variant: str, progress: Progress, cancel: CancelCheck) -> tuple[str, bool]:
    """The folder of a checkpoint and whether it is Meta's own: what a musician points at is opened without its code."""
    source = _source(variant)
    if source is None:
        return DEBUG, False
    aliases = ("LOOPS_MODEL_AUDIOCRAFT",) if variant == DEFAULT_VARIANT else ()
    local = local_folder(source, *aliases)
    if local:
        return str(local), False
    if "state_dict.bin" in source.files:
        hub.fetch_model(SOURCES["audiocraft-words"], progress, cancel)
    if "melody" in variant:
        hub.fetch_model(SOURCES["audiocraft-stems"], progress, cancel)
    return str(hub.fetch_model(source, progress, cancel)), True


def _why_no_style(home: WorkerHome | None) -> str:
    """Why MusicGen-Style cannot be had from a home; empty when it can, or when only asking it would tell."""
    if home is None:
        return "MusicGen-Style needs audiocraft, which is not installed here"
    if home.kind == "own" or home.has_style:
        return ""
    return _WHY_NO_STYLE.format(version=home.version)


def _read_take(file: Path, sample_rate: int, lead_samples: int) -> Clip:
    """The worker's file as a clip without the lead-in; the file is gone afterwards."""
    samples = np.load(file, allow_pickle=False)
    file.unlink()
    return Clip(np.ascontiguousarray(samples[:, lead_samples:], dtype=np.float32), sample_rate)
