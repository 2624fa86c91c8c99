"""Cut clips whose clock is known out of checkouts of public repositories: charts of rhythm games, and named loops.

    python -m benchmarks.hearing.clips CHECKOUTS OUT

``CHECKOUTS`` holds ``OWNER+NAME/repo`` (a git directory) for each of REPOSITORIES; those that are missing are left out.
``OUT`` gets ``learn/`` and ``measure/``, each with a ``manifest.csv`` that ``benchmarks.hearing.analysis`` reads. The
split is by repository: nothing may be fitted to those that are only measured. None of the audio is ours to pass on.

From each song three takes of 8 to 16 s that begin anywhere, one exact loop of four or eight bars, and one crop of just
that length that begins anywhere, all within a stretch of one tempo. A chart is believed where the onsets lie on its
sixteenths (mean resultant length of at least 0.35) and its players' notes on the onsets: the delay between chart and
file (up to 0.16 s, as encoders and editors leave it) is where the notes meet the onsets best, and songs where no delay
stands out are left out.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from helpers.records import Clip
from helpers.sound.audio import read_clip
from helpers.sound.features import OnsetBands, onset_bands, onset_times

LEARN = """
    donnaken15/charts Spel0/Vs-Sno slabs37/Huntress-map slabs37/Lost-In-Data-map slabs37/Odysseus-Map
    slabs37/ReMake-map slabs37/Winter-Wrap-Up-Late-Again-map slabs37/Burning-Sands-Map newember/bs_maps LMMS/lmms
"""
MEASURE = """
    sonidosingapura/blu-mar-ten GrimyKimu/FunkyFreaks-ChaoticClashing ScuffedItalian/ScuffedNoodleMaps
    guislakkkkkkk/B2remixed saqmod/fnfmanic-opensource Grizzley101/New-Thang-Redfoo Grizzley101/Venom---JessWar-Song
    jakeburns323/Beatz FireEntity1/hacksaber-demo Lekrkoekj/the-one-whos-running-the-show
    dragonruler1000/Your-voice-beat-saber-map Sudospective/mug-root-beer Lekrkoekj/the-plane-that-never-lands
    vdsap/bs_merry-christmas Sudospective/disgrace-mrc2 Sudospective/monsta-notitg falsonix/born-of-a-star
    EchoPiplup/Funkin---VS-Grovyle BunxMaker/Vs-Papyrus-FULL-WEEK- Nael1820/Sonic-World NothinCrew/VsNothing
    MuffinsFell283/FNF-vs-Luke-J-Break TaeYai/Sudden-Change ChrisLahd/Anniversary-Mod HippoBoi/Kirby-Source
    SkilljoyJr/Beat-Saber-Maps MaysLastPlaysThings/Return-Of-Garcello ugamochi/strudel-samples
    LinkReincarnate/PythonSoundboard Runai-Z/rzha0840_group-G_audio lightandlense/wonderwall
