"""What was heard, guessed and refused: nothing is chosen quietly, nothing stays that is no longer so."""

from __future__ import annotations

import av
import numpy as np
import pytest

from helpers.records import Clip
from helpers.sound.audio import mp3_bytes

from .actions import (
    choose_idea,
    generate,
    holds,
    kernel_says,
    knows,
    ready,
    save_idea,
    set_field,
    steady,
    until,
    wait_heard,
)

HEARD = """
import dataclasses
from helpers.records import Tag
app = ui.current()
app.library._analyses[app.state.current] = dataclasses.replace(
    app.analysis, genres=(), moods=(Tag("dramatic", {score}), Tag("epic", 0.17)))
app.show_idea(), app.show_plan()
"""


def test_what_is_too_long_is_refused_in_red_with_its_own_length_and_nothing_green_stays(heard, idea, tmp_path):
    long = tmp_path / "long.mp3"
    t = np.arange(11 * 60 * 8_000) / 8_000
    long.write_bytes(mp3_bytes(Clip(np.sin(2 * np.pi * 110 * t, dtype=np.float32)[None] * 0.5, 8_000)))
    assert "Saved" in save_idea(heard, idea)
    said = save_idea(heard, long)
    assert "the limit" in said and "10.0 minutes long" not in said and ("11.0" in said or "over 10 minutes" in said)
    assert heard.locator(".t-said.bad").count() == 1 and "Saved" not in heard.inner_text(".lg-upload")
    choose_idea(heard, idea)


def test_a_voice_memo_has_the_tempo_of_its_wav(heard, idea, tmp_path):
    memo = tmp_path / "memo.m4a"
    with av.open(idea) as sound, av.open(memo, "w") as out:
        stream = out.add_stream("aac", sound.streams.audio[0].rate, layout="mono")
        for frame in (*sound.decode(audio=0), None):
            out.mux(stream.encode(frame))
    assert "Saved" in save_idea(heard, memo)
    wait_heard(heard, memo.name)
    holds(heard, {".t-bpm": "96"})
    choose_idea(heard, idea)


def test_a_mood_that_was_heard_unclearly_is_shown_and_goes_nowhere(heard):
    asked = "[ui.current().planned()[0].mood, ui.current().planned()[0].genre]"
    for score, mood, placeholder in ((0.22, None, "heard unclearly"), (0.6, "dramatic", "dramatic, as heard")):
        kernel_says(heard, "None", HEARD.format(score=score))
        chip = heard.locator('.lg-studio [data-key="mood-dramatic"]')
        chip.locator(f"text={score:.0%}".replace("%", " %")).wait_for()
        assert chip.get_attribute("aria-pressed") == "false", "nobody has chosen it"
        heard.wait_for_selector(f'[data-key="mood"][placeholder^="{placeholder}"]')
        knows(heard, asked, f"[{mood!r}, None]")
    heard.click('[data-key="mood-epic"]')
    heard.wait_for_selector('[data-key="mood-epic"][aria-pressed="true"]')
    knows(heard, asked, "['epic', None]")  # what is pressed is meant
    heard.click('[data-key="undo-mood"]')
    heard.wait_for_selector('[data-key="mood-epic"][aria-pressed="false"]')


def test_what_was_heard_lies_below_generate_and_normal_mode_is_short(heard):
    top = "document.querySelector('{}').getBoundingClientRect().top"
    until(heard, f"() => {top.format('.lg-facts')} > {top.format('[data-key=generate]')}")
    assert "everything else follows" not in heard.inner_text(".lg-studio")


