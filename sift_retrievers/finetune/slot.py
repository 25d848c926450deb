"""`AdapterSlot`: one LoRA adapter that lives in a model, off unless a request uses it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from threading import Lock
from typing import Any, Final
from weakref import WeakSet

import torch
from torch import Tensor, nn

from sift_retrievers.finetune.checkpointing import checkpointed

NAME: Final = "sift"
# Initialisations that leave the adapter without effect at first, and the base as it is.
NEUTRAL: Final = (True, "gaussian")

_taken: WeakSet[nn.Module] = WeakSet()
_injecting = Lock()  # peft draws from the random state of the process


class AdapterSlot:
    """A LoRA adapter in fp32 inside a model object; reset in place, never merged.

    Injecting one takes seconds in a large model, resetting it a fraction of one.
    """

    def __init__(self, model: nn.Module, config: Any, seed: int) -> None:
        """Inject the adapter and switch it off: the model computes what it computed before.

        Raises:
            TypeError: for a configuration that is no `peft.LoraConfig`.
            ValueError: for one that would change the base, a model that cannot have a slot, or
                target modules that the model does not have. The model is then as it was.
        """
        from peft import LoraConfig, inject_adapter_in_model
        from peft.tuners.lora import LoraLayer

        if not isinstance(config, LoraConfig):
            raise TypeError(f"lora must be a peft.LoraConfig; got {type(config).__name__}")
        _check_config(config)
        _check_model(model)
        config = deepcopy(config)  # peft writes into it
        self.model, self.config, self.seed = model, config, seed
        wanted = [(p, p.requires_grad) for p in model.parameters()]
        try:
            with _injecting, torch.inference_mode(False), torch.random.fork_rng():
                inject_adapter_in_model(config, model, adapter_name=NAME)
            self.layers: list[Any] = [m for m in model.modules() if isinstance(m, LoraLayer)]
            self.parameters = [p for layer in self.layers for pair in _factors(layer) for p in pair]
            for parameter in self.parameters:
                parameter.data = parameter.data.float()  # small steps vanish in half precision
            self.disable()
            self.reset()  # the first request begins where all later ones do
        except BaseException:
            _remove(model)
            raise
        finally:
            for parameter, flag in wanted:
                parameter.requires_grad_(flag)
        _taken.add(model)

    @property
    def ids(self) -> set[int]:
        """`id` of the adapter's tensors."""
        return {id(parameter) for parameter in self.parameters}

    def enable(self) -> None:
        """Let the adapter take part in what the model computes."""
        for layer in self.layers:
            layer.enable_adapters(True)

    def disable(self) -> None:
        """Leave the adapter out: the model is its base."""
        for layer in self.layers:
            layer.enable_adapters(False)

    def reset(self) -> None:
        """Forget everything that was trained: one factor is zero, the other as at the first time.

        Random numbers come from a generator of its own; the process' are left alone.
        """
        device = self.parameters[0].device
        generator = torch.Generator(device).manual_seed(self.seed)
        with torch.inference_mode(False), torch.no_grad():
            for layer in self.layers:
                for zero, drawn in _factors(layer):
                    zero.zero_()
                    # Kaiming's uniform distribution with a = √5, as peft draws it.
                    bound = drawn.shape[1] ** -0.5
                    drawn.uniform_(-bound, bound, generator=generator)
        for parameter in self.parameters:
            parameter.grad = None

    def weights(self) -> tuple[Tensor, ...]:
        """What was trained, copied to the CPU."""
        return tuple(parameter.detach().to("cpu", copy=True) for parameter in self.parameters)

    def load(self, weights: Sequence[Tensor]) -> None:
        """Put back what `weights` gave."""
        with torch.inference_mode(False), torch.no_grad():
            for parameter, weight in zip(self.parameters, weights, strict=True):
                parameter.copy_(weight)

    def remove(self) -> None:
        """Take the adapter out of the model."""
        _remove(self.model)
        _taken.discard(self.model)

    @contextmanager
    def trainable(self, *, checkpointing: bool = False) -> Iterator[None]:
        """Inside, gradients reach the adapter alone and no layer drops anything at random.

        With `checkpointing`, what the layers compute is forgotten and computed again for the
        gradient: less memory for more time.

        Afterwards every `requires_grad` and `training` flag is what it was.
        """
        own = self.ids
        flags = [(p, p.requires_grad) for p in self.model.parameters() if id(p) not in own]
        modes = [module for module in self.model.modules() if module.training]
        try:
            for parameter, _ in flags:
                parameter.requires_grad_(False)
            for parameter in self.parameters:
                parameter.requires_grad_(True)
            for module in modes:
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
            for module in modes:
                module.training = True


def _factors(layer: Any) -> Iterator[tuple[nn.Parameter, nn.Parameter]]:
    """The two factors of each update in a layer: the one that starts as zero, and the other."""
    if NAME in layer.lora_A:
        yield layer.lora_B[NAME].weight, layer.lora_A[NAME].weight
    if NAME in layer.lora_embedding_A:
        yield layer.lora_embedding_A[NAME], layer.lora_embedding_B[NAME]


def _check_config(config: Any) -> None:
    wrong = []
    if config.init_lora_weights not in NEUTRAL:
        wrong.append(f"init_lora_weights={config.init_lora_weights!r} (use {NEUTRAL})")
    if config.bias != "none":
        wrong.append(f"bias={config.bias!r} trains the base's biases")
    for name in ("modules_to_save", "trainable_token_indices", "layer_replication", "use_dora"):
        if getattr(config, name, None):
            wrong.append(f"{name}={getattr(config, name)!r}")
    if config.lora_dropout:
        raise ValueError(
            f"lora_dropout={config.lora_dropout!r}: sessions drop nothing at random, so that equal "
            "requests get equal answers; leave it at 0"
        )
    if wrong:
        raise ValueError(f"this LoraConfig would change the base model: {'; '.join(wrong)}")


def _check_model(model: nn.Module) -> None:
    from peft.tuners.tuners_utils import BaseTunerLayer

    if model in _taken:
        raise ValueError(
            f"this {type(model).__name__} has a tuner already: use that one for all requests, or "
            "close() it first (`with TestTimeTuner(...) as tuner:` does)"
        )
    if any(isinstance(module, BaseTunerLayer) for module in model.modules()):
        raise ValueError(
            f"this {type(model).__name__} has adapters of its own; the tuner needs a model without"
        )
    if getattr(model, "is_quantized", False) or getattr(model, "is_loaded_in_4bit", False):
        raise ValueError(
            "quantised models are refused: fine-tuning them at test time was never run; load the "
            "model in bfloat16 or float32"
        )
    if any(parameter.is_inference() for parameter in model.parameters()):
        raise ValueError(
            "the model's tensors were made in torch.inference_mode, which nothing can be trained "
            "through: load the model outside of it (it may be used inside)"
        )
    devices = {str(parameter.device) for parameter in model.parameters()}
    if len(devices) != 1:
        raise ValueError(f"the model must be on one device; got {sorted(devices)}")


def _remove(model: nn.Module) -> None:
    """Put every base layer back to where its adapter layer stands."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    found = [(n, m) for n, m in model.named_modules() if isinstance(m, BaseTunerLayer)]
    for name, module in found:
        parent, _, attribute = name.rpartition(".")
        setattr(model.get_submodule(parent), attribute, module.get_base_layer())
    if hasattr(model, "peft_config"):
        del model.peft_config