"""
REPOSITORIES = dict.fromkeys(LEARN.split(), "learn") | dict.fromkeys(MEASURE.split(), "measure")
KEY = re.compile(r"(?:^|[ _])([A-G][#b♯]?) ?(min|maj|m(?=[ _.]))", re.I)
UNPITCHED = re.compile("kick|snare|clap|hats|drum|perc|shaker|noise|riser|glissando", re.I)
TEMPO_FOLDER = re.compile(r"/(?:_|(?=\d+ ?BPM/))(\d{2,3})(?: ?BPM)?/", re.I)
TEMPO = re.compile(r"(?<!\d)(\d{2,3}) ?BPM", re.I)
AUDIO = (".ogg", ".mp3", ".wav", ".egg", ".flac")
LEAST_BYTES = 100_000
MOST_SONGS = 60  # of one repository
# songs that other repositories hold too, some of which are kept for judging
SHARED = re.compile(
    "tutorial|bopeebo|fresh|dad-?battle|spookeez|south|monster|pico|philly(-nice)?|blammed|satin-panties|high|milf|"
    "cocoa|eggnog|winter-horrorland|senpai|roses|thorns|ugh|guns|stress|test|offsettest"
)
CAMELOT = {  # number: its minor (A) and major (B) key
    1: ("G#", "B"), 2: ("D#", "F#"), 3: ("A#", "C#"), 4: ("F", "G#"), 5: ("C", "D#"), 6: ("G", "A#"),
    7: ("D", "F"), 8: ("A", "C"), 9: ("E", "G"), 10: ("B", "D"), 11: ("F#", "A"), 12: ("C#", "E"),
}  # fmt: skip


@dataclass(frozen=True)
class Stretch:
    """Of one tempo: from ``start`` to ``end`` seconds; a bar of ``beats`` quarters begins at ``bar``."""

    bpm: float
    start: float
    end: float
    bar: float
    beats: float


Chart = tuple[list[Stretch], list[float]]  # and the moments of the players' notes


def listing(repo: Path) -> dict[str, int]:
    text = subprocess.run(["git", "-C", repo, "ls-tree", "-r", "-l", "-z", "HEAD"], capture_output=True, check=True)
    rows = [line.split("\t", 1) for line in text.stdout.decode().split("\0") if "\t" in line]
    return {path: int(size) for head, path in rows for size in [head.split()[3]] if size.isdigit()}


def content(repo: Path, path: str) -> bytes:
    return subprocess.run(["git", "-C", repo, "show", f"HEAD:{path}"], capture_output=True, check=True).stdout


# ------------------------------------------------------------------------------------------------------------- charts


def from_clone_hero(text: str) -> Chart:
    """``notes.chart``: ticks, tempi in thousandths of a BPM, time signatures; tick 0 is at the song's ``Offset``."""
    resolution = float(re.search(r"Resolution\s*=\s*(\d+)", text)[1])
    offset = re.search(r"Offset\s*=\s*(-?[\d.]+)", text)
    sync = re.search(r"\[SyncTrack\]\s*\{(.*?)\}", text, re.S)[1]
    tempi = [(int(t), int(v) / 1000) for t, v in re.findall(r"(\d+)\s*=\s*B\s+(\d+)", sync)]
    meters = [(int(t), int(n), 2 ** int(d or 2)) for t, n, d in re.findall(r"(\d+) = TS (\d+)(?: (\d+))?", sync)]
    ticks = [int(t) for t in re.findall(r"^\s*(\d+)\s*=\s*[NE]\s", text, re.M)]
    changes = sorted({*(t for t, _ in tempi), *(t for t, _, _ in meters), max(ticks, default=0)})
    now, stretches = float(offset[1]) if offset else 0.0, []
    for tick, following in itertools.pairwise(changes):
        bpm = [b for t, b in tempi if t <= tick][-1]
        over, under = [(n, d) for t, n, d in meters if t <= tick][-1] if meters and meters[0][0] <= tick else (4, 4)
        bar_tick = max((t for t, _, _ in meters if t <= tick), default=0)
        seconds = 60.0 / bpm / resolution
        beats = over * 4 / under
        into = (tick - bar_tick) % (beats * resolution)
        stretches.append(Stretch(bpm, now, now + (following - tick) * seconds, now - into * seconds, beats))
        now += (following - tick) * seconds
    return stretches, [_at_tick(t, changes, stretches, resolution) for t in ticks]


def _at_tick(tick: int, changes: list[int], stretches: list[Stretch], resolution: float) -> float:
    index = min(int(np.searchsorted(changes, tick, "right")) - 1, len(stretches) - 1)
    return stretches[index].start + (tick - changes[index]) * 60 / stretches[index].bpm / resolution


def from_stepmania(text: str) -> Chart:
    """``.sm`` and ``.ssc``: beat 0 is at minus ``OFFSET``; files with stops are left out."""
    field = {name.upper(): value for name, value in re.findall(r"#(\w+):([^;]*);", text)}
    if field.get("STOPS", "").strip() or field.get("DELAYS", "").strip():
        return [], []
    pairs = [tuple(float(x) for x in pair.split("=")[:2]) for pair in field["BPMS"].split(",") if "=" in pair]
    now, stretches = -float(field.get("OFFSET") or 0), []
    for (beat, bpm), following in zip(pairs, [*(b for b, _ in pairs[1:]), pairs[-1][0] + 2000], strict=True):
        into = beat % 4 * 60 / bpm
        stretches.append(Stretch(bpm, now, now + (following - beat) * 60 / bpm, now - into, 4))
        now += (following - beat) * 60 / bpm
    return stretches, []


