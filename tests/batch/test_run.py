"""The driver: every job once, whatever dies; a second start does what is missing."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from helpers import cli
from helpers.batch import run as worker
from helpers.batch.jobs import plan_jobs
from helpers.batch.ledger import DONE, FAILED, NAME, PLANNED, REFUSED, Ledger, read_ledger
from helpers.batch.pool import LocalPool
from helpers.batch.run import MOST_TRIES, run_batch
from helpers.errors import InvalidInput, NotAvailable, Refused

from . import stand_ins

ROOT = Path(__file__).resolve().parents[2]
INSTRUMENTS = ["piano", "flute", "drum kit"]


@pytest.fixture
def ideas(tmp_path):
    folder = tmp_path / "ideas"
    folder.mkdir()
    for name in ("one", "two", "silent"):
        (folder / f"{name}.wav").write_bytes(name.encode())
    return folder


def run(jobs, out, *, make=stand_ins.make, pool=None, **more):
    pool = pool or stand_ins.Threads()
    try:
        return run_batch(jobs, out, pool, hear=stand_ins.hear, make=make, **more), pool
    finally:
        pool.close()


def test_every_job_has_its_folder_and_row_and_an_idea_is_heard_once(ideas, tmp_path):
    jobs = plan_jobs([ideas], INSTRUMENTS, {})
    told = []
    summary, pool = run(jobs, tmp_path / "out", on_row=lambda row, done, of, left: told.append((row.state, done, of)))
    assert [summary.count(s) for s in (DONE, REFUSED, FAILED)] == [6, 3, 0]
    assert summary.passed == 6 and summary.made_now == 6
    assert Counter(name for name, *_ in pool.log) == {"hear": 3, "make": 6}
    for job, row in zip(jobs, summary.rows, strict=True):
        assert (tmp_path / "out" / job.folder).is_dir() == (row.state == DONE)
        if row.state == DONE:
            wav = tmp_path / "out" / row.loops[0]["wav"]
            assert wav.is_file() and row.loops[0] | {"wav": ""} == {
                "wav": "", "verdict": "pass", "score": 0.5, "seed": job.settings["seed"],
            }  # fmt: skip
        else:
            assert row.sentence == "is silent"
    assert [done for _, done, _ in told] == list(range(1, 10))


def test_a_second_start_does_nothing_and_a_new_instrument_only_itself(ideas, tmp_path):
    out = tmp_path / "out"
    run(plan_jobs([ideas], INSTRUMENTS, {}), out)
    before = {p: p.stat().st_mtime_ns for p in out.rglob("*.wav")}
    summary, pool = run(plan_jobs([ideas], [*INSTRUMENTS, "organ"], {}), out)
    assert summary.made_now == 2  # and the silent idea is refused again for its new job
    assert sorted(args for name, *args in pool.log if name == "make") == [
        [str(ideas / "one.wav"), "drawbar organ"], [str(ideas / "two.wav"), "drawbar organ"],
    ]  # fmt: skip
    assert {p: p.stat().st_mtime_ns for p in before} == before


def test_an_idea_that_was_renamed_is_the_same_work(ideas, tmp_path):
    out = tmp_path / "out"
    first, _ = run(plan_jobs([ideas / "one.wav"], ["piano"], {}), out)
    again = plan_jobs([(ideas / "one.wav").rename(ideas / "new.wav")], ["piano"], {})
    assert again[0].id == first.rows[0].job and again[0].folder.startswith("new/")
    (out / NAME).write_text("")  # the folder alone tells that it is done
    second, pool = run(again, out)
    assert pool.log == [] and second.made_now == 0 and second.rows[0].loops == first.rows[0].loops


def test_failed_jobs_are_tried_again_and_refused_ones_are_not(ideas, tmp_path):
    jobs = plan_jobs([ideas / "one.wav"], ["piano"], {})
    summary, _ = run(jobs, tmp_path / "out", make=stand_ins.fail)
    assert summary.rows[0].state == FAILED and "out of luck" in summary.rows[0].sentence
    summary, _ = run(jobs, tmp_path / "out")
    assert summary.rows[0].state == DONE
    (ideas / "silent\u2028\x85.wav").touch()  # in a name, to Unicode the end of a line
    for name in ("silent.wav", "silent\u2028\x85.wav"):
        silent = plan_jobs([ideas / name], ["piano"], {})
        run(silent, tmp_path / "out")
        assert run(silent, tmp_path / "out")[1].log == []


def test_a_job_published_but_not_written_down_is_not_made_again(ideas, tmp_path):
    jobs, out = plan_jobs([ideas / "one.wav"], INSTRUMENTS, {}), tmp_path / "out"
    run(jobs, out)
    lines = (out / NAME).read_text().splitlines(keepends=True)
    (out / NAME).write_text("".join(lines[:-1]) + lines[-1][: len(lines[-1]) // 2])  # the last row torn in the middle
    summary, pool = run(jobs, out)
    assert pool.log == [] and all(row.state == DONE and row.loops for row in summary.rows)
    assert {row.state for row in read_ledger(out / NAME).values()} == {DONE}


def test_a_killed_worker_costs_one_try_and_a_deadly_job_is_called_failed(ideas, tmp_path):
    jobs = plan_jobs([ideas / "one.wav"], INSTRUMENTS, {})
    summary, _ = run(jobs[:1] + jobs[2:], tmp_path / "out", make=stand_ins.make_and_die, pool=LocalPool(1))
    assert [row.state for row in summary.rows] == [DONE, DONE]
    summary, _ = run(jobs[1:2], tmp_path / "out", make=stand_ins.make_and_die, pool=LocalPool(1))
    assert summary.rows[0].state == FAILED and f"died {MOST_TRIES} times" in summary.rows[0].sentence


def test_killed_at_random_moments_every_job_is_made_exactly_once(ideas, tmp_path):
    for number in range(9):
        (ideas / f"more-{number}.wav").write_bytes(bytes([number]))
    out, chance = tmp_path / "out", random.Random(5)
    command = [sys.executable, "-m", "tests.batch.stand_ins", str(ideas), str(out)]
    kills = 0
    for _ in range(5):
        process = subprocess.Popen(command, cwd=ROOT)
        deadline = time.monotonic() + 30
        while not (out / NAME).is_file() and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.12))
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
        rows = read_ledger(out / NAME)
        assert all(row.state in (PLANNED, DONE, REFUSED) for row in rows.values())
        for row in rows.values():  # what is called done is whole
            assert all((out / loop["wav"]).read_bytes().startswith(b"RIFF") for loop in row.loops)
    assert kills, "no start was killed before its end"
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0
    jobs = plan_jobs([ideas], INSTRUMENTS, {"style": "0.01"})
    rows = read_ledger(out / NAME)
    assert set(rows) == {job.id for job in jobs}
    assert Counter(row.state for row in rows.values()) == {DONE: 33, REFUSED: 3}
    assert sorted(p.parent.relative_to(out).as_posix() for p in out.rglob("*.wav")) == sorted(
        job.folder for job in jobs if rows[job.id].state == DONE
    )


def test_two_batches_in_one_folder_are_kept_apart(ideas, tmp_path):
    with Ledger.opened(tmp_path / "out"), pytest.raises(InvalidInput, match="Another batch works"):
        run(plan_jobs([ideas], INSTRUMENTS, {}), tmp_path / "out")


def test_a_ledger_that_is_a_pipe_or_a_folder_is_refused(ideas, tmp_path):
    (tmp_path / "one" / NAME).mkdir(parents=True)
    (tmp_path / "two").mkdir()
    os.mkfifo(tmp_path / "two" / NAME)
    for name in ("one", "two"):
        with pytest.raises(InvalidInput, match="is not a file"):
            run(plan_jobs([ideas], INSTRUMENTS, {}), tmp_path / name)


def test_no_worker_is_started_that_would_have_no_job(ideas, tmp_path, monkeypatch, capsys):
    def asked(workers):
        raise NotAvailable(f"asked for {workers}")

    monkeypatch.setattr(worker, "LocalPool", asked)
    words = ["--instrument", "piano", "--instrument", "flute", "--workers", "99999", "--out", str(tmp_path / "out")]
    assert cli.main(["batch", str(ideas / "one.wav"), *words]) == 2
    assert "asked for 2" in capsys.readouterr().err


def test_what_a_worker_raises_comes_back_as_words(monkeypatch, tmp_path):
    from helpers import pipeline

    assert worker.hear(str(tmp_path / "none.wav")).state == FAILED  # it may be there at the next start
    (tmp_path / "empty.wav").touch()
    assert worker.hear(str(tmp_path / "empty.wav")).state == REFUSED
    monkeypatch.setattr(pipeline, "load_idea", lambda path: 1 / 0)
    made = worker.make("x", {"instrument": "piano", "bpm": 100, "seed": 1}, None)
    assert made.state == FAILED and made.sentence == "ZeroDivisionError: division by zero"


@pytest.mark.parametrize(
    ("error", "state"),
    [(InvalidInput("no"), REFUSED), (Refused("no"), REFUSED), (NotAvailable("no model"), FAILED), (None, FAILED)],
)
def test_only_what_would_be_refused_again_is_refused(error, state, monkeypatch):
    from helpers import pipeline

    def fail(*_):
        if error is None:  # as a full disk is told
            try:
                raise OSError(28, "No space left on device")
            except OSError:
                raise InvalidInput("The loop cannot be written.") from None
        raise error

    monkeypatch.setattr(pipeline, "load_idea", fail)
    assert worker.make("x", {"instrument": "piano", "bpm": 100, "seed": 1}, None).state == state


def test_a_worker_outlives_many_jobs_and_a_dead_one_takes_no_other_job_along(ideas, tmp_path):
    pool = LocalPool(2)
    try:
        first, second = pool.submit(os._exit, 1), pool.submit(abs, -2)
        assert second.result(30) == 2
        with pytest.raises(BrokenProcessPool):
            first.result(30)
        assert [pool.submit(abs, -n).result(30) for n in range(500)] == list(range(500))
    finally:
        pool.close()
