"""What a musician does on the page, and what the player can be asked."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from helpers.records import Clip
from helpers.sound.audio import mp3_bytes, write_wav
from tests import signals

from .front import PATIENCE_MS

RATE = 44_100


def make_idea(folder: Path, *, bpm: float = 96.0, bars: int = 4, mp3: bool = False, roots=(9, 5, 0, 7)) -> Path:
    """An idea of our own: drums under a chord a bar (A minor, F, C, G)."""
    seconds = bars * 4 * 60 / bpm
    bar = seconds / bars
    drums, _ = signals.click_track(bpm, seconds, accent_every=4)
    notes = []
    for number in range(bars):
        root = 48 + roots[number % len(roots)]
        third = 3 if roots[number % len(roots)] == 9 else 4
        notes += [(root + step, number * bar, bar * 0.95) for step in (0, third, 7)]
    song = drums.samples[0] + 0.4 * signals.melody(notes, seconds).samples[0]
    clip = signals.clip_of(0.7 * song / np.abs(song).max(), channels=2)
    path = folder / f"idea {bpm:g}.{'mp3' if mp3 else 'wav'}"
    path.write_bytes(mp3_bytes(clip)) if mp3 else write_wav(path, clip)
    return path


def make_big_idea(folder: Path, megabytes: float = 20.0) -> Path:
    """A WAV of a size that no single websocket message carries."""
    frames = int(megabytes * 1e6 / 6)  # 24-bit stereo
    t = np.arange(frames) / RATE
    mono = (0.4 * np.sin(2 * np.pi * 220 * t) * np.exp(-6 * (t % 0.5))).astype(np.float32)
    path = folder / "big.wav"
    write_wav(path, Clip(np.stack([mono, mono]), RATE))
    return path


def until(page, script: str, arg=None) -> None:
    """Wait until ``script`` holds: what a click leads to comes back from the kernel, whenever that may be."""
    page.wait_for_function(script, arg=arg)


def says(page, selector: str, *words: str) -> None:
    """Wait until the page's first ``selector`` says each of ``words``."""
    until(
        page,
        """([selector, words]) => { const el = document.querySelector(selector);
        return el && words.every((word) => el.innerText.includes(word)); }""",
        [selector, words],
    )


def holds(page, values: dict[str, str]) -> None:
    """Wait until each field, by its selector, holds its value."""
    until(
        page,
        """(values) => Object.entries(values).every(([selector, value]) =>
        document.querySelector(selector)?.value === value)""",
        values,
    )


def counts(page, selector: str, number: int) -> None:
    """Wait until there are ``number`` of ``selector`` on the page."""
    until(page, "([s, n]) => document.querySelectorAll(s).length === n", [selector, number])


def choose(page, path: Path) -> None:
    page.locator(".lg-upload input[type=file]").set_input_files(str(path))


def save_idea(page, path: Path) -> str:
    """Upload, press Save file, wait for the answer and return it."""
    choose(page, path)
    page.click(".t-save")
    page.wait_for_selector(".t-said:is(.good, .bad)")
    return page.inner_text(".t-said")


def wait_heard(page, name: str) -> None:
    """Wait until the analysis card shows what was heard in the idea called ``name``."""
    until(
        page,
        """(name) => { const el = document.querySelector('.lg-studio'); return el && (el.querySelector('.lg-facts')
        && el.querySelector('strong.clip')?.textContent === name
        && !el.querySelector('[data-key=generate]')?.disabled || el.querySelector('.lg-job .lg-notice.bad')); }""",
        name,
    )
    assert page.locator(".lg-studio .lg-facts").count() == 1, page.inner_text(".lg-studio .lg-notice.bad")


def set_field(page, key: str, value: str) -> None:
    """Type into the field with this key, leave it and wait for the answer: the field is drawn anew then."""
    field = page.locator(f'.lg-studio [data-key="{key}"]')
    field.fill(value)
    field.evaluate("(el) => { el.dataset.old = ''; el.dispatchEvent(new Event('change', { bubbles: true })); }")
    until(page, '(key) => !document.querySelector(`.lg-studio [data-key="${key}"][data-old]`)', key)


def steady(page, script: str, arg=None):
    """What ``script`` finds once it finds the same twice, 300 ms apart: the page may be drawing when it is asked.

    ``script`` looks its elements up itself, since a part of the page is drawn anew by replacing it.
    """
    found = None
    for _ in range(40):
        before, found = found, page.evaluate(script, arg)
        if found is not None and found == before:
            return found
        page.wait_for_timeout(300)
    raise AssertionError(f"The page does not come to rest: {before}, then {found}.")


def generate(page) -> int:
    """Press Generate, wait for the end of the job and return how many loops there are now."""
    before = page.locator(".lg-loop").count()
    page.click('[data-key="generate"]')
    until(
        page,
        """(n) => document.querySelectorAll('.lg-loop').length > n
        || document.querySelector('.lg-studio .lg-notice.bad')""",
        before,
    )
    page.wait_for_selector(".lg-studio .lg-job[aria-busy=false] .lg-notice")
    assert page.locator(".lg-studio .lg-notice.bad").count() == 0, page.inner_text(".lg-studio .lg-notice.bad")
    ready(page)
    return page.locator(".lg-loop").count()


