"""The process that decodes a compressed file for :mod:`.decode`, so that a file that never ends can be ended.

Run as a script: the file is its standard input. It writes a Sun AU stream of 32-bit floats to standard output, with the
number of samples in each channel (64 bits, big-endian; 0 when not known) as the header's annotation.
"""

import contextlib
import os
import struct
import sys

MOST_BYTES = 2 << 30  # of memory; a decoder needs a hundredth of it
BLOCK_SAMPLES = 1 << 17


def main(most_seconds: float) -> int:
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    import numpy as np
    import soundfile

    out = sys.stdout.buffer
    try:
        with soundfile.SoundFile(sys.stdin.fileno(), closefd=False) as file:
            frames = 0 if file.format == "MP3" else file.frames  # of an mp3 it is a guess
            out.write(b".snd" + struct.pack(">5IQ", 32, 0xFFFFFFFF, 6, file.samplerate, file.channels, max(0, frames)))
            out.flush()
            left = int(most_seconds * file.samplerate)
            step = max(1, BLOCK_SAMPLES // file.channels)
            while left > 0 and len(block := file.read(min(step, left), dtype="float32", always_2d=True)):
                out.write(block.astype(np.dtype(">f4")).tobytes())
                left -= len(block)
            out.flush()
    except soundfile.SoundFileError as error:
        print(str(error).rsplit(":", 1)[-1].strip(), file=sys.stderr)
        return 3
    except BrokenPipeError:  # enough was read
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])))
