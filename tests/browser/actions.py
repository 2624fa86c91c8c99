"""What a musician does on the page, and what the player can be asked."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from helpers.records import Clip
from helpers.sound.audio import mp3_bytes, write_wav
from tests import signals

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


def choose(page, path: Path) -> None:
    page.locator(".lg-upload input[type=file]").set_input_files(str(path))


def save_idea(page, path: Path, timeout: float = 120_000) -> str:
    """Upload, press Save file, wait for the answer and return it."""
    choose(page, path)
    page.click(".t-save")
    page.wait_for_selector(".t-said:is(.good, .bad)", timeout=timeout)
    return page.inner_text(".t-said")


def wait_heard(page, name: str) -> None:
    """Wait until the analysis card shows what was heard in the idea called ``name``."""
    page.wait_for_function(
        """(name) => { const el = document.querySelector('.lg-studio'); return el && el.querySelector('.lg-facts')
        && el.querySelector('strong.clip')?.textContent === name
        && !el.querySelector('[data-key=generate]')?.disabled; }""",
        arg=name,
        timeout=120_000,
    )


def set_field(page, key: str, value: str) -> None:
    """Type into the field with this key and leave it."""
    field = page.locator(f'.lg-studio [data-key="{key}"]')
    field.fill(value)
    field.dispatch_event("change")


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


def generate(page, timeout: float = 180_000) -> int:
    """Press Generate, wait for the end of the job and return how many loops there are now."""
    before = page.locator(".lg-loop").count()
    page.click('[data-key="generate"]')
    page.wait_for_function(
        """(n) => document.querySelectorAll('.lg-loop').length > n
        || document.querySelector('.lg-studio .lg-notice.bad')""",
        arg=before,
        timeout=timeout,
    )
    page.wait_for_selector(".lg-studio .lg-notice", timeout=timeout)
    assert page.locator(".lg-studio .lg-notice.bad").count() == 0, page.inner_text(".lg-studio .lg-notice.bad")
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


def run_all(page) -> None:
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
    card = page.locator(".lg-loop").nth(number)
    name = card.get_attribute("data-loop")
    if not page.evaluate("(id) => player().current === id && !!player().transport?.playing", name):
        card.locator(".t-play").click()
    page.wait_for_function("(id) => player().current === id && player().transport?.playing", arg=name, timeout=30_000)
    return name


LOUDNESS = """async () => { const t = player().transport, a = t.context.createAnalyser();
    t.master.connect(a); a.fftSize = 32768;
    await new Promise((r) => setTimeout(r, 900)); const x = new Float32Array(a.fftSize); a.getFloatTimeDomainData(x);
    t.master.disconnect(a); return Math.sqrt(x.reduce((s, v) => s + v * v, 0) / x.length); }"""

# Renders the player's own buffers with the player's own code, offline, so that every sample can be compared.
WRAPS = """async (wraps) => { const live = player().transport, T = live.constructor, n = live.frames, rate = live.rate;
    const result = {};
    for (const name of ['loop', 'idea']) {
        const source = live.voices[name].buffer, offline = new OfflineAudioContext(2, n * wraps, rate);
        const t = new T(offline);
        t.set(name, source, 1); t.play(0, 0);
        const out = (await offline.startRendering()).getChannelData(0), want = source.getChannelData(0);
        let worst = 0, at = -1;
        for (let i = 0; i < n * wraps; i++) {
            const d = Math.abs(out[i] - want[i % n]);
            if (d > worst) { worst = d; at = i; }
        }
        result[name] = { frames: n, compared: n * wraps, worst, at, lengthOk: source.length === n };
    }
    return result; }"""

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
    page.wait_for_function("() => !document.querySelector('[data-key=generate]').disabled", timeout=60_000)


def choose_idea(page, idea):
    if page.inner_text(".lg-studio strong.clip") != idea.name:
        page.click(f'[aria-label="Use {idea.name}"]')
    wait_heard(page, idea.name)
