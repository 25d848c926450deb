"""Conversion between what callers hold (lists, numpy, torch) and the engine's tensors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

FloatArray: TypeAlias = "npt.NDArray[Any]"
ArrayLike: TypeAlias = "Tensor | FloatArray | Sequence[Any]"


def as_tensor(values: ArrayLike, name: str, *, finite: bool = True) -> Tensor:
    """Floating-point tensor of `values`, sharing memory where it can; float32 at least.

    Lists of floats become float32 (what vector stores hold); float64 arrays and tensors stay
    float64; half precision and integers become float32, except tensors of half precision on a
    device other than the CPU, which stay as they are. Lists go through one numpy buffer.

    Args:
        values: what came.
        name: what the caller calls it.
        finite: whether to check that all values are finite.

    Raises:
        TypeError: if the values are not real numbers.
        ValueError: if rows differ in length, or a value is NaN or infinite.
    """
    if isinstance(values, Tensor):
        tensor = values.detach()
    elif isinstance(values, Sequence) and len(values) > 0 and isinstance(values[0], Tensor):
        shapes = {tuple(row.shape) for row in values}
        if len(shapes) > 1:
            raise ValueError(f"{name} must be rows of one length; got shapes {sorted(shapes)}")
        tensor = torch.stack([row.detach() for row in values])
    elif values is None:
        raise TypeError(f"{name} must be numbers; got None")
    else:
        tensor = torch.from_numpy(_as_numpy(values, name))
    if tensor.is_complex():
        raise TypeError(f"{name} must hold real numbers; got {tensor.dtype}")
    half = tensor.dtype in (torch.float16, torch.bfloat16) and tensor.device.type != "cpu"
    if tensor.dtype not in (torch.float32, torch.float64) and not half:
        tensor = tensor.float()
    if finite:
        check_finite(tensor, name)
    return tensor


def _as_numpy(values: FloatArray | Sequence[Any], name: str) -> FloatArray:
    is_array = isinstance(values, np.ndarray) or hasattr(values, "__array__")
    try:
        array = np.asarray(values) if is_array else np.asarray(values, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name} must be numbers in rows of one length; numpy says: {error}"
        ) from error
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} must hold real numbers; got dtype {array.dtype}")
    if array.dtype not in (np.float32, np.float64):
        array = array.astype(np.float32)
    if not array.flags.writeable or any(stride < 0 for stride in array.strides):
        array = array.copy()  # torch takes neither read-only nor reversed buffers
    return array


def check_finite(tensor: Tensor, name: str) -> None:
    """Raise a ValueError that counts and places values that are NaN or infinite."""
    # A sum of squares is several times cheaper than a look at every element, and NaN and ±inf
    # survive it. On a CPU in one thread: to wake others costs more than it saves.
    if tensor.numel() == 0:
        return
    if tensor.device.type == "cpu" and tensor.ndim > 0:
        array = tensor.numpy()
        with np.errstate(over="ignore", invalid="ignore"):
            total = float(np.vecdot(array, array).sum())
        if math.isfinite(total):
            return
    elif math.isfinite(float(tensor.sum())):
        return
    wrong = ~torch.isfinite(tensor)
    if bool(wrong.any()):
        first = tuple(torch.nonzero(wrong)[0].tolist())
        raise ValueError(
            f"{name} must be finite; {int(wrong.sum())} of {tensor.numel()} values are NaN or "
            f"infinite, the first at position {first}"
        )
