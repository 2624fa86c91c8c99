"""Tries every installed model: one short take of each, and a report that a person can send.

No developer can run every model on every machine. The report holds versions, GPU, seconds, peak memory, the
fit card of each loop and the sentence of each failure; no sound, no token, no paths.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..errors import CancelCheck, Cancelled, LoopsError, mask_secrets, never_cancelled
from ..machine.faults import describe_system, report_text
from ..music.pitch import parse_key, parse_progression
from ..records import Progress, Readiness, Request, silent_progress
from . import devices, registry
from .base import Engine

FORMAT = "loops-generator/doctor-1"
REQUEST = Request(
    "electric piano",
    "chords",
    120.0,
    bars=4,
    key=parse_key("A minor"),
    progression=parse_progression("Am | F | C | G"),
    takes=1,
    seed=1,
)


def examine(
    make: Callable[..., Any],
    folder: Path,
    progress: Progress = silent_progress,
    cancel: CancelCheck = never_cancelled,
) -> dict[str, Any]:
    """Make one loop with every engine whose weights are here, and say for the rest why not.

    ``make`` is :func:`helpers.pipeline.make_loops`, which lies above this layer; the loops go to ``folder``. The report
    holds ``system``, ``machine`` and a row for each engine with its ``outcome``: ``made``, ``failed`` (in a sentence),
    ``fault`` (an error in our code, with its traceback), ``not-ready`` or ``no-weights``.
    """
    rows = []
    engines = registry.all_engines()
    for number, engine in enumerate(engines):
        progress(f"Examining {engine.info.name}", number / len(engines), None)
        row = {"engine": engine.info.name, "title": engine.info.title, "model": engine.info.hub_id}
        rows.append(row | _examined(engine, make, folder, progress, cancel))
        engine.release()
    machine = asdict(devices.probe_machine())
    report = {"format": FORMAT, "system": describe_system(), "machine": machine, "engines": rows}
    return json.loads(mask_secrets(json.dumps(report, ensure_ascii=False)))


def _examined(
    engine: Engine, make: Callable[..., Any], folder: Path, progress: Progress, cancel: CancelCheck
) -> dict[str, Any]:
    state: Readiness = engine.readiness()
    if not state.ready:
        return {"outcome": "not-ready", "reason": state.reason, "remedy": state.remedy}
    if state.details.get("weights") == "download":
        reason = engine.access_problem() if engine.info.gated else ""
        return {"outcome": "no-weights", "reason": reason or "Its weights have not been fetched (MODELS)."}
    hears = "analysis" in engine.info.hears or engine.hears_guide
    request = REQUEST.with_(engine=engine.info.name, guide="sketch" if hears else "none")
    if gpu := _gpu():
        gpu.reset_peak_memory_stats()
    started = time.monotonic()
    try:
        result = make(request, None, None, folder, progress, cancel)
    except Cancelled:
        raise
    except LoopsError as error:
        cause = {"fault": report_text(error.__cause__)} if error.__cause__ else {}
        return {"outcome": "failed", "reason": str(error), **cause, **_cost(started)}
    except Exception as error:  # an unforeseen fault is the most useful row of the report
        return {"outcome": "fault", "reason": report_text(error), **_cost(started)}
    best = result.loops[0]
    take = best.loop.take
    facts = {"versions": take.engine_version, "revision": take.model, "labels": take.labels, "notes": take.notes}
    card = best.fit.to_json()
    return {"outcome": "made", **_cost(started), **facts, "refused": result.refused, "fit_card": card}


def report_lines(report: dict[str, Any]) -> str:
    """The report in a line or two an engine."""
    machine = report["machine"]
    lines = [report["system"], f"GPU: {machine['gpu'] or 'none'}", ""]
    for row in report["engines"]:
        said = row.get("reason", "").partition("\n")[0]
        if row["outcome"] == "made":
            said = f"{row['fit_card']['verdict']}, {row['seconds']:.0f} s"
            said += f", {row['peak_gpu_gib']:.1f} GiB" if row["peak_gpu_gib"] else ""
        lines.append(f"{row['engine']:<20}{row['outcome']:<11} {said}")
    return "\n".join(lines)


def _gpu() -> Any:
    """torch's CUDA side, where torch has been imported and a GPU is there; else None."""
    torch = sys.modules.get("torch")
    return torch.cuda if torch is not None and torch.cuda.is_available() else None


def _cost(started: float) -> dict[str, Any]:
    peak = gpu.max_memory_allocated() / devices.GIB if (gpu := _gpu()) else None
    return {"seconds": round(time.monotonic() - started, 1), "peak_gpu_gib": peak}
