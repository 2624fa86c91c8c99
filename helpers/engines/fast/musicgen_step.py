"""One token of MusicGen at a time, on memory that never moves.

transformers' decode step launches twenty to thirty operations a layer and grows its caches by copying them. Here a
layer is thirteen operations on static tensors, so that a whole step, sampling included, can be captured as a CUDA
graph and run without asking the host for anything:

- query, key and value are one product, the heads of all codebooks another, the embeddings one table;
- keys and values go into a cache of full size, at a position that is a tensor (``index_copy_``, ``index_select``: a
  0-dim index would make the host wait for the device);
- residual additions happen inside the products (``addmm_``);
- the text never changes, so cross-attention is folded once into two small matrices a layer: queries times keys, and
  values times output projection. With guidance the null half attends to zeros and contributes exactly nothing, so it
  is left out;
- the next token is drawn from the top-k by inverting their cumulative distribution at a number that was drawn before
  the loop, from the take's own stream.

Rows of all tensors are the takes with the prompt, then (with guidance) the same takes without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F

from .numerics import fuse_weights


class DecoderWeights:
    """The decoder of a MusicGen or MusicGen-Melody model of transformers, fused in place.

    The model's own layers become views of the fused matrices: it still works, and nothing is stored twice.
    """

    def __init__(self, language_model: Any) -> None:
        decoder, config = language_model.model.decoder, language_model.config
        self.books, self.vocabulary = config.num_codebooks, config.vocab_size
        self.heads = config.num_attention_heads
        self.width = config.hidden_size
        self.head_width = self.width // self.heads
        self.stereo = config.audio_channels == 2
        self.layers = list(decoder.layers)
        attentions = [layer.self_attn for layer in self.layers]
        self.qkv = [fuse_weights([own.q_proj, own.k_proj, own.v_proj]).t() for own in attentions]
        self.norm = decoder.layer_norm
        self.embedding = fuse_weights(list(decoder.embed_tokens))
        self.predict = fuse_weights(list(language_model.lm_heads)).t()
        self.dtype, self.device = self.embedding.dtype, self.embedding.device
        self._positions = decoder.embed_positions

    def positions(self, length: int) -> torch.Tensor:
        """Sinusoidal position embeddings, (length, width)."""
        table = self._positions.weights
        if length > table.shape[0]:
            table = self._positions.get_embedding(length, self.width)
        return table[:length].to(dtype=self.dtype, device=self.device)


def _on_device(attention: Any, states: torch.Tensor) -> list[torch.Tensor]:
    """Weights that make keys and values of the text, where the text is: needed once a run, they may rest on the CPU."""
    return [project.weight.to(states.device) for project in (attention.k_proj, attention.v_proj)]


class FoldedCross:
    """Cross-attention of one layer to a text that stays the same: ``softmax(x @ keys) @ values``, head by head."""

    def __init__(self, attention: Any, states: torch.Tensor, heads: int) -> None:
        split = (heads, attention.q_proj.weight.shape[0] // heads)
        states = states.float()  # the fold is worked out in float32 and rounded once
        key, value = ((states @ weight.float().t()).unflatten(1, split) for weight in _on_device(attention, states))
        query = attention.q_proj.weight.float().unflatten(0, split) * split[1] ** -0.5
        out = attention.out_proj.weight.float().unflatten(1, split)
        dtype = attention.q_proj.weight.dtype
        self.keys = torch.einsum("hdx,lhd->xhl", query, key).flatten(1).to(dtype)
        self.values = torch.einsum("lhd,xhd->hlx", value, out).flatten(0, 1).to(dtype)
        self._split = (heads, len(states))

    def add_to(self, hidden: torch.Tensor, x: torch.Tensor) -> None:
        """Add the attention of ``x`` (n, width) to ``hidden`` in place."""
        weights = torch.mm(x, self.keys).unflatten(1, self._split).softmax(-1)
        hidden.addmm_(weights.flatten(1), self.values)


class CachedCross:
    """The same for texts longer than a head is wide, where folding would cost more than it saves."""

    def __init__(self, attention: Any, states: torch.Tensor, heads: int) -> None:
        split = (heads, attention.q_proj.weight.shape[0] // heads)
        self._split = split
        self._query, self._out = attention.q_proj.weight.data.t(), attention.out_proj.weight.data.t()
        self._key, self._value = (
            (states @ weight.t()).unflatten(1, split).transpose(0, 1).contiguous()
            for weight in _on_device(attention, states)
        )

    def add_to(self, hidden: torch.Tensor, x: torch.Tensor) -> None:
        """Add the attention of ``x`` (n, width) to ``hidden`` in place."""
        query = torch.mm(x, self._query).unflatten(1, self._split).transpose(0, 1)
        mixed = F.scaled_dot_product_attention(query[None], self._key[None], self._value[None])[0]
        hidden.addmm_(mixed.transpose(0, 1).flatten(1), self._out)


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn. ``guidance`` 1 leaves out the null half; ``top_k`` at most the vocabulary."""

    guidance: float = 3.0
    top_k: int = 250
    temperature: float = 1.0


