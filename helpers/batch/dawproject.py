"""Loops and their idea as a DAWproject: the open exchange format of Bitwig, Studio One, Cubase and others.

Written after the published schema (version 1.0): a ZIP of ``project.xml``, ``metadata.xml`` and the audio.
"""

from __future__ import annotations

import itertools
import math
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as XML

import numpy as np

from .. import __version__
from ..export import StoredLoop, bpm_text, free_name
from ..loops.fit.bars import place_in_idea
from ..machine.files import plain_name
from ..pipeline import Idea, analyze_idea, cut_part, load_idea
from ..records import Analysis, Clip, Request
from ..records.analysis import tempo_ratio
from ..sound.audio import read_back, wav_bytes
from .pack import apart

Points = Sequence[tuple[float, float]]  # quarters against seconds
LEAST_PICKUP = 0.2  # quarters before the first downbeat, a sixteenth and more; less is the attack of its first note
QUIET = 0.01  # of the idea's peak: no pickup, the rest before the idea begins
COLORS = ("#e4572e", "#2e86ab", "#76b041", "#f3a712", "#7d5ba6", "#2a9d8f", "#c44569", "#5c6b73")
_WITHOUT_ID = {"Application", "Transport", "Structure", "Clip", "File", "Warp", "Note", "Marker", "Scenes"}
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # characters no XML file may hold


def write_projects(
    folder: Path, loops: Sequence[StoredLoop], names: Sequence[str], ideas: Mapping[str, Path] | None = None
) -> None:
    """A project in ``folder`` for every idea, part of it, tempo and metre of the loops, which lie under their names in
    ``loops/``.

    The idea's own sound is a track of its own where ``ideas`` holds its file by its SHA-256.
    """
    groups: dict[tuple[Any, ...], list[tuple[StoredLoop, str]]] = {}
    for loop, name in zip(loops, names, strict=True):
        key = (loop.idea_sha256, loop.span, loop.request.bpm, loop.request.meter)
        groups.setdefault(key, []).append((loop, name))
    for (sha256, span, bpm, meter), members in groups.items():
        words = [plain_name(Path(members[0][0].idea).stem) or "loops", f"{bpm_text(bpm)}bpm", meter.replace("/", "-")]
        path = free_name(folder, "_".join(words[: 2 + (meter != Request.meter)]), ".dawproject")
        heard = None
        if ideas and sha256 in ideas:
            idea = load_idea(ideas[sha256])
            heard = idea, analyze_idea(idea, tags=False)
            if span and span[1] <= idea.clip.seconds + 1:
                heard = cut_part(*heard, *span, tags=False)
        write_project(path, members, folder / "loops", heard)


