"""Our MusicGen step against transformers': same logits, same tokens, fewer operations; takes that stand alone."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytestmark = pytest.mark.neural

from benchmarks.engines.models import build_musicgen
from helpers.engines.fast import musicgen_step
from helpers.engines.fast.musicgen import MusicgenRunner, Sampling, plan_tokens, undelay
from helpers.engines.fast.numerics import NotFinite
from helpers.engines.fast.streams import TakeStreams

PROMPT = torch.tensor([[3, 14, 15, 9, 2, 6]])
LONG_PROMPT = torch.arange(2, 2 + 21)[None]  # longer than a head of the tiny model is wide
VARIANTS = ("small", "stereo-small", "melody", "stereo-melody")


def tiny(variant="small", seed=0):
    torch.manual_seed(seed)
    model = build_musicgen(variant, "tiny")
    for name, parameter in model.named_parameters():  # sharper than as initialised, so that tokens hang on details
        if parameter.dim() > 1 and "audio_encoder" not in name:
            parameter.data *= 3.0
    return model


@pytest.fixture(scope="module")
def models():
    return {variant: tiny(variant) for variant in VARIANTS}


def same_numbers_as_ours(monkeypatch, seeds, given, steps, books, top_k):
    """Make transformers draw from the takes' own streams, by the same rule, in place of torch's global stream."""
    chances = TakeStreams(seeds, "musicgen").uniform(0, (steps, books)).transpose(0, 1).flatten(1)
    drawn = iter(range(given + 1, steps))

    def multinomial(probabilities, num_samples):
        best, choices = probabilities.topk(top_k)
        place = torch.searchsorted(best.cumsum(-1), chances[next(drawn)][:, None], right=True)
        return choices.gather(-1, place.clamp(max=top_k - 1))

    monkeypatch.setattr(torch, "multinomial", multinomial)


def their_codes(monkeypatch, model, prompt, seeds, frames, top_k=40, guidance=3.0, **inputs):
    """Run ``model.generate`` and return the codes it hands to its codec, (takes, books, frames), and its audio."""
    books, channels = model.decoder.num_codebooks, model.decoder.config.audio_channels
    delay = books // channels - 1
    given = inputs["input_values"].shape[-1] // 640 if "input_values" in inputs else 0
    same_numbers_as_ours(monkeypatch, seeds, given, frames + delay + 1, books, top_k)
    seen, decode = [], model.audio_encoder.decode
    monkeypatch.setattr(
        model.audio_encoder, "decode", lambda codes, *a, **k: (seen.append(codes), decode(codes, *a, **k))[1]
    )
    takes = len(seeds)
    audio = model.generate(
        input_ids=prompt.repeat(takes, 1), attention_mask=torch.ones_like(prompt).repeat(takes, 1), do_sample=True,
        guidance_scale=guidance, top_k=top_k, max_new_tokens=frames - given + delay, **inputs,
    )  # fmt: skip
    if channels == 1:
        return seen[0][0], audio
    return torch.stack([seen[0][0], seen[1][0]], dim=2).flatten(1, 2), audio


def skip_if_deaf(model):
    """Some releases of transformers ignore what MusicGen-Melody is told (5.15 among them): nothing to compare with."""
    heard = []
    for prompt in (PROMPT, LONG_PROMPT):
        torch.manual_seed(0)
        mask = torch.ones_like(prompt)
        heard.append(
            model.generate(input_ids=prompt, attention_mask=mask, do_sample=True, guidance_scale=3.0, max_new_tokens=60)
        )
    if torch.equal(*heard):
        pytest.skip("this release of transformers ignores the words of MusicGen-Melody; ours are tested by the logits")


@pytest.mark.parametrize("guidance", [3.0, 1.0])
@pytest.mark.parametrize("variant", VARIANTS)
def test_tokens_and_audio_equal_transformers_for_the_same_random_stream(models, monkeypatch, variant, guidance):
    model, seeds, frames = models[variant], [5, 6, 7], 70
    if "melody" in variant:
        skip_if_deaf(model)
    runner = MusicgenRunner(model)
    sampling = Sampling(guidance=guidance, top_k=40)
    ours = runner.generate(runner.encode_text(PROMPT), seeds, frames, sampling=sampling)
    theirs, audio = their_codes(monkeypatch, model, PROMPT, seeds, frames, guidance=guidance)
    assert ours.values.shape == (3, model.decoder.num_codebooks, frames)
    assert torch.equal(ours.values, theirs)
    for take, want in zip(ours.values, audio, strict=True):
        torch.testing.assert_close(runner.decode(take), want, rtol=1e-4, atol=1e-5)
    assert ours.how == "plain"
    assert ours.note.startswith("73 steps in float32, run one by one")


def test_a_melody_is_heard_as_transformers_hears_it(models, monkeypatch):
    model = models["melody"]
    skip_if_deaf(model)
    runner, frames = MusicgenRunner(model), 30
    text, sampling = runner.encode_text(PROMPT), Sampling(top_k=40)
    results = {}
    for length in (5, 40):  # repeated to the model's chroma length, and cut to it
        chroma = torch.eye(12)[torch.arange(length) * 5 % 12]
        ours = results[length] = runner.generate(text, [1, 2], frames, sampling=sampling, chroma=chroma).values
        with monkeypatch.context() as patch:
            features = chroma[None].repeat(2, 1, 1)
            assert torch.equal(ours, their_codes(patch, model, PROMPT, [1, 2], frames, input_features=features)[0])
    assert not torch.equal(results[5], results[40])
    assert not torch.equal(results[5], runner.generate(text, [1, 2], frames, sampling=sampling).values)


@pytest.mark.parametrize("variant", ["small", "stereo-small"])
def test_a_continuation_equals_transformers_and_keeps_its_prompt(models, monkeypatch, variant):
    model, frames = models[variant], 60
    runner = MusicgenRunner(model)
    samples = torch.randn(runner.channels, 20 * 640, generator=torch.Generator().manual_seed(1))
    prompt = runner.encode_audio(samples)
    assert prompt.shape == (model.decoder.num_codebooks, 20)
    ours = runner.generate(
        runner.encode_text(PROMPT), [8, 9], frames, sampling=Sampling(top_k=40), prompt=prompt
    ).values
    values = samples[None].repeat(2, 1, 1)
    theirs, _ = their_codes(monkeypatch, model, PROMPT, [8, 9], frames, input_values=values)
    assert torch.equal(ours, theirs)
    assert torch.equal(ours[0, :, :20], prompt)
    assert not torch.equal(ours[0, :, 20:], ours[1, :, 20:])


@pytest.mark.parametrize("prompt", [PROMPT, LONG_PROMPT], ids=["folded", "cached"])
@pytest.mark.parametrize("guidance", [3.0, 1.0])
def test_logits_equal_a_full_forward_of_transformers(models, prompt, guidance):
    model, takes, frames = models["small"], 2, 90
    runner = MusicgenRunner(model)
    text = runner.encode_text(prompt)
    state = runner._prepare(text, range(takes), frames, Sampling(guidance=guidance, top_k=40), None, None)
    kind = musicgen_step.FoldedCross if prompt is PROMPT else musicgen_step.CachedCross
    assert isinstance(state._cross[0], kind)
    ours = []
    for step in range(state.steps):
        window = state.window_of(step)
        ours.append(state.logits(window))
        state.step(window)
    assert len({state.window_of(step) for step in range(state.steps)}) > 1
    tokens = state.tokens[:-1].permute(1, 2, 0)
    halves = [text.repeat(takes, 1, 1)] + [torch.zeros(takes, *text.shape)] * (guidance > 1)
    mask = torch.cat([torch.full((takes, len(text)), float(half is halves[0])) for half in halves])
    logits = model.decoder(
        input_ids=tokens.flatten(0, 1).repeat(len(halves), 1),
        encoder_hidden_states=torch.cat(halves),
        encoder_attention_mask=mask,
    ).logits.unflatten(0, (-1, 4))
    if guidance > 1:
        logits = logits[takes:] + guidance * (logits[:takes] - logits[takes:])
    assert torch.isfinite(logits).all()  # a fully masked null half once gave NaN (transformers#30020)
    torch.testing.assert_close(torch.stack(ours, dim=2), logits, rtol=1e-5, atol=1e-5 * float(logits.abs().max()))


@pytest.mark.parametrize("length", [5, 40])
def test_melody_logits_equal_a_full_forward_of_transformers(models, length):
    model = models["melody"]
    runner = MusicgenRunner(model)
    chroma = torch.eye(12)[torch.arange(length) * 5 % 12]
    sampling = Sampling(guidance=1.0, top_k=40)
    state, ours = runner._prepare(runner.encode_text(PROMPT), [0, 1], 60, sampling, None, chroma), []
    for step in range(state.steps):
        ours.append(state.logits(state.window_of(step)))
        state.step(state.window_of(step))
    tokens = state.tokens[state.lead : -1].permute(1, 2, 0).flatten(0, 1)
    theirs = model(
        input_ids=PROMPT.repeat(2, 1),
        attention_mask=torch.ones_like(PROMPT).repeat(2, 1),
        input_features=chroma[None].repeat(2, 1, 1),
        decoder_input_ids=tokens,
    ).logits[:, -tokens.shape[1] :]
    logits = theirs.unflatten(0, (2, 4))
    torch.testing.assert_close(torch.stack(ours, dim=2), logits, rtol=1e-5, atol=1e-5 * float(logits.abs().max()))


def count_ops(run):
    """aten operations that ``run`` dispatches, and how many of them are not mere views."""
    from torch.utils._python_dispatch import TorchDispatchMode

    class Counter(TorchDispatchMode):
        total = launches = 0

        def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
            self.total += 1
            self.launches += not function.is_view
            return function(*arguments, **(keywords or {}))

    with Counter() as counter:
        run()
    return np.array([counter.total, counter.launches])


def test_a_token_takes_at_most_0_65_of_the_operations(models):
    model = models["small"]
    runner = MusicgenRunner(model)
    text = runner.encode_text(PROMPT)

    def ours(frames):
        return count_ops(lambda: runner.generate(text, [1], frames, sampling=Sampling(top_k=40)))

    def theirs(frames):
        arguments = dict(do_sample=True, guidance_scale=3.0, top_k=40, max_new_tokens=frames + 3)
        return count_ops(lambda: model.generate(input_ids=PROMPT, attention_mask=torch.ones_like(PROMPT), **arguments))

    ratio = (ours(50) - ours(40)) / (theirs(50) - theirs(40))
    assert ratio[0] <= 0.65, "all aten operations a token"
    assert ratio[1] <= 0.65, "operations that launch work, a token"


@pytest.mark.parametrize("variant", ["small", "stereo-melody"])
def test_a_take_alone_equals_the_take_in_a_batch(models, variant):
    runner = MusicgenRunner(models[variant])
    text = runner.encode_text(PROMPT)
    together = runner.generate(text, [10, 11, 12, 13], 50).values
    for number in (0, 2):
        assert torch.equal(runner.generate(text, [10 + number], 50).values[0], together[number])
    assert not torch.equal(together[0], together[1])


def test_draws_follow_the_models_probabilities(models):
    # One step from the same state for many takes: shares of tokens against the softmax over the top k.
    runner, takes = MusicgenRunner(models["small"]), 4000
    state = runner._prepare(runner.encode_text(PROMPT), range(takes), 3, Sampling(top_k=5), None, None)
    window = state.window_of(0)
    best, choices = state.logits(window)[0, 0].topk(5)
    state.step(window)
    shares = torch.bincount(state.tokens[1, :, 0], minlength=64)[choices] / takes
    assert float(shares.sum()) == pytest.approx(1.0)  # nothing outside the top k
    torch.testing.assert_close(shares, best.softmax(-1), rtol=0, atol=4 * 0.5 / np.sqrt(takes))


def test_guidance_top_k_and_temperature_matter(models):
    runner = MusicgenRunner(models["small"])
    text = runner.encode_text(PROMPT)
    base = runner.generate(text, [1], 40).values
    for other in (Sampling(guidance=1.0), Sampling(top_k=2), Sampling(temperature=0.2)):
        assert not torch.equal(runner.generate(text, [1], 40, sampling=other).values, base)
    assert not torch.equal(runner.generate(runner.encode_text(PROMPT + 1), [1], 40).values, base)


def test_the_delay_pattern_comes_back():
    for books, stereo in ((4, False), (8, True)):
        prompt = torch.arange(books * 3).reshape(books, 3)
        plan = plan_tokens(books, 10, 99, stereo, prompt)
        assert plan.shape == (books, 14)
        assert (plan[-1, :4] == 99).all()
        codes = undelay(plan.t()[:, None], 10, stereo)[0]
        assert torch.equal(codes[:, :3], prompt)
        assert (codes[:, 3:] == -1).all()


def test_fusing_leaves_the_model_itself_working_and_stores_nothing_twice():
    model, ids = tiny(), torch.randint(0, 64, (4, 9))
    states = torch.randn(1, 5, 32)
    before = model.decoder(input_ids=ids, encoder_hidden_states=states).logits
    size = len({p.data_ptr() for p in model.parameters()})
    runner = MusicgenRunner(model)
    attention = model.decoder.model.decoder.layers[0].self_attn
    assert attention.k_proj.weight.data_ptr() == runner.weights.qkv[0].t()[32:].data_ptr()
    assert len({p.data_ptr() for p in model.parameters()}) <= size
    torch.testing.assert_close(model.decoder(input_ids=ids, encoder_hidden_states=states).logits, before)


def test_cancelling_leaves_the_runner_usable(models):
    runner = MusicgenRunner(models["small"])
    text = runner.encode_text(PROMPT)
    whole = runner.generate(text, [1], 20).values
    seen = []

    def stop(done):
        seen.append(done)
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        runner.generate(text, [1], 20, on_step=stop)
    assert seen == [1, 2, 3]
    assert torch.equal(runner.generate(text, [1], 20).values, whole)


def test_nan_is_reported_not_played():
    model = tiny()
    runner = MusicgenRunner(model)
    text = runner.encode_text(PROMPT)
    model.decoder.model.decoder.layers[1].fc1.weight.data[0, 0] = torch.nan
    with pytest.raises(NotFinite, match="What the model predicts holds values that are not finite"):
        runner.generate(text, [1], 10)