def from_beat_saber(info: dict, regions: dict | None, levels: list[dict]) -> Chart:
    """``Info.dat``, ``BPMInfo.dat`` where there is one, and the levels' notes; beat 0 is the file's start."""
    beats = [n["_time"] for level in levels for n in level.get("_notes", [])]
    beats += [n.get("b", 0.0) for level in levels for n in level.get("colorNotes", [])]
    if regions:
        rate, out, notes = regions["_songFrequency"], [], []
        for r in regions["_regions"]:
            start, end = r["_startSampleIndex"] / rate, r["_endSampleIndex"] / rate
            if end > start and r["_endBeat"] > r["_startBeat"]:
                bpm = 60 * (r["_endBeat"] - r["_startBeat"]) / (end - start)
                out.append(Stretch(bpm, start, end, start - r["_startBeat"] % 4 * 60 / bpm, 4))
                notes += [
                    start + (b - r["_startBeat"]) * 60 / bpm for b in beats if r["_startBeat"] <= b < r["_endBeat"]
                ]
        return out, notes
    bpm, offset = float(info["_beatsPerMinute"]), float(info.get("_songTimeOffset", 0))
    return [Stretch(bpm, 0.0, 1e9, offset, 4)], [offset + b * 60 / bpm for b in beats]


def from_funkin(song: dict) -> Chart:
    """A Friday Night Funkin' chart without changes of tempo."""
    song = song.get("song", song)
    if not isinstance(song, dict) or any(part.get("changeBPM") for part in song.get("notes", [])):
        return [], []
    notes = [float(note[0]) / 1000 for part in song.get("notes", []) for note in part.get("sectionNotes", [])]
    return [Stretch(float(song["bpm"]), 0.0, 1e9, 0.0, 4)], notes


def charts(repo: Path, files: dict[str, int]) -> dict[str, Chart]:
    """Audio file -> what the chart beside it says."""
    found: dict[str, Chart] = {}
    loud = {f: size for f, size in files.items() if f.lower().endswith(AUDIO) and size > LEAST_BYTES}
    for path in files:
        folder, name = path.rpartition("/")[0], path.rpartition("/")[2].lower()
        beside = [f for f in loud if f.rpartition("/")[0] == folder]
        if "autosave" in path.lower():
            continue
        try:
            if name == "notes.chart":
                songs = [f for f in beside if f.rpartition("/")[2].startswith("song.")] or beside[:1]
                chart = from_clone_hero(content(repo, path).decode("utf-8-sig", "replace"))
            elif name.endswith((".sm", ".ssc")):
                songs, chart = beside[:1], from_stepmania(content(repo, path).decode("utf-8-sig", "replace"))
            elif name == "info.dat":
                info = json.loads(content(repo, path))
                songs = [f for f in beside if f.rpartition("/")[2] == info.get("_songFilename")]
                known = (f"{folder}/" if folder else "") + "BPMInfo.dat"
                regions = json.loads(content(repo, known)) if known in files else None
                names = [
                    level["_beatmapFilename"]
                    for s in info["_difficultyBeatmapSets"]
                    for level in s["_difficultyBeatmaps"]
                ]
                paths = [f for f in files if f.rpartition("/")[0] == folder and f.rpartition("/")[2] in names]
                chart = from_beat_saber(info, regions, [json.loads(content(repo, f)) for f in paths[:4]])
            elif match := re.search(r"data/(?:songs/)?([^/]+)/\1\.json$", path):
                if SHARED.fullmatch(match[1].lower()):
                    continue
                songs = sorted(
                    f
                    for f in loud
                    if f.lower().endswith((f"songs/{match[1].lower()}/inst.ogg", f"/{match[1].lower()}/inst.mp3"))
                )
                chart = from_funkin(json.loads(content(repo, path)))
            else:
                continue
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, ZeroDivisionError) as error:
            print(f"{repo}: {path}: {error!r}", file=sys.stderr)
            continue
        for song in songs[:1]:
            found.setdefault(song, chart)
    return found


# -------------------------------------------------------------------------------------------------------------- clips


def note_delay(bands: OnsetBands, notes: list[float], begin: float, end: float) -> float | None:
    """By how many seconds the onsets come after the players' notes; None where no delay stands out."""
    moments = np.array([n for n in notes if begin + 0.3 < n < end - 0.3]) - begin
    if moments.size < 30:
        return None
    lags = np.arange(-0.16, 0.1601, 0.005)
    envelope = np.sqrt(bands.all)
    met = np.array([np.interp((moments + lag) * bands.rate, np.arange(envelope.size), envelope).mean() for lag in lags])
    best = int(met.argmax())
    others = met[np.abs(lags - lags[best]) > 0.03]
    stands_out = met[best] - others.max() > 0.15 * (met[best] - np.median(met)) and met[best] > 1.3 * np.median(met)
    return float(lags[best]) if stands_out else None


