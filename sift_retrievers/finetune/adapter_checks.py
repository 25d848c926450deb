"""Which configurations of peft, and which models, an `AdapterSlot` accepts."""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor, nn

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


def check_config(config: Any) -> None:
    """Check that an adapter leaves the base and, before training, the model's output unchanged.

    Raises:
        TypeError: if `config` is neither a `peft.LoraConfig` nor a `peft.IA3Config`.
        ValueError: if its settings are not allowed.
    """
    from peft import IA3Config, LoraConfig

    wrong: list[str] = []
    if isinstance(config, LoraConfig):
        if config.lora_dropout:
            raise ValueError(
                f"lora_dropout must be 0, so that equal requests get equal answers; "
                f"got {config.lora_dropout!r}"
            )
        if config.init_lora_weights not in NEUTRAL_INITIALISATIONS:
            allowed = " or ".join(map(repr, NEUTRAL_INITIALISATIONS))
            wrong.append(f"init_lora_weights={config.init_lora_weights!r} (use {allowed})")
        if config.bias != "none":
            wrong.append(f"bias={config.bias!r} trains the base's biases")
    elif isinstance(config, IA3Config):
        if not config.init_ia3_weights:
            wrong.append("init_ia3_weights=False (use True)")
    else:
        raise TypeError(
            f"lora must be a peft.LoraConfig or a peft.IA3Config; got {type(config).__name__}"
        )
    for name in ("modules_to_save", "trainable_token_indices", "layer_replication"):
        if getattr(config, name, None):
            wrong.append(f"{name}={getattr(config, name)!r}")
    if wrong:
        raise ValueError(
            f"this {type(config).__name__} would change the base model: {'; '.join(wrong)}"
        )


def check_model(model: nn.Module) -> None:
    """Check that a model can have an adapter.

    Raises:
        ValueError: if it cannot.
    """
    from peft.tuners.tuners_utils import BaseTunerLayer

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
