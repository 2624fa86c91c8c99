"""Memory each engine needs on a GPU, worked out without one: full-size models through the product's own way.

    python -m benchmarks.engines.memory              # 8 s loops, 1, 4 and 8 takes, on a T4 and without a limit
    python -m benchmarks.engines.memory --engines musicgen-large --takes 4 --precision float32
    python -m benchmarks.engines.memory --measured --gpu-gib 14.5           # on a GPU, held to a T4's memory

Live tensor bytes computed with fake tensors, without cuDNN/cuBLAS workspace and allocator slack: a lower bound, not a
measurement on a GPU. ``--measured`` does the same work for real with random weights, on a GPU of which torch may use no
more than told; "reserved" is all that torch took, cached blocks that it could give back included and its own context
(about 0.5 GiB) not. Graphs are counted with all they keep. Stages are those of a generation: weights to the GPU
("load"), words read ("encode"), "sample" and "decode"; groups are as the product chooses them from the memory it finds
free. "take MiB" is what another take in a group really adds while sampling, "planned" what the product reckons with.
Prints a table and writes JSON; fails where a target is missed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np

from benchmarks.engines import models
from benchmarks.measure import GIB, print_table

RESULTS = Path(__file__).resolve().parents[1] / "results"
T4_GIB = 14.5  # of its 16 GB, what the driver and torch's own context leave
STAGES = ("load", "encode", "sample", "decode")
# Peak in GiB for 4 takes of an 8 s loop in half precision.
TARGETS = {"stable-audio-open": 3.2, "audioldm2-music": 3.2, "musicgen-large": 8.0}
ENGINES = ("stable-audio-open", "audioldm2-music", *(f"musicgen-{variant}" for variant in models.MUSICGEN))
DEFAULT_ENGINES = (
    "stable-audio-open",
    "audioldm2-music",
    *(f"musicgen-{v}" for v in ("small", "medium", "large", "melody")),
)
COLUMNS = {
    "engine": "engine",
    "gpu": "gpu",
    "takes": "takes",
    "groups": "groups",
    **{stage: f"{stage} GiB" for stage in STAGES},
    "peak": "peak GiB",
    "reserved": "reserved GiB",
    "target": "target",
    "take_mib": "take MiB",
    "planned_mib": "planned",
}
COMPUTED = (
    "live tensor bytes computed with fake tensors, without cuDNN/cuBLAS workspace and allocator slack: "
    "a lower bound, not a measurement on a GPU"
)
MEASURED = "GiB that live tensors took at most on a real GPU held to the memory of gpu, and all that torch reserved"
WORDS = 32  # tokens of a prompt, about what the product writes


class _Tokens(SimpleNamespace):
    def to(self, device) -> _Tokens:
        return _Tokens(**{name: tensor.to(device) for name, tensor in vars(self).items()})


def _read(texts, padding=False, **_) -> _Tokens:
    """A tokenizer's answer: made-up tokens, as many as a prompt has, or the 128 that Stable Audio pads to."""
    import torch

    rows = 1 if isinstance(texts, str) else len(texts)
    length = 128 if padding == "max_length" and rows == 1 else WORDS
    ids = torch.full((rows, length), 7)
    return _Tokens(input_ids=ids, attention_mask=torch.ones_like(ids))


_read.model_max_length = 128  # type: ignore[attr-defined]


def _makers(engine: str) -> dict[tuple[str, str], Any]:
    """What makes each part of an engine, by the library and class that would load it."""
    import diffusers
    import transformers as t

    if engine == "stable-audio-open":
        config = models.STABLE_AUDIO["full"]
        return {
            ("diffusers", "StableAudioDiTModel"): lambda: diffusers.StableAudioDiTModel(**config["transformer"]),
            ("diffusers", "AutoencoderOobleck"): lambda: diffusers.AutoencoderOobleck(**config["vae"]),
            ("diffusers", "StableAudioProjectionModel"): lambda: diffusers.StableAudioProjectionModel(
                **config["projection"]
            ),
            ("transformers", "T5EncoderModel"): lambda: t.T5EncoderModel(t.T5Config(**config["text"])),
        }
    config = models.AUDIOLDM2["full"]
    return {
        ("diffusers", "AudioLDM2UNet2DConditionModel"): lambda: diffusers.AudioLDM2UNet2DConditionModel(
            **config["unet"]
        ),
        ("diffusers", "AutoencoderKL"): lambda: diffusers.AutoencoderKL(**config["vae"]),
        ("diffusers", "AudioLDM2ProjectionModel"): lambda: diffusers.AudioLDM2ProjectionModel(**config["projection"]),
        ("transformers", "SpeechT5HifiGan"): lambda: t.SpeechT5HifiGan(t.SpeechT5HifiGanConfig(**config["vocoder"])),
        ("transformers", "ClapModel"): lambda: t.ClapModel(t.ClapConfig(**config["clap"])),
        ("transformers", "T5EncoderModel"): lambda: t.T5EncoderModel(t.T5Config(**config["text"])),
        ("transformers", "GPT2LMHeadModel"): lambda: t.GPT2LMHeadModel(t.GPT2Config(**config["language"])),
    }


