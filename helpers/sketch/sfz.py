"""SFZ instruments (layers, round robins): checked and flattened here, played by sfizz in a process of its own.

The program ``sfizz_render`` comes inside the pysfizz package (BSD-2). Format: sfzformat.com.
"""

from __future__ import annotations

import os
import re
import stat
import subprocess
import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ..errors import NotAvailable
from ..machine.run import bare_environment
from .bank_file import Unusable, once_per_file

LARGEST_BYTES = 300 << 20  # of all samples; unpacked they take up to four times that
_LARGEST_TEXT, _DEEPEST_INCLUDE = 4 << 20, 8
RENDER_SECONDS = 60.0
BLOCK_SAMPLES = 64  # events fall on the start of a block
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
_INCLUDE = re.compile(r'#include\s+"([^"\n]+)"')
_DEFINE = re.compile(r"#define\s+(\$\w+)\s+(\S+)")
_LEVELS = ("global", "master", "group", "region")  # each inherits from the one before
_HEADER = re.compile(r"<(\w+)>")
_KEY = re.compile(r"(?<![\w$])(key|lokey|hikey)=(\S+)")
_NOTE = re.compile(r"([a-g])([#b]?)(-?\d)")
_PATH = re.compile(r"\b(default_path|sample)=(.+?)(?=\s+\w+=|\s*<|\s*$)", re.M)


@dataclass(frozen=True)
class SfzText:
    """An instrument in one text, every path absolute, and the samples it names, as it names them."""

    text: str
    names: tuple[Path, ...]


@once_per_file(16)
def read_sfz(path: Path, must_exist: bool = True) -> SfzText:
    """Flatten an instrument and check that what it names can be read; one that has not changed is read once.

    ``must_exist``: whether samples must be there already. Raises Unusable if it is no text, includes too much, or its
    samples are missing or too large.
    """
    try:
        text = _flat(path, path.parent, 0)
        names = _sample_names(text)
        facts = [(name, (path.parent / name).stat()) for name in names if (path.parent / name).exists()]
        if must_exist and not facts:
            raise Unusable("it names no sample that is there")
        odd = next((name.name for name, fact in facts if not stat.S_ISREG(fact.st_mode)), "")
        if odd:
            raise Unusable(f"its sample {odd} is no file")
        whole = sum(fact.st_size for _, fact in facts)
        if whole > LARGEST_BYTES:
            raise Unusable(f"its samples have {whole >> 20} MB, {LARGEST_BYTES >> 20} MB are the most")
    except (OSError, ValueError) as error:
        raise Unusable((getattr(error, "strerror", None) or str(error)).lower()) from None
    return SfzText(_rooted(text, path.parent), names)


def _flat(path: Path, root: Path, depth: int) -> str:
    """The text with everything it includes; paths in it count from the folder of the first file."""
    if depth > _DEEPEST_INCLUDE:
        raise Unusable("its files include each other too deeply")
    facts = path.stat()
    if not stat.S_ISREG(facts.st_mode) or facts.st_size > _LARGEST_TEXT:
        raise Unusable(f"{path.name} is no text of reasonable size")
    data = path.read_bytes()
    if b"\0" in data:
        raise Unusable(f"{path.name} is no text")
    text = _COMMENT.sub("", data.decode("utf-8", "replace"))
    parts, at = [], 0
    for found in _INCLUDE.finditer(text):
        parts += [text[at : found.start()], "\n", _flat(root / found[1].replace("\\", "/"), root, depth + 1), "\n"]
        at = found.end()
        if sum(map(len, parts)) > _LARGEST_TEXT:
            raise Unusable("it includes too much")
    return "".join([*parts, text[at:]])


def _sample_names(text: str) -> tuple[Path, ...]:
    """Every sample the text names, in order, each once; generators such as ``*sine`` are none."""
    macros = dict(_DEFINE.findall(text))
    folder = ""
    found: dict[Path, None] = {}
    macro = re.compile("|".join(map(re.escape, sorted(macros, key=len, reverse=True))) or r"(?!)")
    for kind, written in _PATH.findall(text):
        value = macro.sub(lambda m: macros[m[0]], written).replace("\\", "/")
        if kind == "default_path":
            folder = value
        elif not value.startswith("*"):
            found[Path(folder + value)] = None
    return tuple(found)


