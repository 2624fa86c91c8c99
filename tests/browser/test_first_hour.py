"""What a producer met in the first hour, fault by fault: where it went wrong once, it must go right."""

from __future__ import annotations

import json

import pytest

from .actions import choose, generate, make_idea, play, save_idea, set_field, wait_heard
from .front import PICTURES, Front, has_server

SCREEN = {"width": 1366, "height": 768}
TOPS = """(names) => {
    const scroller = document.querySelector('.jp-WindowedPanel-outer, .jp-Notebook') || document.body;
    const top = scroller.getBoundingClientRect().top - scroller.scrollTop;
    return names.map((name) => document.querySelector(name).getBoundingClientRect().top - Math.max(0, top) ); }"""
KERNEL = "window.jupyterapp.shell.currentWidget.sessionContext"


def run_all(page):
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")


@pytest.fixture(scope="module")
def heard(page, tmp_path_factory):
    """The page with an idea that has been heard: four bars, 96 BPM."""
    path = make_idea(tmp_path_factory.mktemp("idea"))
    save_idea(page, path)
    wait_heard(page, path.name)
    return page


# -------------------------------------------------------------------------------------------------------- at the field


@pytest.mark.parametrize(("key", "value"), [("bpm", "999"), ("key", "xyz"), ("chord-1", "C/G | D"), ("chord-0", "Qq")])
def test_a_wrong_value_stays_in_its_field_with_its_sentence_beneath(heard, key, value):
    before = {name: heard.input_value(f'.lg-studio [data-key="{name}"]') for name in ("bpm", "key", "chord-2")}
    set_field(heard, key, value)
    heard.wait_for_selector(f"#lg-wrong-{key}")
    field = heard.locator(f'.lg-studio [data-key="{key}"]')
    assert field.input_value() == value and field.get_attribute("aria-invalid") == "true"
    near = heard.locator(f"#lg-wrong-{key}").bounding_box()["y"] - field.bounding_box()["y"]
    assert 0 < near < 160, "beneath it, not a screen away"
    for name, kept in before.items():
        if name != key:
            assert heard.input_value(f'.lg-studio [data-key="{name}"]') == kept
    assert "undefined" not in heard.inner_text(".lg-studio").lower()
    assert heard.locator('[data-key="generate"]').is_disabled()
    set_field(heard, key, before.get(key, "Am"))
    heard.wait_for_selector(f"#lg-wrong-{key}", state="detached")
    heard.wait_for_function("() => !document.querySelector('[data-key=generate]').disabled")


def test_a_typed_value_carries_no_confidence(heard):
    set_field(heard, "bpm", "97")
    heard.wait_for_selector('[data-key="undo-bpm"]')
    assert "sure" not in heard.locator(".lg-fact").first.inner_text()
    heard.click('[data-key="undo-bpm"]')
    heard.wait_for_function("() => document.querySelector('.t-bpm').value === '96'")


def test_an_unknown_instrument_is_asked_about(heard):
    set_field(heard, "instrument", "zzzz")
    heard.wait_for_selector("#lg-wrong-instrument")
    choices = heard.locator("#lg-wrong-instrument .lg-chip")
    assert choices.count() == 3
    wanted = choices.first.inner_text()
    choices.first.click()
    heard.wait_for_function("(name) => document.querySelector('.t-instrument').value === name", arg=wanted)
    assert heard.locator("#lg-wrong-instrument").count() == 0
    heard.click('[data-key="instrument-bass guitar"]')
    heard.wait_for_function("() => document.querySelector('.t-instrument').value === 'bass guitar'")


# ----------------------------------------------------------------------------------- where you press, you see and hear


def test_upload_first_sound_and_generate_are_near_the_top(heard):
    heard.set_viewport_size(SCREEN)
    heard.wait_for_timeout(500)
    sound, pressed = heard.evaluate(TOPS, [".lg-ideas .lg-button", "[data-key=generate]"])
    heard.set_viewport_size({"width": 1240, "height": 1400})
    assert sound <= SCREEN["height"] and pressed <= 1.5 * SCREEN["height"], (sound, pressed)


def test_takes_appear_one_by_one_and_can_be_played_at_once(heard, facts):
    heard.evaluate(
        """() => { window.seen = []; const began = performance.now();
        window.watching = setInterval(() => { const n = document.querySelectorAll('.lg-loop').length;
            const now = Math.round(performance.now() - began);
            if (n !== (window.seen.at(-1) || [0])[0]) window.seen.push([n, now]); }, 20); }"""
    )
    generate(heard)
    heard.wait_for_function("() => document.querySelectorAll('.lg-loop').length >= 3", timeout=60_000)
    heard.wait_for_selector(".t-ready [data-key='ready-0']")
    seen = heard.evaluate("() => { clearInterval(window.watching); return window.seen; }")
    facts["takes on the page after Generate, ms"] = seen
    assert [count for count, _ in seen][:3] == [1, 2, 3]
    heard.click("[data-key='ready-0']")
    heard.wait_for_selector(".lg-loop.playing")