@contextlib.contextmanager
def hollow_checkpoints(gpu, engine: str) -> Iterator[None]:
    """In this block ``from_pretrained`` gives full-size models without contents, in the precision asked for."""
    import diffusers
    import torch
    import transformers

    def musicgen(*_, dtype, **__):
        with gpu.hollow():
            model = models.build_musicgen(engine.removeprefix("musicgen-"), "full", "cpu", dtype)
        for part in (model.text_encoder, model.audio_encoder):
            part.float()
        return model

    def loader(make):
        def load(*_, dtype=None, torch_dtype=None, **__):
            with gpu.hollow():
                return models.build_parts(dict(part=make), "cpu", dtype or torch_dtype or torch.float32)["part"]

        return load

    if engine.startswith("musicgen"):
        kind = "MusicgenMelodyForConditionalGeneration" if "melody" in engine else "MusicgenForConditionalGeneration"
        loaders = {("transformers", kind): musicgen}
    else:
        loaders = {name: loader(make) for name, make in _makers(engine).items()}
    loaders["transformers", "AutoTokenizer"] = lambda *_, **__: _read
    libraries = {"diffusers": diffusers, "transformers": transformers}
    with contextlib.ExitStack() as patches:
        for (library, name), load in loaders.items():
            patches.enter_context(
                mock.patch.object(getattr(libraries[library], name), "from_pretrained", _complete(load))
            )
        yield


def _complete(load: Any) -> Any:
    """A loader that can say, as the libraries' do, that no weight was missing."""

    def loaded(*given: Any, output_loading_info: bool = False, **named: Any) -> Any:
        part = load(*given, **named)
        return (part, {"missing_keys": []}) if output_loading_info else part

    return loaded


