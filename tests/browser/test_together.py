"""What belongs together: a chain of parts over one idea, and two notebooks that have the same folder open."""

from __future__ import annotations

import hashlib

import pytest

from helpers.export import read_sidecar
from helpers.loops import prove
from helpers.records import FitCard
from helpers.sound.audio import read_clip
from helpers.ui.library import Library
from helpers.ui.state import State

from .actions import (
    WRAPS,
    counts,
    generate,
    holds,
    kernel_says,
    make_idea,
    ready,
    run_all,
    save_idea,
    set_field,
    until,
    wait_heard,
)
from .front import KERNEL


def fit_to(library, entry, clip, request, told):
    """What a card says of a loop laid over an idea of the library, of the fields that ``told`` has."""
    side = library.idea(entry).side(library.hear(entry))
    values = prove(clip, request, side.analysis, idea=side).values
    return {name: values.get(name) for name in told.values}


def test_four_parts_in_a_chain_share_tempo_key_and_chords_and_fit_the_stack(page, lab, tmp_path, facts):
    path = make_idea(tmp_path, bpm=104.0)
    save_idea(page, path)
    wait_heard(page, path.name)
    set_field(page, "key", "E minor")
    page.wait_for_selector('[data-key="undo-key"]')
    chords = kernel_says(page, "ui.current().planned()[0].half_bars()")
    library, made_for = Library(State.load(lab.root / "loops")), hashlib.sha256(path.read_bytes()).hexdigest()
    first = library.state.find(library.state.current)
    for number, instrument in enumerate(("drum kit", "bass guitar", "piano", "synth lead"), 1):
        set_field(page, "instrument", instrument)
        page.wait_for_selector(f'[data-key="instrument-{instrument}"][aria-checked="true"]')
        generate(page)
        loop = lab.root / "loops" / page.locator(".lg-loop").first.get_attribute("data-loop")
        request, document = read_sidecar(loop)
        key = request.key.name if request.key else "drums have none"
        assert (request.instrument, request.bpm, str(request.half_bars())) == (instrument, 104.0, chords)
        assert key == ("drums have none" if instrument == "drum kit" else "E minor")
        # The card is measured against what the part was made for: the idea first, then the stack that sounds under it.
        assert document["idea"]["sha256"] == made_for
        under, clip = library.idea_of(document), read_clip(loop.with_suffix(".wav"))
        told = FitCard.from_json(document["fit"])
        assert told.harmony is not None or instrument == "drum kit"
        assert fit_to(library, under, clip, request, told) == pytest.approx(dict(told.values), abs=1e-3)
        assert number == 1 or fit_to(library, first, clip, request, told) != pytest.approx(dict(told.values), abs=1e-3)
        page.locator('.lg-loop [data-key^="keep-"]').first.click()
        counts(page, ".lg-stackrow", number + 1)
        page.click('[data-key="stack-idea"]')
        wait_heard(page, f"stack of {number}.wav")
        holds(page, {".t-bpm": "104", ".t-key": "E minor"})
        state = library.state = State.load(lab.root / "loops")
        made_for = state.find(state.current).sha256
    page.click(".t-stack")
    until(page, "() => player().current === 'stack' && player().transport.playing")
    wraps = facts["wraps of the stack"] = page.evaluate(WRAPS, 8)
    assert wraps["voices"] == 5, "the idea and four parts"
    assert len(set(wraps["frames"])) == 1 and wraps["worst"] < 2e-6
    page.locator('[data-key^="mute-"]').first.click()
    until(page, "() => player().transport.voices.idea.node.gain.value < 0.01")
    page.keyboard.press("Escape")
    page.locator('.lg-loop [data-key^="idea-"]').first.click()
    until(page, "() => document.querySelector('.lg-studio strong.clip').textContent.startsWith('synth-lead')")
    ready(page)
    holds(page, {".t-bpm": "104", ".t-key": "E minor"})
    assert kernel_says(page, "ui.current().planned()[0].half_bars()") == chords


def test_two_notebooks_in_one_folder_of_five_actions_each_lose_nothing(lab_server, browser, tmp_path):
    keys, instruments = {"ann": "E minor", "bob": "F minor"}, {"ann": "flute", "bob": "drum kit"}
    ideas = {name: make_idea(tmp_path, bpm=bpm) for name, bpm in (("ann", 100.0), ("bob", 120.0))}
    fronts = {name: lab_server.another(name, folder="one") for name in keys}
    pages = {name: browser.new_page(viewport={"width": 1240, "height": 1400}) for name in keys}
    for name, page in pages.items():
        fronts[name].open(page)
    for name, page in pages.items():  # each action of one is followed by the other's
        save_idea(page, ideas[name])
        wait_heard(page, ideas[name].name)
    for name, page in pages.items():
        set_field(page, "instrument", instruments[name])
        generate(page)
    own = {name: f'.lg-loop[data-loop^="{instruments[name].replace(" ", "-")}"]' for name in keys}
    for name, page in pages.items():
        page.locator(f'{own[name]} [data-key^="keep-"]').first.click()
        page.wait_for_selector(f"{own[name]}.kept")
    for name, page in pages.items():
        page.locator(f'{own[name]} [data-key^="discard-"]').last.click()
        counts(page, own[name], 2)
    for name, page in pages.items():
        set_field(page, "key", keys[name])
        page.wait_for_selector('[data-key="undo-key"]')
    for name, page in pages.items():
        page.evaluate(f"async () => {{ await {KERNEL}.session.kernel.restart(); }}")
        run_all(page)
        wait_heard(page, ideas[name].name)
        holds(page, {".t-key": keys[name], ".t-bars": "4"})
        counts(page, ".lg-idea", 2)
        counts(page, ".lg-loop", 4)
        counts(page, ".lg-loop.kept", 2)
        names = page.evaluate("() => [...document.querySelectorAll('.lg-loop')].map((el) => el.dataset.loop)")
        assert {loop.split("_")[0] for loop in names} == {"flute", "drum-kit"}
        page.close()
