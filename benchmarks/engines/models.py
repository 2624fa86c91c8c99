"""The architectures of the three model families, full size and tiny, with random weights: nothing is downloaded.

Sizes come from the published configurations and were checked against parameter counts and file sizes of the released
checkpoints. Random weights make the same work as trained ones; what they play is noise.
"""

from __future__ import annotations

import contextlib
import io
import logging

T5_BASE = dict(
    vocab_size=32128, d_model=768, d_kv=64, d_ff=3072, num_layers=12, num_heads=12, feed_forward_proj="relu"
)  # fmt: skip
T5_TINY = dict(vocab_size=128, d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2)

STABLE_AUDIO = {
    "full": dict(
        transformer=dict(
            sample_size=1024, in_channels=64, out_channels=64, num_layers=24, attention_head_dim=64,
            num_attention_heads=24, num_key_value_attention_heads=12, cross_attention_dim=768,
            cross_attention_input_dim=768, time_proj_dim=256, global_states_input_dim=1536,
        ),
        projection=dict(text_encoder_dim=768, conditioning_dim=768, min_value=0, max_value=512),
        vae=dict(
            encoder_hidden_size=128, downsampling_ratios=[2, 4, 4, 8, 8], channel_multiples=[1, 2, 4, 8, 16],
            decoder_channels=128, decoder_input_channels=64, audio_channels=2, sampling_rate=44100,
        ),
        text=T5_BASE,
    ),
    "tiny": dict(
        transformer=dict(
            sample_size=64, in_channels=8, out_channels=8, num_layers=2, attention_head_dim=8,
            num_attention_heads=4, num_key_value_attention_heads=2, cross_attention_dim=16,
            cross_attention_input_dim=16, time_proj_dim=16, global_states_input_dim=32,
        ),
        projection=dict(text_encoder_dim=16, conditioning_dim=16, min_value=0, max_value=512),
        vae=dict(
            encoder_hidden_size=4, downsampling_ratios=[2, 4, 4, 8, 8], channel_multiples=[1, 1, 2, 2, 2],
            decoder_channels=4, decoder_input_channels=8, audio_channels=2, sampling_rate=44100,
        ),
        text=T5_TINY,
    ),
}  # fmt: skip

AUDIOLDM2 = {
    "full": dict(
        unet=dict(
            sample_size=256, in_channels=8, out_channels=8, block_out_channels=(128, 256, 384, 640),
            layers_per_block=2, transformer_layers_per_block=1, attention_head_dim=8,
            cross_attention_dim=[[None, 768, 1024]] * 4,
            down_block_types=("DownBlock2D", *("CrossAttnDownBlock2D",) * 3),
            up_block_types=(*("CrossAttnUpBlock2D",) * 3, "UpBlock2D"),
        ),
        vae=dict(
            in_channels=1, out_channels=1, latent_channels=8, block_out_channels=(128, 256, 512),
            down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3,
            layers_per_block=2, sample_size=1024, scaling_factor=0.41,
        ),
        vocoder=dict(
            model_in_dim=64, sampling_rate=16000, upsample_initial_channel=1024, upsample_rates=[5, 4, 2, 2, 2],
            upsample_kernel_sizes=[16, 16, 8, 4, 4], resblock_kernel_sizes=[3, 7, 11],
            resblock_dilation_sizes=[[1, 3, 5]] * 3, normalize_before=False,
        ),
        clap=dict(audio_config=dict(patch_embeds_hidden_size=128, hidden_size=1024, depths=[2, 2, 12, 2])),
        text=dict(
            vocab_size=32128, d_model=1024, d_kv=64, d_ff=2816, num_layers=24, num_heads=16,
            feed_forward_proj="gated-gelu",
        ),
        language=dict(n_embd=768, n_layer=12, n_head=12, n_positions=1024, vocab_size=50257, max_new_tokens=8),
        projection=dict(text_encoder_dim=512, text_encoder_1_dim=1024, langauge_model_dim=768),
    ),
    "tiny": dict(
        unet=dict(
            sample_size=16, in_channels=4, out_channels=4, block_out_channels=(8, 16), layers_per_block=1,
            transformer_layers_per_block=1, attention_head_dim=2, norm_num_groups=4,
            cross_attention_dim=[[None, 16, 24]] * 2,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        ),
        vae=dict(
            in_channels=1, out_channels=1, latent_channels=4, block_out_channels=(8, 8, 16), norm_num_groups=4,
            down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3,
            layers_per_block=1, sample_size=32, scaling_factor=0.41,
        ),
        vocoder=dict(
            model_in_dim=8, sampling_rate=16000, upsample_initial_channel=64, upsample_rates=[5, 4, 2, 2, 2],
            upsample_kernel_sizes=[16, 16, 8, 4, 4], resblock_kernel_sizes=[3, 7],
            resblock_dilation_sizes=[[1, 3, 5]] * 2, normalize_before=False,
        ),
        language=dict(n_embd=16, n_layer=2, n_head=2, n_positions=64, vocab_size=100),
        projection=dict(text_encoder_dim=12, text_encoder_1_dim=24, langauge_model_dim=16),
    ),
}  # fmt: skip

