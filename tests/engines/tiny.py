"""Tiny random checkpoints of every model family, in the real on-disk layout: what the Hub holds, at a thousandth of it.

    build_tiny(folder, "stable-audio-open")      # or any other of FAMILIES; a second or two, under 3 MB

The architectures are the real ones with few channels, so the real loading code, schedulers, codecs and decoding loops
run on them. Weights are random but repeatable, and chosen so that tests are not passed by accident: EnCodec's
codebooks (zero when fresh) are filled, and outputs are loud enough to be heard. The text is split into letters.
"""

from __future__ import annotations

import json
from pathlib import Path

FAMILIES = (
    "stable-audio-open",
    "audioldm2-music",
    "musicgen",
    "musicgen-stereo",
    "musicgen-melody",
    "musicgen-stereo-melody",
    "foundation-1",
    "ace-step",
)
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789#♯♭é.,:;-_/&'()+ "
_SEED = 20_26


VARIANT_OF = {
    "musicgen": "small",
    "musicgen-stereo": "stereo-small",
    "musicgen-melody": "melody",
    "musicgen-stereo-melody": "stereo-melody",
}


def options_for(family: str, **more):
    """Options that make a tiny take quickly."""
    options = {"prompt": "solo rhodes loop, A minor, bpm: 120", "negative_prompt": "drums, vocals"}
    if family in VARIANT_OF:
        options["variant"] = VARIANT_OF[family]
    else:
        options["steps"] = 4
    return options | more


def build_tiny(folder: str | Path, family: str) -> Path:
    """Write a tiny checkpoint of ``family`` into ``folder`` (made if needed) and return it."""
    import torch

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    state = torch.random.get_rng_state()
    torch.manual_seed(_SEED + FAMILIES.index(family))
    try:
        if family == "stable-audio-open":
            _stable_audio_open(folder)
        elif family == "ace-step":
            _ace_step(folder)
        elif family == "foundation-1":
            _foundation_1(folder)
        elif family == "audioldm2-music":
            _audioldm2_music(folder)
        else:
            _musicgen(folder, stereo="stereo" in family, melody="melody" in family)
    finally:
        torch.random.set_rng_state(state)
    return folder


# ------------------------------------------------------------------------------------------------------------ shared


def _t5_config(**changes):
    from transformers import T5Config

    sizes = dict(d_model=32, d_kv=8, d_ff=48, num_layers=2, num_heads=4, feed_forward_proj="relu")
    return T5Config(vocab_size=len(LETTERS) + 3, **(sizes | changes))


def _t5_tokenizer(folder: Path, max_length: int) -> None:
    """A letter tokenizer that says it is T5's: pad 0, end of sentence 1, unknown 2."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

    vocabulary = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    vocabulary += [("▁" if letter == " " else letter, -1.0) for letter in LETTERS]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=2, byte_fallback=False))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="never")
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    tokenizer.add_special_tokens(["<pad>", "</s>", "<unk>"])
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    _write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "T5Tokenizer",
            "pad_token": "<pad>",
            "eos_token": "</s>",
            "unk_token": "<unk>",
            "extra_ids": 0,
            "model_max_length": max_length,
        },
    )


def _roberta_tokenizer(folder: Path, max_length: int) -> int:
    """A byte tokenizer in RoBERTa's files; returns its number of tokens."""
    from tokenizers.pre_tokenizers import ByteLevel

    tokens = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *sorted(ByteLevel.alphabet())]
    folder.mkdir(parents=True, exist_ok=True)
    _write_json(folder / "vocab.json", {token: number for number, token in enumerate(tokens)})
    (folder / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    _write_json(
        folder / "tokenizer_config.json", {"tokenizer_class": "RobertaTokenizer", "model_max_length": max_length}
    )
    return len(tokens)


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2), encoding="utf-8")


def _save(model, folder: Path) -> None:
    model.eval().save_pretrained(folder, safe_serialization=True)


