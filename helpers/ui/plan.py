"""From the settings to the request, and what the page shows of it before anything is made."""

from __future__ import annotations

from typing import Any

from ..engines import registry
from ..engines.prompts import write_prompt
from ..errors import LoopsError
from ..pipeline import plan_request
from ..records import Analysis, EngineInfo, Request
from . import readiness
from .analysis_card import chords_by_bar
from .form import SKETCH, Form, controls, unusable

NORMAL_ENGINE = "stable-audio-open"


def choose_engine(form: Form, rows: list[dict[str, Any]]) -> tuple[str, str]:
    """The engine that Generate will use, and a sentence when it is not the one first thought of."""
    wanted = NORMAL_ENGINE if form.mode == "normal" else form.engine
    row = next((row for row in rows if row["name"] == wanted), None)
    if wanted == SKETCH or row is None or row["ready"]:
        return (wanted if row else SKETCH), ""
    reason = row["reason"].rstrip(".")
    return SKETCH, f"{row['title']} cannot run here: {reason}. The sketch engine plays instead."


def make_request(form: Form, analysis: Analysis | None, info: EngineInfo) -> tuple[Request, tuple[str, ...]]:
    """The request that the form asks for on one engine; Normal mode leaves everything but the card's edits to us.

    Settings the engine cannot use are left out, as the page shows them greyed out.
    """
    values = form.to_json()
    values.pop("mode")
    values["engine"] = info.name
    if form.mode == "normal":
        heard = {"instrument", "engine", "bars", *Form.HEARD}
        values = {name: value if name in heard else Form.INITIAL.get(name) for name, value in values.items()}
    else:
        values |= {name: Form.INITIAL[name] for name in unusable(form, info) if name in values}
        values["options"] = {name: value for name, value in values["options"].items() if name in info.options}
    return plan_request(analysis, **values)


def planned(
    form: Form, analysis: Analysis | None, rows: list[dict[str, Any]] | None = None
) -> tuple[Request, tuple[str, ...]]:
    """The request that Generate would make now, and what had to be assumed.

    Raises
    ------
    InvalidInput
        If a setting cannot be used, or the engine cannot make such a loop.
    """
    name, swapped = choose_engine(form, readiness.engine_rows() if rows is None else rows)
    engine = registry.get_engine(name)
    request, notes = make_request(form, analysis, engine.info)
    engine.check(request)
    return request, (swapped, *notes) if swapped else notes


def plan_view(form: Form, analysis: Analysis | None) -> dict[str, Any]:
    """Controls, what is greyed out, the engines, and (once an idea has been heard) the request in the page's words."""
    info = registry.get_engine(form.engine).info
    rows = readiness.engine_rows()
    view: dict[str, Any] = {"off": unusable(form, info), "groups": controls(info), "engines": rows}
    if analysis is None:
        return view
    try:
        request, notes = planned(form, analysis, rows)
        prompt, negative = write_prompt(info.name, request, analysis)
    except LoopsError as error:
        return view | {"error": str(error)}
    return view | {
        "notes": list(notes),
        "prompt": prompt,
        "negative": negative,
        "engine": request.engine,
        "bpm": round(request.bpm, 3),
        "key": request.key.name if request.key else None,
        "bars": request.bars,
        "chords": chords_by_bar(request),
        "seconds": request.seconds,
    }
