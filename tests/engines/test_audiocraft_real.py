"""The real audiocraft 1.3.0 in its own environment, as a program of its own, on tiny models in the released format.

The first run installs audiocraft into .cache/ (about 40 MiB to download, 125 MiB on disk, half a minute) and builds the
models (4 MB, ten seconds); both are kept. Without a package index these tests are skipped and say so.
"""

from __future__ import annotations

import importlib.util
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from helpers.engines.audiocraft.engine import AudiocraftEngine
from helpers.engines.audiocraft.home import WORKER_PROGRAM, find_home, worker_environment
from helpers.errors import Cancelled, NotAvailable
from helpers.install import install
from helpers.install.pip import versions
from helpers.records import Clip, Request

pytestmark = [pytest.mark.neural, pytest.mark.network]

REPOSITORY = Path(__file__).resolve().parents[2]
CACHE = REPOSITORY / ".cache" / "audiocraft"
RATE = 32_000
OUT_OF_REACH = (
    "NewConnectionError",
    "name resolution",
    "timed out",
    "from versions: none",
    "ProxyError",
    "HTTP error 4",
)
WORDS = {"prompt": "solo rhodes loop, jazz, C major, bpm: 240"}


@pytest.fixture(scope="module")
def tiny_hub():
    """A Hub cache with the tiny models, made in an environment that has been installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOOPS_HOME", str(CACHE))
        patch.delenv("LOOPS_AUDIOCRAFT_PYTHON", raising=False)
        before = versions()
        try:
            install("audiocraft")
        except NotAvailable as error:
            if any(words in str(error) for words in OUT_OF_REACH):
                pytest.skip(f"audiocraft could not be installed: {str(error).splitlines()[0]}")
            raise
        assert versions() == before, "the main environment was touched"
        return tiny_models()


@pytest.fixture(autouse=True)
def environment(tiny_hub, no_outside, monkeypatch):
    """The installed environment, the tiny models, and no network."""
    monkeypatch.setenv("LOOPS_HOME", str(CACHE))
    monkeypatch.delenv("LOOPS_AUDIOCRAFT_PYTHON", raising=False)
    use_hub(monkeypatch, tiny_hub)


def use_hub(monkeypatch, folder: Path) -> None:
    """The library here read its variables when it was imported; the worker reads them anew."""
    monkeypatch.setenv("HF_HUB_CACHE", str(folder))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(folder))


def tiny_models() -> Path:
    """The Hub cache with the tiny models; made anew when their recipe changes."""
    recipe = (Path(__file__).with_name("tiny_audiocraft.py"), Path(__file__).with_name("tiny.py"))
    folder = CACHE / "tiny-hub"
    done = folder / "recipe"
    text = "".join(file.read_text(encoding="utf-8") for file in recipe)
    if not done.is_file() or done.read_text(encoding="utf-8") != text:
        new = folder.with_name(f"tiny-hub-{os.getpid()}")
        env = worker_environment(find_home()) | {"HF_HUB_CACHE": str(new), "HF_HUB_OFFLINE": "1"}
        command = [sys.executable, "-m", "tests.engines.tiny_audiocraft", str(new)]
        made = subprocess.run(command, cwd=REPOSITORY, env=env, capture_output=True, encoding="utf-8", check=False)
        assert made.returncode == 0, made.stderr
        (new / done.name).write_text(text, encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        new.rename(folder)
    return folder


@pytest.fixture(scope="module")
def engine():
    return AudiocraftEngine()


@pytest.fixture(scope="module")
def two(tiny_hub, engine):
    """Takes 0 and 1 of the small model, made once: every run of the worker imports and loads anew."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOOPS_HOME", str(CACHE))
        use_hub(patch, tiny_hub)
        return engine.generate(asking(), count=2)


def asking(variant: str = "small", *, bars: int = 1, bpm: float = 240.0, guide: str = "none", **options) -> Request:
    """One bar is a second; with the two seconds more to cut from, a take of one bar is three seconds long."""
    return Request(
        "rhodes",
        "chords",
        bpm,
        bars=bars,
        engine="audiocraft",
        guide=guide,
        options=WORDS | options | {"variant": variant},
    )


def tone(hz: float, seconds: float = 1.0) -> Clip:
    times = np.arange(round(seconds * RATE)) / RATE
    return Clip((0.3 * np.sin(2 * np.pi * hz * times)).astype(np.float32)[None], RATE)


def test_it_is_ready_and_the_main_environment_has_nothing_of_it(engine):
    readiness = engine.readiness()
    assert readiness.ready and readiness.details["weights"] == "cached"
    assert importlib.util.find_spec("audiocraft") is None, "only the worker has it"


