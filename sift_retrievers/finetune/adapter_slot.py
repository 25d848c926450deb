"""`AdapterSlot`: one LoRA adapter that stays in a model and is off between sessions."""

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

ADAPTER_NAME: Final = "sift"
NEUTRAL_INITIALISATIONS: Final = (True, "gaussian")
"""Values of `init_lora_weights` that leave both the base and the model's output unchanged."""
PLAIN_TENSORS: Final = (Tensor, nn.Parameter)
PLAIN_DTYPES: Final = (
    torch.float64,
    torch.float32,
    torch.bfloat16,
    torch.float16,
    torch.int64,
    torch.bool,
)
"""Types and dtypes of weights, positions and masks in a model that is not quantised."""

_models_with_slot: WeakSet[nn.Module] = WeakSet()
_injecting = Lock()  # peft draws from the random state of the process


class AdapterSlot:
    """A LoRA adapter in fp32 inside a model object.

    It is reset in place after each session and never merged into the base: in a large model,
    injecting an adapter takes seconds and resetting it a fraction of a second.
    """

    def __init__(self, model: nn.Module, config: Any, seed: int) -> None:
        """Inject the adapter and switch it off, so that the output of the model does not change.

        Args:
            model: a causal language model of transformers.
            config: a `peft.LoraConfig`.
            seed: of the first weights.

        Raises:
            TypeError: if `config` is not a `peft.LoraConfig`.
            ValueError: if `config` would change the base or names modules that the model lacks, or
                if the model cannot have a slot. The model is then unchanged.
        """
        from peft import LoraConfig, inject_adapter_in_model
        from peft.tuners.lora import LoraLayer

        if not isinstance(config, LoraConfig):
            raise TypeError(f"lora must be a peft.LoraConfig; got {type(config).__name__}")
        _check_config(config)
        _check_model(model)
        config = deepcopy(config)  # peft modifies it
        self.model, self.config, self.seed = model, config, seed
        flags = [(p, p.requires_grad) for p in model.parameters()]
        try:
            with _injecting, torch.inference_mode(False), torch.random.fork_rng():
                inject_adapter_in_model(config, model, adapter_name=ADAPTER_NAME)
            self.layers: list[Any] = [m for m in model.modules() if isinstance(m, LoraLayer)]
            self.parameters = [p for layer in self.layers for pair in _factors(layer) for p in pair]
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
        """Set the weights back to their first values: one factor zero, the other random.

        The random numbers depend on the seed alone, and the global random state is not used.
        """
        device = self.parameters[0].device
        generator = torch.Generator(device).manual_seed(self.seed)
        with torch.inference_mode(False), torch.no_grad():
            for layer in self.layers:
                for zero, drawn in _factors(layer):
                    zero.zero_()
                    # Kaiming uniform with a = √5, as in peft.
                    bound = drawn.shape[1] ** -0.5
                    drawn.uniform_(-bound, bound, generator=generator)
        for parameter in self.parameters:
            parameter.grad = None

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


def _factors(layer: Any) -> Iterator[tuple[nn.Parameter, nn.Parameter]]:
    """Yield the two factors of each update in a layer: the one that starts at zero, the other."""
    if ADAPTER_NAME in layer.lora_A:
        yield layer.lora_B[ADAPTER_NAME].weight, layer.lora_A[ADAPTER_NAME].weight
    if ADAPTER_NAME in layer.lora_embedding_A:
        yield layer.lora_embedding_A[ADAPTER_NAME], layer.lora_embedding_B[ADAPTER_NAME]


def _check_config(config: Any) -> None:
    wrong = []
    if config.init_lora_weights not in NEUTRAL_INITIALISATIONS:
        allowed = " or ".join(map(repr, NEUTRAL_INITIALISATIONS))
        wrong.append(f"init_lora_weights={config.init_lora_weights!r} (use {allowed})")
    if config.bias != "none":
        wrong.append(f"bias={config.bias!r} trains the base's biases")
    for name in ("modules_to_save", "trainable_token_indices", "layer_replication", "use_dora"):
        if getattr(config, name, None):
            wrong.append(f"{name}={getattr(config, name)!r}")
    if config.lora_dropout:
        raise ValueError(
            f"lora_dropout must be 0, so that equal requests get equal answers; "
            f"got {config.lora_dropout!r}"
        )
    if wrong:
        raise ValueError(f"this LoraConfig would change the base model: {'; '.join(wrong)}")


def _check_model(model: nn.Module) -> None:
    from peft.tuners.tuners_utils import BaseTunerLayer

    if model in _models_with_slot:
        raise ValueError(
            f"this {type(model).__name__} has a tuner already: use that one for all requests, or "
            "close() it first (`with TestTimeTuner(...) as tuner:` closes it at the end)"
        )
    if any(isinstance(module, BaseTunerLayer) for module in model.modules()):
        raise ValueError(
            f"this {type(model).__name__} has adapters already; the tuner needs a model without any"
        )
    if _is_quantised(model):
        raise ValueError(
            "quantised models are not supported, because fine-tuning them is untested: load the "
            "model in bfloat16 or float32 (weights of a GGUF file may be dequantised when loaded)"
        )
    if any(parameter.is_inference() for parameter in model.parameters()):
        raise ValueError(
            "the model's tensors were made in torch.inference_mode, and gradients cannot pass "
            "through such tensors: load the model outside of inference_mode (it may be used inside)"
        )
    devices = {str(parameter.device) for parameter in model.parameters()}
    if len(devices) != 1:
        raise ValueError(f"the model must be on one device; got {sorted(devices)}")


def _is_quantised(model: nn.Module) -> bool:
    """Whether weights are quantised: a dequantised model may still have the flags of its file."""
    if getattr(model, "is_loaded_in_4bit", False) or getattr(model, "is_loaded_in_8bit", False):
        return True
    if not getattr(model, "is_quantized", False) and getattr(model, "hf_quantizer", None) is None:
        return False
    tensors = [*model.parameters(), *model.buffers()]
    return any(type(t) not in PLAIN_TENSORS or t.dtype not in PLAIN_DTYPES for t in tensors)


def _remove(model: nn.Module) -> None:
    """Replace every adapter layer by the base layer inside it."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    found = [(n, m) for n, m in model.named_modules() if isinstance(m, BaseTunerLayer)]
    for name, module in found:
        parent, _, attribute = name.rpartition(".")
        setattr(model.get_submodule(parent), attribute, module.get_base_layer())
    if hasattr(model, "peft_config"):
        del model.peft_config
