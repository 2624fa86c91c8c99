"""What every engine promises, asked of every engine: the sketch, and the neural ones on tiny checkpoints."""

import numpy as np
import pytest

from helpers.engines import registry
from helpers.errors import Cancelled
from helpers.music.pitch import parse_key
from helpers.records import Clip, Request
from tests.engines.conftest import ENGINE_OF, options_for

# Of MusicGen the two that differ most; the others run the same code and have tests of their own.
KINDS = ("stable-audio-open", "audioldm2-music", "musicgen", "musicgen-stereo-melody", "foundation-1", "ace-step")
ALL = ["sketch", *(pytest.param(family, marks=pytest.mark.neural) for family in KINDS)]


@pytest.fixture(params=ALL)
def engine_and_request(request):
    """An engine that can run here, and a request for one bar at 160 BPM."""
    family = request.param
    progression = (("Am",), ("F",))
    base = Request(
        "piano", "chords", 160.0, bars=1, key=parse_key("A minor"), progression=progression, seed=7, guide="none"
    )
    if family not in KINDS:
        engine = registry.get_engine(family)
        if not engine.readiness().ready:
            pytest.skip(engine.readiness().reason)
        return engine, base.with_(engine=family, options={"prompt": "a piano"} if "text" in engine.info.hears else {})
    engine = request.getfixturevalue("tiny_engine")(family)
    return engine, base.with_(engine=ENGINE_OF[family], options=options_for(family))


def sound(takes):
    return [take.clip.samples for take in takes]


def test_takes_are_healthy_and_say_where_they_come_from(engine_and_request):
    engine, request = engine_and_request
    takes = engine.generate(request, count=2)
    assert [take.number for take in takes] == [0, 1]
    for take in takes:
        clip = take.clip
        assert clip.sample_rate == engine.info.sample_rate
        assert 1 <= clip.channels <= engine.info.channels
        assert clip.seconds >= request.seconds - 1 / clip.sample_rate
        assert np.isfinite(clip.samples).all()
        assert np.abs(clip.samples).max() > 1e-3
        assert take.engine == engine.info.name
        assert take.engine_version
        assert take.licence
        assert take.seed == request.take_seed(take.number)
        assert "/tmp" not in f"{take.model} {take.notes} {take.licence}", "paths of the machine are nobody's business"


def test_the_same_request_gives_the_same_takes(engine_and_request):
    engine, request = engine_and_request
    first, again = engine.generate(request)[0], engine.generate(request)[0]
    assert np.array_equal(first.clip.samples, again.clip.samples)


def test_another_seed_gives_another_take(engine_and_request):
    engine, request = engine_and_request
    first, other = sound(engine.generate(request))[0], sound(engine.generate(request.with_(seed=8)))[0]
    assert first.shape != other.shape or not np.allclose(first, other)


def is_same_take(one, other):
    """Bits for the sketch and for tokens; for diffusion rounding, as in groups of another size and as the tiny models'
    random decoders magnify it (takes of other seeds differ by as much as they are loud)."""
    apart = np.abs(one.clip.samples - other.clip.samples).max()
    is_exact = one.engine in ("sketch", "musicgen")
    return apart == 0 if is_exact else apart < 0.01 * np.abs(one.clip.samples).max()


def test_take_two_alone_equals_take_two_among_others(engine_and_request):
    engine, request = engine_and_request
    among = engine.generate(request, count=3)[2]
    alone = engine.generate(request, count=1, first=2)[0]
    assert alone.number == among.number == 2
    assert alone.seed == among.seed
    assert alone.clip.samples.shape == among.clip.samples.shape
    assert is_same_take(alone, among)


def test_the_seed_of_a_take_makes_it_again_by_itself(engine_and_request):
    engine, request = engine_and_request
    among = engine.generate(request, count=3)[2]
    alone = engine.generate(request.with_(seed=among.seed, takes=1))[0]
    assert alone.seed == among.seed == 9
    assert is_same_take(alone, among)


def test_takes_of_one_request_differ(engine_and_request):
    engine, request = engine_and_request
    one, two = sound(engine.generate(request, count=2))
    assert one.shape != two.shape or not np.allclose(one, two, atol=1e-3)


def test_cancel_is_heard_and_leaves_the_engine_usable(engine_and_request):
    engine, request = engine_and_request
    before = sound(engine.generate(request))[0]
    asked = []

    def after_a_while():
        asked.append(None)
        return len(asked) > 1

    with pytest.raises(Cancelled):
        engine.generate(request, count=2, cancel=after_a_while)
    assert np.array_equal(sound(engine.generate(request))[0], before)


def test_progress_speaks_and_stays_between_zero_and_one(engine_and_request):
    engine, request = engine_and_request
    told = []
    engine.generate(request, progress=lambda stage, fraction=None, left=None: told.append((stage, fraction, left)))
    assert told
    assert all(stage and stage[0].strip() for stage, _, _ in told)
    assert all(fraction is None or 0 <= fraction <= 1 for _, fraction, _ in told)
    assert all(left is None or left >= 0 for _, _, left in told)


def test_the_longest_loop_is_checked_before_anything_is_loaded(engine_and_request):
    engine, request = engine_and_request
    too_long = request.with_(bars=16, bpm=30.0)
    if too_long.seconds <= engine.info.max_seconds:
        pytest.skip("this engine has no limit that a request can reach")
    with pytest.raises(ValueError, match="makes at most"):
        engine.generate(too_long)


def test_a_guide_is_heard_or_refused(engine_and_request):
    engine, request = engine_and_request
    guide = Clip(np.sin(np.arange(88_200) / 15.0, dtype=np.float32)[None] * np.float32(0.3), 44_100)
    request = request.with_(guide="idea", guide_strength=1.0)
    if not engine.hears_guide:
        with pytest.raises(ValueError, match="cannot hear audio"):
            engine.generate(request, guide=guide)
        return
    with_guide, without = sound(engine.generate(request, guide=guide))[0], sound(engine.generate(request))[0]
    assert with_guide.shape != without.shape or not np.allclose(with_guide, without, atol=1e-3)
