"""Decode with Stable Audio's autoencoder (Oobleck) only what is kept, as a decode of everything would.

The pipelines decode the whole 47.55 s canvas and throw most of it away. The decoder is a stack of convolutions, so a
sample depends on a few latent frames around it, and a decode of those gives the same sample. An 8 s loop then costs a
fifth of the work and memory, which does not grow with the number of takes: they are decoded one by one.
"""

from __future__ import annotations

from typing import Any

import torch

from .numerics import check_finite

# A kept span is decoded in pieces of at most this many frames: 512 frames (23.8 s) need some 1.2 GiB in half precision.
PIECE_FRAMES = 256
# A guide is encoded in pieces of 4 s: half a GiB in float32, where 47 s at once would need 4.9.
ENCODE_FRAMES = 86
# Latent frames before and after a piece on which it depends: 7 in the encoder and 10 in the decoder, followed through
# the convolutions of the released models (Stable Audio Open 2048, ACE-Step 1920 samples a frame).
MARGIN_FRAMES = 12


@torch.no_grad()
def decode_start(vae: Any, latents: torch.Tensor, samples: int, *, piece_frames: int = PIECE_FRAMES) -> torch.Tensor:
    """Decode the first ``samples`` samples of one take: (audio channels, samples) float32 on the model's device.

    ``vae`` is an ``AutoencoderOobleck`` of any precision, ``latents`` are (channels, frames) of any float type;
    ``piece_frames`` bound the memory. Equal to the same samples of a full decode. Raises NotFinite if the decoder gives
    values that are not finite even in float32.
    """
    weight = vae.decoder.conv1.bias
    latents = latents.to(weight.device)
    audio = _decode_pieces(vae, latents, samples, piece_frames)
    if torch.isfinite(audio).all():
        return audio
    # Half precision overflowed somewhere inside; the same weights in float32 are the cure, for this take only.
    kept_dtype = weight.dtype
    try:
        vae.decoder.float()
        audio = _decode_pieces(vae, latents, samples, piece_frames)
    finally:
        vae.decoder.to(kept_dtype)
    check_finite(audio, "The decoded audio")
    return audio


def _decode_pieces(vae: Any, latents: Any, samples: int, piece_frames: int) -> Any:
    dtype, hop = vae.decoder.conv1.bias.dtype, vae.hop_length
    pieces = []
    for left in range(0, samples, piece_frames * hop):
        right = min(samples, left + piece_frames * hop)
        first, end = max(0, left // hop - MARGIN_FRAMES), -(-right // hop) + MARGIN_FRAMES
        sound = vae.decoder(latents[None, :, first:end].to(dtype))[0]
        pieces.append(sound[:, left - first * hop : right - first * hop].float())
    return torch.cat(pieces, dim=-1)


@torch.no_grad()
def encode_pieces(vae: Any, audio: torch.Tensor, *, piece_frames: int = ENCODE_FRAMES) -> torch.Tensor:
    """Latents (channels, frames) float32 of whole frames of ``audio`` (audio channels, frames * hop), piece by piece.

    Equal to the mean that ``vae.encode`` gives for all at once; the encoder is in float32, the audio on its device.
    ``piece_frames`` bound the memory.
    """
    hop, frames = vae.hop_length, audio.shape[-1] // vae.hop_length
    pieces = []
    for left in range(0, frames, piece_frames):
        right = min(frames, left + piece_frames)
        first, end = max(0, left - MARGIN_FRAMES), min(frames, right + MARGIN_FRAMES)
        mean = vae.encode(audio[None, :, first * hop : end * hop]).latent_dist.mode()[0]
        pieces.append(mean[:, left - first : right - first].float())
    return torch.cat(pieces, dim=-1)
