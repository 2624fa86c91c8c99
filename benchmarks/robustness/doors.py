"""The doors that hostile input comes through: each takes a case number and says how the case ended.

``accepted`` and ``refused`` (with one sentence) are the good ends. An exception that is no LoopsError is a ``fault``;
what breaks a promise of ours about the result is ``broken``. Crashes, hangs and memory are seen from outside (run.py).
"""

from __future__ import annotations

import dataclasses
import json
import os
import tempfile
from functools import lru_cache
from pathlib import Path

import numpy as np
import soundfile

from helpers import export, pipeline
from helpers.errors import LoopsError
from helpers.machine.files import HIDDEN
from helpers.records import Request
from helpers.sound.audio import LONGEST_SECONDS, MOST_SAMPLES, read_audio

from .mutate import make_seeds, music, spoil, spoil_json

SEEDS = Path(tempfile.gettempdir()) / "loops-robustness-seeds"


class Broken(Exception):
    """A promise about the result does not hold."""


@lru_cache(maxsize=1)
def _seeds() -> list[tuple[str, bytes]]:
    return [(p.suffix, p.read_bytes()) for p in make_seeds(SEEDS)]


def _spoiled(number: int, seed: int, folder: Path) -> Path:
    random = np.random.default_rng((seed, number))
    seeds = _seeds()
    kinds = sorted({suffix for suffix, _ in seeds})
    suffix = kinds[number % len(kinds)]  # every container as often
    mine = [data for s, data in seeds if s == suffix]
    data = spoil(mine[int(random.integers(len(mine)))], [d for _, d in seeds], random)
    path = folder / f"case{suffix}"
    path.write_bytes(data)
    return path


def read(number: int, seed: int, folder: Path) -> str:
    """A spoiled audio file through :func:`read_audio`."""
    path = _spoiled(number, seed, folder)
    clip = read_audio(path).clip
    if not (clip.samples.dtype == np.float32 and np.isfinite(clip.samples).all() and 1 <= clip.channels <= 2):
        raise Broken(f"{clip.samples.dtype}, {clip.channels} channels, finite {np.isfinite(clip.samples).all()}")
    if clip.seconds > LONGEST_SECONDS or clip.samples.size > 2 * MOST_SAMPLES:
        raise Broken(f"{clip.seconds} s, {clip.samples.size} samples")
    return f"accepted {path.suffix}"