def test_audiocrafts_own_debug_model_end_to_end(engine):
    told: list[tuple] = []
    take = engine.generate(asking("debug"), progress=lambda *facts: told.append(facts))[0]
    assert take.clip.length == 3 * RATE
    assert take.engine_version.startswith("audiocraft 1.3.0, torch ")
    shares = [share for stage, share, _ in told if stage.startswith("Sampling")]
    assert len(shares) >= 75 and shares == sorted(shares) and 0.9 < shares[-1] <= 1.0, "a step a frame"


def test_released_format_words_and_seeds(engine, two):
    assert [take.clip.length for take in two] == [3 * RATE, 3 * RATE]
    assert two[0].notes == () and two[0].model == "facebook/musicgen-small"
    assert not np.array_equal(two[0].clip.samples, two[1].clip.samples)
    alone = engine.generate(asking(), count=1, first=1)[0]
    assert np.array_equal(alone.clip.samples, two[1].clip.samples), "take 1 alone is take 1 of two"


def test_a_loop_longer_than_the_window(engine):
    take = engine.generate(asking(bars=10, bpm=120.0))[0]
    assert take.clip.length == 22 * RATE, "a window of 19 s and what follows it"
    assert take.notes == ("Made in windows of 19 s, 18 s apart.",)


def test_cancel_within_a_step(engine):
    seen: list[float] = []
    with pytest.raises(Cancelled):
        engine.generate(
            asking(),
            progress=lambda stage, share, left: seen.append(share or 0.0),
            cancel=lambda: max(seen, default=0) > 0.1,
        )
    assert max(seen) < 0.9


def test_a_guide_is_continued_from_its_last_bar(engine, two):
    low = engine.generate(asking(guide="sketch"), guide=tone(110.0))[0]
    assert low.clip.length == 3 * RATE
    assert not np.array_equal(low.clip.samples, two[0].clip.samples)


def test_the_melody_model_hears_the_melody(engine):
    one, other = (engine.generate(asking("melody", guide="sketch"), guide=tone(hz))[0] for hz in (262, 392))
    assert one.notes == ("Follows the guide's melody.",)
    assert not np.array_equal(one.clip.samples, other.clip.samples)


def test_stereo_models_make_two_channels(engine):
    take = engine.generate(asking("stereo-small"))[0]
    assert take.clip.channels == 2
    assert not np.array_equal(take.clip.samples[0], take.clip.samples[1])


def test_the_diffusion_decoder_decodes_the_same_tokens_otherwise(engine, two):
    stages: list[str] = []
    diffused = engine.generate(asking(decoder="diffusion"), progress=lambda stage, *_: stages.append(stage))[0]
    assert diffused.clip.length == two[0].clip.length
    assert not np.array_equal(diffused.clip.samples, two[0].clip.samples)
    assert stages.count("Decoding by diffusion") == 2 * 20


class _Trap:
    """What a hostile pickle does: it runs something while it is read."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self):
        return os.mkdir, (str(self.file),)


def test_weights_that_are_not_metas_cannot_run_code(engine, monkeypatch, tmp_path):
    for name in ("state_dict.bin", "compression_state_dict.bin"):
        (tmp_path / name).write_bytes(pickle.dumps(_Trap(tmp_path / "sprung")))
    monkeypatch.setenv("LOOPS_MODEL_AUDIOCRAFT", str(tmp_path))
    with pytest.raises(NotAvailable, match="will not open these weights"):
        engine.generate(asking())
    assert not (tmp_path / "sprung").exists()


def test_a_local_folder_is_used_without_trust(engine, two, monkeypatch):
    folder = CACHE / "tiny-hub" / "models--facebook--musicgen-small" / "snapshots" / "tiny"
    monkeypatch.setenv("LOOPS_MODEL_AUDIOCRAFT", str(folder))
    assert np.array_equal(engine.generate(asking())[0].clip.samples, two[0].clip.samples)


def test_the_stand_in_spectrogram_is_the_power_of_the_windowed_transform(monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.syspath_prepend(str(WORKER_PROGRAM))
    import stand_ins

    wave = np.random.default_rng(1).normal(size=4096).astype(np.float32)
    made = stand_ins._spectrogram_class()(n_fft=512, win_length=512, hop_length=128, normalized=True)
    found = made(torch.from_numpy(wave)[None, None]).numpy()[0, 0]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(512) / 512)
    padded = np.pad(wave.astype(np.float64), 256, mode="reflect")
    frames = np.stack([padded[start : start + 512] * window for start in range(0, len(padded) - 511, 128)], axis=1)
    wanted = np.abs(np.fft.rfft(frames, axis=0)) ** 2 / np.sum(window**2)
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-5)
    assert set(made.state_dict()) == {"window"}, "as torchaudio's: the melody checkpoints hold it"
