"""`StackedAdapters`: the LoRA weights of several requests, applied to one sequence each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from sift_retrievers.finetune.adapter_slot import ADAPTER_NAME, AdapterSlot


class StackedAdapters:
    """S copies of a slot's adapter with weights of their own, and the optimizer that trains them.

    In a batch of S sequences, the s-th adapter acts on the s-th sequence. The slot's own adapter
    must be off meanwhile.
    """

    def __init__(self, slot: AdapterSlot, count: int, learning_rate: float) -> None:
        """Copy the slot's present weights `count` times.

        Args:
            slot: with plain LoRA on linear layers, see `check_stackable`.
            count: S.
            learning_rate: of AdamW.
        """
        self._slot = slot
        self._shapes = [parameter.shape for parameter in slot.parameters]
        self._sizes = [parameter.numel() for parameter in slot.parameters]
        first = torch.cat([parameter.detach().flatten() for parameter in slot.parameters])
        # One tensor [S, weights] for all layers: its steps and norms take few kernels.
        self._weights = nn.Parameter(first.repeat(count, 1))
        self._optimizer = torch.optim.AdamW([self._weights], lr=learning_rate, weight_decay=0.0)
        self._position = {id(parameter): i for i, parameter in enumerate(slot.parameters)}
        self._sequences: tuple[int, int] = (0, 0)
        self._off = False
        self._split()

    def weights(self, row: int) -> tuple[Tensor, ...]:
        """Return a copy of one adapter's weights on the CPU, as `AdapterSlot.weights` does."""
        flat = self._weights[row].detach().to("cpu", copy=True)
        parts: tuple[Tensor, ...] = torch.split(flat, self._sizes)
        return tuple(
            part.reshape(shape).clone() for part, shape in zip(parts, self._shapes, strict=True)
        )

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Inside, the model applies the s-th adapter to the s-th sequence of its batch."""
        handles = []
        try:
            for layer in self._slot.layers:
                handles.append(layer.register_forward_hook(self._add))
            yield
        finally:
            for handle in handles:
                handle.remove()

    def logits(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return the logits of S sequences `[S, n]`, each with its own adapter."""
        self._sequences = (input_ids.shape[0], input_ids.shape[1])
        logits: Tensor = self._slot.model(
            input_ids=input_ids, attention_mask=attention_mask, use_cache=False
        ).logits
        return logits

    @torch.no_grad()
    def base_logits(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return the logits of the base model, without any adapter."""
        self._off = True
        try:
            return self.logits(input_ids, attention_mask)
        finally:
            self._off = False

    def compute_gradients(self, losses: Tensor, max_norm: float) -> Tensor:
        """Compute the gradient of each adapter and clip its norm to `max_norm`.

        Args:
            losses: `[S]`; the s-th depends on the s-th adapter alone.
            max_norm: in the 2-norm over all weights of an adapter.

        Returns:
            The norms before clipping, `[S]`.
        """
        gradients = torch.autograd.grad(losses.sum(), self._parts, materialize_grads=True)
        gradient = torch.cat([part.flatten(1) for part in gradients], dim=1)
        norms: Tensor = torch.linalg.vector_norm(gradient, dim=1)
        # The formula of torch.nn.utils.clip_grad_norm_.
        gradient *= (max_norm / (norms + 1e-6)).clamp(max=1.0)[:, None]
        self._weights.grad = gradient
        return norms

    def step(self) -> None:
        """Make one step of AdamW with the gradients."""
        self._optimizer.step()
        self._weights.grad = None

    def keep(self, rows: Sequence[int]) -> None:
        """Leave out the other adapters. Those that stay keep weights, gradients and momentum."""
        index = torch.tensor(rows, dtype=torch.long, device=self._weights.device)
        gradient = self._weights.grad
        self._weights.grad = None
        self._weights.data = self._weights.data[index]
        if gradient is not None:
            self._weights.grad = gradient[index]
        for state in self._optimizer.state.values():
            for name in ("exp_avg", "exp_avg_sq"):
                state[name] = state[name][index]
        self._split()

    def _split(self) -> None:
        """Make a view `[S, …]` of the weights for each parameter of the slot."""
        parts: tuple[Tensor, ...] = torch.split(self._weights.detach(), self._sizes, dim=1)
        self._parts = [
            part.view(len(part), *shape).requires_grad_()
            for part, shape in zip(parts, self._shapes, strict=True)
        ]

    def _add(self, layer: Any, inputs: tuple[Any, ...], output: Tensor) -> Tensor:
        """Add what the adapters of a layer give, in the dtypes of peft's own `Linear.forward`."""
        x: Tensor = inputs[0]
        if self._off:
            return output
        if x.ndim != 3 or x.shape[:2] != self._sequences:
            raise ValueError(
                f"adapters cannot be trained side by side in this model: a layer got inputs of "
                f"shape {tuple(x.shape)}, not ({self._sequences[0]}, {self._sequences[1]}, …). Use "
                "a session for each request"
            )
        a = self._parts[self._position[id(layer.lora_A[ADAPTER_NAME].weight)]]
        b = self._parts[self._position[id(layer.lora_B[ADAPTER_NAME].weight)]]
        hidden = torch.bmm(x.to(a.dtype), a.transpose(1, 2))
        added = torch.bmm(hidden, b.transpose(1, 2)) * layer.scaling[ADAPTER_NAME]
        tuned: Tensor = (output + added).to(output.dtype)
        return tuned


def check_stackable(slot: AdapterSlot) -> None:
    """Check that the adapters of several requests can be trained side by side.

    Raises:
        ValueError: if the adapter is not plain LoRA on linear layers, or if the model's loss is not
            the mean over the tokens.
    """
    from peft.tuners.lora import Linear
    from transformers.loss.loss_utils import ForCausalLMLoss

    layers = [type(layer).__name__ for layer in slot.layers if type(layer) is not Linear]
    variants = [
        type(v).__name__ for m in slot.layers for v in getattr(m, "lora_variant", {}).values()
    ]
    if layers or variants:
        raise ValueError(
            "train_ahead needs LoRA or rsLoRA on linear layers; this "
            f"{type(slot.config).__name__} has {sorted({*layers, *variants})}. Use a session for "
            "each request"
        )
    model = getattr(slot.model, "_orig_mod", slot.model)
    loss = getattr(model, "loss_function", ForCausalLMLoss)
    routed = getattr(getattr(model, "config", None), "output_router_logits", False)
    if loss is not ForCausalLMLoss or routed:
        raise ValueError(
            f"train_ahead needs a model whose loss is the mean over the tokens; that of this "
            f"{type(model).__name__} is another. Use a session for each request"
        )
