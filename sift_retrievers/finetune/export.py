"""Write a trained adapter in PEFT's format, for `PeftModel.from_pretrained` or a serving engine."""

from __future__ import annotations

import shutil
from copy import deepcopy
from pathlib import Path
from typing import Final
from uuid import uuid4

from sift_retrievers.finetune.adapter_slot import ADAPTER_NAME, AdapterSlot

# PEFT expects this before the module names in a file.
MODULE_PREFIX: Final = "base_model.model."


def export_adapter(slot: AdapterSlot, folder: str | Path, base_model: str | None = None) -> Path:
    """Write the adapter as it is now into a new folder inside `folder`.

    Every export has a new name, because serving engines cache adapters and prefixes by name
    (vLLM issue 42125). The new folder appears only when it is complete. It and its files have the
    permissions that the umask gives.

    Args:
        slot: holds the adapter.
        folder: made if it does not exist.
        base_model: name of the base model in adapter_config.json; default: the name that the model
            was loaded by.

    Returns:
        The new folder, with adapter_config.json and adapter_model.safetensors.

    Raises:
        OSError: if it cannot be written.
    """
    from peft import get_peft_model_state_dict
    from safetensors.torch import save

    config = deepcopy(slot.config)
    config.inference_mode = True
    name = base_model or getattr(slot.model, "name_or_path", None)
    config.base_model_name_or_path = name or None
    # The base's embeddings are not trained: peft would add them if `lora` targets the output layer.
    weights = get_peft_model_state_dict(
        slot.model, adapter_name=ADAPTER_NAME, save_embedding_layers=False
    )
    target = Path(folder) / f"sift-{uuid4().hex}"
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}")
    unfinished.mkdir()
    try:
        tensors = {MODULE_PREFIX + name: w.cpu().contiguous() for name, w in weights.items()}
        # Not save_file, whose files only their owner may read.
        content = save(tensors, metadata={"format": "pt"})
        (unfinished / "adapter_model.safetensors").write_bytes(content)
        config.save_pretrained(str(unfinished))
        unfinished.rename(target)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return target