def _strange_idea(number: int, seed: int, folder: Path) -> Path:
    """An idea that is valid and odd: noise, gaps, opposite phase, one side only, denormal, huge, many channels."""
    random = np.random.default_rng((seed, number))
    rate = int(random.choice((4_000, 8_000, 11_025, 22_050, 44_100, 48_000, 96_000)))
    channels = int(random.choice((1, 2, 2, 6, 12)))
    seconds = float(random.uniform(1.0, 14.0))
    sound = music(rate, channels, seconds, seed=number)
    match number % 10:
        case 0:
            sound[:, -1] *= -1
        case 1:
            sound *= 10.0 ** random.uniform(-5, 37)
        case 2:
            sound[:, 1:] = 0
        case 3:
            sound = random.standard_normal(sound.shape).astype(np.float32)
        case 4:
            sound[len(sound) // 4 : -len(sound) // 4] = 0
        case 5:
            sound[:] = np.sign(sound)
        case 6:
            sound += float(random.uniform(-3, 3))
        case 7:
            sound[random.integers(0, len(sound), max(1, len(sound) // 200))] = np.nan
        case 8:
            sound *= np.float32(1e-40)
        case 9:
            sound = np.repeat(sound[:: max(2, rate // 200)], max(2, rate // 200), axis=0)
    path = folder / "idea.wav"
    soundfile.write(path, sound, rate, subtype="FLOAT")
    return path


def _any_idea(number: int, seed: int, folder: Path) -> Path:
    return _strange_idea(number, seed, folder) if number % 2 else _spoiled(number // 2, seed, folder)


def analyze(number: int, seed: int, folder: Path) -> str:
    """A spoiled or strange idea, heard, as JSON and as text."""
    from helpers import report

    analysis = pipeline.analyze_idea(pipeline.load_idea(_any_idea(number, seed, folder)))
    json.dumps(analysis.to_json(), allow_nan=False)
    report.analysis_text(analysis)
    return "accepted"


_INSTRUMENTS = ("bass guitar", "drum kit", "piano", "strings", "synth lead", "marimba", "acoustic guitar", "flute")


def make(number: int, seed: int, folder: Path) -> str:
    """The whole way on a spoiled or strange idea: complete sets of files of the exact length, and nothing else."""
    random = np.random.default_rng((seed, number, 1))
    idea = pipeline.load_idea(_any_idea(number, seed, folder))
    analysis = pipeline.analyze_idea(idea, tags=False)
    request, _ = pipeline.plan_request(
        analysis,
        instrument=str(random.choice(_INSTRUMENTS)),
        bars=int(random.choice((1, 2, 4))),
        takes=int(random.integers(1, 3)),
        seed=number,
        density=float(random.uniform(0, 1)),
    )
    out = folder / "out"
    result = pipeline.make_loops(request, idea, analysis, out)
    names = sorted(p.name for p in out.iterdir())
    expected = [p for loop in result.loops for p in (loop.files.wav, loop.files.json, loop.files.midi) if p]
    if names != sorted(p.name for p in expected):
        raise Broken(f"{names} is not {len(expected)} files")
    for loop in result.loops:
        info = soundfile.info(loop.files.wav)
        if info.frames != request.samples(info.samplerate):
            raise Broken(f"{info.frames} samples of {request.samples(info.samplerate)}")
        json.loads(loop.files.json.read_text(encoding="utf-8"))
    return "accepted" if result.any_passed else "accepted, all failed"


@lru_cache(maxsize=1)
def _heard() -> tuple[pipeline.Idea, object]:
    from helpers.machine.home import EXAMPLE_IDEA

    idea = pipeline.load_idea(EXAMPLE_IDEA)
    return idea, pipeline.analyze_idea(idea, tags=False)


_REQUEST = Request("bass guitar", "bass", 92.5, progression=(("F#m",), ("D", "E")), seed=7)


def hostile_json(number: int, seed: int, folder: Path) -> str:
    """A spoiled sidecar, settings file, notebook state, list or ledger, each through the reader it is meant for."""
    random = np.random.default_rng((seed, number))
    path = folder / "case.json"
    match number % 5:
        case 0:
            document = {"format": export.SIDECAR_FORMAT, "request": _REQUEST.to_json(), "idea": {"sha256": "ab" * 32}}
            path.write_text(spoil_json(document, random), encoding="utf-8", errors="surrogatepass")
            request, _ = export.read_sidecar(path)
            changed, _ = pipeline.change_request(request, instrument=None)
            export.read_tags(path.with_suffix(".wav"))
            dataclasses.replace(changed).to_json()
            if number % 30 == 0:
                pipeline.write_parts(changed, _heard()[1], folder / "out")
        case 1:
            from helpers.ui.form import Form, read_settings, settings_file

            document = json.loads(settings_file(Form()))
            form = read_settings(spoil_json(document, random))
            settings_file(form)
        case 2:
            from helpers.ui.form import Form, restored_form
            from helpers.ui.state import STATE_FILE, IdeaEntry, RunEntry, State

            state = State(folder)
            state.ideas = [IdeaEntry("ab" * 6, "a.wav", "ab.wav", "ab" * 32, 4.0, 44_100, 2, [1, 2])]
            state.runs, state.form = [RunEntry("x", "ab" * 6, ["x.json"])], Form().to_json()
            state.save()
            text = spoil_json(json.loads((folder / STATE_FILE).read_text(encoding="utf-8")), random)
            (folder / STATE_FILE).write_text(text, encoding="utf-8", errors="surrogatepass")
            again = State.load(folder)  # must never refuse: the notebook has to open
            restored_form(again.form)
            again.save()
        case 3:
            from helpers.batch.jobs import plan_jobs

            rows = [{"idea": "a.wav", "instrument": "piano", "bars": 4, "key": "A minor"}, {"idea": "b.wav"}]
            path.write_text(spoil_json({"rows": rows}, random)[9:-1], encoding="utf-8", errors="surrogatepass")
            plan_jobs([path], ["bass guitar"], {})
        case 4:
            from helpers.batch.ledger import read_ledger

            row = {
                "job": "ab",
                "state": "done",
                "loops": [{"wav": "a.wav", "verdict": "pass", "score": 0.5, "seed": 1}],
            }
            lines = [spoil_json(row, random) for _ in range(5)]
            path.write_text("\n".join(lines), encoding="utf-8", errors="surrogatepass")
            for row in read_ledger(path).values():
                [loop.get("verdict") for loop in row.loops]
    return "accepted"


def soundfont(number: int, seed: int, folder: Path) -> str:
    """A spoiled SoundFont, named by LOOPS_SOUNDFONT, and a part played through whatever is used then."""
    from helpers.engines import registry
    from helpers.sketch import soundfont as banks

    random = np.random.default_rng((seed, number))
    path = folder / "bank.sf2"
    data = _small_bank()
    head = 4096 if number % 2 else len(data)
    path.write_bytes(spoil(data, [data], random, head=head) if number % 4 else _spoiled_tables(data, random))
    os.environ["LOOPS_SOUNDFONT"] = str(path)
    banks.forget_soundfont()
    request = _REQUEST.with_(bars=1, takes=1, instrument=str(random.choice(("bass guitar", "piano", "drum kit"))))
    take = registry.get_engine("sketch").generate(request, count=1)[0]
    if not np.isfinite(take.clip.samples).all():
        raise Broken("samples that are not numbers")
    return "accepted, another bank plays" if banks.find_soundfont().note else "accepted"


@lru_cache(maxsize=1)
def _small_bank() -> bytes:
    from helpers.sketch import soundfont as banks

    packaged = banks._packaged()
    assert packaged is not None
    return packaged.read_bytes()


def _spoiled_tables(data: bytes, random: np.random.Generator) -> bytes:
    """Damage inside the tables (presets, instruments, samples), where a parser believes what it reads."""
    start = data.index(b"pdta")
    out = bytearray(data)
    for _ in range(int(random.integers(1, 200))):
        out[int(random.integers(start, len(out)))] = int(random.choice((0, 1, 0x7F, 0x80, 0xFF, random.integers(256))))
    return bytes(out)


DOORS = {"read": read, "analyze": analyze, "make": make, "json": hostile_json, "soundfont": soundfont}


def run_case(door: str, number: int, seed: int) -> tuple[str, str]:
    """How the case ended, and more about it."""
    with tempfile.TemporaryDirectory(prefix="loops-case-") as folder:
        try:
            end = DOORS[door](number, seed, Path(folder))
        except LoopsError as error:
            text = str(error)
            return ("refused", text[:200]) if text.isprintable() else ("broken", f"not printable: {text!a}")
        except Broken as error:
            return "broken", str(error)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            return "fault", f"{type(error).__name__}: {error}"[:300]
        left = [p.name for p in Path(folder).rglob(f"{HIDDEN}*")]
        return ("broken", f"left {left}") if left else ("accepted", end)
