"""The job thread: one at a time, stopped within a step, never silent about a failure."""

import threading
import time

from helpers.errors import InvalidInput
from helpers.records import Progress
from helpers.ui.jobs import Jobs


def steps(progress: Progress, cancel, *, count=1000):
    from helpers.engines.base import stop_if

    for step in range(count):
        stop_if(cancel)
        progress("Working", step / count, None)
        time.sleep(0.005)
    return count


def test_a_job_reports_and_ends_with_its_message():
    views = []
    jobs = Jobs(views.append)
    assert jobs.start(
        "Counting", lambda p, c: steps(p, c, count=80), lambda n: {"text": f"counted {n}", "tone": "good"}
    )
    assert jobs.wait(10)
    assert views[0]["running"] and views[0]["stage"] == "Counting"
    assert any(view.get("fraction") for view in views)
    assert views[-1]["text"] == "counted 80" and not views[-1]["running"]


def test_a_second_job_does_not_start_while_one_runs():
    jobs = Jobs(lambda view: None)
    started = []
    assert jobs.start("First", steps, lambda n: None)
    assert not jobs.start("Second", lambda p, c: started.append(1), lambda n: None)
    jobs.cancel()
    assert jobs.wait(5) and not started


def test_cancel_is_said_at_once_and_obeyed_at_the_next_step():
    views = []
    jobs = Jobs(views.append)
    jobs.start("Long", steps, lambda n: None)
    jobs.cancel()
    assert views[-1]["cancelling"]
    assert jobs.wait(5)
    assert views[-1]["tone"] == "warn" and views[-1]["text"].startswith("Cancelled")


def test_our_errors_are_shown_as_they_stand_and_others_with_details():
    views = []
    jobs = Jobs(views.append)

    def refuse(progress, cancel):
        raise InvalidInput("The tempo is odd; give another.")

    def break_(progress, cancel):
        return {}["missing"]

    jobs.start("Refused", refuse, lambda n: None)
    jobs.wait(5)
    assert views[-1]["text"] == "The tempo is odd; give another." and views[-1]["details"] == ""
    jobs.start("Broken", break_, lambda n: None)
    jobs.wait(5)
    assert "KeyError" in views[-1]["text"] and "Traceback" in views[-1]["details"]


def test_an_error_while_showing_the_result_is_shown_too():
    views = []
    jobs = Jobs(views.append)
    jobs.start("Done badly", lambda p, c: 1, lambda n: {}["none"])
    jobs.wait(5)
    assert "KeyError" in views[-1]["text"]


def test_work_runs_off_the_calling_thread():
    names = []
    jobs = Jobs(lambda view: None)
    jobs.start("Where", lambda p, c: names.append(threading.current_thread()), lambda n: None)
    jobs.wait(5)
    assert names[0] is not threading.current_thread() and names[0].daemon


def test_time_left_is_estimated_from_the_stage(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("helpers.ui.jobs.time.monotonic", lambda: now[0])
    views = []
    jobs = Jobs(views.append)
    jobs.report("Denoising", 0.0, None)
    now[0] = 10.0
    jobs.report("Denoising", 0.25, None)
    assert views[-1]["left"] == 30.0
    jobs.report("Denoising", 0.25, 12.0)
    assert jobs.view["left"] == 12.0


def test_asking_from_another_thread_while_jobs_start_and_end_never_fails():
    jobs = Jobs(lambda view: None)
    faults, over = [], threading.Event()

    def ask():
        while not over.is_set():
            try:
                jobs.wait(0.001)
                _ = jobs.running
            except RuntimeError as error:
                faults.append(str(error))

    asking = [threading.Thread(target=ask) for _ in range(4)]
    for thread in asking:
        thread.start()
    for _ in range(300):
        jobs.start("Nothing", lambda *_: None, lambda _: None)
    over.set()
    for thread in asking:
        thread.join()
    assert faults == []


def test_a_job_that_has_not_begun_yet_counts_as_running():
    jobs = Jobs(lambda view: None)
    jobs._thread = threading.Thread(target=lambda: None)  # made, and not started: what another thread may see
    assert jobs.running and not jobs.wait(0.01)
