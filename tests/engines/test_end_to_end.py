"""From a request to proven loops on disk through every neural family, on tiny checkpoints, offline."""

import json

import pytest

pytest.importorskip("diffusers")

from helpers import pipeline
from helpers.engines import registry
from helpers.music.pitch import parse_key
from helpers.records import Request
from tests.engines.conftest import ENGINE_OF
from tests.engines.tiny import VARIANT_OF

pytestmark = pytest.mark.neural


@pytest.mark.parametrize("family", ["stable-audio-open", "audioldm2-music", "musicgen", "musicgen-stereo-melody"])
def test_a_request_becomes_loops_with_fit_cards_and_licences(family, tiny_engine, tmp_path, monkeypatch):
    engine = tiny_engine(family)
    name = ENGINE_OF[family]
    monkeypatch.setitem(registry._instances, name, engine)
    options = {"variant": VARIANT_OF[family]} if family in VARIANT_OF else {"steps": 4}
    request = Request(
        "rhodes", "chords", 120.0, bars=2, key=parse_key("A minor"), engine=name, takes=1, seed=5, options=options
    )
    request = request.with_(progression=(("Am",), ("F",)), instrument="electric piano")
    result = pipeline.make_loops(request, None, None, tmp_path)
    loop = result.loops[0]
    assert loop.fit.samples == loop.fit.samples_expected == request.samples()
    written = json.loads(loop.files.json.read_text(encoding="utf-8"))
    text = json.dumps(written)
    assert engine.info.licence in text
    assert engine.info.hub_id.split("/")[0] in text
    assert str(tmp_path) not in text
    prompt = result.request.options["prompt"]
    assert "electric piano" in prompt
    assert prompt in text
    # Made again from its own JSON, the request gives the same take.
    again = Request.from_json(written["request"])
    assert again == result.request