def test_the_player_stays_in_view_and_its_keys_are_told(heard):
    play(heard)
    assert "1 idea" in heard.inner_text(".lg-deck")
    heard.set_viewport_size(SCREEN)
    heard.locator(".lg-upload").scroll_into_view_if_needed()
    heard.wait_for_selector(".lg-float .lg-deck")
    box = heard.locator(".lg-deck").bounding_box()
    assert box["y"] >= 0 and box["y"] + box["height"] <= SCREEN["height"]
    heard.click('.lg-float [data-mix="idea"]')
    heard.keyboard.press("ArrowRight")
    assert heard.evaluate("() => player().mix") == "loop", "arrow keys choose the next"
    heard.keyboard.press("Escape")
    heard.wait_for_selector(".lg-loop.playing", state="detached")
    heard.set_viewport_size({"width": 1240, "height": 1400})


def test_variations_show_their_progress_on_the_card_and_nothing_jumps(heard):
    card = heard.locator(".lg-loop").first
    before = heard.locator(".lg-loop").count()
    card.locator('[data-key^="vary-"]').click()
    heard.wait_for_function("() => document.querySelector('.lg-loop .lg-job:not([hidden])')")
    heard.wait_for_function("(n) => document.querySelectorAll('.lg-loop').length >= n + 2", arg=before, timeout=90_000)
    assert "Variation" in heard.inner_text(".lg-results")


def test_download_pressed_twice_saves_one_whole_file(heard, lab):
    name = heard.locator(".lg-loop").first.get_attribute("data-loop").replace(".json", ".wav")
    saved = []
    heard.on("download", lambda download: saved.append(download))  # noqa: PLW0108  Playwright wraps it
    with heard.expect_download():
        heard.locator('[data-file="wav"]').first.dblclick()
    heard.wait_for_timeout(1500)
    assert len(saved) == 1
    assert saved[0].path().read_bytes() == (lab.root / "loops" / name).read_bytes()


def test_four_parts_in_a_chain_share_tempo_key_and_chords(heard, tmp_path):
    path = make_idea(tmp_path, bpm=104.0)
    save_idea(heard, path)
    wait_heard(heard, path.name)
    set_field(heard, "key", "E minor")
    heard.wait_for_selector('[data-key="undo-key"]')
    told = []
    for instrument in ("drum kit", "bass guitar", "piano", "synth lead"):
        set_field(heard, "instrument", instrument)
        heard.wait_for_function("(n) => document.querySelector('.t-instrument').value === n", arg=instrument)
        generate(heard)
        heard.wait_for_selector('.lg-loop [data-key^="idea-"]')
        told.append(heard.locator(".lg-loop").first.inner_text())
        heard.locator('.lg-loop [data-key^="keep-"]').first.click()
        heard.wait_for_selector('.lg-loop.kept, .lg-loop [aria-pressed="true"]')
        heard.click('[data-key="stack-idea"]')
        heard.wait_for_function(
            "(n) => document.querySelector('.lg-studio strong.clip').textContent.startsWith('stack of ' + n)"
            " && !document.querySelector('[data-key=generate]').disabled",
            arg=len(told),
            timeout=90_000,
        )
    assert all("104 BPM" in text for text in told)
    assert heard.input_value(".t-bpm") == "104" and heard.input_value(".t-key") == "E minor"
    heard.click(".t-stack")
    heard.wait_for_function("() => player().current === 'stack' && player().transport.playing")
    voices = heard.evaluate("() => Object.values(player().transport.voices).map((v) => v.buffer.length)")
    assert len(voices) == 5 and len(set(voices)) == 1, "the idea and four parts, all of one length"
    heard.locator('[data-key^="mute-"]').first.click()
    heard.wait_for_function("() => player().transport.voices.idea.node.gain.value < 0.01")
    heard.keyboard.press("Escape")


# ----------------------------------------------------------------------------------------------- no panel is ever dead


def test_cells_run_again_then_reloaded_show_the_same_panels(heard, lab):
    run_all(heard)
    heard.wait_for_timeout(2500)
    heard.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    heard.wait_for_timeout(800)
    run_all(heard)
    heard.wait_for_timeout(2500)
    heard.reload()
    heard.wait_for_selector(".lg-results .lg-loop", timeout=60_000)
    heard.wait_for_timeout(1500)
    assert heard.locator(".lg").count() >= 5
    text = heard.inner_text(".jp-Notebook")
    assert "model not found" not in text and "Loading widget" not in text


