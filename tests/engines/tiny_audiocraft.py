"""Tiny random checkpoints in audiocraft's own format, laid out as the Hub's cache holds the real ones.

    python -m tests.engines.tiny_audiocraft HUB_FOLDER        # with audiocraft on the path: the worker's environment

Everything the released models consist of is there at a thousandth of its size, so that the real loading code runs
offline: the language model and the codec as pickles with their configuration in YAML, T5, the stem separator of the
melody model, the diffusion decoder. The window is 19 s instead of 30 (audiocraft
refuses one that is not longer than its usual 18 s between windows).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from . import tiny

CODEC = """
compression_model: encodec
device: cpu
encodec: {autoencoder: seanet, quantizer: rvq, sample_rate: 32000, channels: 1, causal: false, renormalize: false}
seanet:
  {dimension: 16, channels: 1, causal: false, n_filters: 4, n_residual_layers: 1, ratios: [8, 5, 4, 4], activation: ELU,
   activation_params: {alpha: 1.0}, norm: weight_norm, norm_params: {}, kernel_size: 7, residual_kernel_size: 3,
   last_kernel_size: 7, dilation_base: 2, pad_mode: constant, true_skip: true, compress: 2, lstm: 0,
   disable_norm_outer_blocks: 0, encoder: {},
   decoder: {trim_right_ratio: 1.0, final_activation: null, final_activation_params: null}}
rvq: {n_q: 4, bins: 64, decay: 0.99, kmeans_init: false, threshold_ema_dead_code: 0, q_dropout: false}
"""
LANGUAGE_MODEL = """
lm_model: transformer_lm
device: cpu
dtype: float32
sample_rate: 32000
channels: 1
dataset: {segment_duration: 19}
transformer_lm:
  {dim: 32, num_heads: 4, num_layers: 2, hidden_scale: 2, n_q: 4, card: 64, dropout: 0.0, activation: gelu,
   norm_first: true, bias_ff: false, bias_attn: false, bias_proj: false, causal: true, custom: false,
   memory_efficient: true, positional_embedding: sin, weight_init: gaussian, depthwise_init: current}
codebooks_pattern: {modeling: delay, delay: {delays: [0, 1, 2, 3], flatten_first: 0, empty_initial: 0}}
classifier_free_guidance: {training_dropout: 0.2, inference_coef: 3.0}
attribute_dropout: {args: {active_on_eval: false}, text: {}, wav: {self_wav: 0.5}}
conditioners:
  args: {merge_text_conditions_p: 0.25, drop_desc_p: 0.5}
  description: {model: t5, t5: {name: t5-base, finetune: false, word_dropout: 0.2, normalize_text: false}}
fuser:
  {cross_attention_pos_emb: false, cross_attention_pos_emb_scale: 1, sum: [], prepend: [], cross: [description],
   input_interpolate: []}
"""
MELODY = """
conditioners:
  self_wav:
    model: chroma_stem
    chroma_stem: {sample_rate: 32000, n_chroma: 12, radix2_exp: 12, argmax: true, match_len_on_eval: false,
                  eval_wavs: null, n_eval_wavs: 0, cache_path: null}
fuser: {prepend: [self_wav, description], cross: []}
"""
STEREO = """
channels: 2
transformer_lm: {n_q: 8}
codebooks_pattern: {delay: {delays: [0, 0, 1, 1, 2, 2, 3, 3]}}
interleave_stereo_codebooks: {use: true, per_timestep: false}
"""
DIFFUSION = """
channels: 1
schedule: {beta_t0: 1.0e-5, beta_t1: 2.9e-2, beta_exp: 7.5, num_steps: 1000, variance: beta, clip: 5.0, rescale: 1.0,
           noise_scale: 1.0}
diffusion_unet: {hidden: 8, depth: 2, growth: 2.0, codec_dim: 16, bilstm: false, transformer: false, kernel: 8,
                 stride: 4, norm_groups: 4, res_blocks: 1}
processor: {use: false, name: multi_band_processor}
"""


def snapshot(hub: Path, repository: str) -> Path:
    """The folder of a repository's only revision in a Hub cache."""
    folder = hub / f"models--{repository.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True, exist_ok=True)
    (folder / "refs" / "main").write_text("tiny", encoding="utf-8")
    (folder / "snapshots" / "tiny").mkdir(parents=True, exist_ok=True)
    return folder / "snapshots" / "tiny"


