"""Reading uploads, level, writing whole."""

import io
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from helpers.errors import InvalidInput, LoopsError
from helpers.records import Clip
from helpers.sound import audio, decode, levels

RATE = 22_050
REPOSITORY = Path(__file__).resolve().parent.parent


def tone(seconds=2.0, rate=RATE, hz=220.0, level=0.4, channels=1):
    time = np.arange(round(seconds * rate)) / rate
    return np.tile((level * np.sin(2 * np.pi * hz * time)).astype(np.float32), (channels, 1))


def save(path, samples, rate=RATE, **options):
    soundfile.write(str(path), samples.T, rate, **options)
    return path


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.wav", {"subtype": "PCM_16"}),
        ("a.wav", {"subtype": "PCM_24"}),
        ("a.wav", {"subtype": "DOUBLE"}),
        ("a.wav", {"subtype": "PCM_U8"}),
        ("a.flac", {}),
        ("a.ogg", {}),
        ("a.mp3", {}),
        ("a.aiff", {}),
    ],
)
def test_formats_are_read_with_rate_length_and_channels(tmp_path, name, options):
    clip = audio.read_clip(save(tmp_path / name, tone(channels=2), **options))
    assert clip.sample_rate == RATE and clip.channels == 2 and clip.samples.dtype == np.float32
    assert clip.seconds == pytest.approx(2.0, abs=0.06)
    assert np.abs(clip.samples).max() == pytest.approx(0.4, abs=0.05)


def test_content_counts_not_the_name(tmp_path):
    path = tmp_path / "really.mp3"
    buffer = io.BytesIO()
    soundfile.write(buffer, tone()[0], RATE, format="WAV")
    path.write_bytes(buffer.getvalue())
    assert audio.read_clip(path).length == 2 * RATE


def wav_with(tmp_path, **changes):
    path = save(tmp_path / "x.wav", tone(), subtype="PCM_16")
    data = bytearray(path.read_bytes())
    if "rate" in changes:
        struct.pack_into("<I", data, 24, changes["rate"])
    if "channels" in changes:
        struct.pack_into("<H", data, 22, changes["channels"])
    if "data_size" in changes:
        struct.pack_into("<I", data, data.index(b"data") + 4, changes["data_size"])
    if "cut" in changes:
        del data[-changes["cut"] :]
    path.write_bytes(bytes(data))
    return path


@pytest.mark.parametrize("changes", [{"data_size": 0}, {"data_size": 0xFFFFFFFF}, {"cut": 1001}])
def test_a_recording_cut_off_or_streamed_is_read_as_far_as_it_goes(tmp_path, changes):
    clip = audio.read_clip(wav_with(tmp_path, **changes))
    assert clip.seconds == pytest.approx(2.0, abs=0.03)


def bad(tmp_path, kind):
    path = tmp_path / "bad.wav"
    if kind == "missing":
        return tmp_path / "no.wav"
    if kind == "folder":
        return tmp_path
    if kind == "empty":
        path.write_bytes(b"")
    if kind == "text":
        path.write_bytes(b"<!DOCTYPE html><html>" + b"x" * 4000)
    if kind == "picture":
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40)
    if kind == "noise bytes":
        path.write_bytes(np.random.default_rng(1).bytes(6000))
    if kind == "header only":
        path.write_bytes(b"RIFF\x00\x00\x00\x00WAVE")
    if kind == "rate zero":
        return wav_with(tmp_path, rate=0)
    if kind == "rate absurd":
        return wav_with(tmp_path, rate=1_000_000)
    if kind == "no channels":
        return wav_with(tmp_path, channels=0)
    if kind == "too short":
        save(path, tone(0.4))
    if kind == "silent":
        save(path, np.zeros((1, 3 * RATE), np.float32))
    if kind == "dither":
        save(path, np.random.default_rng(2).integers(-1, 2, (1, 3 * RATE)).astype(np.float32) / 32768)
    if kind == "constant":
        save(path, np.full((1, 3 * RATE), 0.5, np.float32))
    if kind == "constant, coded":
        soundfile.write(path, np.full(4 * RATE, 0.38), RATE, format="MP3")
    if kind == "too long":
        save(path, tone(601.5, rate=4000), rate=4000)
    if kind == "mostly nan":
        samples = tone()
        samples[:, ::10] = np.nan
        save(path, samples, subtype="FLOAT")
    return path