def test_a_restarted_kernel_is_said_and_running_the_cells_brings_everything_back(heard):
    loops = heard.locator(".lg-loop").count()
    heard.evaluate(f"async () => {{ await {KERNEL}.session.kernel.restart(); }}")
    heard.wait_for_timeout(2000)
    heard.locator(".t-play").first.click()
    heard.wait_for_selector(".t-silent:visible", timeout=15_000)
    assert "run the cells again" in heard.inner_text(".t-silent:visible")
    run_all(heard)
    heard.wait_for_function("(n) => document.querySelectorAll('.lg-loop').length === n", arg=loops, timeout=60_000)


def test_a_saved_notebook_shows_its_loops_without_a_kernel(heard, lab):
    heard.wait_for_timeout(1500)
    assert heard.locator(".loops-generator-still").count() == 1
    assert not heard.locator(".loops-generator-still").is_visible(), "here the panel itself is alive"
    heard.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    heard.wait_for_timeout(1500)
    book = json.loads(lab.notebook.read_text(encoding="utf-8"))
    still = [
        "".join(output["data"]["text/html"])
        for cell in book["cells"]
        for output in cell.get("outputs", ())
        if "text/html" in output.get("data", {})
    ]
    assert len(still) == 1 and "data:image/png;base64," in still[0] and "<audio" in still[0]
    assert lab.notebook.stat().st_size < 2_000_000
    texts = json.dumps(book)
    assert "object at 0x" not in texts


# -------------------------------------------------------------------------------------------------------- for everyone


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_no_serious_finding_of_axe(browser, tmp_path, dark):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    front = Front(tmp_path / "front", "voila" if has_server("voila") else "lab", dark=dark)
    try:
        page = browser.new_page(viewport={"width": 1366, "height": 3000})
        front.open(page)
        path = make_idea(tmp_path)
        save_idea(page, path)
        wait_heard(page, path.name)
        generate(page)
        page.click('[data-mode="advanced"]')
        page.wait_for_selector('[data-key="takes"]')
        page.locator('.lg-loop [data-key^="keep-"]').first.click()
        page.evaluate("() => document.querySelectorAll('.lg details').forEach((fold) => { fold.open = true; })")
        page.wait_for_timeout(1200)
        found = axe.Axe().run(page, context=".lg-upload, .lg-studio, .lg-results, .lg-readiness, .lg-login").response
        serious = [v for v in found["violations"] if v["impact"] in ("serious", "critical")]
        told = [(v["id"], v["nodes"][0]["html"][:120], v["nodes"][0]["failureSummary"][:200]) for v in serious]
        PICTURES.mkdir(exist_ok=True)
        page.screenshot(path=str(PICTURES / f"axe-{'dark' if dark else 'light'}.png"), full_page=True)
        assert told == []
    finally:
        front.close()


# ------------------------------------------------------------------------------------ nobody's music in another's page


def test_two_visitors_of_a_served_page_neither_see_nor_lose_anything(browser, tmp_path):
    if not has_server("voila"):
        pytest.skip("Voilà is not installed beside this notebook server.")
    front = Front(tmp_path / "front", "voila")
    try:
        people = {}
        for name, bpm in (("ann", 100.0), ("bob", 120.0)):
            context = browser.new_context(viewport={"width": 1240, "height": 1600})
            page = context.new_page()
            front.open(page)
            path = make_idea(tmp_path, bpm=bpm)
            path = path.rename(path.with_name(f"{name}.wav"))
            assert page.locator(".lg-idea").count() == 0, "a fresh page, whoever was here before"
            save_idea(page, path)
            wait_heard(page, path.name)
            people[name] = page
        for name, page in people.items():
            page.click('[data-key="instrument-flute"]' if name == "ann" else '[data-key="instrument-drum kit"]')
            generate(page)
            page.locator('.lg-loop [data-key^="keep-"]').first.click()
            page.wait_for_selector(".t-stackcard")
        for name, page in people.items():
            front.open(page)
            page.wait_for_selector(".lg-idea", timeout=60_000)
            page.wait_for_selector(".t-stackcard", timeout=60_000)
            text = page.inner_text("body")
            other = "bob" if name == "ann" else "ann"
            assert f"{name}.wav" in text and f"{other}.wav" not in text
            assert ("flute" if name == "ann" else "drum kit") in page.inner_text(".lg-results")
            assert str(front.root) not in text, "the server's folders are nobody's business"
    finally:
        front.close()


def test_the_big_refusal_is_a_sentence_with_the_limits_of_the_page(page, tmp_path):
    big = tmp_path / "huge.wav"
    with big.open("wb") as file:
        file.truncate(201 * 2**20)
    choose(page, big)
    page.wait_for_function("() => document.querySelector('.lg-drop p').textContent.includes('the limit is 200 MB')")
