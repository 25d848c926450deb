"""`AdapterSlot`: one adapter that stays in a model and is off between sessions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from threading import Lock
from typing import Any, Final
from weakref import WeakSet

import torch
from torch import Tensor, nn

from sift_retrievers.finetune.adapter_checks import check_config, check_model
from sift_retrievers.finetune.adapter_weights import adapter_weights
from sift_retrievers.finetune.checkpointing import checkpointed

ADAPTER_NAME: Final = "sift"

_models_with_slot: WeakSet[nn.Module] = WeakSet()
_injecting = Lock()  # peft draws from the random state of the process


class AdapterSlot:
    """A LoRA, DoRA or IA³ adapter in fp32 inside a model object.

    It is reset in place after each session and never merged into the base: in a large model,
    injecting an adapter takes seconds and resetting it a fraction of a second.
    """

    def __init__(self, model: nn.Module, config: Any, seed: int) -> None:
        """Inject the adapter and switch it off, so that the output of the model does not change.

        Args:
            model: a causal language model of transformers.
            config: a `peft.LoraConfig` or a `peft.IA3Config`.
            seed: of the first weights.

        Raises:
            TypeError: if `config` is of another class.
            ValueError: if `config` would change the base or names modules that the model lacks, or
                if the model cannot have a slot. The model is then unchanged.
        """
        from peft import inject_adapter_in_model
        from peft.tuners.tuners_utils import BaseTunerLayer

        if model in _models_with_slot:
            raise ValueError(
                f"this {type(model).__name__} has a tuner already: use that one for all requests, "
                "or close() it first (`with TestTimeTuner(...) as tuner:` closes it at the end)"
            )
        check_config(config)
        check_model(model)
        config = deepcopy(config)  # peft modifies it
        self.model, self.config, self.seed = model, config, seed
        flags = [(p, p.requires_grad) for p in model.parameters()]
        try:
            with _injecting, torch.inference_mode(False), torch.random.fork_rng():
                inject_adapter_in_model(config, model, adapter_name=ADAPTER_NAME)
            self.layers: list[Any] = [m for m in model.modules() if isinstance(m, BaseTunerLayer)]
            self._weights = [w for m in self.layers for w in adapter_weights(m, ADAPTER_NAME)]
            self.parameters = [weight.parameter for weight in self._weights]
            self._check_complete({id(parameter) for parameter, _ in flags})
            for parameter in self.parameters:
                parameter.data = parameter.data.float()  # half precision loses small steps
            self.disable()
            self.reset()  # so that the first session starts from the same weights as later ones
        except BaseException:
            _remove(model)
            raise
        finally:
            for parameter, flag in flags:
                parameter.requires_grad_(flag)
        _models_with_slot.add(model)

    @property
    def ids(self) -> set[int]:
        """`id` of each tensor of the adapter."""
        return {id(parameter) for parameter in self.parameters}

    def enable(self) -> None:
        """Switch the adapter on."""
        for layer in self.layers:
            layer.enable_adapters(True)

    def disable(self) -> None:
        """Switch the adapter off: the output of the model is that of its base."""
        for layer in self.layers:
            layer.enable_adapters(False)

    def reset(self) -> None:
        """Set the weights back to their first values, with which the model's output is the base's.

        The random numbers depend on the seed alone, and the global random state is not used.
        """
        device = self.parameters[0].device
        generator = torch.Generator(device).manual_seed(self.seed)
        with torch.inference_mode(False), torch.no_grad():
            for weight in self._weights:
                weight.reset(generator)
        for parameter in self.parameters:
            parameter.grad = None

    @contextmanager
    def base(self) -> Iterator[None]:
        """Inside, where the adapter was on, it is off, and no gradients are computed."""
        self.disable()
        try:
            with torch.no_grad():
                yield
        finally:
            self.enable()

    def weights(self) -> tuple[Tensor, ...]:
        """Return a copy of the weights on the CPU."""
        return tuple(parameter.detach().to("cpu", copy=True) for parameter in self.parameters)

    def load(self, weights: Sequence[Tensor]) -> None:
        """Set the weights to those that `weights` returned."""
        with torch.inference_mode(False), torch.no_grad():
            for parameter, weight in zip(self.parameters, weights, strict=True):
                parameter.copy_(weight)

    def remove(self) -> None:
        """Remove the adapter from the model."""
        _remove(self.model)
        _models_with_slot.discard(self.model)

    @contextmanager
    def trainable(self, *, checkpointing: bool = False) -> Iterator[None]:
        """Inside, only the adapter receives gradients, and dropout is off.

        Afterwards all `requires_grad` and `training` flags have their previous values.

        Args:
            checkpointing: recompute activations for the gradient, instead of keeping them: less
                memory, more time.
        """
        own = self.ids
        flags = [(p, p.requires_grad) for p in self.model.parameters() if id(p) not in own]
        in_training = [module for module in self.model.modules() if module.training]
        try:
            for parameter, _ in flags:
                parameter.requires_grad_(False)
            for parameter in self.parameters:
                parameter.requires_grad_(True)
            for module in in_training:
                module.training = False
            with ExitStack() as stack:
                stack.enter_context(torch.inference_mode(False))
                stack.enter_context(torch.enable_grad())
                if checkpointing:
                    stack.enter_context(checkpointed(self.model))
                yield
        finally:
            for parameter in self.parameters:
                parameter.requires_grad_(False)
                parameter.grad = None
            for parameter, flag in flags:
                parameter.requires_grad_(flag)
            for module in in_training:
                module.training = True

    def _check_complete(self, base: set[int]) -> None:
        """Check that every tensor that peft added is known, because the others are not reset."""
        known = base | self.ids
        unknown = [n for n, p in self.model.named_parameters() if id(p) not in known]
        if unknown:
            raise ValueError(
                f"this {type(self.config).__name__} adds weights that the tuner cannot reset: "
                f"{unknown[:3]}"
            )


def default_lora() -> Any:
    """Return the `peft.LoraConfig` that is used if none is given: rank 8 on all linear layers.

    Raises:
        ImportError: if peft is not installed.
    """
    try:
        from peft import LoraConfig
    except ImportError as error:
        raise ImportError(
            "test-time fine-tuning needs transformers and peft: "
            "pip install 'sift-retrievers[finetune]'"
        ) from error
    return LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM")


def _remove(model: nn.Module) -> None:
    """Replace every adapter layer by the base layer inside it."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    found = [(n, m) for n, m in model.named_modules() if isinstance(m, BaseTunerLayer)]
    for name, module in found:
        parent, _, attribute = name.rpartition(".")
        setattr(model.get_submodule(parent), attribute, module.get_base_layer())
    if hasattr(model, "peft_config"):
        del model.peft_config