def build(hub: Path) -> None:
    """Write every checkpoint the tests use into the Hub cache ``hub``."""
    import torch
    from transformers import EncodecModel, T5EncoderModel

    torch.manual_seed(7)
    words = snapshot(hub, "t5-base")
    T5EncoderModel(tiny._t5_config(d_model=768, num_layers=1)).save_pretrained(words)
    tiny._t5_tokenizer(words, max_length=512)
    _stems(snapshot(hub, "adefossez/HTDemucs"))
    for variant, changes in (("small", ""), ("melody", MELODY), ("stereo-small", STEREO)):
        _musicgen(snapshot(hub, f"facebook/musicgen-{variant}"), changes)
    _diffusion(snapshot(hub, "facebook/multiband-diffusion"))
    # As the released stereo repositories: a few hundred bytes that name the codec of another repository.
    stereo = snapshot(hub, "facebook/musicgen-stereo-small")
    torch.save({"pretrained": "facebook/encodec_32khz"}, stereo / "compression_state_dict.bin")
    codec = EncodecModel(tiny.encodec_config())
    for layer in codec.quantizer.layers:  # fresh, every token has the same sound
        layer.codebook.embed.normal_()
    codec.save_pretrained(snapshot(hub, "facebook/encodec_32khz"))


def _musicgen(folder: Path, changes: str) -> None:
    import torch
    from audiocraft.models import builders
    from omegaconf import OmegaConf

    codec = OmegaConf.create(CODEC)
    state = _without_biases(builders.get_compression_model(codec).state_dict())
    for name, value in state.items():
        if name.endswith("codebook.embed"):  # spread out, so that every token has a sound of its own
            state[name] = torch.randn_like(value)
    last = [name for name in state if name.startswith("encoder.") and name.endswith("weight_g")][-1]
    state[last] *= 50.0  # as far apart as the codebook, so that every sound has tokens of its own
    saved = {"xp.cfg": OmegaConf.to_yaml(codec), "best_state": state, "exported": True}
    torch.save(saved, folder / "compression_state_dict.bin")
    config = OmegaConf.merge(OmegaConf.create(LANGUAGE_MODEL), OmegaConf.create(changes))
    text = OmegaConf.to_yaml(config)
    for key in ("merge_text_conditions_p", "drop_desc_p"):
        config.conditioners.args.pop(key)
    model = builders.get_lm_model(config)
    torch.save({"xp.cfg": text, "best_state": model.state_dict(), "exported": True}, folder / "state_dict.bin")


def _without_biases(state: dict) -> dict:
    """A fresh network is more bias than signal: without them what comes out depends on what goes in."""
    return {name: value * 0.0 if name.endswith("bias") else value for name, value in state.items()}


def _diffusion(folder: Path) -> None:
    import torch
    from audiocraft.models import builders
    from omegaconf import OmegaConf

    config = OmegaConf.create(DIFFUSION)
    bands = {
        band: {"cfg": config, "model_state": builders.get_diffusion_model(config).state_dict(), "processor_state": {}}
        for band in range(2)
    }
    torch.save({"sample_rate": 32_000, "n_bands": 2, **bands}, folder / "mbd_musicgen_32khz.th")


def _stems(folder: Path) -> None:
    from demucs.htdemucs import HTDemucs
    from safetensors.torch import save_file

    sizes = {"sources": ["drums", "bass", "other", "vocals"], "channels": 8, "freq_emb": 0.0, "segment": 2}
    sizes |= {"t_layers": 1, "t_heads": 4}
    facts = {"klass": "demucs.htdemucs.HTDemucs", "args": "[]", "kwargs": json.dumps(sizes)}
    state = {name: value.contiguous() for name, value in _without_biases(HTDemucs(**sizes).state_dict()).items()}
    save_file(state, folder / "tiny.safetensors", metadata=facts)
    (folder / "htdemucs.yaml").write_text("models: ['tiny']\n", encoding="utf-8")


if __name__ == "__main__":
    from helpers.engines.audiocraft.home import WORKER_PROGRAM

    sys.path.insert(0, str(WORKER_PROGRAM))
    import stand_ins

    stand_ins.register_stand_ins()
    build(Path(sys.argv[1]))