SENTENCES = {
    "missing": "no file",
    "folder": "not a file",
    "empty": "0 bytes",
    "text": "text or web page",
    "picture": "a picture",
    "noise bytes": "not audio",
    "header only": "not audio that can be decoded",
    "rate zero": "not audio that can be decoded",
    "rate absurd": "sample rate of 1000000 Hz",
    "no channels": "not audio that can be decoded",
    "too short": "at least 1 s",
    "silent": "is silent",
    "dither": "is silent",
    "constant": "is silent",
    "constant, coded": "is silent",
    "too long": "over 10 minutes long",
    "mostly nan": "not numbers",
}


@pytest.mark.parametrize("kind", SENTENCES)
def test_every_unusable_file_has_its_own_sentence(tmp_path, kind):
    with pytest.raises(InvalidInput, match=SENTENCES[kind]) as caught:
        audio.read_clip(bad(tmp_path, kind))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("start", [0.2, 11.0])
def test_one_note_near_an_end_is_not_silence(tmp_path, start):
    samples = np.zeros((1, 12 * RATE), np.float32)
    first = round(start * RATE)
    samples[:, first : first + RATE // 4] = 0.1 * tone(0.25)[:1]
    save(tmp_path / "note.wav", samples)
    assert audio.read_clip(tmp_path / "note.wav").seconds == 12


def test_a_file_over_the_size_limit_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "big.wav"
    with open(path, "wb") as file:
        file.truncate(audio.LARGEST_BYTES + 1)  # sparse: no disk is used
    with pytest.raises(InvalidInput, match="limit is 200 MB"):
        audio.read_clip(path)


def test_a_few_broken_samples_become_silence_and_are_told(tmp_path):
    samples = tone()
    samples[0, 100:110] = np.nan
    samples[0, 500] = np.inf
    file = audio.read_audio(save(tmp_path / "n.wav", samples, subtype="FLOAT"))
    assert np.isfinite(file.clip.samples).all() and "11 samples" in file.notes[0]


def test_a_name_cannot_play_tricks_in_a_sentence(tmp_path):
    with pytest.raises(InvalidInput) as caught:
        audio.read_clip(tmp_path / "evil\u202egnp.wav")
    assert "\u202e" not in str(caught.value)


@pytest.mark.parametrize("seed", range(25))
def test_damaged_files_end_in_a_clip_or_a_sentence(tmp_path, seed):
    random = np.random.default_rng(seed)
    kind = ("wav", "mp3", "flac", "ogg", "aiff")[seed % 5]
    path = save(tmp_path / f"d.{kind}", tone(1.5, 44_100), 44_100)
    data = bytearray(path.read_bytes())
    for _ in range(20):
        where = int(random.integers(0, min(len(data), 400 if seed % 2 else len(data))))
        data[where] = int(random.integers(0, 256))
    path.write_bytes(bytes(data[: int(random.integers(len(data) // 2, len(data) + 1))]))
    try:
        clip = audio.read_clip(path)
    except LoopsError as error:
        assert str(error)
    else:
        assert np.isfinite(clip.samples).all() and clip.seconds <= audio.LONGEST_SECONDS


def chunk(tag, body, size=None):
    return tag + struct.pack("<I", len(body) if size is None else size) + body + b"\0" * (len(body) % 2)


def wav_of(*chunks, magic=b"RIFF"):
    body = b"WAVE" + b"".join(chunks)
    return magic + struct.pack("<I", len(body)) + body


FMT = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 8000, 16_000, 2, 16))
PCM = (9000 * np.sin(np.arange(16_000) * 0.1)).astype("<i2").tobytes()
DS64 = chunk(b"ds64", struct.pack("<QQQI", 0, len(PCM), len(PCM) // 2, 0))


@pytest.mark.parametrize(
    "data",
    [
        wav_of(chunk(b"LIST", b"\xf8\xff\xff\xff" * 8), FMT, chunk(b"data", PCM)),  # libsndfile walks it for ever
        wav_of(chunk(b"data", PCM), FMT),
        wav_of(DS64, FMT, chunk(b"data", PCM, 0xFFFFFFFF), magic=b"RF64"),
        wav_of(DS64, FMT, chunk(b"data", PCM, 0xFFFFFFFF), magic=b"BW64"),
        b"ID3\x03\0\0\0\0\0\x0a" + bytes(10) + wav_of(FMT, chunk(b"data", PCM)),
        wav_of(FMT, chunk(b"LIST", b"INFO" + chunk(b"INAM", "Märchen".encode("latin-1"))), chunk(b"data", PCM)),
    ],
    ids=["endless list", "data first", "RF64", "BW64", "ID3 before", "a title that is not UTF-8"],
)
def test_a_wav_is_read_through_whatever_chunks_are_in_it(tmp_path, data):
    (tmp_path / "a.wav").write_bytes(data)
    clip = audio.read_clip(tmp_path / "a.wav")
    assert (clip.samples.shape, clip.sample_rate) == ((1, 16_000), 8000)
    assert np.array_equal(clip.samples[0], np.frombuffer(PCM, "<i2").astype(np.float32) / 32768)


def test_a_wav_of_empty_chunks_alone_is_refused_at_once(tmp_path):
    (tmp_path / "a.wav").write_bytes(wav_of(*[chunk(b"junk", b"")] * 100_000))
    with pytest.raises(InvalidInput, match="can be decoded"):
        audio.read_clip(tmp_path / "a.wav")


@pytest.mark.parametrize("kind", ["CAF", "W64", "AU", "VOC", "SVX", "NIST", "IRCAM"])
def test_containers_of_other_programs_are_read(tmp_path, kind):
    path = save(tmp_path / "a.bin", tone(), format=kind, subtype="PCM_16")
    assert np.allclose(audio.read_clip(path).samples, tone(), atol=1e-4)


CODECS = "m4a aac, m4a alac, wma wmav2, wv wavpack, wav ac3, aac aac, webm libopus, tta tta, mp2 mp2, avi mp2"


@pytest.mark.parametrize("codec", CODECS.split(", "))
def test_what_phones_and_browsers_record_is_read(tmp_path, codec):
    suffix, encoder = codec.split()
    name = f"a.{suffix}"
    with av.open(tmp_path / name, "w") as out:
        stream = out.add_stream(encoder, 48_000, layout="mono", bit_rate=96_000)
        frame = av.AudioFrame.from_ndarray(tone(3.0, 48_000), "fltp", "mono")
        frame.sample_rate = 48_000
        resampler = av.AudioResampler(stream.format, "mono", 48_000, stream.frame_size or 4096)
        for piece in (*resampler.resample(frame), *resampler.resample(None), None):
            out.mux(stream.encode(piece))
    clip = audio.read_clip(tmp_path / name)
    assert clip.seconds == pytest.approx(3.0, abs=0.1)
    assert np.abs(clip.samples[:, 20_000:120_000]).max() == pytest.approx(0.4, abs=0.1)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:64] + bytes(2000))
    with pytest.raises(InvalidInput, match=r"can be decoded|at least 1 s"):
        audio.read_clip(tmp_path / name)


def test_a_film_without_sound_is_refused(tmp_path):
    with av.open(tmp_path / "a.mp4", "w") as out:
        stream = out.add_stream("mpeg4", 25, width=32, height=32, pix_fmt="yuv420p")
        for picture in (*(av.VideoFrame(32, 32, "yuv420p") for _ in range(50)), None):
            out.mux(stream.encode(picture))
    with pytest.raises(InvalidInput, match="no audio in it"):
        audio.read_clip(tmp_path / "a.mp4")


def test_a_playlist_that_names_another_file_is_refused(tmp_path):
    save(tmp_path / "other.wav", tone())
    for text in ("#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:2,\nother.wav\n", "ffconcat version 1.0\nfile other.wav\n"):
        (tmp_path / "list.wav").write_text(text, encoding="utf-8")
        with pytest.raises(InvalidInput, match="can be decoded"):
            audio.read_clip(tmp_path / "list.wav")


def test_a_file_that_takes_too_long_is_left(tmp_path, monkeypatch):
    path = save(tmp_path / "a.flac", tone())
    monkeypatch.setattr(decode, "DECODE_SECONDS", -1.0)
    with pytest.raises(InvalidInput, match="did not end within"):
        audio.read_clip(path)
    endless = "import time, helpers.sound.decode_worker as w\nw.decoded = lambda *_: iter(lambda: time.sleep(60), 0)\n"
    run = "sys.exit(w.main('', 60.0, float(sys.argv[3]), []))"
    (tmp_path / "endless.py").write_text(f"import sys\nsys.path[0] = {str(REPOSITORY)!r}\n{endless}{run}", "utf-8")
    monkeypatch.setattr(decode, "_WORKER", tmp_path / "endless.py")
    monkeypatch.setattr(decode, "STALL_SECONDS", 0.2)
    with pytest.raises(InvalidInput, match="no sound came for"):
        audio.read_clip(path)


def test_a_decoder_that_crashes_leaves_a_sentence(tmp_path, monkeypatch):
    path = save(tmp_path / "a.flac", tone())
    (tmp_path / "crash.py").write_text("import os; os.abort()", encoding="utf-8")
    monkeypatch.setattr(decode, "_WORKER", tmp_path / "crash.py")
    with pytest.raises(InvalidInput, match="its decoder broke off"):
        audio.read_clip(path)
    assert decode.format_of(path.open("rb")) == ""


def atom(name, *parts):
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), name) + body


def film_track(entry, tables, reference=b"\0\0\0\x0curl \0\0\0\1"):
    """A sound track of a film; ``reference`` says where its samples lie (as it stands: in the same file)."""
    about = atom(b"tkhd", struct.pack(">IIIII", 7, 0, 0, 1, 0), bytes(64))
    clock = atom(b"mdhd", struct.pack(">IIIIII", 0, 0, 0, 44_100, 44_100, 0x55C40000))
    form = atom(entry, bytes(6), struct.pack(">HHHIHHHHI", 1, 0, 0, 0, 2, 16, 0, 0, 44_100 << 16))
    stored = [atom(name, bytes(4), table) for name, table in tables.items()]
    where = atom(b"dinf", atom(b"dref", struct.pack(">II", 0, 1), reference))
    table = atom(b"stbl", atom(b"stsd", struct.pack(">II", 0, 1), form), *stored)
    handler = atom(b"hdlr", bytes(8), b"soun", bytes(13))
    return atom(b"trak", about, atom(b"mdia", clock, handler, atom(b"minf", atom(b"smhd", bytes(8)), where, table)))


def film(*moov):
    about = atom(b"mvhd", struct.pack(">IIIII", 0, 0, 0, 1000, 1000), bytes(80))
    return atom(b"ftyp", b"qt  ", bytes(4), b"qt  ") + atom(b"moov", about, *moov)


def film_of_many_fragments():
    """Twenty pieces of ten million samples each, of no bytes: seven gigabytes of index from a kilobyte."""
    empty = dict.fromkeys((b"stts", b"stsc", b"stco"), bytes(4)) | {b"stsz": bytes(8)}
    defaults = atom(b"mvex", atom(b"trex", struct.pack(">6I", 0, 1, 1, 1024, 10, 0)))
    run = atom(b"traf", atom(b"tfhd", struct.pack(">II", 0x20000, 1)), atom(b"trun", struct.pack(">II", 0, 10_000_000)))
    pieces = atom(b"moof", atom(b"mfhd", bytes(8)), run) * 20
    return film(film_track(b"mp4a", empty), defaults) + pieces + atom(b"mdat", bytes(1000))


def monkey_of_silence():
    """Monkey's Audio of one frame: "the next 250 million samples are silent"."""
    head = struct.pack("<4sHHIIIIIII16s", b"MAC ", 3990, 0, 52, 24, 4, 0, 16, 0, 0, bytes(16))
    head += struct.pack("<HHIIIHHII", 2000, 32, 250_000_000, 250_000_000, 1, 16, 2, 44_100, 80)
    return head + struct.pack("<IIII", 0x80000000, 3, 0, 0) + bytes(64)


def mp3_with_a_huge_cover():
    """A picture of 144 megabytes in a tag of 140 kilobytes, before two seconds of music."""
    head = b"IHDR" + struct.pack(">IIBBBBB", 6000, 6000, 8, 6, 0, 0, 0)
    rows = b"IDAT" + zlib.compress(bytes(6000 * 24_001))
    parts = [struct.pack(">I", len(p) - 4) + p + struct.pack(">I", zlib.crc32(p)) for p in (head, rows, b"IEND")]
    frame = b"\0image/png\0\3\0\x89PNG\r\n\x1a\n" + b"".join(parts)
    frame = b"APIC" + struct.pack(">IH", len(frame), 0) + frame
    size = bytes(len(frame) >> shift & 127 for shift in (21, 14, 7, 0))
    sound = io.BytesIO()
    soundfile.write(sound, tone()[0], RATE, format="MP3")
    return b"ID3\3\0\0" + size + frame + sound.getvalue()


@pytest.mark.skipif(sys.platform != "linux", reason="needs limits on memory, and its peak in kilobytes")
@pytest.mark.parametrize(
    ("make", "end", "most_megabytes"),
    [
        (film_of_many_fragments, "can be decoded", 1100),  # PyAV 18 has no memory for it, 19 finds nothing in it
        (monkey_of_silence, "Cannot allocate memory", 1100),
        (mp3_with_a_huge_cover, "(1, 44100)", 150),
    ],
)
def test_a_small_file_cannot_fill_the_memory(tmp_path, make, end, most_megabytes):
    """In this process or in the decoder's: each of these is over what is allowed where nothing limits it."""
    (tmp_path / "bomb").write_bytes(make())
    code = (
        "import re, resource, sys; from helpers.errors import InvalidInput; from helpers.sound import audio\n"
        "try: print(audio.read_clip(sys.argv[1]).samples.shape)\n"
        "except InvalidInput as error: print(error)\n"
        "print(re.search(r'VmHWM:\\s*(\\d+)', open('/proc/self/status').read())[1])\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    command = [sys.executable, "-c", code, tmp_path / "bomb"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, encoding="utf-8", check=True)
    said, here, there = done.stdout.splitlines()
    assert end in said
    assert int(here) >> 10 < 150 and int(there) >> 10 < most_megabytes


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux")
def test_many_channels_at_a_high_rate_cost_only_what_is_kept(tmp_path):
    """600 s of 8 channels at 192 kHz are a megabyte of FLAC and 3.7 GB of samples."""
    path = tmp_path / "bomb.flac"
    with soundfile.SoundFile(path, "w", 192_000, 8, format="FLAC", subtype="PCM_16") as file:
        block = np.zeros((192_000, 8), np.int16)
        block[::200] = 9000
        for _ in range(40):
            file.write(block)
    code = (
        "import re, sys; from pathlib import Path; import helpers.sound.audio as a; "
        "a.MOST_SAMPLES = 1_000_000; clip = a.read_audio(sys.argv[1]).clip; "
        "print(*clip.samples.shape, clip.sample_rate, "
        "int(re.search(r'VmHWM:\\s*(\\d+)', Path('/proc/self/status').read_text())[1]) >> 10)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path], cwd=REPOSITORY, capture_output=True, encoding="utf-8", check=True
    )
    channels, length, rate, megabytes = map(int, done.stdout.split())
    assert (channels, rate) == (2, 48_000) and length == pytest.approx(40 * 48_000, abs=2)
    assert megabytes < 250, "all of it at once would be 490 MB"


@pytest.mark.parametrize("kind", ["vorbis", "opus", "caf"])
def test_eight_channels_are_read(tmp_path, kind):
    """PyAV takes what lies behind eight planes for a ninth, and frees an order of their own twice."""
    path, sounds = tmp_path / "a.caf", np.concatenate([tone(1.5, 48_000, hz, 0.1) for hz in range(200, 1000, 100)])
    if kind == "caf":
        with av.open(path, "w") as out:
            stream = out.add_stream("pcm_s16le", 48_000, layout="7.1")
            whole = np.ascontiguousarray(sounds.T * 32_768).astype(np.int16).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(whole, "s16", "7.1")
            frame.sample_rate = 48_000
            for piece in (frame, None):
                out.mux(stream.encode(piece))
    else:
        save(path, sounds, 48_000, format="OGG", subtype=kind.upper())
    spectrum = np.abs(np.fft.rfft(audio.read_clip(path).samples[0, 12_000:60_000])) / 24_000
    left = [200, 400, 600, 800] if kind == "caf" else [200, 300, 500, 700]  # Vorbis: L C R Ls Rs Ls Rs LFE
    assert list(np.flatnonzero(spectrum > 0.06)) == left


def test_surround_is_folded_and_measured_by_the_standard(tmp_path):
    """BS.1770-4: 1 in front, 1.41 behind, nothing for the low-frequency channel."""
    sounds = [level * tone(3.0, 48_000, 997.0, 1.0)[0] for level in (0.3, 0.3, 0.2, 0.9, 0.1, 0.1)]
    file = audio.read_audio(save(tmp_path / "a.wav", np.stack(sounds), 48_000, subtype="FLOAT"))
    power = 0.3**2 + 0.3**2 + 0.2**2 + 1.41 * (0.1**2 + 0.1**2)
    assert file.loudness_lufs == pytest.approx(-3.01 + 10 * np.log10(power), abs=0.05)
    assert file.clip.channels == 2 and np.abs(file.clip.samples).max() == pytest.approx(0.3 + 0.5**0.5 * 0.3, rel=0.01)


@pytest.mark.parametrize(("peak_db", "kind"), [(-60, "PCM_24"), (-83, "PCM_24"), (-103, "PCM_24"), (-80.77, "PCM_16")])
def test_a_very_quiet_recording_is_raised_and_told(tmp_path, peak_db, kind):
    file = audio.read_audio(save(tmp_path / "q.wav", tone(level=10 ** (peak_db / 20)), subtype=kind))
    assert np.abs(file.clip.samples).max() == pytest.approx(audio.RAISED_PEAK, rel=0.01)
    assert f"raised by {-6 - peak_db:.0f} dB" in file.notes[0]


def test_resampling_keeps_pitch_and_length():
    out = audio.resample(Clip(tone(2.0, 44_100, 1000.0), 44_100), 48_000)
    assert out.length == 96_000 and out.samples.dtype == np.float32
    spectrum = np.abs(np.fft.rfft(out.samples[0, 9600:86_400] * np.hanning(76_800)))
    assert np.argmax(spectrum) * 48_000 / 76_800 == pytest.approx(1000.0, abs=1)


def test_loudness_of_the_standards_reference_tone():
    """EBU Tech 3341 case 1: a stereo 1 kHz sine at -23 dBFS measures -23 LUFS."""
    clip = Clip(tone(5.0, 48_000, 1000.0, 10 ** (-23 / 20), 2), 48_000)
    assert levels.loudness_lufs(clip) == pytest.approx(-23.0, abs=0.1)
    assert levels.loudness_lufs(Clip(np.zeros((1, 48_000), np.float32), 48_000)) is None


def test_true_peak_sees_between_the_samples():
    """A sine at a quarter of the rate, 45 degrees off, never samples its peak (BS.1770 annex 2's example)."""
    n = np.arange(44_100)
    clip = Clip(np.sin(np.pi / 2 * n + np.pi / 4).astype(np.float32)[None], 44_100)
    assert 20 * np.log10(np.abs(clip.samples).max()) == pytest.approx(-3.01, abs=0.01)
    assert levels.true_peak_dbtp(clip) == pytest.approx(0.0, abs=0.3)


def test_written_wav_reads_back_to_the_last_bit_but_one(tmp_path):
    clip = Clip(tone(channels=2), RATE)
    audio.write_wav(tmp_path / "o.wav", clip, extra=((b"test", b"odd"),))
    back = audio.read_back(tmp_path / "o.wav")
    assert back.sample_rate == RATE and np.abs(back.samples - clip.samples).max() < 2**-22
    assert audio.wav_chunk(tmp_path / "o.wav", b"test") == b"odd"
    assert audio.wav_chunk(tmp_path / "o.wav", b"none") is None


def test_a_folder_whose_name_is_no_utf_8_is_read_back(tmp_path):
    """As a drive of another age holds them."""
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    clip = Clip(np.zeros((1, 100), np.float32), 44_100)
    audio.write_wav(folder / "o.wav", clip)
    assert audio.read_back(folder / "o.wav").length == 100
