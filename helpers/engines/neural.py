"""What the neural engines share: they load once, make takes in groups that fit the memory, and recover if it runs out.

An adapter says what to load (its ``model``) and how to plan a request; a :class:`LoadedModel` turns plans into
latents or codes and those into sound. Everything that can go wrong on a small GPU is handled here, once:

- memory runs out while sampling or decoding: smaller groups, then only one part of the model on the GPU at a time,
  then a sentence;
- values that are not finite: the same takes again in float32;
- cancel: within a step; the model stays loaded and usable.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np

from ..errors import Cancelled, LoopsError, NotAvailable
from ..machine.faults import versions_of
from ..records import CancelCheck, Clip, Progress, Readiness, Request, Take
from . import devices
from .base import Engine, Job, stop_if
from .devices import GIB, Device, heal_locale, quiet_libraries
from .hub import download as hub
from .hub.sources import SOURCES, ModelSource, local_folder, readable
from .options import Options, Presets, planned_seconds, read_settings, written_prompt
from .ready import judge_readiness
from .steps import StepMeter, name_stage, plan_groups

OnStep = Callable[[int], object]  # called with the number of steps done; may raise, to cancel
Check = Callable[[], None]  # raises Cancelled when the musician has asked to stop
Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class Plan:
    """One generation, worked out: everything a loaded model needs to know, nothing it has to look up.

    ``seconds`` is what is rendered and kept (the loop, at least a bar more where the canvas allows). ``steps`` counts
    model calls for one group. ``settings`` are those of the engine's presets; ``values`` holds what only one adapter
    knows (how a guide is used).
    """

    request: Request
    source: ModelSource
    prompt: str
    negative_prompt: str
    seconds: float
    steps: int
    guide: Clip | None
    settings: dict[str, Any] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Sampled:
    """Latents or codes, a tensor whose first axis is takes; ``how`` they were sampled and a ``note`` of it."""

    values: Any
    how: str
    note: str


class LoadedModel(ABC):
    """The weights of one checkpoint on one device.

    ``group_multiple``: takes are always made in aligned groups of this many (a power of two), so that each is the same
    to the bit however many were asked for; 1 where a take does not depend on the others of its group.
    """

    group_multiple = 1
    most_takes = 8  # sampled at once, memory allowing
    sampling_parts: tuple[Any, ...]  # modules that only `sample` needs
    codec_parts: tuple[Any, ...] = ()  # modules that only `decode` needs

    def __init__(self, source: ModelSource, folder: Path, device: Device, check: Check) -> None:
        self.source, self.folder, self.device = source, folder, device
        self.staged = False  # True: a part is on the GPU only while it works
        self.lacking: tuple[str, ...] = ()  # what its files do not hold, for the notes of every take
        self.load(check)

    @abstractmethod
    def load(self, check: Check) -> None:
        """Read the weights onto the device; calls ``check``, which raises for a cancel, between its parts."""

    def read(self, kind: Any, folder: Path, **given: Any) -> Any:
        """A part of the model from its folder, as a library's class ``kind`` reads it, offline.

        Weights that the files lack are noted: transformers fills them by chance, and only says so where nobody reads.
        diffusers leaves them empty: NotAvailable, as for any file that cannot be read.
        """
        with readable(self.source):
            part, told = kind.from_pretrained(
                folder, use_safetensors=True, local_files_only=True, output_loading_info=True, **given
            )
            if missing := sorted(told["missing_keys"]):
                lacking = f"{len(missing)} weights, such as {missing[0]}, are not in the files of {self.source.hub_id}"
                if any(weight.is_meta for weight in part.parameters()):
                    raise ValueError(lacking)
                self.lacking += (f"{lacking} and were filled by chance: what it plays may be noise.",)
        return part

    def read_tokenizer(self, folder: Path) -> Any:
        """The tokenizer in a folder, offline."""
        from transformers import AutoTokenizer

        with readable(self.source):
            return AutoTokenizer.from_pretrained(folder, local_files_only=True)

    @abstractmethod
    def prepare(self, plan: Plan) -> Any:
        """Encode the words and the guide; what comes back goes to :meth:`sample` of every group."""

    @abstractmethod
    def bytes_per_take(self, plan: Plan) -> int:
        """Memory that one more take in a group needs while sampling, from the model's own sizes."""

    @abstractmethod
    def sample(self, prepared: Any, plan: Plan, seeds: Sequence[int], on_step: OnStep) -> Sampled:
        """Sample a take for each seed; calls ``on_step`` with the number of steps done after each.

        Raises NotFinite if values became infinite or NaN on the way.
        """

    @abstractmethod
    def decode(self, sampled: Any, plan: Plan) -> np.ndarray:
        """One take's latents or codes as sound: float32 (channels, samples)."""

    def offload(self) -> None:
        """Take the sampling parts off the GPU."""
        for part in self.sampling_parts:
            part.to("cpu")
        devices.free_memory()

    def reload(self) -> None:
        """Put the sampling parts back."""
        for part in self.sampling_parts:
            part.to(self.device.kind)

    def to_float32(self) -> None:
        """Move the sampling parts to float32, after half precision has overflowed."""
        for part in self.sampling_parts:
            part.float()
        self.reload()

    def stage(self) -> None:
        """From now on keep each half off the GPU while the other works; memory ran out at the smallest group."""
        self.staged = True
        if self.device.kind != "cpu":
            for part in self.codec_parts:
                part.to("cpu")

    def decode_alone(self, sampled: Any, plan: Plan) -> np.ndarray:
        """:meth:`decode`, with the sampling part off the GPU meanwhile where memory is that short."""
        if not self.staged or self.device.kind == "cpu":
            return self.decode(sampled, plan)
        self.offload()
        try:
            with devices.placed(self.device, *self.codec_parts):
                return self.decode(sampled, plan)
        finally:
            self.reload()


