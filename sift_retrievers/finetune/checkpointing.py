"""Gradient checkpointing that leaves no trace in the model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from torch import nn
from torch.utils.checkpoint import checkpoint

_NOT_THERE = object()


def checkpointable_layers(model: nn.Module) -> list[nn.Module]:
    """The blocks of a transformers model that may be computed a second time.

    Raises:
        ValueError: if the model has none.
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
    """Inside, the blocks forget what they compute, and compute it again for the gradient.

    transformers' own switch works in training mode only, in which layers drop out at random; here
    the blocks stay as they are.
    """
    layers = checkpointable_layers(model)
    before = [layer.__dict__.get("forward", _NOT_THERE) for layer in layers]
    try:
        for layer in layers:
            layer.__dict__["forward"] = partial(
                checkpoint, layer.forward, use_reentrant=False, preserve_rng_state=False
            )
        yield
    finally:
        for layer, forward in zip(layers, before, strict=True):
            if forward is _NOT_THERE:
                layer.__dict__.pop("forward", None)
            else:
                layer.__dict__["forward"] = forward