# -------------------------------------------------------------------------------------------------------- the families


def _stable_audio_open(folder: Path) -> None:
    import torch
    from diffusers import AutoencoderOobleck, StableAudioDiTModel, StableAudioProjectionModel
    from transformers import T5EncoderModel

    transformer = StableAudioDiTModel(
        sample_size=1024,
        in_channels=4,
        out_channels=4,
        num_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        num_key_value_attention_heads=1,
        cross_attention_dim=16,
        cross_attention_input_dim=32,
        time_proj_dim=16,
        global_states_input_dim=64,
    )
    vae = AutoencoderOobleck(
        encoder_hidden_size=8,  # mean and spread of the four latent channels
        downsampling_ratios=[2, 4, 4, 8, 8],
        channel_multiples=[1, 1, 2, 2, 2],
        decoder_channels=4,
        decoder_input_channels=4,
        audio_channels=2,
        sampling_rate=44_100,
    )
    _make_codec_speak(vae)
    with torch.no_grad():  # a trained model takes noise away; a random one should at least add little of its own
        transformer.proj_out.weight.mul_(0.1)
    _save(transformer, folder / "transformer")
    _save(vae, folder / "vae")
    _save(
        StableAudioProjectionModel(text_encoder_dim=32, conditioning_dim=32, min_value=0, max_value=512),
        folder / "projection_model",
    )
    _save(T5EncoderModel(_t5_config()), folder / "text_encoder")
    _t5_tokenizer(folder / "tokenizer", max_length=128)
    (folder / "scheduler").mkdir(exist_ok=True)
    _write_json(  # written by hand: diffusers cannot make this scheduler without torchsde
        folder / "scheduler" / "scheduler_config.json",
        {
            "_class_name": "CosineDPMSolverMultistepScheduler",
            "sigma_min": 0.3,
            "sigma_max": 500,
            "sigma_data": 1.0,
            "sigma_schedule": "exponential",
            "num_train_timesteps": 1000,
            "solver_order": 2,
            "prediction_type": "v_prediction",
        },
    )
    _write_json(
        folder / "model_index.json",
        {
            "_class_name": "StableAudioPipeline",
            "projection_model": ["stable_audio", "StableAudioProjectionModel"],
            "scheduler": ["diffusers", "CosineDPMSolverMultistepScheduler"],
            "text_encoder": ["transformers", "T5EncoderModel"],
            "tokenizer": ["transformers", "T5TokenizerFast"],
            "transformer": ["diffusers", "StableAudioDiTModel"],
            "vae": ["diffusers", "AutoencoderOobleck"],
        },
    )


