"""Engines for the interface's tests: real ones by contract, with sounds of known truth and nothing to download."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from helpers.engines import registry
from helpers.engines.base import Engine, stop_if
from helpers.records import Clip, EngineInfo, Readiness, Take

RATE = 44_100


class ToneEngine(Engine):
    """Plays the tonic as a pluck on every beat: on the grid, in key, exact, at once."""

    info = EngineInfo(
        name="sketch",
        title="Sketch",
        sample_rate=RATE,
        channels=2,
        max_seconds=600.0,
        licence="none needed",
        memory_gib=0.1,
        hears=frozenset({"analysis"}),
        good_at="exact notes, at once",
    )
    step_seconds = 0.0
    steps = 1

    def readiness(self, request=None):
        return Readiness(self.info.name, True)

    def _generate(self, job):
        takes = []
        for number in job.numbers:
            for step in range(self.steps):
                stop_if(job.cancel)
                job.progress(f"Take {number + 1}", step / self.steps, None)
                time.sleep(self.step_seconds)
            takes.append(self._take(job.request, number))
        return takes

    def _take(self, request, number):
        seed = request.take_seed(number)
        samples = request.samples(self.info.sample_rate)
        t = np.arange(samples) / RATE
        beat = 60 / request.bpm
        tonic = 36 + (request.key.tonic if request.key else 9) + 12 * (seed % 2)
        hz = 440 * 2 ** ((tonic - 69) / 12)
        place = t % beat
        wave = 0.4 * np.exp(-place * 9) * sum(np.sin(2 * np.pi * hz * k * place) / k for k in (1, 2, 3))
        clip = Clip(np.stack([wave, wave]).astype(np.float32), RATE)
        return Take(clip, self.info.name, "test", seed, prompt="", licence="none needed", exact=True)


class SlowEngine(ToneEngine):
    """Takes minutes and says how far it is, as a large model does."""

    info = replace(
        ToneEngine.info,
        name="musicgen",
        title="MusicGen",
        max_seconds=30.0,
        licence="CC-BY-NC-4.0",
        memory_gib=4.0,
        hears=frozenset({"text", "continuation"}),
        good_at="riffs and grooves from words",
        download_gib=3.3,
        options={"prompt": "the words", "negative_prompt": "not heard", "steps": "how many steps"},
        prompt_style="musicgen",
        packages="diffusers",
    )
    step_seconds = 0.2
    steps = 900


class AbsentEngine(ToneEngine):
    """Cannot run here, and says why."""

    info = replace(
        SlowEngine.info,
        name="stable-audio-open",
        title="Stable Audio Open",
        max_seconds=47.5,
        licence="Stability AI Community License",
        hears=frozenset({"text", "negative", "init-audio"}),
        good_at="real-sounding loops and textures at full bandwidth",
        gated=True,
        prompt_style="stable-audio-open",
    )

    def readiness(self, request=None):
        return Readiness(self.info.name, False, "There is no GPU.", "Choose a GPU runtime.")


def send(panel, kind, buffers=(), **content) -> None:
    """What the page does when it sends an event to its panel."""
    panel._receive(panel, {"kind": kind, **content}, list(buffers))


def use_fake_engines(monkeypatch=None) -> None:
    """Put the fakes where the interface asks for engines; undone by ``monkeypatch`` where one is given."""
    instances = {engine.info.name: engine for engine in (ToneEngine(), AbsentEngine(), SlowEngine())}
    adapters = {name: "none:None" for name in instances}
    for name, value in (("_instances", instances), ("_ADAPTERS", adapters)):
        if monkeypatch is None:
            setattr(registry, name, value)
        else:
            monkeypatch.setattr(registry, name, value)
