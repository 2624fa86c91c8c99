"""What this machine can run, as facts, one plain sentence and one next step. Nothing heavy is imported to find out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..engines import registry
from ..engines.devices import GIB, probe_machine
from ..engines.hub import download as hub
from ..install import INSTALLABLE, missing, obstacle
from ..install.extras import EXTRAS
from ..machine.home import free_bytes
from ..records import EngineInfo, Readiness

MOST_NAMED = 3  # models in the one line that MODELS is until it is opened


def machine_facts(folder: Path) -> list[dict[str, str]]:
    """GPU, memory, disk and token as label, value and note."""
    machine = probe_machine()
    card = f"{machine.gpu_free_gib:.1f} of {machine.gpu_gib:.1f} GiB free" if machine.gpu else ""
    token = "found" if hub.find_token() else "none"
    rows = [
        ("GPU", machine.gpu or "none", card or "The neural models want one."),
        ("Memory", f"{machine.ram_gib:.1f} GiB", f"{os.cpu_count()} processors"),
        ("Disk", f"{free_bytes(folder) / GIB:.0f} GiB free", ""),
        ("Hugging Face token", token, "Only gated models need one."),
    ]
    return [{"label": label, "value": value, "note": note} for label, value, note in rows]


def engine_row(info: EngineInfo, state: Readiness) -> dict[str, Any]:
    """One engine as the table shows it."""
    return {
        "name": info.name,
        "title": info.title,
        "family": info.packages,
        "good_at": info.good_at,
        "licence": info.licence + (" (gated)" if info.gated else ""),
        "size": f"{info.download_gib:.1f} GB" if info.download_gib else "no download",
        "ready": state.ready,
        "reason": state.reason,
        "remedy": state.remedy,
        "gated": info.gated,
        "gpu": bool(state.details.get("gpu")),
        "here": state.details.get("weights") in ("local", "cached"),
        "gib_left": state.details.get("download_gib_left", 0.0) if state.details.get("weights") == "download" else 0.0,
    }


def engine_rows() -> list[dict[str, Any]]:
    """Every engine as the page shows it."""
    return [engine_row(engine.info, engine.readiness()) for engine in registry.all_engines()]


def extra_rows() -> list[dict[str, Any]]:
    """What makes everything better and is fetched only when ticked."""
    return [
        {
            "name": extra.name,
            "title": extra.title,
            "good_at": extra.good_at,
            "licence": extra.licence,
            "size": f"{extra.download_bytes / 1e6:.0f} MB",
            "ready": here,
            "short": "optional",
            "installable": not here,
        }
        for extra, here in ((extra, extra.is_here()) for extra in EXTRAS.values())
    ]


def report(folder: Path) -> dict[str, Any]:
    """The whole panel: facts, engines, the sentence and the next step."""
    rows = engine_rows()
    wanted = {row["family"] for row in rows if not row["ready"] and row["family"]}
    lacking = {family for family in wanted if missing(family)}
    for row in rows:
        family = row["family"]
        lacks_packages = not row["ready"] and family in lacking and not obstacle(family)
        if family in lacking and (reason := obstacle(family)):  # nothing is offered that pressing Install would refuse
            row["reason"], row["remedy"] = reason.split("\n")
        row["installable"] = lacks_packages or (row["ready"] and row["gib_left"] > 0)
        row["packages"] = f"Packages: {INSTALLABLE[family].size_text()}" if lacks_packages else ""
    ready = [row["title"] for row in rows if row["ready"]]
    waiting = [row for row in rows if not row["ready"]]
    line = f"{_listed(ready)} can play now"
    if waiting:
        line += f", {_listed([row['title'] for row in waiting])} can be added"
    extras = extra_rows()
    return {
        "machine": machine_facts(folder),
        "engines": rows,
        "extras": extras,
        "line": line,
        "next": next_step(rows + extras, hub.find_token() is not None),
    }


def next_step(rows: list[dict[str, Any]], token: bool) -> dict[str, str] | None:
    """The one button: install packages, else log in for a gated model, else none."""
    if any(row["installable"] for row in rows):
        hint = (
            "Packages take one to three minutes, weights as long as your connection needs. Nothing that is here gets "
            "replaced. Without any of it, sketches play."
        )
        return {"kind": "install", "label": "Install what is ticked", "hint": hint}
    if not token and any(row.get("gated") and not row["ready"] for row in rows):
        hint = "The gated model needs a token; the other models do not."
        return {"kind": "login", "label": "Go to LOGIN", "hint": hint}
    return None


def _listed(names: list[str]) -> str:
    named = names if len(names) <= MOST_NAMED else [*names[: MOST_NAMED - 1], f"{len(names) - MOST_NAMED + 1} more"]
    return f"{', '.join(named[:-1])} and {named[-1]}" if len(named) > 1 else (named or ["Nothing"])[0]