def _foundation_1(folder: Path) -> None:
    """Stable Audio Open's tiny parts in stable-audio-tools' layout: one file in half precision and its description.

    The T5 that its words need lies in ``t5``, the same parts in diffusers' layout in ``diffusers``.
    """
    import torch
    from diffusers import AutoencoderOobleck, StableAudioDiTModel, StableAudioProjectionModel
    from safetensors.torch import save_file

    same = folder / "diffusers"
    _stable_audio_open(same)
    (same / "text_encoder").rename(folder / "t5")
    (same / "tokenizer" / "tokenizer.json").rename(folder / "t5" / "tokenizer.json")
    (same / "tokenizer" / "tokenizer_config.json").rename(folder / "t5" / "tokenizer_config.json")
    parts = {
        "transformer": StableAudioDiTModel.from_pretrained(same, subfolder="transformer"),
        "vae": AutoencoderOobleck.from_pretrained(same, subfolder="vae"),
        "projection_model": StableAudioProjectionModel.from_pretrained(same, subfolder="projection_model"),
    }
    weights = {}
    for name, part in parts.items():
        part.half().save_pretrained(same / name)
        for key, value in part.state_dict().items():
            for new, held in as_stable_audio_tools(name, key, value, part):
                weights[new] = held.clone().contiguous()
    weights["model.model.transformer.rotary_pos_emb.inv_freq"] = torch.ones(4)
    save_file(weights, folder / "Foundation_1.safetensors")
    _write_json(
        folder / "model_config.json",
        {
            "model_type": "diffusion_cond",
            "sample_size": 1024 * 2048,
            "sample_rate": 44_100,
            "model": {
                "pretransform": {
                    "type": "autoencoder",
                    "config": {
                        "encoder": {
                            "type": "oobleck",
                            "config": {
                                "channels": 8,
                                "c_mults": [1, 1, 2, 2, 2],
                                "strides": [2, 4, 4, 8, 8],
                                "latent_dim": 8,
                            },
                        },
                        "decoder": {"type": "oobleck", "config": {"out_channels": 2, "channels": 4, "latent_dim": 4}},
                        "downsampling_ratio": 2048,
                    },
                },
                "conditioning": {
                    "configs": [
                        {"id": "prompt", "type": "t5", "config": {"t5_model_name": "t5-base", "max_length": 128}},
                        {"id": "seconds_start", "type": "number", "config": {"min_val": 0, "max_val": 512}},
                        {"id": "seconds_total", "type": "number", "config": {"min_val": 0, "max_val": 512}},
                    ],
                    "cond_dim": 32,
                },
                "diffusion": {
                    "type": "dit",
                    "config": {
                        **{"io_channels": 4, "embed_dim": 32, "depth": 2, "num_heads": 2},
                        **{"cond_token_dim": 32, "global_cond_dim": 64},
                    },
                },
            },
        },
    )


def as_stable_audio_tools(part: str, key: str, value, model):
    """The names (and tensors) that stable-audio-tools gives to one weight of diffusers; written from its modules'
    layout, not from our converter. Query, key and value come once, with the query."""
    import torch

    if part == "projection_model":
        which = "seconds_start" if key.startswith("start") else "seconds_total"
        yield f"conditioner.conditioners.{which}.embedder.embedding.{key.split('time_positional_embedding.')[1]}", value
        return
    state = model.state_dict()
    if part == "transformer":
        if key.endswith("attn1.to_q.weight"):
            stem = key.removesuffix("to_q.weight")
            value, key = torch.cat([state[f"{stem}to_{x}.weight"] for x in "qkv"]), f"{stem}to_qkv.weight"
        elif key.endswith("attn2.to_k.weight"):
            stem = key.removesuffix("to_k.weight")
            value, key = torch.cat([state[f"{stem}to_{x}.weight"] for x in "kv"]), f"{stem}to_kv.weight"
        elif key.endswith((".to_k.weight", ".to_v.weight")):
            return
        if key == "time_proj.weight":
            value = value[:, None]
        for ours, theirs in (
            *(("transformer_blocks", "transformer.layers"), ("proj_in", "transformer.project_in")),
            *(("proj_out", "transformer.project_out"), ("attn1", "self_attn"), ("attn2", "cross_attn")),
            *(("to_out.0", "to_out"), ("ff.net", "ff.ff"), ("norm1.weight", "pre_norm.gamma")),
            *(("norm1.bias", "pre_norm.beta"), ("norm2.weight", "cross_attend_norm.gamma")),
            *(
                ("norm2.bias", "cross_attend_norm.beta"),
                ("norm3.weight", "ff_norm.gamma"),
                ("norm3.bias", "ff_norm.beta"),
            ),
            *(("time_proj", "timestep_features"), ("timestep_proj", "to_timestep_embed")),
            *(("global_proj", "to_global_embed"), ("cross_attention_proj", "to_cond_embed")),
        ):
            key = key.replace(ours, theirs)
        yield f"model.model.{key}", value
        return
    side, *path, leaf = key.split(".")
    unit = {"snake1": 0, "conv1": 1, "snake2": 2, "conv2": 3}
    block = {"res_unit1": 0, "res_unit2": 1, "res_unit3": 2, "snake1": 3, "conv1": 4}
    if side == "decoder":
        block = {"snake1": 0, "conv_t1": 1, "res_unit1": 2, "res_unit2": 3, "res_unit3": 4}
    if path[0] == "block":
        numbers = [int(path[1]) + 1, block[path[2]], *([unit[path[3]]] if len(path) > 3 else [])]
    else:
        numbers = [{"conv1": 0, "snake1": 6, "conv2": 7}[path[0]]]
    layers = ".".join(f"layers.{number}" for number in numbers)
    yield f"pretransform.model.{side}.{layers}.{leaf}", value.flatten() if leaf in ("alpha", "beta") else value