class NeuralEngine(Engine):
    """An engine that runs a model's weights through torch."""

    presets: ClassVar[Presets]
    rows: ClassVar[Options]
    model: ClassVar[str]  # module and class of its LoadedModel, below .fast: they import torch

    def __init__(self) -> None:
        super().__init__()
        self._model: LoadedModel | None = None
        self._loaded_as: tuple[str, str, str] | None = None

    # ---- what an adapter writes

    @cached_property
    def model_class(self) -> Callable[..., LoadedModel]:
        module, name = self.model.split(":")
        return getattr(import_module(f"{__package__}.fast.{module}"), name)

    def _source(self, request: Request | None) -> ModelSource:
        """The checkpoint a request asks for; None = the default one. Default: the one named as the engine is."""
        return SOURCES[self.info.name]

    def _check_options(self, request: Request) -> None:
        self._source(request)
        read_settings(self.presets, request, self.rows)

    def _plan(self, request: Request, guide: Clip | None) -> Plan:
        """Work out a generation; option values are already checked. Default: all but the way a guide is used."""
        prompt, negative = written_prompt(request, self.info.title)
        settings, labels = read_settings(self.presets, request, self.rows)
        seconds = planned_seconds(request, self.info.max_seconds)
        steps = settings.get("steps", 0)
        source = self._source(request)
        return Plan(request, source, prompt, negative, seconds, steps, guide, settings, labels=labels)

    # ---- readiness

    def readiness(self, request: Request | None = None) -> Readiness:
        """Packages, weights, token, disk and memory, without torch and without the network."""
        return judge_readiness(self.info, self._source(request))

    def access_problem(self) -> str:
        if find_spec("huggingface_hub") is None:
            return "The Hub can be asked once the models' packages are installed (MODELS)."
        return hub.check_access(self._source(None))

    def fetch(self, progress: Progress, cancel: CancelCheck) -> None:
        self._folder(self._source(None), progress, cancel)

    # ---- generating

    def release(self) -> None:
        """Drop the weights, unless a generation is running with them."""
        if self._busy.acquire(blocking=False):
            try:
                self._drop()
            finally:
                self._busy.release()

    def _drop(self) -> None:
        self._model = self._loaded_as = None
        devices.free_memory()

    def _generate(self, job: Job) -> list[Take]:
        request, seeds = job.request, job.seeds
        plan = self._plan(request, job.guide if request.guide != "none" and request.guide_strength > 0 else None)
        heal_locale()
        try:
            model = self._loaded(plan.source, job)
            with devices.sampling_settings():
                sounds = self._make(model, plan, sorted(seeds), job)
        finally:
            heal_locale()
        made = dict(zip(sorted(seeds), sounds, strict=True))
        return [self._take(model, plan, seed, *made[seed]) for seed in seeds]

    def _folder(self, source: ModelSource, progress: Progress, cancel: CancelCheck) -> Path:
        return local_folder(source) or hub.fetch_model(source, progress, cancel)

    def _loaded(self, source: ModelSource, job: Job) -> LoadedModel:
        from .registry import release_others

        folder = self._folder(source, job.progress, job.cancel)
        device = devices.find_device(str(job.request.options.get("precision", "auto")))
        key = (str(folder), device.kind, device.precision)
        if self._model is None or self._loaded_as != key:
            stop_if(job.cancel)
            job.progress(f"Loading {self.info.title}", None, None)
            self._drop()
            release_others(self.info.name)
            try:
                with quiet_libraries(), readable(source):
                    self._model = self._rescued(
                        lambda: self.model_class(source, folder, device, lambda: stop_if(job.cancel)), device
                    )
            except Cancelled as stop:
                stop.__traceback__ = None  # its frames hold the parts that were read
                self._drop()
                raise
            self._loaded_as = key
        return self._model

    def _make(
        self, model: LoadedModel, plan: Plan, seeds: Sequence[int], job: Job
    ) -> list[tuple[np.ndarray, tuple[str, ...]]]:
        """Sound and remarks of every take, in the order of ``seeds`` (rising); groups are aligned by seed."""
        from .fast.numerics import NotFinite

        progress, cancel = job.progress, job.cancel
        progress("Reading the words", None, None)
        with quiet_libraries():
            prepared = self._rescued(lambda: model.prepare(plan), model.device, model)
        stop_if(cancel)
        size = self._group_size(model, plan, len(seeds))
        groups = plan_groups(seeds, size, model.group_multiple)
        meter = StepMeter(progress, cancel, plan.steps * len(groups))
        out: list[tuple[np.ndarray, tuple[str, ...]]] = []
        overflowed = False
        while len(out) < len(seeds):
            group = plan_groups(seeds[len(out) :], size, model.group_multiple)[0]
            meter.stage = name_stage(len(out), len(group.wanted), len(seeds), model.device.name)
            try:
                sampled = model.sample(prepared, plan, group.made, meter)
            except NotFinite:
                if overflowed or model.device.precision == "float32":
                    raise LoopsError(
                        f"{self.info.title} computed values that are not finite; try another seed."
                    ) from None
                overflowed = True
                devices.free_memory()
                progress("Half precision overflowed; once more in float32", None, None)
                self._loaded_as = None  # the next generation loads afresh, in half precision again
                self._rescued(model.to_float32, model.device, model)
                prepared = self._rescued(lambda: model.prepare(plan), model.device, model)
                continue
            except Exception as error:
                if not devices.is_out_of_memory(error):
                    raise
                error.__traceback__ = None  # its frames hold the tensors that filled the memory
                if len(group.made) > 1:
                    size = len(group.made) // 2
                elif not model.staged:
                    model.stage()
                else:
                    raise NotAvailable(self._too_small(model.device)) from None
                devices.free_memory()
                meter.plan(plan.steps * len(plan_groups(seeds[len(out) :], size, model.group_multiple)))
                continue
            meter.next_group(plan.steps)
            remarks = (sampled.note, "Made in float32, because half precision overflowed." if overflowed else "")
            for seed in group.wanted:
                stop_if(cancel)
                progress(f"Decoding take {len(out) + 1} of {len(seeds)}", len(out) / len(seeds), None)
                one = sampled.values[group.made.index(seed)]
                sound = self._rescued(partial(model.decode_alone, one, plan), model.device, model)
                out.append((sound, tuple(remark for remark in remarks if remark)))
            del sampled
        return out

    def _group_size(self, model: LoadedModel, plan: Plan, wanted: int) -> int:
        if "batch" in plan.request.options:
            return int(plan.request.options["batch"])
        wanted = max(wanted, model.group_multiple)
        return devices.plan_group(wanted, model.bytes_per_take(plan), model.device.free_bytes(), most=model.most_takes)

    def _rescued(self, work: Callable[[], Result], device: Device, model: LoadedModel | None = None) -> Result:
        """Run work that cannot be made smaller; when memory runs out, once more with the resting parts off the GPU."""
        for last in (model is None or model.staged, True):
            try:
                return work()
            except Exception as error:
                if not devices.is_out_of_memory(error):
                    raise
                error.__traceback__ = None
            if last:
                break
            assert model is not None
            model.stage()
            devices.free_memory()
        raise NotAvailable(self._too_small(device)) from None

    def _too_small(self, device: Device) -> str:
        room = f"{device.free_bytes() / GIB:.1f} GiB are free"
        return (
            f"{self.info.title} ran out of memory on {device.name} ({room}), even one take at a time; ask for fewer "
            "bars, a smaller variant or another engine, or restart the runtime to free what other work holds."
        )

    def _take(self, model: LoadedModel, plan: Plan, seed: int, samples: np.ndarray, remarks: tuple[str, ...]) -> Take:
        # The commit of a snapshot in the Hub's cache; the path of any other folder stays private.
        revision = model.folder.name if model.folder.parent.name == "snapshots" else "local"
        return Take(
            clip=Clip(np.ascontiguousarray(samples, dtype=np.float32), self.info.sample_rate),
            engine=self.info.name,
            engine_version=versions_of(("diffusers", "transformers", "torch")),
            seed=seed,
            prompt=plan.prompt,
            negative_prompt=plan.negative_prompt,
            licence=plan.source.licence,
            model=f"{plan.source.hub_id}@{revision}",
            labels=plan.labels,
            notes=(*plan.notes, *model.lacking, *remarks),
        )
