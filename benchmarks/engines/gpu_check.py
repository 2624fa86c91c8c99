"""Everything that only a GPU can tell, in one command of a few minutes, on tiny random models of every family.

    python -m benchmarks.engines.gpu_check [--out FILE]

For each family: a take without and with a guide through the engine's own code on CUDA, in the precision the GPU gets
and in float16, all that a T4 has; whether the step was replayed as a graph, how far the take is from the same one in
float32 on the CPU, that take k alone is take k in a batch, and the peak memory. Then: float16 products are summed in
float32 while a model works, a guide encoded in pieces equals one encoded at once, a truncated schedule takes as many
steps as it says, a converted Foundation-1 equals its parts, ACE-Step hears its context, and the doctor writes its
report. Needs no weights.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import describe_machine
from helpers.engines import ace_step, devices, registry
from helpers.engines.hub.sources import SOURCES
from helpers.records import Clip, Request
from tests.engines.tiny import FAMILIES, VARIANT_OF, build_tiny, options_for

GUIDE = Clip(np.random.default_rng(5).normal(0, 0.2, (2, 88_200)).astype(np.float32), 44_100)


def engine_of(family: str) -> str:
    return "musicgen" if family in VARIANT_OF else family


def request_for(family: str, **options: Any) -> Request:
    made = dict(bars=1, guide="none", engine=engine_of(family), options=options_for(family) | options)
    return Request("piano", "chords", 120.0, **made)


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    count = min(one.shape[1], other.shape[1])
    return float(np.corrcoef(one[:, :count].ravel(), other[:, :count].ravel())[0, 1])


def check_family(family: str) -> dict[str, Any]:
    """One family on CUDA and, for comparison, on the CPU in float32."""
    import torch

    engine = registry.get_engine(engine_of(family))
    request = request_for(family)
    torch.cuda.reset_peak_memory_stats()
    started = time.monotonic()
    takes = engine.generate(request, count=3)
    alone = engine.generate(request, first=2)[0]
    row: dict[str, Any] = {
        "seconds": round(time.monotonic() - started, 1),
        "how": takes[0].notes[-1],
        "alone_as_in_batch": likeness(alone.clip.samples, takes[2].clip.samples),
        "peak_gpu_mib": round(torch.cuda.max_memory_allocated() / 2**20),
    }
    if engine.hears_guide:
        guided = engine.generate(request.with_(guide="idea", guide_strength=1.0), guide=GUIDE)[0]
        row |= {
            "guided": list(guided.notes),
            "guide_changes": not np.array_equal(guided.clip.samples, takes[0].clip.samples),
        }
    in_float32, in_float16 = (
        engine.generate(request_for(family, precision=precision))[0] for precision in ("float32", "float16")
    )
    engine.release()
    available = torch.cuda.is_available
    torch.cuda.is_available = lambda: False
    try:
        on_cpu = engine.generate(request)[0]
    finally:
        torch.cuda.is_available = available
        engine.release()
    row["float32_as_on_cpu"] = likeness(in_float32.clip.samples, on_cpu.clip.samples)
    row["half_as_float32"] = likeness(takes[0].clip.samples, in_float32.clip.samples)
    row["float16_as_float32"] = likeness(in_float16.clip.samples, in_float32.clip.samples)
    # Tokens drawn from rounded logits part ways, so MusicGen need not sound alike in another precision.
    alike = min(row["float32_as_on_cpu"], row["float16_as_float32"])
    row["ok"] = row["alone_as_in_batch"] > 0.99 and (alike > 0.99 or engine_of(family) == "musicgen")
    return row


def check_sums() -> dict[str, Any]:
    """float16 sums: the flag is off within, back after, and the product is no worse."""
    import torch

    generator = torch.Generator("cuda").manual_seed(1)
    a, b = (torch.randn(64, 16_384, device="cuda", generator=generator).half() for _ in range(2))
    exact = a.double() @ b.double().t()
    errors = {"usual": float((a @ b.t() - exact).abs().max())}
    with devices.sampling_settings():
        errors["exact"] = float((a @ b.t() - exact).abs().max())
        inside = torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction
    return {"largest_error": errors, "ok": not inside and errors["exact"] <= errors["usual"] * 1.01}


def check_pieces(folder: Path) -> dict[str, Any]:
    import torch
    from diffusers import AutoencoderOobleck

    from helpers.engines.fast.oobleck import encode_pieces

    vae = AutoencoderOobleck.from_pretrained(folder / "stable-audio-open", subfolder="vae").to("cuda").eval()
    audio = torch.randn(2, 100 * vae.hop_length, device="cuda")
    with torch.no_grad():
        whole = vae.encode(audio[None]).latent_dist.mode()[0]
    apart = float((encode_pieces(vae, audio, piece_frames=30) - whole).abs().max() / whole.abs().max())
    return {"relative_difference": apart, "ok": apart < 1e-3}


def check_schedule() -> dict[str, Any]:
    from helpers.engines.fast.sampling import guided_levels

    told: list[str] = []
    request = request_for("stable-audio-open", steps=100).with_(guide="idea")
    registry.get_engine("stable-audio-open").generate(
        request, guide=GUIDE, progress=lambda stage, *_: told.append(stage)
    )
    steps = sum(stage.startswith("Sampling") for stage in told)
    return {"steps": steps, "ok": steps == len(guided_levels(100, request.guide_strength)) - 1 < 100}


def check_doctor(folder: Path) -> dict[str, Any]:
    from helpers.pipeline import examine_models

    report, path = examine_models(folder / "doctor")
    outcomes = {row["engine"]: row["outcome"] for row in report["engines"]}
    return {"outcomes": outcomes, "ok": path.is_file() and "fault" not in outcomes.values()}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(os.environ.get("OUT", ".")) / "gpu_check.json")
    chosen = parser.parse_args(arguments)
    ace_step.LIKED_SECONDS = 4.0
    result: dict[str, Any] = {"machine": describe_machine("cuda"), "weights": "tiny, random", "checks": {}}

    def run(name: str, check: Callable[[], dict[str, Any]]) -> None:
        try:
            found = check()
        except Exception as error:  # one failure must not hide what the others have to say
            found = {"ok": False, "failed": f"{type(error).__name__}: {error}"[:600]}
        result["checks"][name] = found
        print(f"{'ok ' if found['ok'] else 'BAD'} {name}: {json.dumps(found)[:300]}", flush=True)
        chosen.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")

    with tempfile.TemporaryDirectory() as name, devices.quiet_libraries():
        folder = Path(name)
        os.environ["HF_HUB_OFFLINE"] = "1"
        for family in FAMILIES:
            source = f"musicgen-{VARIANT_OF[family]}" if family in VARIANT_OF else family
            os.environ[SOURCES[source].variable] = str(build_tiny(folder / family, family))
        os.environ[SOURCES["t5-base"].variable] = str(folder / "foundation-1" / "t5")
        run("float16 sums", check_sums)
        run("guide in pieces", lambda: check_pieces(folder))
        run("truncated schedule", check_schedule)
        for family in FAMILIES:
            run(family, lambda family=family: check_family(family))
        run("doctor", lambda: check_doctor(folder))
    bad = [name for name, found in result["checks"].items() if not found["ok"]]
    print(f"written to {chosen.out.name}; {'all good' if not bad else 'to look at: ' + ', '.join(bad)}")
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())
