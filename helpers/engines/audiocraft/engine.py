"""Meta's reference MusicGen through an isolated audiocraft worker: what only it has.

Loops beyond 30 s (a sliding window over its own output), the MultiBandDiffusion decoder, and MusicGen-Style where the
installed version has it. audiocraft's pins exclude everybody else's, so takes are made by a program of its own
(:mod:`.worker`): a request file in, takes out, and it ends. A crash is reported in one sentence; cancelling ends the
process. Takes are made one at a time, each from its own seed, so take k is the same alone or among others.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import signal
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InvalidInput, NotAvailable, with_details
from ...machine.run import CommandFailed, run_lines
from ...music.meter import bar_seconds
from ...music.tables import read_toml
from ...records import CancelCheck, Clip, Progress, Readiness, Request, Take
from ..base import Engine, Job
from ..guides import loop_of_guide
from ..hub import download as hub
from ..hub.sources import SOURCES, ModelSource, local_folder
from ..options import declare, planned_seconds, read_settings, written_prompt
from ..ready import judge_readiness
from ..steps import StepMeter
from .home import OWN_PYTHON_VARIABLE, WORKER_PROGRAM, find_home, worker_environment

DECLARED = declare("audiocraft")
SAMPLE_RATE, LONGEST_SECONDS = DECLARED[0].sample_rate, DECLARED[0].max_seconds
DEFAULT_VARIANT, DEBUG, STYLE = "small", "debug", "style"
# How long the worker may say nothing: importing and loading read gigabytes; a step of the largest model on a slow CPU
# takes seconds, the codec's decoding of three minutes a few more.
_SILENCE_SECONDS = 1800.0
_INSTALL = "install it again: loops-generator install audiocraft"
_FAULTS = read_toml(__package__, "faults.toml")


class AudiocraftEngine(Engine):
    """The reference MusicGen in a process of its own."""

    info, presets, rows = DECLARED

    def readiness(self, request: Request | None = None) -> Readiness:
        """Whether the worker is installed, and what the machine has for it."""
        asked = read_settings(self.presets, request, self.rows)[0]["variant"] if request else DEFAULT_VARIANT
        home = find_home()
        needs = ("torch", "transformers", "huggingface_hub") if home and home.packages else ("huggingface_hub",)
        found = judge_readiness(self.info, _source(asked) or SOURCES[f"audiocraft-{DEFAULT_VARIANT}"], needs)
        if home is not None:
            return found
        return dataclasses.replace(
            found,
            ready=False,
            reason="audiocraft is not installed here.",
            remedy="Run: loops-generator install audiocraft (130 MB in a folder of its own).",
        )

    def fetch(self, progress: Progress, cancel: CancelCheck) -> None:
        """The default model's weights."""
        _fetch(DEFAULT_VARIANT, progress, cancel)

    def _check_options(self, request: Request) -> None:
        settings, _ = read_settings(self.presets, request, self.rows)
        if settings["decoder"] == "diffusion" and "stereo" in settings["variant"]:
            raise InvalidInput(
                f"The diffusion decoder knows mono models only and the variant is {settings['variant']}; use the "
                "encodec decoder or a mono variant."
            )
        home = find_home()
        if settings["variant"] == STYLE and home is not None and home.packages:
            raise InvalidInput(
                "MusicGen-Style is only in audiocraft's development version (1.4), which no package index has; name a "
                f"Python that has it in {OWN_PYTHON_VARIABLE}, or choose another variant."
            )

    def _generate(self, job: Job) -> list[Take]:
        from ..registry import release_others

        request, guide, seeds = job.request, job.guide, job.seeds
        settings, labels = read_settings(self.presets, request, self.rows)
        prompt, negative = written_prompt(request, self.info.title)
        model, trusted = _fetch(settings["variant"], job.progress, job.cancel)
        decoder, decoder_trusted = None, True
        if settings["decoder"] == "diffusion":
            decoder, decoder_trusted = _fetch("diffusion", job.progress, job.cancel)
        release_others(self.info.name)
        with tempfile.TemporaryDirectory(prefix="loops-audiocraft-") as name:
            folder = Path(name)
            files = [folder / f"take-{number}.npy" for number in job.numbers]
            if request.guide == "none" or request.guide_strength == 0:
                guide = None
            if guide is not None:
                channels = 2 if "stereo" in settings["variant"] else 1
                np.save(folder / "guide.npy", loop_of_guide(guide, request, SAMPLE_RATE, channels))
            order = {
                "model": model,
                "trusted": trusted and decoder_trusted,
                "decoder": decoder,
                "takes": [{"seed": seed, "file": str(file)} for seed, file in zip(seeds, files, strict=True)],
                "prompt": prompt,
                "seconds": planned_seconds(request, LONGEST_SECONDS),
                "guide": None if guide is None else str(folder / "guide.npy"),
                "lead_seconds": bar_seconds(request.bpm, request.time),
                **{name: settings[name] for name in ("guidance", "temperature", "top_k", "top_p")},
                "stride_seconds": settings["stride"],
            }
            answer = self._run(folder, order, job.progress, job.cancel)
            clips = [Clip(np.load(file, allow_pickle=False), answer["sample_rate"]) for file in files]
        source = _source(settings["variant"])
        return [
            Take(
                clip=clip,
                engine=self.info.name,
                engine_version=f"audiocraft {answer['audiocraft']}, torch {answer['torch']}",
                seed=seed,
                prompt=prompt,
                negative_prompt=negative,
                licence=source.licence if source else self.info.licence,
                model=source.hub_id if source else "audiocraft's debug model",
                labels=labels,
                notes=_notes(answer, order, settings["variant"]),
            )
            for clip, seed in zip(clips, seeds, strict=True)
        ]

    def _run(self, folder: Path, order: dict[str, Any], progress: Progress, cancel: CancelCheck) -> dict[str, Any]:
        """Run the worker on ``order``; its answer, or NotAvailable in words."""
        home = find_home()
        assert home is not None, "generate() asked readiness() first"
        file = folder / "request.json"
        file.write_text(json.dumps(order), encoding="utf-8")
        takes, complete, last = len(order["takes"]), 0, 0
        meter: StepMeter | None = None

        def on_line(line: str) -> None:
            nonlocal meter, complete, last
            if not line.startswith("progress\t"):
                return
            stage, done, total = line.split("\t")[1], *map(int, line.split("\t")[2:])
            if stage != "Sampling":  # reading the words and the diffusion decoder count for themselves
                progress(stage, done / max(1, total), None)
                return
            meter = meter or StepMeter(progress, cancel, takes * total)
            if done < last:  # the next take begins
                complete += 1
                meter.next_group(total)
            last, meter.stage = done, f"Sampling take {complete + 1} of {takes}" if takes > 1 else stage
            meter(done)

        progress(f"Loading {self.info.title}", None, None)
        try:
            run_lines(
                [home.python, str(WORKER_PROGRAM), str(file)],
                on_line=on_line,
                cancel=cancel,
                env=worker_environment(home),
                silence_seconds=_SILENCE_SECONDS,
            )
            return json.loads((folder / "answer.json").read_text(encoding="utf-8"))
        except CommandFailed as failure:
            lines = [line for line in failure.lines if not line.startswith("progress\t")]
            raise NotAvailable(with_details(self._in_words(failure.code, "\n".join(lines)), lines[-12:])) from None
        except OSError:
            way_out = f"correct {OWN_PYTHON_VARIABLE} or unset it" if os.environ.get(OWN_PYTHON_VARIABLE) else _INSTALL
            raise NotAvailable(f"{self.info.title} could not be started; {way_out}.") from None

    def _in_words(self, code: int | None, log: str) -> str:
        """What happened and what to do."""
        if code == 1:  # a Python error
            return f"{self.info.title} {next(words for fault, words in _FAULTS.items() if re.search(fault, log))}"
        if code is None:
            return f"The audiocraft worker said nothing for {_SILENCE_SECONDS:g} s and was ended; try again."
        if code == -signal.SIGKILL:
            return "The audiocraft worker was ended by the system, which it does when memory runs out; ask for less."
        how = f"crashed ({signal.Signals(-code).name})" if code < 0 else f"ended by itself (status {code})"
        return f"The audiocraft worker {how}; try again, or {_INSTALL}."