def delay(times: np.ndarray, weights: np.ndarray, stretch: Stretch) -> tuple[float, float]:
    """How late the onsets are on the chart's sixteenths, in seconds, and how far they agree (0..1)."""
    step = 15.0 / stretch.bpm
    inside = (times > stretch.start) & (times < stretch.end)
    if inside.sum() < 12:
        return 0.0, 0.0
    turn = np.sum(weights[inside] * np.exp(2j * np.pi * (times[inside] - stretch.bar) / step)) / weights[inside].sum()
    return float(np.angle(turn) / (2 * np.pi) * step), float(abs(turn))


def cut_song(clip: Clip, chart: Chart, noted: Clip, rng: np.random.Generator) -> list[tuple[Clip, dict]]:
    """Takes, a loop and a crop with their rows, from the longest stretch of one tempo; none where the chart is wrong.

    ``noted`` is the stem that the players' notes follow, the song itself where there is none.
    """
    stretches = [s for s in chart[0] if s.bpm > 0 and min(s.end, clip.seconds) - s.start > 20.0]
    if not stretches:
        return []
    stretch = max(stretches, key=lambda s: min(s.end, clip.seconds) - s.start)
    begin, end = stretch.start, min(stretch.end, clip.seconds, stretch.start + 150.0)
    part = Clip(
        np.ascontiguousarray(clip.samples[:, int(begin * clip.sample_rate) : int(end * clip.sample_rate)]),
        clip.sample_rate,
    )
    bands = onset_bands(part)
    times, weights = onset_times(part, bands)
    times = times + begin
    a, b = int(begin * noted.sample_rate), int(end * noted.sample_rate)
    voice = onset_bands(Clip(np.ascontiguousarray(noted.samples[:, a:b]), noted.sample_rate))
    lag = note_delay(voice, chart[1], begin, end) if chart[1] else 0.0
    if lag is None:
        return []
    late, agreement = delay(times, weights, Stretch(stretch.bpm, begin, end, stretch.bar + lag, stretch.beats))
    if agreement < 0.35 or abs(late) > 0.04:
        return []
    beat, bar = 60.0 / stretch.bpm, stretch.bar + lag + late
    bar_seconds = stretch.beats * beat
    out = []
    sounding = [t for t in times if t > begin + 2.0] or [begin]
    low = min(sounding[0], end - 16.5)
    for _ in range(3):
        seconds = float(rng.uniform(8.0, 16.0))
        start = float(rng.uniform(low, max(low + 0.1, end - seconds - 0.5)))
        first = bar + beat * np.ceil((start - bar) / beat)
        out.append(piece(clip, start, start + seconds, stretch, first, bar, "take"))
    bars = 4 if 8 * bar_seconds > 16.0 else 8
    first_bar = int(np.ceil((low - bar) / bar_seconds))
    last_bar = int((end - 0.5 - bar) / bar_seconds) - bars
    if last_bar > first_bar:
        at = bar + bar_seconds * int(rng.integers(first_bar, last_bar + 1))
        out.append(piece(clip, at, at + bars * bar_seconds, stretch, at, bar, "loop"))
        at += bar_seconds * float(rng.uniform(0.02, 0.98))
        first = bar + beat * np.ceil((at - bar) / beat)
        out.append(piece(clip, at, at + bars * bar_seconds, stretch, first, bar, "crop"))
    return out


def piece(
    clip: Clip, start: float, end: float, stretch: Stretch, first: float, bar: float, kind: str
) -> tuple[Clip, dict]:
    beat = 60.0 / stretch.bpm
    beats = np.arange(first, end - 1e-3, beat) - start
    lines = bar + stretch.beats * beat * np.arange(np.ceil((start - 1e-6 - bar) / (stretch.beats * beat)), 1e5)
    downbeats = lines[lines < end - 1e-3] - start
    row = {
        "kind": kind,
        "bpm": f"{stretch.bpm:.4f}",
        "beat_times": " ".join(f"{t:.4f}" for t in beats),
        "downbeat_times": " ".join(f"{t:.4f}" for t in downbeats),
        "meter": f"{stretch.beats:g}/4",
        "is_loop": str(int(kind == "loop")),
        "notes": "octave-ambiguous" if stretch.bpm > 150 or stretch.bpm < 80 else "",
    }
    a, b = round(start * clip.sample_rate), round(end * clip.sample_rate)
    return Clip(np.ascontiguousarray(clip.samples[:, a:b]), clip.sample_rate), row


