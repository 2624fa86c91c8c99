"""The contract's checks, made once in the base for every engine."""

import threading

import numpy as np
import pytest

from helpers.engines.base import MOST_TAKES, Engine, not_ready_text
from helpers.errors import Cancelled, InvalidInput, LoopsError, NotAvailable, Refused
from helpers.records import Clip, EngineInfo, Readiness, Request, Take

REQUEST = Request("piano", "chords", 120.0, bars=4, engine="toy")


class Toy(Engine):
    """Returns whatever ``samples`` holds; notes what it was asked."""

    info = EngineInfo(
        "toy", "Toy", 8_000, 2, 10.0, "free", 0.1, frozenset({"text", "melody"}), "tests", options={"a": ""}
    )

    def __init__(self, samples=None, ready=True, rate=8_000):
        super().__init__()
        noise = np.random.default_rng(1).normal(0, 0.1, (2, 800)).astype(np.float32)
        self.samples, self.ready, self.rate, self.asked = noise if samples is None else samples, ready, rate, []

    def readiness(self, request=None):
        return Readiness("toy", self.ready, "" if self.ready else "It rains.", "" if self.ready else "Wait.")

    def _generate(self, job):
        self.asked.append(tuple(job.numbers))
        return [Take(Clip(self.samples, self.rate), "toy", "1", seed, "words") for seed in job.seeds]


class Deaf(Toy):
    info = EngineInfo("deaf", "Deaf", 8_000, 2, 10.0, "free", 0.1, frozenset({"text"}), "tests")


GUIDE = Clip(np.full((1, 100), 0.1, dtype=np.float32), 8_000)


def test_takes_are_numbered_from_first():
    toy = Toy()
    takes = toy.generate(REQUEST, count=3, first=5)
    assert toy.asked == [(5, 6, 7)]
    assert [take.number for take in takes] == [5, 6, 7]
    assert [take.seed for take in takes] == [REQUEST.take_seed(k) for k in (5, 6, 7)]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"bars": 16}, r"Toy makes at most 10 s and 16 bars at 120 BPM last 32\.0 s; ask for 5 bars"),
        ({"options": {"b": 1}}, r"does not know the option 'b'; its options are: a\."),
    ],
)
def test_requests_that_cannot_be_made_are_refused_at_once(change, sentence):
    toy = Toy()
    with pytest.raises(InvalidInput, match=sentence):
        toy.generate(REQUEST.with_(**change))
    assert not toy.asked


@pytest.mark.parametrize(("count", "first"), [(0, 0), (MOST_TAKES + 1, 0), (1, -1)])
def test_counts_out_of_range_are_refused(count, first):
    with pytest.raises(InvalidInput, match="ask for 1 to 64, from 0 up"):
        Toy().generate(REQUEST, count=count, first=first)


def test_a_guide_for_a_deaf_engine_is_refused_with_what_it_hears():
    with pytest.raises(InvalidInput, match=r"Deaf cannot hear audio, only text; use guide 'none'"):
        Deaf().generate(REQUEST, guide=GUIDE)
    assert not Deaf().hears_guide
    assert Toy().hears_guide


@pytest.mark.parametrize("samples", [np.zeros((1, 0), np.float32), np.full((1, 9), np.nan, np.float32)])
def test_a_guide_without_sound_is_refused(samples):
    with pytest.raises(InvalidInput, match="The guide is empty or holds values that are not finite"):
        Toy().generate(REQUEST, guide=Clip(samples, 8_000))


def test_an_engine_that_is_not_ready_says_why_and_what_works():
    with pytest.raises(NotAvailable, match=r"Toy cannot run here: It rains\. Wait\. The sketch engine works on any"):
        Toy(ready=False).generate(REQUEST)


def test_the_sketch_does_not_recommend_itself():
    info = EngineInfo("sketch", "Sketch", 44_100, 2, 600.0, "", 0.1, frozenset(), "")
    assert "meanwhile" not in not_ready_text(info, Readiness("sketch", False, "No SoundFont.", "Install one."))


def test_cancel_before_the_start_makes_nothing():
    toy = Toy()
    with pytest.raises(Cancelled):
        toy.generate(REQUEST, cancel=lambda: True)
    assert not toy.asked
    assert toy.generate(REQUEST)


def test_silent_takes_are_left_out_and_all_silent_is_refused():
    class Sometimes(Toy):
        def _generate(self, job):
            quiet = Clip(np.zeros((2, 800), np.float32), 8_000)
            takes = zip(job.numbers, super()._generate(job), strict=True)
            return [Take(quiet, "toy", "1", t.seed, "") if k % 2 else t for k, t in takes]

    assert [take.number for take in Sometimes().generate(REQUEST, count=4)] == [0, 2]
    with pytest.raises(Refused, match="only silence"):
        Sometimes().generate(REQUEST, first=1)


def test_what_is_not_finite_is_caught():
    with pytest.raises(LoopsError, match="not finite"):
        Toy(np.full((2, 9), np.inf, np.float32)).generate(REQUEST)


def test_one_generation_at_a_time():
    inside, go_on = threading.Event(), threading.Event()

    class Slow(Toy):
        def _generate(self, job):
            inside.set()
            go_on.wait(10)
            return super()._generate(job)

    slow, made = Slow(), []
    worker = threading.Thread(target=lambda: made.extend(slow.generate(REQUEST)))
    worker.start()
    assert inside.wait(10)
    with pytest.raises(NotAvailable, match="already making takes"):
        slow.generate(REQUEST)
    go_on.set()
    worker.join()
    assert made
    assert slow.generate(REQUEST)