class RealCuda:
    """The GPU that is here, of which torch may use ``memory_gib``; it answers what a PretendCuda is asked."""

    def __init__(self, memory_gib: float | None) -> None:
        import torch

        self._cuda = torch.cuda
        self.name = torch.cuda.get_device_name()
        self._total = torch.cuda.mem_get_info()[1]
        self._limit = self._total if memory_gib is None else int(memory_gib * GIB)
        self._patch = mock.patch.object(torch.cuda, "mem_get_info", self._memory)

    def __enter__(self) -> RealCuda:
        self._cuda.empty_cache()
        self._cuda.set_per_process_memory_fraction(self._limit / self._total)
        self.reset_peak()
        self._patch.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._patch.stop()
        self._cuda.set_per_process_memory_fraction(1.0)

    def _memory(self, *_: object) -> tuple[int, int]:
        return self._limit - self._cuda.memory_reserved(), self._limit

    held_bytes = property(lambda self: self._cuda.memory_allocated())
    peak_bytes = property(lambda self: self._cuda.max_memory_allocated())
    reserved_bytes = property(lambda self: self._cuda.max_memory_reserved())

    def reset_peak(self) -> None:
        self._cuda.reset_peak_memory_stats()

    def hollow(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()


def measure(
    engine: str, takes: int, precision: str, memory_gib: float | None, seconds: float = 8.0, measured: bool = False
) -> dict[str, Any]:
    """Run one generation of full size through the engine's own code and note what each stage held at most."""
    from helpers.engines import audioldm2_music, musicgen, stable_audio_open
    from helpers.engines.base import Job
    from helpers.engines.devices import Device
    from helpers.records import Clip, Request
    from tests.pretend_cuda import PretendCuda

    kinds = {
        "stable-audio-open": stable_audio_open.StableAudioOpenEngine,
        "audioldm2-music": audioldm2_music.AudioLDM2MusicEngine,
    }
    adapter = kinds.get(engine, musicgen.MusicGenEngine)()
    options = {"prompt": "a loop", "negative_prompt": "drums"}
    if engine.startswith("musicgen"):
        options["variant"] = engine.removeprefix("musicgen-")
    else:
        options["steps"] = 4  # the fourth needs no more than the first
    # With a guide, as by default: its encoder counts too.
    guided = engine == "stable-audio-open"
    request = Request(
        "piano", "chords", 120.0, bars=round(seconds / 2), guide="sketch" if guided else "none", options=options
    )
    guide = Clip(np.zeros((2, round(seconds * 44_100)), dtype=np.float32), 44_100) if guided else None
    plan = adapter._plan(request, guide)
    row: dict[str, Any] = {"engine": engine, "takes": takes, "precision": precision}
    row["gpu"] = "no limit" if memory_gib is None else f"{memory_gib:g} GiB"
    quiet = dict(progress=lambda *_: None, cancel=lambda: False)
    kind_of_gpu = RealCuda if measured else PretendCuda
    with kind_of_gpu(memory_gib) as gpu, hollow_checkpoints(gpu, engine), tempfile.TemporaryDirectory() as folder:
        kind = "musicgen_melody" if "melody" in engine else "musicgen"
        (Path(folder) / "config.json").write_text(json.dumps({"model_type": kind}), encoding="utf-8")
        model = adapter.model_class(plan.source, Path(folder), Device("cuda", gpu.name, precision), lambda: None)
        row["load"] = gpu.peak_bytes
        groups, decoded, adds = [], [], 0

        def staged(stage, work):
            def run(*arguments):
                nonlocal adds
                if stage == "decode" and decoded:
                    return decoded[0]  # one take is decoded as the other
                gpu.reset_peak()
                before = gpu.held_bytes
                out = work(*arguments)
                row[stage] = max(row.get(stage, 0), gpu.peak_bytes)
                if measured:
                    row["reserved"] = max(row.get("reserved", 0), gpu.reserved_bytes)
                if stage == "sample":
                    groups.append(len(arguments[2]))
                    row["path"] = out.note
                    adds = max(adds, (gpu.peak_bytes - before) / len(arguments[2]))
                elif stage == "decode":
                    decoded.append(out)
                return out

            return run

        for stage, name in (("encode", "prepare"), ("sample", "sample"), ("decode", "decode_alone")):
            setattr(model, name, staged(stage, getattr(model, name)))
        adapter._make(model, plan, range(takes), Job(request, None, guide, range(takes), **quiet))
        row["groups"] = "+".join(map(str, groups))
        row["planned_mib"] = round(model.bytes_per_take(plan) / 2**20)
        row["take_mib"] = round(adds / 2**20)
    row["peak"] = max(row[stage] for stage in STAGES)
    return row | {name: round(row[name] / GIB, 2) for name in (*STAGES, "peak", "reserved") if name in row}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=DEFAULT_ENGINES)
    parser.add_argument("--takes", nargs="+", type=int, default=[1, 4, 8])
    parser.add_argument("--precision", choices=("float16", "bfloat16", "float32"), default="float16")
    parser.add_argument("--seconds", type=float, default=8.0, help="length of the loop, in whole bars of two seconds")
    parser.add_argument(
        "--gpu-gib", nargs="+", type=float, default=[T4_GIB, 0], help="0 = no limit; default: %(default)s"
    )
    parser.add_argument("--measured", action="store_true", help="for real, on the GPU that is here")
    parser.add_argument("--out", type=Path, help="default: memory-fake.json or memory-gpu.json of the results")
    chosen = parser.parse_args(arguments)
    rows = []
    for engine in chosen.engines:
        for takes in chosen.takes:
            for memory_gib in (size or None for size in chosen.gpu_gib):
                row = measure(engine, takes, chosen.precision, memory_gib, chosen.seconds, chosen.measured)
                if takes == 4 and chosen.precision != "float32" and chosen.seconds == 8.0:
                    row["target"] = TARGETS.get(engine)
                rows.append(row)
    print_table(rows, COLUMNS)
    result = {
        "what": MEASURED if chosen.measured else COMPUTED,
        "settings": {
            "precision": chosen.precision,
            "seconds": chosen.seconds,
            "words": WORDS,
            "weights": "random" if chosen.measured else "none",
        },
        "rows": rows,
    }
    out = chosen.out or RESULTS / ("memory-gpu.json" if chosen.measured else "memory-fake.json")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"written to {out.name}; {result['what']}")
    missed = [row for row in rows if row.get("target") and row["peak"] > row["target"]]
    for row in missed:
        print(f"{row['engine']}: {row['peak']} GiB for 4 takes, aimed at {row['target']}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
