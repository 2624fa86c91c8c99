"""The engine contract: what every engine promises, checked in one place.

An adapter declares ``info``, answers :meth:`Engine.readiness` cheaply and writes :meth:`Engine._generate`. Everything
else (limits, options, senses, the shape and health of the result) is checked here, once, for all engines.

Random streams: a take depends on what is asked and on its own seed alone (:meth:`~helpers.records.Request.take_seed`),
so that a take made by itself equals the same take made in a batch, on any machine that computes alike.
"""

from __future__ import annotations

import dataclasses
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..errors import Cancelled, InvalidInput, LoopsError, NotAvailable, Refused
from ..records import (
    Analysis,
    CancelCheck,
    Clip,
    EngineInfo,
    Progress,
    Readiness,
    Request,
    Take,
    never_cancelled,
    silent_progress,
)

AUDIO_SENSES = frozenset({"init-audio", "melody", "continuation", "context"})
MOST_TAKES = 64
SILENCE_PEAK = 1e-4  # -80 dBFS: nothing a musician would hear


@dataclass(frozen=True)
class Job:
    """One call of :meth:`Engine.generate` whose checks are done: make one take for each of ``numbers``, in order."""

    request: Request
    analysis: Analysis | None
    guide: Clip | None
    numbers: Sequence[int]
    progress: Progress
    cancel: CancelCheck

    @property
    def seeds(self) -> list[int]:
        """The seed of each take."""
        return [self.request.take_seed(number) for number in self.numbers]


def stop_if(cancel: CancelCheck) -> None:
    """Raise :class:`~helpers.errors.Cancelled` when the musician has asked to stop."""
    if cancel():
        raise Cancelled()


