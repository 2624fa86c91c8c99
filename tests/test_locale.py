"""The "UTF-8 locale is required" fault, reproduced on a CPU, and its cure."""

from __future__ import annotations

import ctypes
import locale
import os
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

from helpers.engines.devices import heal_locale

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="uselocale is Linux's")

LC_ALL_MASK = 0x1FBF  # glibc: every category
NVRTC = "nvidia-cuda-nvrtc-cu12==12.4.127"
KERNEL = b'extern "C" __global__ void k(float *x) { x[0] = 1.0f; }'
REPOSITORY = Path(__file__).resolve().parents[1]


def in_utf8_locale(body: str, tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``body`` in a fresh interpreter with a UTF-8 locale and without UTF-8 mode, as Colab's kernel has it."""
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONUTF8", "LC_ALL", "LANG", "LC_CTYPE")}
    env |= {"LC_ALL": "C.UTF-8", "PYTHONUTF8": "0", "PYTHONPATH": str(REPOSITORY), "PYTHONCOERCECLOCALE": "0"}
    return subprocess.run(
        [sys.executable, "-c", body, *arguments],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )


CHECKS = """
import locale, subprocess, sys
from helpers.engines.devices import heal_locale

def encoding():
    return locale.getpreferredencoding(False).upper().replace("-", "")

def text_survives():
    try:
        with open("note.txt", "w") as file:
            file.write("é♯")
        out = subprocess.run([sys.executable, "-X", "utf8", "-c", "print('é♯')"], stdout=subprocess.PIPE, text=True)
        return out.stdout.strip() == "é♯"
    except (UnicodeEncodeError, UnicodeDecodeError):
        return False

assert encoding() == "UTF8" and text_survives(), "the test needs a UTF-8 locale to start from"
{damage}
assert encoding() != "UTF8", "the fault was not reproduced: " + encoding()
assert not text_survives()
locale.setlocale(locale.LC_ALL, "C.UTF-8")
assert encoding() != "UTF8", "setlocale is not the cure"
assert heal_locale() is True
assert encoding() == "UTF8" and text_survives()
assert heal_locale() is False, "nothing left to heal"
print("healed")
"""

THREAD_LOCALE_C = f"""
import ctypes
libc = ctypes.CDLL(None)
libc.newlocale.restype = libc.uselocale.restype = ctypes.c_void_p
libc.newlocale.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p]
libc.uselocale.argtypes = [ctypes.c_void_p]
libc.uselocale(libc.newlocale({LC_ALL_MASK}, b"C", None))
"""

NVRTC_COMPILE = f"""
import ctypes
nvrtc = ctypes.CDLL(sys.argv[1])
program = ctypes.c_void_p()
assert nvrtc.nvrtcCreateProgram(ctypes.byref(program), {KERNEL!r}, b"k.cu", 0, None, None) == 0
nvrtc.nvrtcCompileProgram(program, 0, None)
"""


def test_a_thread_locale_breaks_text_and_is_healed(tmp_path):
    result = in_utf8_locale(CHECKS.replace("{damage}", THREAD_LOCALE_C), tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "healed"


def test_healing_a_healthy_thread_changes_nothing():
    before = locale.getpreferredencoding(False)
    assert heal_locale() is False
    assert locale.getpreferredencoding(False) == before


def test_the_fault_and_the_cure_are_of_one_thread():
    seen = {}

    def damaged():
        libc = ctypes.CDLL(None)
        libc.newlocale.restype = libc.uselocale.restype = ctypes.c_void_p
        libc.newlocale.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p]
        libc.uselocale.argtypes = [ctypes.c_void_p]
        libc.uselocale(libc.newlocale(LC_ALL_MASK, b"C", None))
        seen["other"] = heal_locale()

    thread = threading.Thread(target=damaged)
    thread.start()
    thread.join()
    assert seen["other"] is True
    assert heal_locale() is False


@pytest.mark.network
def test_nvrtc_12_4_itself_breaks_text_and_is_healed(tmp_path):
    library = nvrtc_library()
    result = in_utf8_locale(CHECKS.replace("{damage}", NVRTC_COMPILE), tmp_path, str(library))
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "healed"


def nvrtc_library() -> Path:
    """CUDA's compiler from its wheel (25 MB, kept in .cache/); it needs no GPU."""
    folder = REPOSITORY / ".cache" / "nvrtc-12.4"
    library = folder / "nvidia/cuda_nvrtc/lib/libnvrtc.so.12"
    if not library.is_file():
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:"]
        fetched = subprocess.run(
            [*command, "-d", str(folder), NVRTC], capture_output=True, encoding="utf-8", check=False, timeout=300
        )
        if fetched.returncode:
            pytest.skip(f"{NVRTC} could not be downloaded: {fetched.stderr.strip()[-200:]}")
        with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
            wheel.extractall(folder)
    return library