def write_project(
    path: Path,
    members: Sequence[tuple[StoredLoop, str]],
    audio_folder: Path,
    heard: tuple[Idea, Analysis] | None = None,
) -> None:
    """One project: every loop an aligned, looping audio clip on a named track, its MIDI beside it.

    All loops share idea, tempo and metre. The idea's first downbeat lies on that of the loops, its sound is warped to
    the project's tempo and repeats after whole bars. Where it has a pickup, all else starts after the bars it needs.
    """
    request, ids = members[0][0].request, (f"id{n}" for n in itertools.count())

    def add(parent: XML.Element, tag: str, **attributes: Any) -> XML.Element:
        if tag not in _WITHOUT_ID:
            attributes.setdefault("id", next(ids))
        return XML.SubElement(parent, tag, {name: _plain(value) for name, value in attributes.items()})

    numerator, denominator = request.meter.split("/")
    bar = request.quarters / request.bars
    longest, start = max(loop.request.quarters for loop, _ in members), 0.0  # of the loops, in quarters
    root = XML.Element("Project", version="1.0")
    add(root, "Application", name="Loops Generator", version=__version__)
    transport = add(root, "Transport")
    tempo = request.bpm * request.time.quarters_per_beat
    add(transport, "Tempo", name="Tempo", unit="bpm", min="20", max="666", value=tempo)
    add(transport, "TimeSignature", numerator=numerator, denominator=denominator)
    structure, master = add(root, "Structure"), next(ids)
    arrangement = add(root, "Arrangement")
    lanes = add(arrangement, "Lanes", timeUnit="beats")
    files: dict[str, Path | bytes] = {}

    def track(name: str, content: str, color: str) -> XML.Element:
        made = add(structure, "Track", name=name, color=color, contentType=content, loaded="true")
        add(made, "Channel", audioChannels="2", role="regular", solo="false", destination=master)
        return add(add(lanes, "Lanes", track=made.attrib["id"]), "Clips")

    def audio(
        clips: XML.Element, name: str, file: str, clip: Clip, points: Points, beats: float, pickup: float = 0.0
    ) -> None:
        """A clip that repeats ``beats`` quarters after its pickup; ``points`` pin quarters to seconds of the file."""
        repeats = {"playStart": 0, "loopStart": pickup, "loopEnd": pickup + beats}
        length = pickup + max(longest, beats)
        outer = add(clips, "Clip", time=start - pickup, duration=length, name=name, **repeats)
        inner = add(add(outer, "Clips"), "Clip", time=0, duration=points[-1][0], contentTimeUnit="beats", playStart=0)
        warps = add(inner, "Warps", timeUnit="beats", contentTimeUnit="seconds")
        format_of = {"channels": clip.channels, "sampleRate": clip.sample_rate, "duration": clip.seconds}
        add(add(warps, "Audio", algorithm="stretch", **format_of), "File", path=file)
        for quarter, second in points:
            add(warps, "Warp", time=quarter, contentTime=second)

    if heard is not None:
        idea, analysis = heard
        files["audio/idea.wav"] = wav_bytes(idea.clip)
        points, pickup = _with_pickup(_pinned(analysis, request, idea.clip), idea.clip)
        start = math.ceil(pickup / bar) * bar
        clips, bars = track(f"Idea: {idea.name}", "audio", COLORS[-1]), int((points[-1][0] - pickup) / bar + 0.1)
        audio(clips, idea.name, "audio/idea.wav", idea.clip, points, max(1, bars) * bar, pickup)
    shown_names = apart([loop.request.instrument or "loop" for loop, _ in members])
    for number, ((loop, name), shown) in enumerate(zip(members, shown_names, strict=True)):
        color, quarters = COLORS[number % (len(COLORS) - 1)], loop.request.quarters
        clip, file = read_back(loop.wav), f"audio/{name}.wav"
        files[file] = audio_folder / f"{name}.wav"
        ends = ((0.0, 0.0), (quarters, clip.seconds))
        audio(track(shown, "audio", color), shown, file, clip, ends, quarters)
        if notes := loop.notes():
            clips = track(f"{shown} (MIDI)", "notes", color)
            repeats = {"duration": longest, "playStart": 0, "loopStart": 0, "loopEnd": quarters}
            lane = add(add(clips, "Clip", time=start, name=shown, **repeats), "Notes")
            for note in notes:
                sounding = {"time": note.start, "duration": note.length, "key": note.pitch}
                add(lane, "Note", channel=0, vel=note.velocity / 127, rel=0.5, **sounding)
    last = add(structure, "Track", name="Master", contentType="audio notes", loaded="true")
    add(last, "Channel", id=master, audioChannels="2", role="master", solo="false")
    where = request.key.name if request.key else "no key"
    add(add(arrangement, "Markers"), "Marker", time=0, name=f"{where}, {request.bpm:g} BPM, {request.meter}")
    add(root, "Scenes")
    about = XML.Element("MetaData")
    XML.SubElement(about, "Title").text = _plain(members[0][0].idea or "Loops")
    XML.SubElement(about, "Comment").text = "Made by Loops Generator. Licences of the loops: manifest.csv of the pack."
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("project.xml", _document(root))
        out.writestr("metadata.xml", _document(about))
        for inside, data in files.items():
            out.write(data, inside) if isinstance(data, Path) else out.writestr(inside, data)


def _pinned(analysis: Analysis, request: Request, clip: Clip) -> Points:
    """Quarters of the loops against seconds of the idea, as fit cards lay the two together: at its beats from the first
    downbeat on; where the tempo asked for is another than the one heard, at its ends."""
    tempo, per_beat = analysis.tempo, request.time.quarters_per_beat
    first, bpm = place_in_idea(request, analysis, clip.seconds)
    same = tempo_ratio(bpm, tempo.bpm) if tempo.bpm else None
    beats = [second for second in tempo.beats if second >= first - 1e-3]
    if same is None or len(beats) < 2:
        return (0.0, first), ((clip.seconds - first) * bpm / 60 * per_beat, clip.seconds)
    points = [(n * same * per_beat, max(second, 0.0)) for n, second in enumerate(beats)]
    rest = (clip.seconds - beats[-1]) / (beats[-1] - beats[0]) * points[-1][0]  # after the last beat heard
    return (*points, (points[-1][0] + rest, clip.seconds)) if rest > 0 else points


def _with_pickup(points: Points, clip: Clip) -> tuple[Points, float]:
    """The points counted from where the idea's sound begins, and the quarters from there to its first downbeat."""
    (quarter, first), (next_quarter, second) = points[:2]
    level = np.abs(clip.mono())
    sounding = np.flatnonzero(level[: round(first * clip.sample_rate)] > QUIET * level.max())
    begin = sounding[0] / clip.sample_rate if len(sounding) else first
    pickup = (first - begin) * (next_quarter - quarter) / (second - first)
    if pickup < LEAST_PICKUP:
        return points, 0.0
    return ((0.0, begin), *((at + pickup, second) for at, second in points)), pickup


def _plain(value: Any) -> str:
    """A number or a name as XML holds it."""
    return f"{value:.9g}" if isinstance(value, float) else _NOT_XML.sub("\ufffd", str(value))


def _document(root: XML.Element) -> bytes:
    XML.indent(root)
    return XML.tostring(root, encoding="utf-8", xml_declaration=True)