class DecodeState:
    """Everything a group of takes needs from its first token to its last, in tensors that never move.

    ``plan`` (books, tokens) long holds the tokens that are given (the delay pattern's padding, an audio prompt), -1
    where to sample; row ``t`` of ``chances`` (takes, tokens, books), float32 in [0, 1), is what token ``t`` is drawn
    with. ``states`` (length, width) is the text for cross-attention, None for melody models; ``prefix`` (rows, length,
    width) what those put before the tokens. The cache is read in multiples of ``window`` positions.
    """

    def __init__(
        self,
        weights: Any,
        takes: int,
        plan: Any,
        chances: Any,
        sampling: Any,
        *,
        states: Any = None,
        prefix: Any = None,
        window: Any = 64,
    ) -> None:
        self.weights, self.takes, self.sampling, self.window = weights, takes, sampling, window
        self.rows = takes * (2 if sampling.guidance > 1 else 1)
        self.lead = 0 if prefix is None else prefix.shape[1]
        device, dtype = weights.device, weights.dtype
        length = self.lead + plan.shape[1]
        # The plan is still on the host: nothing has to be fetched from the device to know where sampling begins.
        free_columns = (plan < 0).any(dim=0).nonzero()
        first_free = int(free_columns[0]) if len(free_columns) else plan.shape[1]
        whole = -(-length // window) * window

        # All tables start with the prefix, so that one index serves tokens, positions and caches alike.
        def with_lead(table: torch.Tensor, fill: float) -> torch.Tensor:
            return torch.cat([table.new_full((self.lead, *table.shape[1:]), fill), table]).contiguous()

        plan = plan.to(device).t()[:, None].expand(-1, takes, -1)
        self.tokens = with_lead(plan.clamp(min=0), 0)
        self._free = with_lead(plan < 0, False)
        self._chances = with_lead(chances.to(device).transpose(0, 1), 0.0)[..., None]
        self._offsets = torch.arange(weights.books, device=device) * (weights.vocabulary + 1)
        self._positions = weights.positions(length)
        self._mask = torch.full((whole, whole), -torch.inf, dtype=dtype, device=device).triu_(1)
        shape = (self.rows, 2, weights.heads, whole, weights.head_width)
        self.caches = [torch.zeros(shape, dtype=dtype, device=device) for _ in weights.layers]
        self.index = torch.zeros(1, dtype=torch.long, device=device)
        self.health = torch.zeros(takes, weights.books, device=device)
        self._cross: list[FoldedCross | CachedCross | None] = [None] * len(weights.layers)
        if states is not None:
            kind = FoldedCross if len(states) <= weights.head_width else CachedCross
            self._cross = [kind(layer.encoder_attn, states, weights.heads) for layer in weights.layers]

        # Everything known before the first free token goes through the decoder at once.
        self.first = self.lead + first_free - 1
        self._fill(prefix)
        self.reset()

    @property
    def steps(self) -> int:
        """How many times :meth:`step` has to run to give every token."""
        return len(self.tokens) - 1 - self.first

    def reset(self) -> None:
        """Go back to before the first sampled token."""
        self.index.fill_(self.first)
        self.health.zero_()

    def window_of(self, step: int) -> int:
        """Positions of the cache that step ``step`` (from 0) has to read: a multiple of ``window``."""
        return -(-(self.first + step + 1) // self.window) * self.window

    def logits(self, window: int) -> torch.Tensor:
        """Guided logits for the token after ``index``, (takes, books, vocabulary) float32."""
        embedded = self._embed(self.index)[0]
        hidden = self._decode(embedded.repeat(self.rows // self.takes, 1), 1, self.index, window)
        scores = torch.mm(self.weights.norm(hidden), self.weights.predict).float()
        if self.rows > self.takes:
            prompted, null = scores.split(self.takes)
            scores = torch.lerp(null, prompted, self.sampling.guidance)
        return scores.unflatten(1, (self.weights.books, self.weights.vocabulary))

    def step(self, window: int) -> None:
        """Sample the next token of every take and codebook, and move on."""
        scores = self.logits(window)
        if self.sampling.temperature != 1.0:
            scores = scores / self.sampling.temperature
        best, choices = scores.topk(min(self.sampling.top_k, self.weights.vocabulary), dim=-1)
        cumulated = best.softmax(-1).cumsum(-1)
        self.health += cumulated[..., -1]  # any NaN on the way stays visible to the end, without waiting for it here
        self.index += 1
        chance = self._chances.index_select(0, self.index)[0]
        # Rounding can leave the last sum a hair under one; the clamp gives that hair to the last choice.
        place = torch.searchsorted(cumulated, chance, right=True).clamp_(max=choices.shape[-1] - 1)
        drawn = choices.gather(-1, place)[..., 0][None]
        free = self._free.index_select(0, self.index)
        self.tokens.index_copy_(0, self.index, torch.where(free, drawn, self.tokens.index_select(0, self.index)))

    def _embed(self, index: torch.Tensor) -> torch.Tensor:
        """Token and position embeddings at ``index`` (n,), (n, takes, width)."""
        rows = self.tokens.index_select(0, index) + self._offsets
        return F.embedding(rows, self.weights.embedding).sum(2) + self._positions.index_select(0, index)[:, None]

    def _fill(self, prefix: torch.Tensor | None) -> None:
        """Run the prefix and all given tokens but the last through the decoder, so that their keys are cached."""
        known = torch.arange(self.lead, self.first, device=self.index.device)
        parts = []
        if prefix is not None:
            parts.append(prefix.to(self.weights.dtype) + self._positions[: self.lead])
        if len(known):
            parts.append(self._embed(known).transpose(0, 1).repeat(self.rows // self.takes, 1, 1))
        if parts:
            hidden = torch.cat(parts, dim=1)
            index = torch.arange(hidden.shape[1], device=self.index.device)
            self._decode(hidden.flatten(0, 1), hidden.shape[1], index, hidden.shape[1])

    def _decode(self, hidden: torch.Tensor, length: int, index: torch.Tensor, window: int) -> torch.Tensor:
        """Run ``length`` positions a row, given as (rows * length, width), through all layers; changes ``hidden``."""
        weights = self.weights
        shape = (self.rows, length, 3, weights.heads, weights.head_width)
        mask = self._mask.index_select(0, index)[:, :window]
        prompted = hidden[: self.takes * length]
        for layer, into, cache, cross in zip(weights.layers, weights.qkv, self.caches, self._cross, strict=True):
            qkv = torch.mm(layer.self_attn_layer_norm(hidden), into).view(shape).permute(0, 2, 3, 1, 4)
            cache.index_copy_(3, index, qkv[:, 1:])
            key, value = cache[:, 0, :, :window], cache[:, 1, :, :window]
            mixed = F.scaled_dot_product_attention(qkv[:, 0], key, value, attn_mask=mask)
            hidden.addmm_(mixed.transpose(1, 2).reshape(len(hidden), -1), layer.self_attn.out_proj.weight.t())
            if cross is not None:
                cross.add_to(prompted, layer.encoder_attn_layer_norm(prompted))
            risen = layer.activation_fn(layer.fc1(layer.final_layer_norm(hidden)))
            hidden.addmm_(risen, layer.fc2.weight.t())
        return hidden