def test_what_has_a_list_is_chosen_from_it_and_no_choice_is_cut_off(heard):
    heard.click('[data-mode="advanced"]')
    heard.wait_for_selector('[data-key="takes"]')
    cut = """() => [...document.querySelectorAll('.t-advanced select')].filter((el) => {
        const g = document.createElement('canvas').getContext('2d'), css = getComputedStyle(el);
        g.font = css.font;
        return g.measureText(el.selectedOptions[0].textContent).width >
            el.clientWidth - parseFloat(css.paddingLeft) - 18; }).map((el) => el.selectedOptions[0].textContent)"""
    lists = {"sketch": (), "audioldm2-music": ("preset", "precision"), "audiocraft": ("preset", "variant", "decoder")}
    for engine, names in lists.items():
        heard.click(f'[data-engine="{engine}"]')
        heard.wait_for_selector(f'[data-engine="{engine}"][aria-checked="true"]')
        for name in names:
            heard.wait_for_selector(f'.t-advanced select[data-key="options.{name}"]')
        assert steady(heard, cut) == []
    heard.click('[data-engine="sketch"]')
    heard.wait_for_selector('[data-engine="sketch"][aria-checked="true"]')


def test_a_slider_that_is_set_does_not_move_what_stands_around_it(heard):
    heard.click('[data-mode="advanced"]')
    heard.wait_for_selector('[data-key="takes"]')
    slider = heard.locator('.t-advanced input[type="range"].auto').first
    key = slider.get_attribute("data-key")
    place = """(key) => {
        const el = document.querySelector(`.t-advanced .lg-field:has([data-key="${key}"])`);
        if (!el) return null;
        const a = el.closest('.t-advanced').getBoundingClientRect(), b = el.getBoundingClientRect();
        return [b.top - a.top, b.left - a.left, b.width, b.height]; }"""
    before = steady(heard, place, key)
    set_field(heard, key, "0.8")
    heard.wait_for_selector(f'[data-key="auto-{key}"]')
    assert steady(heard, place, key) == pytest.approx(before, abs=1)
    heard.click(f'[data-key="auto-{key}"]')
    heard.click('[data-mode="normal"]')
    heard.wait_for_selector(".t-advanced", state="detached")


@pytest.mark.parametrize("value", ["0", "abc", "104 bpm"])
def test_a_tempo_that_is_none_keeps_its_field_and_says_tempo(heard, value):
    set_field(heard, "bpm", value)
    heard.wait_for_selector("#lg-wrong-bpm")
    assert heard.input_value(".t-bpm") == value and heard.inner_text("#lg-wrong-bpm").startswith("Tempo")
    heard.click('[data-key="undo-bpm"]')
    ready(heard)


def test_what_is_refused_while_a_job_runs_goes_when_it_has_ended(heard):
    heard.click('[data-mode="advanced"]')
    heard.click('[data-engine="musicgen"]')
    heard.wait_for_selector('[data-engine="musicgen"][aria-checked="true"]')
    heard.click('[data-key="generate"]')
    heard.wait_for_selector(".lg-studio .lg-job[aria-busy=true]")
    kernel_says(heard, "ui.current().making.generate()")
    heard.wait_for_selector(".lg-studio .lg-notice:has-text('One job at a time')")
    heard.click('.lg-studio [data-key="cancel"]')
    heard.wait_for_selector(".lg-notice:has-text('One job at a time')", state="detached")
    ready(heard)
    heard.click('[data-engine="sketch"]')
    heard.click('[data-mode="normal"]')
    heard.wait_for_selector(".t-advanced", state="detached")


def test_a_loop_that_is_uploaded_again_later_keeps_its_tempo_and_key(heard, lab, tmp_path):
    set_field(heard, "key", "E minor")
    heard.wait_for_selector('[data-key="undo-key"]')
    generate(heard)
    name = heard.locator(".lg-loop").first.get_attribute("data-loop").replace(".json", ".wav")
    again = tmp_path / "from my desk.wav"
    again.write_bytes((lab.root / "loops" / name).read_bytes())
    assert "its tempo, key and chords are known" in save_idea(heard, again)
    wait_heard(heard, again.name)
    holds(heard, {".t-bpm": "96", ".t-key": "E minor"})
    heard.locator('.lg-loop [data-key^="idea-"]').first.click()
    heard.wait_for_selector(".lg-results .lg-notice:has-text('is now the idea')")
    heard.locator('.lg-upload [aria-label^="Use "]').first.click()
    heard.wait_for_selector(".lg-results .lg-notice:has-text('is now the idea')", state="detached")