def _ace_step(folder: Path) -> None:
    import torch
    from diffusers import (
        AceStepPipeline,
        AceStepTransformer1DModel,
        AutoencoderOobleck,
        FlowMatchEulerDiscreteScheduler,
    )
    from diffusers.pipelines.ace_step.modeling_ace_step import AceStepConditionEncoder
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3Model

    letters = {
        letter: number for number, letter in enumerate(["<pad>", "<|endoftext|>", *dict.fromkeys(LETTERS + "\n[]|<>")])
    }
    tokenizer = Tokenizer(models.WordLevel(letters, unk_token="<pad>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    vae = AutoencoderOobleck(
        encoder_hidden_size=8,
        downsampling_ratios=[2, 4, 4, 6, 10],
        channel_multiples=[1, 1, 2, 2, 2],
        decoder_channels=4,
        decoder_input_channels=4,
        audio_channels=2,
        sampling_rate=48_000,
    )
    _make_codec_speak(vae)
    heads = dict(num_attention_heads=2, num_key_value_heads=1, head_dim=16, intermediate_size=48)
    transformer = AceStepTransformer1DModel(
        hidden_size=32, num_hidden_layers=2, in_channels=12, audio_acoustic_hidden_dim=4, **heads
    )
    conditions = AceStepConditionEncoder(
        hidden_size=32,
        text_hidden_dim=24,
        timbre_hidden_dim=4,
        num_lyric_encoder_hidden_layers=1,
        num_timbre_encoder_hidden_layers=1,
        **heads,
    )
    with torch.no_grad():
        conditions.silence_latent.normal_()
        for parameter in transformer.parameters():  # fresh, some of it is zero
            if not parameter.any():
                parameter.normal_(0, 0.2)
    words = Qwen3Config(
        vocab_size=len(letters),
        hidden_size=24,
        num_hidden_layers=1,
        max_position_embeddings=4096,
        **heads,
    )
    AceStepPipeline(
        vae=vae.eval(),
        text_encoder=Qwen3Model(words).eval(),
        tokenizer=PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>"),
        transformer=transformer.eval(),
        condition_encoder=conditions.eval(),
        scheduler=FlowMatchEulerDiscreteScheduler(num_train_timesteps=1, shift=1.0),
    ).save_pretrained(folder)


def _make_codec_speak(vae) -> None:
    """A fresh codec is all bias and no signal: drop the biases, then set the gains so that music comes out as loud."""
    import torch

    with torch.no_grad():
        for name, parameter in vae.named_parameters():
            if name.endswith("bias"):
                parameter.zero_()
        sound = 0.2 * torch.randn(1, 2, 32 * vae.hop_length)
        latents = vae.encode(sound).latent_dist.mode()
        vae.encoder.conv2.weight_g.div_(latents.std())
        vae.decoder.conv2.weight_g.div_(5.0 * vae.decode(torch.randn(1, 4, 32)).sample.std())


def _audioldm2_music(folder: Path) -> None:
    import torch
    from diffusers import AudioLDM2ProjectionModel, AudioLDM2UNet2DConditionModel, AutoencoderKL, DDIMScheduler
    from transformers import (
        ClapConfig,
        ClapFeatureExtractor,
        ClapModel,
        GPT2Config,
        GPT2Model,
        SpeechT5HifiGan,
        SpeechT5HifiGanConfig,
        T5EncoderModel,
    )

    letters = _roberta_tokenizer(folder / "tokenizer", max_length=77)
    clap = ClapModel(
        ClapConfig(
            text_config=dict(
                vocab_size=letters,
                hidden_size=16,
                num_hidden_layers=2,
                num_attention_heads=2,
                intermediate_size=24,
                max_position_embeddings=90,
                pad_token_id=1,
                projection_dim=16,
            ),
            audio_config=dict(
                patch_embeds_hidden_size=8,
                hidden_size=16,
                depths=[1, 1],
                num_attention_heads=[2, 2],
                spec_size=64,
                num_mel_bins=16,
                window_size=4,
                patch_size=4,
                patch_stride=[4, 4],
                num_hidden_layers=2,
                num_classes=4,
                projection_dim=16,
            ),
            projection_dim=16,
        )
    )
    _save(clap, folder / "text_encoder")
    _save(T5EncoderModel(_t5_config(feed_forward_proj="gated-gelu")), folder / "text_encoder_2")
    _t5_tokenizer(folder / "tokenizer_2", max_length=512)
    # As the released repository of 2023 has it: the class without the head, and its names of weights.
    gpt2 = GPT2Model(GPT2Config(n_embd=16, n_layer=2, n_head=2, n_positions=128, vocab_size=letters, max_new_tokens=8))
    _save(gpt2, folder / "language_model")
    _save(
        AudioLDM2ProjectionModel(text_encoder_dim=16, text_encoder_1_dim=32, langauge_model_dim=16),
        folder / "projection_model",
    )
    _save(
        AudioLDM2UNet2DConditionModel(
            sample_size=256,
            in_channels=4,
            out_channels=4,
            block_out_channels=(8, 16, 16, 16),
            layers_per_block=1,
            norm_num_groups=4,
            transformer_layers_per_block=1,
            attention_head_dim=4,
            cross_attention_dim=[[None, 16, 32]] * 4,
            down_block_types=("DownBlock2D",) + ("CrossAttnDownBlock2D",) * 3,
            up_block_types=("CrossAttnUpBlock2D",) * 3 + ("UpBlock2D",),
        ),
        folder / "unet",
    )
    _save(
        AutoencoderKL(
            in_channels=1,
            out_channels=1,
            latent_channels=4,
            block_out_channels=(8, 8, 8),
            norm_num_groups=4,
            down_block_types=("DownEncoderBlock2D",) * 3,
            up_block_types=("UpDecoderBlock2D",) * 3,
            layers_per_block=1,
            sample_size=1024,
            scaling_factor=0.41,
        ),
        folder / "vae",
    )
    vocoder = SpeechT5HifiGan(
        SpeechT5HifiGanConfig(
            model_in_dim=64,
            sampling_rate=16_000,
            upsample_initial_channel=32,
            upsample_rates=[5, 4, 2, 2, 2],
            upsample_kernel_sizes=[16, 16, 8, 4, 4],
            resblock_kernel_sizes=[3, 7],
            resblock_dilation_sizes=[[1, 3], [1, 3]],
            normalize_before=False,
            initializer_range=0.12,
        )
    )
    with torch.no_grad():  # fresh, it whispers
        vocoder.conv_post.weight.mul_(0.1 / vocoder(torch.randn(1, 32, 64)).std())
    _save(vocoder, folder / "vocoder")
    DDIMScheduler(
        num_train_timesteps=1000,
        beta_start=0.0015,
        beta_end=0.0195,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        prediction_type="epsilon",
    ).save_pretrained(folder / "scheduler")
    ClapFeatureExtractor(feature_size=16).save_pretrained(folder / "feature_extractor")
    _write_json(
        folder / "model_index.json",
        {
            "_class_name": "AudioLDM2Pipeline",
            "feature_extractor": ["transformers", "ClapFeatureExtractor"],
            "language_model": ["transformers", "GPT2Model"],
            "projection_model": ["audioldm2", "AudioLDM2ProjectionModel"],
            "scheduler": ["diffusers", "DDIMScheduler"],
            "text_encoder": ["transformers", "ClapModel"],
            "text_encoder_2": ["transformers", "T5EncoderModel"],
            "tokenizer": ["transformers", "RobertaTokenizer"],
            "tokenizer_2": ["transformers", "T5Tokenizer"],
            "unet": ["audioldm2", "AudioLDM2UNet2DConditionModel"],
            "vae": ["diffusers", "AutoencoderKL"],
            "vocoder": ["transformers", "SpeechT5HifiGan"],
        },
    )


def encodec_config(codes: int = 64):
    """MusicGen's codec at a thousandth of its size: four codebooks at 50 frames a second."""
    from transformers import EncodecConfig

    return EncodecConfig(
        sampling_rate=32_000,
        audio_channels=1,
        num_filters=4,
        hidden_size=16,
        codebook_size=codes,
        codebook_dim=16,
        upsampling_ratios=[8, 5, 4, 4],
        num_lstm_layers=1,
        num_residual_layers=1,
        target_bandwidths=[1.2],  # four codebooks of 64 entries
        use_causal_conv=False,
        use_conv_shortcut=False,
        normalize=False,
    )


def _musicgen(folder: Path, *, stereo: bool, melody: bool) -> None:
    import torch
    from transformers import (
        MusicgenConfig,
        MusicgenDecoderConfig,
        MusicgenForConditionalGeneration,
        MusicgenMelodyConfig,
        MusicgenMelodyForConditionalGeneration,
    )
    from transformers.models.musicgen_melody.configuration_musicgen_melody import MusicgenMelodyDecoderConfig

    codes = 64
    audio_encoder = encodec_config(codes)
    decoder = dict(
        vocab_size=codes,
        max_position_embeddings=2048,
        hidden_size=32,
        ffn_dim=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_codebooks=8 if stereo else 4,
        audio_channels=2 if stereo else 1,
        activation_function="gelu",
        pad_token_id=codes,
        bos_token_id=codes,
        tie_word_embeddings=False,
        initializer_factor=0.3,
    )
    parts = dict(text_encoder=_t5_config(d_model=24).to_dict(), audio_encoder=audio_encoder.to_dict())
    if melody:
        decoder = MusicgenMelodyDecoderConfig(**decoder).to_dict()
        config = MusicgenMelodyConfig(**parts, decoder=decoder, num_chroma=12, chroma_length=235)
        model = MusicgenMelodyForConditionalGeneration(config)
    else:
        model = MusicgenForConditionalGeneration(
            MusicgenConfig(**parts, decoder=MusicgenDecoderConfig(**decoder).to_dict())
        )
    with torch.no_grad():
        for head in model.decoder.lm_heads:  # nearly even chances would make noise: a few tokens that return are a tone
            head.weight.mul_(8.0)
        for name, parameter in model.audio_encoder.named_parameters():  # a fresh codec is more bias than signal
            if name.endswith("bias"):
                parameter.zero_()
        for layer in model.audio_encoder.quantizer.layers:  # zero when fresh: every token would sound the same
            layer.codebook.embed.normal_().mul_(torch.randn(codes, 1).mul(1.5).exp())  # some loud, some soft
        model.audio_encoder.decoder.layers[-1].conv.parametrizations.weight.original0.mul_(12.0)  # and it whispers
    settings = model.generation_config
    settings.decoder_start_token_id = settings.pad_token_id = settings.bos_token_id = codes
    settings.guidance_scale, settings.do_sample, settings.max_length = 3.0, True, 1500
    _save(model, folder)
    _t5_tokenizer(folder, max_length=512)
    _write_json(
        folder / "preprocessor_config.json",
        {
            "feature_extractor_type": "EncodecFeatureExtractor",
            "feature_size": 2 if stereo else 1,
            "sampling_rate": 32_000,
        },
    )