def _rooted(text: str, root: Path) -> str:
    """The text as it sounds alike from any folder, with its samples read whole: streamed, no two runs are equal."""
    base = f"{root.resolve()}{os.sep}"
    moved = _PATH.sub(lambda m: f"default_path={base}{m[2]}" if m[1] == "default_path" else m[0], text)
    return f"<control> hint_ram_based=1 default_path={base}\n{moved}"


def for_keys(text: str, keys: Collection[int]) -> str:
    """The text without the regions that none of the MIDI ``keys`` sounds, so that their samples need not be read."""
    if "_offset=" in text:  # keys mean others there
        return text
    parts = _HEADER.split(text)  # text, header, text, header ...
    spans: dict[str, tuple[int, int] | None] = dict.fromkeys(_LEVELS, (0, 127))
    kept = [parts[0]]
    for header, body in zip(parts[1::2], parts[2::2], strict=True):
        if header not in _LEVELS:
            kept.append(f"<{header}>{body}")
            continue
        at = _LEVELS.index(header)
        span = _span(body, spans[_LEVELS[at - 1]] if at else (0, 127))
        spans |= dict.fromkeys(_LEVELS[at:], span)
        if header != "region" or span is None or any(span[0] <= key <= span[1] for key in keys):
            kept.append(f"<{header}>{body}")
    return "".join(kept)


def _span(body: str, span: tuple[int, int] | None) -> tuple[int, int] | None:
    """The lowest and highest key after the opcodes of one header; None where they are not plain keys."""
    for opcode, value in _KEY.findall(body):
        note = _NOTE.fullmatch(value.lower())
        if value.isdigit():
            key = int(value)
        elif note:
            key = 12 * (int(note[3]) + 1) + "c d ef g a b".index(note[1]) + {"": 0, "#": 1, "b": -1}[note[2]]
        else:
            return None
        if span is not None:
            span = {"key": (key, key), "lokey": (key, span[1]), "hikey": (span[0], key)}[opcode]
    return span


def play_sfz(path: Path, midi: bytes, keys: Collection[int], sample_rate: int) -> bytes:
    """Play a MIDI file, which strikes these ``keys``; a WAV of 16 bits in stereo that ends with the MIDI, or before.

    Raises NotAvailable if sfizz is not installed, or it or the instrument fails.
    """
    program = _program()
    if program is None:
        raise NotAvailable(
            f"{path.name} is an SFZ instrument, and sfizz, which plays them, is not installed; run: "
            "loops-generator install sfz"
        )
    try:
        with tempfile.TemporaryDirectory(prefix="loops-sfz-") as folder:
            files = {name: Path(folder) / f"part.{name}" for name in ("sfz", "midi", "wav")}
            files["sfz"].write_text(for_keys(read_sfz(path).text, keys), encoding="utf-8")
            files["midi"].write_bytes(midi)
            command = [str(program), "-s", str(sample_rate), "-b", str(BLOCK_SAMPLES), "--use-eot"]
            for name, file in files.items():
                command += [f"--{name}", str(file)]
            done = subprocess.run(
                command, env=bare_environment(), capture_output=True, timeout=RENDER_SECONDS, check=False
            )
            if done.returncode or not files["wav"].is_file():
                raise Unusable(f"sfizz ended with status {done.returncode}")
            return files["wav"].read_bytes()
    except subprocess.TimeoutExpired:
        raise NotAvailable(f"{path.name} took over {RENDER_SECONDS:.0f} s to play; use a smaller instrument.") from None
    except (Unusable, OSError) as error:
        raise NotAvailable(f"The SFZ instrument {path.name} cannot be played ({error}); move it away.") from None


def _program() -> Path | None:
    spec = find_spec("pysfizz")
    if spec is None or not spec.origin:
        return None
    program = Path(spec.origin).parent.parent / "bin" / ("sfizz_render.exe" if os.name == "nt" else "sfizz_render")
    return program if program.is_file() else None
