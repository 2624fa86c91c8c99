"""The commands ``batch`` and ``pack``."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput

if TYPE_CHECKING:
    from .ledger import LedgerRow
    from .pack import Pack
    from .run import Summary

Say = Callable[[str], None]


def make_pack(args: argparse.Namespace) -> Pack:
    """Carry out ``pack``."""
    from .pack import write_pack

    folder = Path(args.folder).resolve()
    return write_pack(
        args.folder, args.out or folder.parent / f"{folder.name or 'loops'}-pack", naming=args.naming, label=args.label,
        name=args.name, ideas=args.idea, with_failed=args.with_failed, with_one_shots=args.one_shots,
    )  # fmt: skip


def pack_text(pack: Pack) -> str:
    """What was packed, in a sentence or two."""
    left = f" {pack.left_out} failed their fit card and stayed out (--with-failed takes them)." * bool(pack.left_out)
    if pack.others:
        left += (
            f" {pack.others} other WAV{'s' * (pack.others != 1)}, without a JSON of ours that can be read, stayed out."
        )
    page = "" if pack.path.is_file() else " Open its index.html to listen."
    return f"The pack lies in {pack.path}, with {pack.loops} loop{'s' * (pack.loops != 1)}.{page}{left}"


def make_batch(args: argparse.Namespace, settings: Mapping[str, Any], say: Say) -> Summary:
    """Carry out ``batch``: plan, run, and tell every job's end on a line of its own."""
    from .jobs import plan_jobs
    from .ledger import DONE
    from .pool import LocalPool, RayPool
    from .run import run_batch

    if args.workers is not None and args.workers < 1:
        raise InvalidInput(f"--workers is {args.workers}; give 1 or more.")
    named = dict(settings)
    jobs = plan_jobs(args.sources, named.pop("instrument", None) or [], named)
    say(f"Jobs: {len(jobs)}, ideas: {len({job.idea for job in jobs})}.")

    def told(row: LedgerRow, ended: int, of: int, seconds_left: float | None) -> None:
        left = f", about {_time(seconds_left)} left" if seconds_left and ended < of else ""
        verdicts = " ".join(str(loop["verdict"]) for loop in row.loops) if row.state == DONE else row.sentence
        say(f"{ended} of {of}{left}: {row.idea}, {row.instrument}: {row.state} {verdicts}")

    pool = RayPool(args.ray, args.workers) if args.ray else LocalPool(args.workers)
    try:
        return run_batch(jobs, args.out, pool, told)
    finally:
        pool.close()


def batch_text(summary: Summary) -> str:
    """How the batch ended, in a few lines."""
    from .ledger import DONE

    count = summary.to_json()["jobs"]
    verdicts = Counter(str(loop.get("verdict")) for row in summary.rows for loop in row.loops)
    loops = f"; loops: {', '.join(f'{n} {verdict}' for verdict, n in sorted(verdicts.items()))}" if verdicts else ""
    done = f"{count['done']} jobs done ({summary.made_now} now)"
    lines = [f"{done}, {count['refused']} refused, {count['failed']} failed{loops}."]
    lines += [
        f"  {row.state}: {row.idea}, {row.instrument}: {row.sentence}" for row in summary.rows if row.state != DONE
    ]
    return "\n".join(lines)


def _time(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{seconds:.0f} s" if seconds < 90 else f"{minutes} min" if minutes < 90 else f"{minutes / 60:.1f} h"
