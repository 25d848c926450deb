"""Gradient checkpointing that does not change the model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

from torch import nn
from torch.utils.checkpoint import checkpoint

_ABSENT: Final = object()


def checkpointable_layers(model: nn.Module) -> list[nn.Module]:
    """Return the layers of a transformers model that support gradient checkpointing.

    Raises:
        ValueError: if there are none.
    """
    try:
        from transformers.modeling_layers import GradientCheckpointingLayer
    except ImportError as error:
        raise ValueError(
            "gradient_checkpointing needs a newer transformers: pip install 'transformers>=4.53'"
        ) from error
    layers: list[nn.Module] = [
        m for m in model.modules() if isinstance(m, GradientCheckpointingLayer)
    ]
    if not layers:
        raise ValueError(
            f"gradient_checkpointing: {type(model).__name__} has no layers that support it"
        )
    return layers


@contextmanager
def checkpointed(model: nn.Module) -> Iterator[None]:
    """Inside, the layers discard their activations and recompute them for the gradient.

    The switch of transformers works in training mode only, which would also turn dropout on. Here
    the mode of the layers does not change.
    """
    layers = checkpointable_layers(model)
    before = [layer.__dict__.get("forward", _ABSENT) for layer in layers]
    try:
        for layer in layers:
            layer.__dict__["forward"] = partial(
                checkpoint, layer.forward, use_reentrant=False, preserve_rng_state=False
            )
        yield
    finally:
        for layer, forward in zip(layers, before, strict=True):
            if forward is _ABSENT:
                layer.__dict__.pop("forward", None)
            else:
                layer.__dict__["forward"] = forward
