"""What can be installed: names, sizes and licences, told before anything is fetched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..engines.audiocraft import home
from ..machine.home import requirements_file

MIB = 1024**2


@dataclass(frozen=True)
class Installable:
    """One thing to install. Sizes are what a bare environment would fetch and hold, without torch and model weights.

    pip installs ``requirements``. A thing with a folder of its own has ``missing()`` to say what it lacks, and
    ``make(pip_install, on_line, cancel)`` to make the folder.
    """

    name: str
    title: str
    brings: str
    requirements: Path
    download_bytes: int
    disk_bytes: int
    licence: str
    needs_torch: bool = False
    options: tuple[str, ...] = ()  # for pip
    missing: Callable[[], tuple[str, ...]] | None = None
    make: Callable[..., None] | None = None

    def size_text(self) -> str:
        """Both sizes in a sentence."""
        return (
            f"About {self.download_bytes / MIB:.0f} MiB to download and {self.disk_bytes / MIB:.0f} MiB on disk, "
            "less where some of it is there already."
        )


@dataclass(frozen=True)
class InstallStatus:
    """How an installation stands; true in a condition when it is complete.

    ``missing`` names what is not there (with the version that is, where that is the trouble); ``detail`` is one line
    for a person; ``restart``: a package this process has imported was changed.
    """

    what: str
    installed: bool
    missing: tuple[str, ...] = ()
    detail: str = ""
    restart: bool = False

    def __bool__(self) -> bool:
        return self.installed


INSTALLABLE: dict[str, Installable] = {
    item.name: item
    for item in (
        Installable(
            name="core",
            title="Loops Generator",
            brings="analysis, the sketch engine, loops and the notebook interface",
            requirements=requirements_file("requirements.txt"),
            download_bytes=220 * MIB,
            disk_bytes=800 * MIB,
            licence="Open source packages; essentia is AGPL-3.0.",
        ),
        Installable(
            name="ears",
            title="Learned ears (Basic Pitch, musicnn)",
            brings="small models inside packages that hear notes and the genre's family",
            requirements=requirements_file("requirements-ears.txt"),
            download_bytes=40 * MIB,
            disk_bytes=50 * MIB,
            licence="Apache-2.0, ISC.",
            options=("--no-deps",),  # their own requirements (TensorFlow, old numpy) are not used
        ),
        Installable(
            name="sfz",
            title="sfizz, the player of SFZ instruments",
            brings="layers and round robins of instruments in LOOPS_HOME/soundfonts",
            requirements=requirements_file("requirements-sfz.txt"),
            download_bytes=2 * MIB,
            disk_bytes=5 * MIB,
            licence="BSD-2-Clause.",
        ),
        Installable(
            name="diffusers",
            title="Stable Audio Open, Foundation-1, AudioLDM2-Music, ACE-Step and MusicGen",
            brings="diffusers and transformers, which run them all in one environment",
            requirements=requirements_file("requirements-diffusers.txt"),
            download_bytes=40 * MIB,
            disk_bytes=220 * MIB,
            licence=(
                "The packages are Apache-2.0. The weights are fetched when first used, under their own licences: "
                "Stable Audio Open and Foundation-1: Stability AI Community; AudioLDM2-Music: CC-BY-NC-SA-4.0; "
                "ACE-Step: MIT; MusicGen: CC-BY-NC-4.0."
            ),
            needs_torch=True,
        ),
        Installable(
            name="audiocraft",
            title="audiocraft (the reference MusicGen)",
            brings="loops over 30 s by sliding windows and the MultiBandDiffusion decoder, in a process of its own",
            requirements=home.REQUIREMENTS,
            download_bytes=40 * MIB,
            disk_bytes=130 * MIB,
            licence="audiocraft's code is MIT; all its weights are CC-BY-NC-4.0 (no commercial use).",
            needs_torch=True,
            missing=home.missing,
            make=home.make_home,
        ),
    )
}
