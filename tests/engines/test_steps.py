"""Which takes are made together, and what a progress bar is told."""

import pytest

from helpers.engines import steps
from helpers.engines.steps import Group, StepMeter, name_stage, plan_groups
from helpers.errors import Cancelled


def test_groups_without_company_are_cut_in_order():
    assert plan_groups(range(2, 7), 2, 1) == [Group((2, 3), (2, 3)), Group((4, 5), (4, 5)), Group((6,), (6,))]


def test_company_is_the_same_for_a_take_however_many_were_asked_for():
    alone = plan_groups([5], 4, 4)
    assert alone == [Group((4, 5, 6, 7), (5,))]
    among = plan_groups(range(3, 7), 4, 4)
    assert among == [Group((0, 1, 2, 3), (3,)), Group((4, 5, 6, 7), (4, 5, 6))]


@pytest.mark.parametrize(("size", "block"), [(8, 4), (4, 4), (3, 2), (2, 2), (1, 1)])
def test_less_memory_makes_the_company_smaller(size, block):
    assert plan_groups([5], size, 4)[0].made == tuple(range(5 - 5 % block, 5 - 5 % block + block))


def test_progress_rises_over_all_groups_and_tells_the_time_left(monkeypatch):
    clock = iter([0.0, 10.0, 11.0, 12.0, 13.0])
    monkeypatch.setattr(steps.time, "monotonic", lambda: next(clock))
    told = []
    meter = StepMeter(lambda stage, fraction, left: told.append((fraction, left)), lambda: False, 4)
    meter(1), meter(2)
    meter.next_group(2)
    meter(1), meter(2)
    assert [fraction for fraction, _ in told] == [0.25, 0.5, 0.75, 1.0]
    assert [left for _, left in told] == [30.0, 2.0, 1.0, 0.0], "the first step warms up and must not spoil the rest"


def test_smaller_groups_mean_more_steps_and_never_more_than_all(monkeypatch):
    told = []
    meter = StepMeter(lambda stage, fraction, left: told.append(fraction), lambda: False, 4)
    meter(1)
    meter.plan(8)
    meter(1)
    assert told == [0.25, 0.125]


def test_cancel_is_heard_at_the_next_step():
    wish = []
    meter = StepMeter(lambda *_: None, lambda: bool(wish), 10)
    meter(1)
    wish.append(True)
    with pytest.raises(Cancelled):
        meter(2)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((0, 1, 1), "Sampling the take on the CPU"),
        ((2, 1, 3), "Sampling take 3 of 3 on the CPU"),
        ((0, 4, 6), "Sampling takes 1 to 4 of 6 on the CPU"),
    ],
)
def test_stages_are_named_in_words(arguments, words):
    assert name_stage(*arguments, "CPU") == words
