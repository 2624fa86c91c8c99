"""Weights made ready for fast steps, and results checked before anyone hears them."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ...errors import LoopsError


class NotFinite(LoopsError):
    """A model returned infinities or NaN; the same run in float32 is the usual cure."""


def check_finite(values: torch.Tensor, what: str) -> None:
    """Raise NotFinite unless all of ``values`` are finite. Waits for the device, so once a run, not once a step."""
    if not bool(torch.isfinite(values).all()):
        precision = str(values.dtype).removeprefix("torch.")
        cure = "try another seed" if precision == "float32" else "run it again in float32"
        raise NotFinite(f"{what} holds values that are not finite ({precision}); {cure}.")


def fold_weight_norm(module: torch.nn.Module) -> int:
    """Replace every weight-normalised convolution by a plain one; returns how many there were.

    ``g * v / |v|`` is worked out in float32 whatever the weights are stored in, and rounded once. Best done while they
    still are float32: then the kernels of a half-precision model are the nearest there are. Folding twice does nothing.
    """
    folded = 0
    for layer in module.modules():
        if hasattr(layer, "weight_g") and hasattr(layer, "weight_v"):
            dtype = layer.weight_v.dtype
            layer.weight_g.data = layer.weight_g.data.float()
            layer.weight_v.data = layer.weight_v.data.float()
            torch.nn.utils.remove_weight_norm(layer)
        elif torch.nn.utils.parametrize.is_parametrized(layer, "weight"):
            dtype = layer.weight.dtype
            layer.parametrizations.float()
            torch.nn.utils.parametrize.remove_parametrizations(layer, "weight")
        else:
            continue
        layer.weight.data = layer.weight.data.to(dtype)
        layer.weight.requires_grad_(False)
        folded += 1
    return folded


def fuse_weights(layers: Sequence[torch.nn.Module]) -> torch.Tensor:
    """Stack the ``weight`` of several layers along their first axis into one matrix.

    The layers' own weights become views of it: nothing is stored twice and the model goes on working by itself.
    """
    fused = torch.cat([layer.weight.data for layer in layers])
    start = 0
    for layer in layers:
        stop = start + layer.weight.shape[0]
        layer.weight.data = fused[start:stop]
        start = stop
    return fused