def named(path: str) -> dict | None:
    """What a file's own name says: a key, a tempo, or a Camelot code; of a folder of one tempo, that tempo."""
    folder, _, name = path.rpartition("/")
    row: dict = {"kind": "named", "notes": ""}
    # loops in a folder of one tempo were stretched to it; their names tell the tempo and the key from before
    stretched = TEMPO_FOLDER.search(f"/{folder}/")
    if (key := KEY.search(name)) and not stretched and not UNPITCHED.search(path):
        row["key"] = f"{key[1].replace('♯', '#')} {'major' if key[2].lower() == 'maj' else 'minor'}"
    if bpm := stretched or TEMPO.search(name):
        row |= {"bpm": bpm[1], "notes": "" if 80 <= int(bpm[1]) <= 150 else "octave-ambiguous"}
    camelot = re.search(r"_(\d{1,2})([AB])\.wav$", name)
    if camelot and path.partition("/")[0] in ("Bass", "Pads", "Riffs_Arps_Hits", "Vocals"):
        mode = "AB".index(camelot[2])
        row |= {"kind": path.partition("/")[0]}
        row["key"] = f"{CAMELOT[int(camelot[1])][mode]} {('minor', 'major')[mode]}"
    return row if "key" in row or "bpm" in row else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkouts", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", choices=("learn", "measure"))
    args = parser.parse_args()
    rows: dict[str, list[dict]] = {"learn": [], "measure": []}
    for name, split in REPOSITORIES.items():
        if args.only not in (None, split):
            continue
        repo = args.checkouts / name.replace("/", "+") / "repo"
        if not repo.exists():
            print(f"{name}: no checkout", file=sys.stderr)
            continue
        folder = args.out / split
        folder.mkdir(parents=True, exist_ok=True)
        rng, files, before = np.random.default_rng(7), listing(repo), len(rows[split])
        scratch = args.out / "scratch"
        songs = charts(repo, files)
        for path, chart in sorted(songs.items())[:MOST_SONGS]:
            scratch.write_bytes(content(repo, path))
            try:
                clip = noted = read_clip(scratch)
                stem = path.replace("Inst.", "Voices.")
                if stem != path and files.get(stem, 0) > LEAST_BYTES:
                    scratch.write_bytes(content(repo, stem))
                    noted = read_clip(scratch)
            except ValueError as error:
                print(f"{name}: {path}: {error}", file=sys.stderr)
                continue
            for clip_cut, row in cut_song(clip, chart, noted, rng):
                row |= {
                    "origin": f"{name}:{path}",
                    "repository": name,
                    "file": f"{split[0]}{len(rows[split]):04d}.flac",
                }
                peak = float(np.abs(clip_cut.samples).max(initial=0.0))
                if peak < 0.01:
                    continue
                soundfile.write(folder / row["file"], (clip_cut.samples / max(1.0, peak)).T, clip_cut.sample_rate)
                rows[split].append(row)
        by_name = [
            (p, row) for p in sorted(files) if p.lower().endswith(AUDIO) and (row := named(p)) and p not in songs
        ]
        for path, row in by_name:
            suffix = path[path.rfind(".") :]
            row |= {"origin": f"{name}:{path}", "repository": name, "file": f"{split[0]}{len(rows[split]):04d}{suffix}"}
            (folder / row["file"]).write_bytes(content(repo, path))
            rows[split].append(row)
        print(f"{name} ({split}): {len(songs)} charts, {len(rows[split]) - before} clips", flush=True)
    for split, table in rows.items():
        if not table:
            continue
        names = sorted({key for row in table for key in row})
        with (args.out / split / "manifest.csv").open("w", newline="", encoding="utf-8") as lines:
            writer = csv.DictWriter(lines, names)
            writer.writeheader()
            writer.writerows(table)


if __name__ == "__main__":
    main()