class Engine(ABC):
    """One way to make takes. Instances are reusable and run one generation at a time, unless ``one_by_one``."""

    info: ClassVar[EngineInfo]
    # Whether a take costs the same alone as in a group, and several generations may run at once.
    one_by_one: ClassVar[bool] = False

    def __init__(self) -> None:
        self._busy = threading.Lock()

    @abstractmethod
    def readiness(self, request: Request | None = None) -> Readiness:
        """Whether this engine can run here, without importing or downloading anything heavy.

        What is judged is the checkpoint that ``request`` asks for; None = the default one.
        """

    def require_ready(self, request: Request) -> None:
        """Raise NotAvailable, with what to do, unless this engine can run here with that checkpoint."""
        readiness = self.readiness(request)
        if not readiness.ready:
            raise NotAvailable(not_ready_text(self.info, readiness))

    def access_problem(self) -> str:
        """What keeps this engine's weights from being downloaded, by the Hub's own word; empty if nothing does.

        Unlike :meth:`readiness` it uses the network. Default: nothing needs to be asked.
        """
        return ""

    def fetch(self, progress: Progress, cancel: CancelCheck) -> None:  # noqa: B027  a hook: no weights, no work
        """Download now what the first generation would wait for; raises NotAvailable and Cancelled as that would."""

    @abstractmethod
    def _generate(self, job: Job) -> list[Take]:
        """Make the takes of ``job``; their clips are float32 at ``info.sample_rate``.

        Call :func:`stop_if` at least once a step.
        """

    def _check_options(self, request: Request) -> None:  # noqa: B027  a hook: the default suits most engines
        """Refuse option values this engine cannot use; names are already checked. Default: any value is fine."""

    def release(self) -> None:  # noqa: B027  a hook: the default suits most engines
        """Give back memory held between generations; the next generation loads again. Default: nothing is held."""

    @property
    def hears_guide(self) -> bool:
        """Whether a guide clip means anything to this engine."""
        return bool(self.info.hears & AUDIO_SENSES)

    def check(self, request: Request, *, guide: Clip | None = None) -> None:
        """Refuse at once what this engine cannot make; cheap, so that a form or a command can ask before any work.

        Raises InvalidInput if the loop is longer than the engine's canvas, an option is unknown or out of range, or a
        guide is given to an engine that cannot hear audio.
        """
        info = self.info
        if request.seconds > info.max_seconds:
            most = max(1, int(info.max_seconds * request.bars / request.seconds))
            raise InvalidInput(
                f"{info.title} makes at most {info.max_seconds:g} s and {request.bars} bars at {request.bpm:g} BPM "
                f"last {request.seconds:.1f} s; ask for {most} bars or use the sketch engine."
            )
        unknown = sorted(set(request.options) - set(info.options))
        if unknown:
            known = ", ".join(sorted(info.options)) or "none"
            raise InvalidInput(f"{info.title} does not know the option {unknown[0]!r}; its options are: {known}.")
        if guide is not None:
            if not self.hears_guide:
                raise InvalidInput(f"{info.title} cannot hear audio, only {_listed(info.hears)}; use guide 'none'.")
            if guide.length == 0 or not np.isfinite(guide.samples).all():
                raise InvalidInput("The guide is empty or holds values that are not finite; hand over real audio.")
        self._check_options(request)

    def generate(
        self,
        request: Request,
        *,
        analysis: Analysis | None = None,
        guide: Clip | None = None,
        count: int = 1,
        first: int = 0,
        progress: Progress = silent_progress,
        cancel: CancelCheck = never_cancelled,
    ) -> list[Take]:
        """Make takes number ``first`` to ``first + count - 1``, in this order; one that came out silent is left out.

        The numbers choose the random stream. ``analysis`` is what was heard in the idea, for engines that use more of
        it than the request carries; ``guide`` is audio to follow (the sketch or the idea, as ``request.guide`` says),
        starting on bar 1, at any rate. ``progress`` and ``cancel`` are called at least once a step; a true ``cancel``
        raises Cancelled and leaves the engine usable.

        Raises InvalidInput as :meth:`check`, and if ``count`` or ``first`` is out of range; NotAvailable if this
        machine lacks something (the text says what and what to do); Refused if every take came out silent.
        """
        if not 1 <= count <= MOST_TAKES or first < 0:
            raise InvalidInput(f"Asked for {count} takes from number {first}; ask for 1 to {MOST_TAKES}, from 0 up.")
        self.check(request, guide=guide)
        self.require_ready(request)
        stop_if(cancel)
        alone = not self.one_by_one
        if alone and not self._busy.acquire(blocking=False):
            raise NotAvailable(f"{self.info.title} is already making takes; wait for them or cancel them first.")
        try:
            numbers = range(first, first + count)
            takes = self._generate(Job(request, analysis, guide, numbers, progress, cancel))
        finally:
            if alone:
                self._busy.release()
        return self._checked(takes, numbers)

    def _checked(self, takes: list[Take], numbers: Sequence[int]) -> list[Take]:
        """Check what the adapter returned; number the takes and leave out silent ones."""
        kept = []
        for number, take in zip(numbers, takes, strict=True):
            clip = take.clip
            if not np.isfinite(clip.samples).all():
                raise LoopsError(f"Take {number + 1} of {self.info.title} holds values that are not finite; try again.")
            if clip.length and float(np.abs(clip.samples).max()) > SILENCE_PEAK:
                kept.append(dataclasses.replace(take, number=number))
        if not kept:
            raise Refused(f"{self.info.title} returned only silence; another seed, prompt or instrument may sound.")
        return kept


def not_ready_text(info: EngineInfo, readiness: Readiness) -> str:
    """One sentence or three: why the engine cannot run here, what to do, and what works meanwhile."""
    parts = [f"{info.title} cannot run here: {readiness.reason}", readiness.remedy]
    if info.name != "sketch":
        parts.append("The sketch engine works on any machine meanwhile.")
    return " ".join(part.strip() for part in parts if part.strip())


def _listed(senses: frozenset[str]) -> str:
    return " and ".join(sorted(senses)) or "nothing"
