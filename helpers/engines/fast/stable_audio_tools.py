"""A checkpoint in stable-audio-tools' layout (one file beside ``model_config.json``) as diffusers' modules.

Fine-tunes of Stable Audio Open come this way. Only names differ: attention keeps query, key and value in one matrix
there, the codec numbers its layers, and its snakes hold one number a channel.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderOobleck, StableAudioDiTModel, StableAudioProjectionModel
from safetensors.torch import load_file

from ...errors import InvalidInput
from ...music.tables import read_table
from ..foundation_1 import WORDS
from ..hub.sources import cached_folder, local_folder
from ..neural import Check
from .stable_audio import StableAudioModel

Weights = dict[str, torch.Tensor]

_TRANSFORMER_NAMES = read_table(__package__, "stable_audio_tools.txt")["transformer"]
_RESIDUAL_UNIT = ("snake1", "conv1", "snake2", "conv2")
_ENCODER_BLOCK = ("res_unit1", "res_unit2", "res_unit3", "snake1", "conv1")
_DECODER_BLOCK = ("snake1", "conv_t1", "res_unit1", "res_unit2", "res_unit3")


class Foundation1Model(StableAudioModel):
    """Stable Audio Open's modules, filled from one file; the words are read by the T5 that it was trained with."""

    word_tokens = 128

    def _read(self, check: Check) -> tuple[Any, Any]:
        config, weights = read_checkpoint(self.folder)
        check()
        self._projection = build_projection(config, weights).float().eval()
        transformer = build_transformer(config, weights).to(self.device.dtype)
        check()
        return transformer, build_codec(config, weights).float()

    def _word_folders(self) -> tuple[Path, Path]:
        folder = local_folder(WORDS) or cached_folder(WORDS)
        assert folder is not None, "fetched before the model was loaded"
        return folder, folder


def read_checkpoint(folder: Path) -> tuple[dict[str, Any], Weights]:
    """The configuration and the weights of the one model in ``folder``.

    Raises InvalidInput if the configuration is not that of a Stable Audio Open.
    """
    config = json.loads((folder / "model_config.json").read_text(encoding="utf-8"))
    if config.get("model_type") != "diffusion_cond":
        raise InvalidInput(f"model_config.json describes a {config.get('model_type')!r}, not a Stable Audio Open.")
    largest = max(folder.glob("*.safetensors"), key=lambda file: file.stat().st_size)
    return config, load_file(largest)


def build_transformer(config: Mapping[str, Any], weights: Weights) -> Any:
    """``StableAudioDiTModel`` from the diffusion part."""
    model, given = config["model"], config["model"]["diffusion"]["config"]
    width = given["embed_dim"] // given["num_heads"]
    converted = transformer_weights(weights)
    made = dict(
        sample_size=config["sample_size"] // model["pretransform"]["config"]["downsampling_ratio"],
        in_channels=given["io_channels"],
        out_channels=given["io_channels"],
        num_layers=given["depth"],
        attention_head_dim=width,
        num_attention_heads=given["num_heads"],
        num_key_value_attention_heads=converted["transformer_blocks.0.attn2.to_k.weight"].shape[0] // width,
        cross_attention_dim=converted["transformer_blocks.0.attn2.to_k.weight"].shape[1],
        cross_attention_input_dim=given["cond_token_dim"],
        global_states_input_dim=given["global_cond_dim"],
        time_proj_dim=2 * converted["time_proj.weight"].shape[0],
    )
    return _filled(lambda: StableAudioDiTModel(**made), converted)


def build_codec(config: Mapping[str, Any], weights: Weights) -> Any:
    """``AutoencoderOobleck`` from the pretransform."""
    given = config["model"]["pretransform"]["config"]
    encoder, decoder = given["encoder"]["config"], given["decoder"]["config"]
    made = dict(
        encoder_hidden_size=encoder["latent_dim"],
        downsampling_ratios=encoder["strides"],
        channel_multiples=encoder["c_mults"],
        decoder_channels=decoder["channels"],
        decoder_input_channels=decoder["latent_dim"],
        audio_channels=decoder["out_channels"],
        sampling_rate=config["sample_rate"],
    )
    return _filled(lambda: AutoencoderOobleck(**made), codec_weights(weights, len(encoder["strides"])))


def build_projection(config: Mapping[str, Any], weights: Weights) -> Any:
    """``StableAudioProjectionModel`` from the conditioners of the durations."""
    conditioning = config["model"]["conditioning"]
    width = conditioning["cond_dim"]
    seconds = next(c["config"] for c in conditioning["configs"] if c["id"] == "seconds_total")
    made = dict(
        text_encoder_dim=width, conditioning_dim=width, min_value=seconds["min_val"], max_value=seconds["max_val"]
    )
    return _filled(lambda: StableAudioProjectionModel(**made), projection_weights(weights))


def transformer_weights(weights: Weights) -> Weights:
    """The diffusion transformer's weights under diffusers' names."""
    out: Weights = {}
    for old, value in _below(weights, "model.model."):
        if "rotary_pos_emb" in old:  # worked out anew
            continue
        name = functools.reduce(lambda name, rule: re.sub(rule[0], rule[1], name), _TRANSFORMER_NAMES, old)
        fused = re.fullmatch(r"(.*\.to_)(qkv|kv)(\.\w+)", name)
        if fused is None:
            out[name] = value.reshape(-1) if name == "time_proj.weight" else value
            continue
        for letter, part in zip(fused[2], value.chunk(len(fused[2]), dim=0), strict=True):
            out[f"{fused[1]}{letter}{fused[3]}"] = part.contiguous()
    return out


def codec_weights(weights: Weights, blocks: int) -> Weights:
    """The codec's weights under diffusers' names; ``blocks`` in the encoder and in the decoder."""
    ends = {0: "conv1", blocks + 1: "snake1", blocks + 2: "conv2"}
    out: Weights = {}
    for name, value in _below(weights, "pretransform.model."):
        side, *numbers = name.split(".layers.")
        kinds = _ENCODER_BLOCK if side == "encoder" else _DECODER_BLOCK
        leaf = numbers[-1].split(".", 1)[1]
        path = [int(number.split(".")[0]) for number in numbers]
        parts = [side, ends[path[0]] if path[0] in ends else f"block.{path[0] - 1}"]
        parts += [table[number] for table, number in zip((kinds, _RESIDUAL_UNIT), path[1:], strict=False)]
        new = ".".join([*parts, leaf])
        out[new] = value[None, :, None] if leaf in ("alpha", "beta") else value
    return out


def projection_weights(weights: Weights) -> Weights:
    """The number conditioners' weights under diffusers' names."""
    names = {"seconds_start": "start_number_conditioner", "seconds_total": "end_number_conditioner"}
    out: Weights = {}
    for name, value in _below(weights, "conditioner.conditioners."):
        which, _, rest = name.partition(".embedder.embedding.")
        if which in names:
            out[f"{names[which]}.time_positional_embedding.{rest}"] = value
    return out


def _below(weights: Weights, prefix: str) -> list[tuple[str, torch.Tensor]]:
    return [(name.removeprefix(prefix), value) for name, value in weights.items() if name.startswith(prefix)]


def _filled(make: Any, weights: Weights) -> Any:
    """A module that takes the weights as they are, without ever holding random ones of full size."""
    with torch.device("meta"):
        model = make()
    problems = model.load_state_dict(weights, strict=False, assign=True)
    if problems.missing_keys:
        raise InvalidInput(f"The checkpoint lacks {problems.missing_keys[0]}; it is not a Stable Audio Open.")
    return model
