"""Write a trained adapter in PEFT's format, for `PeftModel.from_pretrained` or a serving engine."""

from __future__ import annotations

import shutil
from copy import deepcopy
from pathlib import Path
from tempfile import mkdtemp
from uuid import uuid4

from sift_retrievers.finetune.slot import NAME, AdapterSlot

# What peft puts before the names of a model's modules, and so expects in a file.
PREFIX = "base_model.model."


def export_adapter(slot: AdapterSlot, folder: str | Path) -> Path:
    """Write the adapter as it is now into a new folder inside `folder`.

    The name is new each time, and the folder appears whole or not at all: engines that keep
    prefixes or adapters by name (vLLM issue 42125) never mix up two of them.

    Returns:
        The new folder, with adapter_config.json and adapter_model.safetensors.

    Raises:
        OSError: if it cannot be written.
    """
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    config = deepcopy(slot.config)
    config.inference_mode = True
    config.base_model_name_or_path = getattr(slot.model, "name_or_path", None) or None
    weights = get_peft_model_state_dict(slot.model, adapter_name=NAME)
    target = Path(folder) / f"sift-{uuid4().hex}"
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(mkdtemp(prefix=".sift-", dir=target.parent))
    try:
        save_file(
            {PREFIX + name: tensor.cpu().contiguous() for name, tensor in weights.items()},
            unfinished / "adapter_model.safetensors",
            metadata={"format": "pt"},
        )
        config.save_pretrained(str(unfinished))
        unfinished.chmod(0o755)  # mkdtemp keeps others out
        unfinished.rename(target)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return target