def kernel_says(page, expression: str, first: str = "") -> str:
    """The value of an expression in the notebook's kernel as text, ``first`` run before it; ``ui`` is ours."""
    code = f"from helpers import ui\n{first}\nprint({expression})"
    return page.evaluate(
        """async (code) => { let text = '';
        const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
        const asked = kernel.requestExecute({ code });
        asked.onIOPub = (m) => { text += m.content.text || m.content.traceback || ''; };
        await asked.done; return text.trim(); }""",
        code,
    )


def knows(page, expression: str, value: str) -> None:
    """Wait until the kernel says ``value``: it hears the page's events on a thread of their own."""
    for _ in range(PATIENCE_MS // 200):
        if (found := kernel_says(page, expression)) == value:
            return
        page.wait_for_timeout(200)
    raise AssertionError(f"{expression} is {found}, not {value}.")


def run_all(page) -> None:
    """Run all cells and wait until they have run."""
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")


def open_card(page, card):
    """The card of a loop, opened; its locator holds also when newer loops come."""
    card = page.locator(f'.lg-loop[data-loop="{card.get_attribute("data-loop")}"]').first
    fold = card.locator('[data-key^="more-"]')
    if fold.get_attribute("aria-expanded") == "false":
        fold.click()
        card.locator('[data-key^="vary-"]').wait_for()
    return card


def play(page, number: int = 0) -> str:
    """Press play on a card and wait until its loop sounds; returns the loop's id."""
    name = page.locator(".lg-loop").nth(number).get_attribute("data-loop")
    if not page.evaluate("(id) => player().current === id && !!player().transport?.playing", name):
        page.locator(f'.lg-loop[data-loop="{name}"] .t-play').first.click()
    until(page, "(id) => player().current === id && player().transport?.playing", name)
    return name


LOUDNESS = """async () => { const t = player().transport, a = t.context.createAnalyser();
    t.master.connect(a); a.fftSize = 32768;
    await new Promise((r) => setTimeout(r, 900)); const x = new Float32Array(a.fftSize); a.getFloatTimeDomainData(x);
    t.master.disconnect(a); return Math.sqrt(x.reduce((s, v) => s + v * v, 0) / x.length); }"""

# All the player's buffers at once through the player's own code, offline: every sample of every wrap against their sum.
WRAPS = """async (wraps) => { const live = player().transport, T = live.constructor, n = live.frames, rate = live.rate;
    const offline = new OfflineAudioContext(2, n * wraps, rate), t = new T(offline);
    const buffers = Object.entries(live.voices).map(([name, { buffer }]) => { t.set(name, buffer, 1); return buffer; });
    t.play(0, 0);
    const out = (await offline.startRendering()).getChannelData(0), want = new Float64Array(n);
    for (const buffer of buffers) buffer.getChannelData(0).forEach((x, i) => { want[i % n] += x; });
    let worst = 0, at = -1;
    for (let i = 0; i < n * wraps; i++) {
        const d = Math.abs(out[i] - want[i % n]);
        if (d > worst) { worst = d; at = i; }
    }
    return { voices: buffers.length, frames: buffers.map((buffer) => buffer.length), wraps, worst, at }; }"""

# Two marks, one a voice, on the same sample: after many wraps and a change of loop in mid-play they must still meet.
ALIGNMENT = """async (wraps) => { const live = player().transport, T = live.constructor, n = 44100, rate = live.rate;
    const mark = (channel) => {
        const b = new AudioBuffer({ numberOfChannels: 2, length: n, sampleRate: rate });
        b.getChannelData(channel)[1000] = 1;
        return b;
    };
    const offline = new OfflineAudioContext(2, n * (wraps + 1), rate), t = new T(offline);
    t.set('idea', mark(0), 1); t.set('loop', mark(1), 1); t.play(0, 0);
    const then = Math.round(5.37 * rate / 128) * 128 / rate;
    offline.suspend(then).then(() => { t.set('loop', mark(1), 1); offline.resume(); });
    const out = await offline.startRendering(), l = out.getChannelData(0), r = out.getChannelData(1);
    const places = (x) => [...x.keys()].filter((i) => x[i] > 0.4);
    return { idea: places(l), loop: places(r) }; }"""


def ready(page):
    """Wait until the job under way has ended and Generate can be pressed."""
    until(page, "() => !document.querySelector('[data-key=generate]').disabled")


def choose_idea(page, idea):
    """Take a saved idea that is in sight into use, unless it is."""
    until(page, "(name) => document.querySelector('.lg-ideas')?.innerText.includes(name)", idea.name)
    if page.locator(f'.lg-idea.current strong[title="{idea.name}"]').count() == 0:
        page.click(f'[aria-label="Use {idea.name}"]')
    wait_heard(page, idea.name)