_MUSICGEN_SIZES = {
    "small": dict(hidden_size=1024, ffn_dim=4096, num_hidden_layers=24, num_attention_heads=16),
    "medium": dict(hidden_size=1536, ffn_dim=6144, num_hidden_layers=48, num_attention_heads=24),
    "large": dict(hidden_size=2048, ffn_dim=8192, num_hidden_layers=48, num_attention_heads=32),
    "tiny": dict(hidden_size=32, ffn_dim=64, num_hidden_layers=3, num_attention_heads=4),
}
_CODEC = dict(
    sampling_rate=32000, audio_channels=1, num_filters=64, hidden_size=128, codebook_size=2048, codebook_dim=128,
    upsampling_ratios=[8, 5, 4, 4], num_lstm_layers=2, num_residual_layers=1, target_bandwidths=[2.2],
    use_causal_conv=False, use_conv_shortcut=False, normalize=False,
)  # fmt: skip
_CODEC_TINY = dict(
    _CODEC, num_filters=4, hidden_size=8, codebook_size=64, codebook_dim=8, num_lstm_layers=1, target_bandwidths=[1.2]
)
MUSICGEN = ("small", "medium", "large", "melody", "stereo-small", "stereo-medium", "stereo-large", "stereo-melody")


def build_stable_audio(size: str = "full", device="cpu", dtype=None) -> dict:
    """``transformer``, ``vae``, ``projection_model`` and ``text_encoder`` of Stable Audio Open."""
    from diffusers import AutoencoderOobleck, StableAudioDiTModel, StableAudioProjectionModel
    from transformers import T5Config, T5EncoderModel

    config = STABLE_AUDIO[size]
    return build_parts(
        dict(
            transformer=lambda: StableAudioDiTModel(**config["transformer"]),
            vae=lambda: AutoencoderOobleck(**config["vae"]),
            projection_model=lambda: StableAudioProjectionModel(**config["projection"]),
            text_encoder=lambda: T5EncoderModel(T5Config(**config["text"])),
        ),
        device,
        dtype,
    )


def build_audioldm2(size: str = "full", device="cpu", dtype=None) -> dict:
    """``unet``, ``vae``, ``vocoder``, ``language_model`` and ``projection_model`` of AudioLDM2-Music.

    CLAP and Flan-T5 run once a prompt and are left out; their outputs are easily made up.
    """
    from diffusers import AudioLDM2ProjectionModel, AudioLDM2UNet2DConditionModel, AutoencoderKL
    from transformers import GPT2Config, GPT2LMHeadModel, SpeechT5HifiGan, SpeechT5HifiGanConfig

    config = AUDIOLDM2[size]
    return build_parts(
        dict(
            unet=lambda: AudioLDM2UNet2DConditionModel(**config["unet"]),
            vae=lambda: AutoencoderKL(**config["vae"]),
            vocoder=lambda: SpeechT5HifiGan(SpeechT5HifiGanConfig(**config["vocoder"])),
            language_model=lambda: GPT2LMHeadModel(GPT2Config(**config["language"])),
            projection_model=lambda: AudioLDM2ProjectionModel(**config["projection"]),
        ),
        device,
        dtype,
    )


def build_musicgen(variant: str = "small", size: str = "full", device="cpu", dtype=None):
    """A whole MusicGen of transformers; ``variant`` one of :data:`MUSICGEN`, ``size`` "full" or "tiny"."""
    from transformers import (
        EncodecConfig,
        MusicgenConfig,
        MusicgenDecoderConfig,
        MusicgenForConditionalGeneration,
        MusicgenMelodyConfig,
        MusicgenMelodyForConditionalGeneration,
        T5Config,
    )
    from transformers.models.musicgen_melody.configuration_musicgen_melody import MusicgenMelodyDecoderConfig

    tiny, melody, stereo = size == "tiny", variant.endswith("melody"), variant.startswith("stereo")
    words = 64 if tiny else 2048
    width = "tiny" if tiny else "medium" if melody else variant.removeprefix("stereo-")
    decoder = dict(
        _MUSICGEN_SIZES[width], vocab_size=words, pad_token_id=words, bos_token_id=words, tie_word_embeddings=False,
        max_position_embeddings=2048, activation_function="gelu",
        num_codebooks=8 if stereo else 4, audio_channels=2 if stereo else 1,
    )  # fmt: skip
    parts = dict(
        text_encoder=T5Config(**(T5_TINY if tiny else T5_BASE)).to_dict(),
        audio_encoder=EncodecConfig(**(_CODEC_TINY if tiny else _CODEC)).to_dict(),
    )

    def make():
        if melody:
            parts["decoder"] = MusicgenMelodyDecoderConfig(**decoder).to_dict()
            config = MusicgenMelodyConfig(**parts, num_chroma=12, chroma_length=17 if tiny else 235)
            return MusicgenMelodyForConditionalGeneration(config)
        parts["decoder"] = MusicgenDecoderConfig(**decoder).to_dict()
        return MusicgenForConditionalGeneration(MusicgenConfig(**parts))

    model = build_parts(dict(model=make), device, dtype)["model"]
    model.generation_config.decoder_start_token_id = model.generation_config.pad_token_id = words
    # As initialised the codec's codebooks are zero and every token sounds the same.
    for layer in model.audio_encoder.quantizer.layers:
        layer.codebook.embed.normal_()
    return model


def build_parts(makers: dict, device, dtype) -> dict:
    """Build on the device, in the precision, for inference, without the libraries' chatter about made-up configs."""
    import torch

    built = {}
    chatter = [logging.getLogger(name) for name in ("transformers", "diffusers")]
    levels = [logger.level for logger in chatter]
    default = torch.get_default_dtype()
    for logger in chatter:
        logger.setLevel(logging.ERROR)
    try:
        torch.set_default_dtype(dtype or default)
        with torch.device(device), contextlib.redirect_stdout(io.StringIO()):
            for name, make in makers.items():
                part = make().eval().requires_grad_(False)
                built[name] = part if dtype is None else part.to(dtype)
    finally:
        torch.set_default_dtype(default)
        for logger, level in zip(chatter, levels, strict=True):
            logger.setLevel(level)
    return built
