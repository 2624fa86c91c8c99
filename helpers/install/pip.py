"""Runs pip under constraints that keep what a notebook runtime is built around; pip's last lines say why it failed."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ..errors import CancelCheck, Cancelled, NotAvailable, never_cancelled, with_details
from ..machine.run import CommandFailed, OnLine, run_lines
from .requirements import constraints, read_requirements

LAST_LINES = 12


def pip_install(
    title: str,
    *,
    requirements: Path | None = None,
    packages: Sequence[str] = (),
    options: Sequence[str] = (),
    constrained: bool = True,
    on_line: OnLine,
    cancel: CancelCheck = never_cancelled,
) -> None:
    """Install into the running interpreter's environment, keeping every version that is there.

    First everything installed is pinned. If that leaves no solution, a second try pins only what the runtime is built
    around (torch, numpy, the notebook's packages): those never move. pip and what it runs never see the Hub token.

    ``title`` names what is being installed in the error; a ``requirements`` file or requirement strings (``packages``)
    say what it is; ``options`` are more for ``pip install``, such as ``--no-deps --target FOLDER``. ``constrained`` is
    False for a folder of its own, where nothing can be replaced. Raises NotAvailable with pip's last lines, and
    Cancelled.
    """
    lines = [*(read_requirements(requirements) if requirements else ()), *packages]
    command = [sys.executable, "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    command += ["--progress-bar", "off", "--upgrade-strategy", "only-if-needed", *options]
    command += [*(("-r", str(requirements)) if requirements else ()), *packages]
    for protected_only in (False, True) if constrained else (True,):
        with tempfile.TemporaryDirectory(prefix="loops-install-") as folder:
            pins = Path(folder) / "constraints.txt"
            pins.write_text(constraints(lines, protected_only=protected_only) if constrained else "", encoding="utf-8")
            try:
                run_lines([*command, "-c", str(pins)], on_line=on_line, cancel=cancel)
                return
            except Cancelled:
                raise Cancelled("Cancelled; the installation was stopped. Install again to complete it.") from None
            except CommandFailed as failure:
                if protected_only or "ResolutionImpossible" not in "\n".join(failure.lines):
                    raise NotAvailable(explain(title, failure)) from None
        on_line(
            "Keeping every installed version leaves no solution; trying again with torch, numpy and the notebook kept."
        )


def explain(title: str, failure: CommandFailed) -> str:
    """Two sentences and the last lines, as they came."""
    tail = [line for line in failure.lines if line.strip()][-LAST_LINES:]
    text = (
        f"{title} could not be installed and nothing was replaced. The installer's last lines say why; mend that (or "
        "use a new environment: python3 -m venv .venv) and install again."
    )
    return with_details(text, tail)
