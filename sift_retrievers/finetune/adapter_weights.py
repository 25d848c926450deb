"""`AdapterWeight`: the tensors of a peft adapter, and their values before training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class AdapterWeight:
    """A tensor of an adapter, and what it is when a session begins."""

    parameter: nn.Parameter
    first: float | Tensor | None
    """The value of all elements, or a tensor to copy; None: random numbers."""

    def reset(self, generator: torch.Generator) -> None:
        """Set the tensor to its first value. Random numbers come from the generator."""
        if self.first is None:
            # Kaiming uniform with a = √5, as in peft.
            bound = self.parameter.shape[1] ** -0.5
            self.parameter.uniform_(-bound, bound, generator=generator)
        elif isinstance(self.first, Tensor):
            self.parameter.copy_(self.first)
        else:
            self.parameter.fill_(self.first)


def adapter_weights(layer: Any, name: str) -> Iterator[AdapterWeight]:
    """Yield the tensors that the adapter `name` has in one layer of peft.

    LoRA: one factor is zero, the other random, so their product is zero. DoRA in addition: the norm
    of each row of the base's weight. IA³: factors of one.
    """
    if name in getattr(layer, "lora_A", ()):
        yield AdapterWeight(layer.lora_B[name].weight, 0.0)
        yield AdapterWeight(layer.lora_A[name].weight, None)
    if name in getattr(layer, "lora_embedding_A", ()):
        yield AdapterWeight(layer.lora_embedding_A[name], 0.0)
        yield AdapterWeight(layer.lora_embedding_B[name], None)
    if name in getattr(layer, "lora_magnitude_vector", ()):
        magnitude = layer.lora_magnitude_vector[name]
        # In float32, as the forward pass computes it with an adapter in float32: the quotient of
        # the two is then exactly one. peft's own first value has the dtype of the base.
        weight = layer.get_base_layer().weight.detach().float()
        yield AdapterWeight(magnitude.weight, magnitude.get_weight_norm(weight, 0.0, 1.0))
    if name in getattr(layer, "ia3_l", ()):
        yield AdapterWeight(layer.ia3_l[name], 1.0)
