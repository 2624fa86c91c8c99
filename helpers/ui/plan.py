"""From the settings to the request, and what the page shows of it before anything is made."""

from __future__ import annotations

from typing import Any

from ..engines import registry
from ..engines.prompts import write_prompt
from ..errors import LoopsError
from ..music.instruments import find_instrument
from ..pipeline import plan_request
from ..records import Analysis, EngineInfo, Request
from . import readiness
from .analysis_card import chords_by_bar
from .form import SKETCH, Form, controls, unusable

FIRST_CHOICE = "stable-audio-open"
FOUNDATION, UNGATED = "foundation-1", "musicgen"


def choose_engine(form: Form, rows: list[dict[str, Any]], heard_meter: str = "4/4") -> tuple[str, str]:
    """The engine that Generate will use, and a sentence when it is not the one first thought of.

    Normal mode: for pitched instruments Foundation-1 where its weights are here, else Stable Audio Open; where that
    cannot run, a GPU is not left idle for want of a licence: a model that needs no click; else the sketch.
    """
    found = {row["name"]: row for row in rows}
    if form.mode != "normal":
        row = found.get(form.engine)
        if form.engine == SKETCH or row is None or row["ready"]:
            return (form.engine if row else SKETCH), ""
        return SKETCH, f"{row['title']} cannot run here: {row['reason'].rstrip('.')}. The sketch engine plays instead."
    ready = {name: row for name, row in found.items() if row["ready"]}
    pitched = not find_instrument(form.instrument).instrument.is_drums and (form.meter or heard_meter) == "4/4"
    if pitched and ready.get(FOUNDATION, {}).get("here"):
        return FOUNDATION, ""
    if FIRST_CHOICE in ready or FIRST_CHOICE not in found:
        return (FIRST_CHOICE if FIRST_CHOICE in ready else SKETCH), ""
    first = found[FIRST_CHOICE]
    others = [FOUNDATION, UNGATED] if pitched else [UNGATED]
    chosen = next((name for name in others if ready.get(name, {}).get("gpu")), SKETCH)
    if chosen == SKETCH:  # MODELS says, once, what is missing; the line beside Generate says who plays
        return SKETCH, ""
    plays = ready[chosen]["title"]
    sentence = f"{first['title']} cannot run here: {first['reason'].rstrip('.')}. {plays} plays instead."
    return chosen, f"{sentence} {first.get('remedy', '')}".strip()


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
    form: Form, analysis: Analysis | None, rows: list[dict[str, Any]] | None = None, *, check: bool = True
) -> tuple[Request, tuple[str, ...]]:
    """The request that Generate would make now, and what had to be assumed.

    Without ``check`` the engine is not asked whether it can make such a loop. Raises InvalidInput if a setting cannot
    be used, or the engine cannot make such a loop.
    """
    meter = analysis.tempo.meter.name if analysis else "4/4"
    name, swapped = choose_engine(form, readiness.engine_rows() if rows is None else rows, meter)
    engine = registry.get_engine(name)
    request, notes = make_request(form, analysis, engine.info)
    if check:
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
        prompt, negative = write_prompt(info.name, request)
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
        "genre": request.genre,
        "mood": request.mood,
    }
