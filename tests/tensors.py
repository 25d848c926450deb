"""Torch tensors in tests. What is about them is skipped where torch is not installed."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

needs_torch = pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")


def tensor(values: Any) -> Any:
    """`torch.tensor(values)`, in a test marked `needs_torch`."""
    import torch

    return torch.tensor(values)


ARRAY_KINDS = [
    pytest.param(np.array, id="numpy"),
    pytest.param(tensor, id="torch", marks=needs_torch),
]
