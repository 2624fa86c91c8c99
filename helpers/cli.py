"""The command line: the same steps as the notebook.

Results go to stdout (JSON with ``--json``), progress and messages to stderr. Exit status: 0 done; 2 something about the
input or this machine, in one sentence; 4 loops were made but none passed its fit card; 130 interrupted (128 and the
signal's number when the system ended it); 1 a fault of ours.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import InvalidInput, LoopsError, shown_text
from .machine import terminal
from .machine.faults import explain_fault
from .machine.home import EXAMPLE_IDEA
from .music.tables import read_toml

if TYPE_CHECKING:
    from .pipeline import Idea
    from .records import Analysis, Request

DONE, WRONG, NONE_PASSED, INTERRUPTED, FAULT = 0, 2, 4, 130, 1
COMMAND = "loops-generator"  # the console command of an installed copy
_MEASURED = ("instrument", "bars", "bpm", "key", "meter", "chords")  # what a loop is measured against


class _Parser(argparse.ArgumentParser):
    """argparse with one sentence instead of a usage block."""

    def error(self, message: str) -> Any:
        raise InvalidInput(f"{message[:1].upper()}{message[1:]}; see `{self.prog} --help`.")


def build_parser() -> argparse.ArgumentParser:
    """Every command and option, with the defaults shown in the help."""
    parser = _Parser(
        prog=COMMAND if os.path.basename(sys.argv[0]).startswith(COMMAND) else "python -m helpers",
        description="An idea in, one instrument's loop that fits it out: same tempo to the sample, same key, seamless.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
    for name, row in read_toml(f"{__package__}.machine", "commands.toml").items():
        sub = commands.add_parser(name, help=row["help"], description=row["help"])
        sub.set_defaults(run=_COMMANDS[name])
        sub.add_argument("--json", action="store_true", help="print one JSON document on stdout")
        if "controls" in row:  # first in the help, as the instrument is what one must say
            _add_controls(sub, row["controls"])
        groups: dict[bool, Any] = {False: sub}
        for flag, options in row.get("arguments", {}).items():
            if (exclusive := options.pop("exclusive", False)) not in groups:
                groups[exclusive] = sub.add_mutually_exclusive_group()
            groups[exclusive].add_argument(flag, **options | ({"type": int} if "type" in options else {}))
    return parser


def _add_controls(sub: argparse.ArgumentParser, which: str) -> None:
    """An option for each control that is offered; values stay text, because its row reads them."""
    from .records import CONTROLS

    for name, (_, row) in CONTROLS.items():
        if not row.is_offered or (which == "measured" and name not in _MEASURED):
            continue
        if which == "batch" and name == "instrument":
            continue
        flag, text = f"--{row.name.replace('_', '-')}", row.help.replace("%", "%%")
        if row.kind == "switch":
            sub.add_argument(flag, action="store_const", const=True, help=text)
            continue
        if row.kind in ("number", "whole"):
            metavar = row.range_text if row.name != "seed" else "N"
        else:
            metavar = "{" + ",".join(row.choices) + "}" if row.choices else row.kind.upper()
        default = "" if row.initial in (None, "") else f" (default {row.initial})"
        sub.add_argument(flag, metavar=metavar, help=text + default)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status, never raises for anything a user can cause."""
    try:
        with terminal.ending_cleanly():
            args = build_parser().parse_args(argv)
            with terminal.clean_stdout(args.json) as out:
                return args.run(args, out)
    except KeyboardInterrupt as stop:
        terminal.say("Interrupted; nothing half-written was left.")
        return getattr(stop, "status", INTERRUPTED)
    except LoopsError as error:
        terminal.say(str(error))
        return WRONG
    except BrokenPipeError:  # the reader of our output has ended
        terminal.silence_stdout()
        return DONE
    except (SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # a panic of a library written in Rust is no Exception
        if os.environ.get("LOOPS_DEBUG"):
            raise
        terminal.say(explain_fault(error, sys.argv[1:] if argv is None else argv))
        return WRONG if isinstance(error, (MemoryError, OSError, ModuleNotFoundError)) else FAULT


# ------------------------------------------------------------------------------------------------------------- commands


def _analyze(args: argparse.Namespace, out: Any) -> int:
    from . import pipeline, report

    idea = pipeline.load_idea(args.idea)
    _, analysis = pipeline.hear_part(idea, args.start, args.bars_heard, _StderrProgress())
    for path, notes, what in (
        (args.midi, analysis.played, "notes"),
        (args.melody_midi, analysis.melody, "single melody"),
    ):
        if path:
            from .analysis.melody import notes_to_midi
            from .machine.files import write_whole

            if not notes:
                raise InvalidInput(f"No {what} could be heard in the idea, so there is nothing to write as MIDI.")
            write_whole(path, notes_to_midi(notes, analysis.tempo))
    _print(out, args, analysis.to_json(), report.analysis_text(analysis))
    return DONE


def _make(args: argparse.Namespace, out: Any) -> int:
    from . import pipeline, report
    from .export import read_sidecar

    progress, given = _StderrProgress(), _given(args)
    if args.again is None and args.instrument is None:
        raise InvalidInput("No instrument was named; add --instrument, such as --instrument 'bass guitar'.")
    again = None if args.again is None else read_sidecar(args.again)
    _refuse_early(again, given)
    idea = pipeline.load_idea(args.idea)
    idea, analysis = pipeline.hear_part(idea, args.start, args.bars_heard, progress)
    request, notes = _request(again, given, analysis, idea)
    for note in notes:
        terminal.say(note)
    if args.midi_only:
        files = pipeline.write_parts(request, analysis, args.out, idea.name)
        _print(out, args, {"request": request.to_json(), "midi": [str(f) for f in files]}, "\n".join(map(str, files)))
        return DONE
    result = pipeline.make_loops(
        request, idea, analysis, args.out, progress, on_loop=lambda loop: terminal.say(f"Ready: {loop.files.wav}")
    )
    if args.plot:
        for path in pipeline.plot_loops(result, analysis):
            terminal.say(f"Drawn: {path}")
    data = result.to_json()
    data["notes"] = [*notes, *data["notes"]]
    _print(out, args, data, report.result_text(result, cards=args.cards))
    return DONE if result.any_passed else NONE_PASSED


def _refuse_early(again: tuple[Request, dict[str, Any]] | None, given: dict[str, Any]) -> None:
    """Raise, before the idea is heard, for what no idea could make right: a name, an option, an engine not here."""
    from . import pipeline
    from .music.meter import FASTEST_BPM  # the loop is as short as it can be, until a tempo is known

    request, _ = (
        pipeline.plan_request(None, **{"bpm": FASTEST_BPM} | given)
        if again is None
        else pipeline.change_request(again[0], **given)
    )
    pipeline.check_engine(request)


def _given(args: argparse.Namespace) -> dict[str, Any]:
    """The controls that the command line sets, read and checked."""
    from .records import CONTROLS, read_controls

    given = {name: getattr(args, name, None) for name in CONTROLS}
    if getattr(args, "option", None):
        given["options"] = dict(_option(text) for text in args.option)
    return read_controls(given)


def _request(
    again: tuple[Request, dict[str, Any]] | None, given: dict[str, Any], analysis: Analysis, idea: Idea
) -> tuple[Request, tuple[str, ...]]:
    """The request of `make`: a repeated one with this command's changes, or a new one from the analysis."""
    from . import pipeline

    if again is None:
        return pipeline.plan_request(analysis, **given)
    request, document = again
    notes: tuple[str, ...] = ()
    if document.get("idea", {}).get("sha256") not in (None, idea.sha256):
        notes = ("This is not the idea the loop was made for (its SHA-256 differs), so the loop will not be the same.",)
    changed, more = pipeline.change_request(request, **given)
    return changed, (*notes, *more)


def _option(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise InvalidInput(f"--option {text!r} is not NAME=VALUE; write for example --option steps=50.")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _fit(args: argparse.Namespace, out: Any) -> int:
    from . import pipeline, report

    if not (args.idea and args.instrument) and not {"bpm", "bars"} <= set(_given(args)):
        raise InvalidInput(
            "Say the tempo and the length of the loop, --bpm X --bars N, or the idea, --idea FILE --instrument NAME."
        )
    request, idea, analysis = _target(args)
    result = pipeline.fit_take(args.take, request, idea, analysis, args.out, _StderrProgress())
    _print(out, args, result.to_json(), report.result_text(result, cards=True))
    return DONE if result.any_passed else NONE_PASSED


def _proof(args: argparse.Namespace, out: Any) -> int:
    from . import pipeline, report

    request, idea, analysis = _target(args)
    card = pipeline.prove_file(args.loop, request, analysis, idea)
    _print(out, args, {"file": args.loop, "request": request.to_json(), "fit": card.to_json()}, report.card_text(card))
    return DONE


def _target(args: argparse.Namespace) -> tuple[Request, Idea | None, Analysis | None]:
    """What `fit` and `proof` measure against, with the idea and its analysis if one was named."""
    from . import pipeline

    given = _given(args)
    idea = pipeline.load_idea(args.idea) if args.idea else None
    analysis = pipeline.analyze_idea(idea, _StderrProgress(), tags=False) if idea else None
    request, notes = pipeline.plan_target(getattr(args, "loop", None), analysis, **given)
    for note in notes:
        terminal.say(note)
    return request, idea, analysis


def _engines(args: argparse.Namespace, out: Any) -> int:
    from . import report
    from .engines import registry

    rows = [(engine.info, engine.readiness()) for engine in registry.all_engines()]
    _print(out, args, {"engines": [report.engine_json(info, r) for info, r in rows]}, report.engines_text(rows))
    return DONE


def _install(args: argparse.Namespace, out: Any) -> int:
    from .install import INSTALLABLE, install, require_known
    from .install.extras import EXTRAS

    require_known(args.what, [*INSTALLABLE, *EXTRAS])
    if args.what in EXTRAS:
        EXTRAS[args.what].fetch(_StderrProgress())
    else:
        install(args.what, on_line=terminal.say)
    _print(out, args, {"installed": args.what}, f"{args.what} is installed.")
    return DONE


def _doctor(args: argparse.Namespace, out: Any) -> int:
    from .engines.doctor import report_lines
    from .pipeline import examine_models

    report, path = examine_models(args.out, _StderrProgress())
    _print(out, args, report, f"{report_lines(report)}\n\nThe report is in {path}; send it with your question.")
    return DONE


def _demo(args: argparse.Namespace, out: Any) -> int:
    from . import pipeline, report

    progress = _StderrProgress()
    idea = pipeline.load_idea(EXAMPLE_IDEA)
    analysis = pipeline.analyze_idea(idea, progress)
    request, notes = pipeline.plan_request(analysis, instrument="bass guitar", bars=4, takes=1, seed=1)
    for note in notes:
        terminal.say(note)
    result = pipeline.make_loops(request, idea, analysis, args.out, progress)
    data = {"analysis": analysis.to_json()} | result.to_json()
    _print(out, args, data, report.analysis_text(analysis) + "\n\n" + report.result_text(result, cards=True))
    return DONE if result.any_passed else NONE_PASSED


def _batch(args: argparse.Namespace, out: Any) -> int:
    from .batch.run import batch_text, make_batch
    from .records import CONTROLS

    given = {name: value for name in CONTROLS if (value := getattr(args, name, None)) is not None}
    summary = make_batch(args, given, terminal.say)
    _print(out, args, summary.to_json(), batch_text(summary))
    made = any(row.loops for row in summary.rows)
    return DONE if summary.passed else NONE_PASSED if made else WRONG


def _pack(args: argparse.Namespace, out: Any) -> int:
    from .batch.pack import pack_text, write_pack

    folder = Path(args.folder).resolve()
    pack = write_pack(
        args.folder, args.out or folder.parent / f"{folder.name or 'loops'}-pack", naming=args.naming, label=args.label,
        name=args.name, ideas=args.idea, with_failed=args.with_failed, with_one_shots=args.one_shots,
    )  # fmt: skip
    data = {"pack": str(pack.path), "loops": pack.loops, "left_out": pack.left_out, "others": pack.others}
    _print(out, args, data, pack_text(pack))
    return DONE


_COMMANDS = {
    "analyze": _analyze,
    "make": _make,
    "batch": _batch,
    "pack": _pack,
    "fit": _fit,
    "proof": _proof,
    "engines": _engines,
    "install": _install,
    "doctor": _doctor,
    "demo": _demo,
}  # the rows of commands.toml


# -------------------------------------------------------------------------------------------------------------- talking


class _StderrProgress:
    """Progress on stderr: a line a stage, and every ten per cent (or five seconds) of a long one."""

    def __init__(self) -> None:
        self._stage, self._tenth, self._told = "", -1, 0.0

    def __call__(self, stage: str, fraction: float | None = None, seconds_left: float | None = None) -> None:
        tenth = -1 if fraction is None else int(fraction * 10)
        now = time.monotonic()
        if stage == self._stage and (tenth == self._tenth or now - self._told < 0.5) and now - self._told < 5:
            return
        self._stage, self._tenth, self._told = stage, tenth, now
        share = f" {fraction:.0%}" if fraction else ""
        left = "" if not seconds_left or seconds_left < 1 else f", about {seconds_left:.0f} s left"
        terminal.say(f"{stage}{share}{left}")


def _print(out: Any, args: argparse.Namespace, data: dict[str, Any], text: str) -> None:
    terminal.print_result(out, terminal.json_text(data) if args.json else shown_text(text, keep="\n"))