def _notes(answer: dict[str, Any], order: dict[str, Any], variant: str) -> tuple[str, ...]:
    """What was done beside the words."""
    notes = []
    window = answer["window_seconds"]
    if order["seconds"] > window:
        notes.append(f"Made in windows of {window:g} s, {min(order['stride_seconds'], window - 1):g} s apart.")
    if order["guide"] and variant == STYLE:
        notes.append("In the style of the guide.")
    elif order["guide"] and answer["melody"]:
        notes.append("Follows the guide's melody.")
    elif order["guide"]:
        notes.append("Continues a bar of the guide, which was cut off again.")
    return tuple(notes)


def _source(variant: str) -> ModelSource | None:
    return None if variant == DEBUG else SOURCES[f"audiocraft-{variant}"]


def _fetch(variant: str, progress: Progress, cancel: CancelCheck) -> tuple[str, bool]:
    """The folder of a checkpoint and whether it is Meta's own: what a musician points at is opened without its code.

    What the checkpoint only names (text encoder, codec, stem separator) is fetched with it: the worker is offline.
    """
    source = _source(variant)
    if source is None:
        return DEBUG, False
    for part in source.needs:
        hub.fetch_model(SOURCES[part], progress, cancel)
    local = local_folder(source)
    return (str(local), False) if local else (str(hub.fetch_model(source, progress, cancel)), True)
