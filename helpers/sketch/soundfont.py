"""Find what plays a part: an SFZ instrument of its own, else the best SoundFont on this machine.

Each is checked before it is used (:mod:`.bank_file`, :mod:`.sfz`); one that cannot be played is passed over.

An SFZ file in ``LOOPS_HOME/soundfonts`` (or in a folder there) plays the instrument that it (or the folder) is named
after. Order of SoundFonts: the file named by the environment variable ``LOOPS_SOUNDFONT``; a well-known General MIDI
bank in the usual folders or fetched by us (:mod:`.sound_fetch`), best first; the small TimGM6mb that the pretty_midi
package carries.
"""

from __future__ import annotations

import glob
import os
import sys
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from ..errors import LoopsError, NotAvailable, shown_text
from ..machine.home import cache_home
from ..music.instruments import find_instrument
from ..music.tables import read_table
from .bank_file import Unusable, why_unusable
from .score import Score
from .sfz import read_sfz
from .synth import SFZ, bank_habits

# Best first; the part of a file name that tells the bank, its title and its licence.
_TABLE = read_table(__package__, "soundfonts.txt")
KNOWN_BANKS = _TABLE["banks"]
FOLDERS: tuple[str | Path, ...] = tuple(folder for (folder,) in _TABLE["folders"])


@dataclass(frozen=True)
class SoundFont:
    """A SoundFont or SFZ file with its title and licence in words; ``note`` says why it plays instead of another."""

    path: Path
    title: str
    licence: str
    note: str = ""

    @property
    def credit(self) -> str:
        """What it is and under which licence, for the card of a loop."""
        return f"{self.title}{'' if self.path.suffix == SFZ else ' SoundFont'} ({self.licence})"


def described(path: Path) -> SoundFont:
    """A file with the title and the licence that its name tells."""
    for part, title, licence in KNOWN_BANKS:
        if part in path.name.lower():
            return SoundFont(path, title, licence)
    return SoundFont(path, path.stem, "your own sounds; their licence is not known to us")


def _packaged() -> Path | None:
    """The TimGM6mb inside the pretty_midi package, found without importing it."""
    spec = find_spec("pretty_midi")
    if spec is None or not spec.submodule_search_locations:
        return None
    path = Path(next(iter(spec.submodule_search_locations))) / "TimGM6mb.sf2"
    return None if why_unusable(path) else path


def _files(folder: Path, pattern: str) -> list[Path]:
    """What matches in a folder; nothing in one that may not be looked into, such as another user's home."""
    return [folder / name for name in sorted(glob.glob(pattern, root_dir=folder))]


@lru_cache(maxsize=8)
def _search(named: str) -> SoundFont:
    note = ""
    if named:
        path = Path(named).expanduser()
        reason = why_unusable(path)
        if not reason:
            return described(path)
        note = f"LOOPS_SOUNDFONT names {path}, which cannot be played: {reason}."
    found = [
        path
        for folder in (*FOLDERS, instrument_folder())
        for path in _files(Path(folder).expanduser(), "*.sf2")
        if any(part in path.name.lower() for part, _, _ in KNOWN_BANKS) and not why_unusable(path)
    ]
    best = [path for part, _, _ in KNOWN_BANKS for path in found if part in path.name.lower()]
    bank = best[0] if best else _packaged()
    if bank is None:
        raise NotAvailable(
            f"{note}{' ' * bool(note)}No SoundFont was found, so the sketch cannot sound: install the pretty_midi "
            f"package, which carries one ({Path(sys.executable).name} -m pip install pretty_midi), or set "
            "LOOPS_SOUNDFONT to an .sf2 file."
        )
    font = described(bank)
    return replace(font, note=shown_text(f"{note} {font.title} plays instead.")) if note else font


def instrument_folder() -> Path:
    """Where fetched SoundFonts lie, and SFZ instruments, each named after what it plays."""
    return cache_home() / "soundfonts"


def own_instrument(score: Score) -> Path | None:
    """The SFZ file named after the score's instrument, or after another that its General MIDI sound is."""
    folder = instrument_folder()
    files = [(path.stem, path) for path in _files(folder, "*.sfz")]
    files += [(path.parent.name, path) for path in _files(folder, "[!.]*/*.sfz")]
    for name, path in files:
        try:
            match = find_instrument(name.replace("-", " "))
        except LoopsError:
            continue
        found = match.instrument
        if (found.program, found.is_drums) == (score.program, score.is_drums):
            return path
    return None


def find_sounds(score: Score) -> SoundFont:
    """What plays a score: an SFZ instrument of its own where there is one that can, else the SoundFont.

    Raises NotAvailable: as :func:`find_soundfont`.
    """
    path = own_instrument(score)
    if path is None:
        return find_soundfont()
    reason = ""
    try:
        read_sfz(path)
        pitches = tuple(sorted({n.pitch for n in score.notes}))
        habits = bank_habits(path, score.program, score.is_drums, pitches) if pitches else {}
        if any(habit.is_silent for habit in habits.values()):
            reason = "it has no sound for some of the notes"
    except (Unusable, LoopsError) as error:
        reason = str(error).rstrip(".")
    if not reason:
        return described(path)
    font = find_soundfont()
    return replace(font, note=shown_text(f"{path.name} does not play: {reason}. {font.title} plays instead."))


def forget_soundfont() -> None:
    """Search again the next time: a SoundFont has come or gone."""
    _search.cache_clear()


def find_soundfont() -> SoundFont:
    """The SoundFont the sketch sounds through; raises NotAvailable if there is no SoundFont at all."""
    return _search(os.environ.get("LOOPS_SOUNDFONT", ""))
