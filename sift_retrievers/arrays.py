"""Converts what callers pass (lists, numpy arrays, torch tensors) to arrays of numbers.

An array is a numpy array or a torch tensor. Code that works on both asks `namespace` for the
functions of the array at hand, and otherwise uses what the two have in common: operators, indexing
and `sum`. Nothing here imports torch unless a tensor was passed; then torch is imported already.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch

Array: TypeAlias = Any
"""A numpy array or a torch tensor."""
FloatArray: TypeAlias = "npt.NDArray[Any]"
ArrayLike: TypeAlias = "torch.Tensor | FloatArray | Sequence[Any]"


EPSILON32: Final = 2.0**-23
EPSILON64: Final = 2.0**-52


def is_tensor(value: Any) -> bool:
    """Whether a value is a torch tensor."""
    if type(value) is np.ndarray:
        return False
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def namespace(array: Array) -> Any:
    """The functions for arrays of that kind, by their names in the array API standard."""
    if not is_tensor(array):
        return np
    try:
        import array_api_compat.torch as functions
    except ImportError as error:
        raise ImportError(
            "selection on torch tensors needs array-api-compat: "
            "pip install 'sift-retrievers[torch]'"
        ) from error
    return functions


def epsilon_of(array: Array) -> float:
    """ε of an array's floating-point type: 1 + ε is the next number after 1."""
    if type(array) is np.ndarray:
        return EPSILON64 if array.dtype.itemsize == 8 else EPSILON32
    return float(namespace(array).finfo(array.dtype).eps)


def home_of(values: ArrayLike) -> torch.device | None:
    """The device of a tensor, or of a list of tensors; None for all else."""
    one: Any = values[0] if isinstance(values, list | tuple) and len(values) > 0 else values
    return one.device if is_tensor(one) else None


def as_numpy(values: ArrayLike, name: str) -> FloatArray:
    """Floating-point array of `values`, sharing memory where it can; float32 at least.

    Lists of floats become float32 (what vector stores hold), or float64 where float32 cannot hold
    them; float64 and longer types become float64; half precision and integers become float32.

    Args:
        values: what the caller passed.
        name: the name of the argument, for errors.

    Raises:
        TypeError: if the values are not real numbers.
        ValueError: if rows differ in length, or if some values are masked or missing (a sparse
            tensor, or one on the device "meta").
    """
    if type(values) is np.ndarray and values.dtype in (np.float32, np.float64):
        return values if values.flags.aligned else values.copy()
    if values is None:
        raise TypeError(f"{name} must be numbers; got None")
    if home_of(values) is not None:
        return host(as_tensor(values, name))
    check_unmasked(values, name)
    is_array = isinstance(values, np.ndarray) or hasattr(values, "__array__")
    with reading(name), np.errstate(over="ignore"):
        array = np.asarray(values) if is_array else np.asarray(values, dtype=np.float32)
        if not is_array and not np.isfinite(array).all():
            array = np.asarray(values, dtype=np.float64)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} must hold real numbers; got dtype {array.dtype}")
    long = array.dtype.kind == "f" and (array.dtype.itemsize >= 8 or not is_array)
    ours = array.dtype in (np.float32, np.float64) and array.flags.aligned
    if ours:
        return array
    with np.errstate(over="ignore"):
        return array.astype(np.float64 if long else np.float32)


class reading:  # noqa: N801  # used as a statement
    """`with reading(name):` turns numpy's errors for bad input into a ValueError that has the name.

    Also a RuntimeError, which torch raises when numpy asks for the values of some tensors.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if isinstance(error, TypeError | ValueError | OverflowError | RuntimeError):
            raise ValueError(
                f"{self.name} must be numbers in rows of one length; numpy says: {error}"
            ) from error


def check_unmasked(values: Any, name: str) -> None:
    """Raise a ValueError for a masked array, or a list of some, that masks any value.

    numpy would silently use the masked values.
    """
    rows = values if isinstance(values, list | tuple) else [values]
    for row in rows:
        if isinstance(row, np.ma.MaskedArray) and np.ma.getmaskarray(row).any():
            raise ValueError(
                f"{name} must have a value everywhere; got a masked array with "
                f"{int(np.ma.getmaskarray(row).sum())} values masked: pass what is left "
                f"(`.compressed()`), or fill it (`.filled(0)`)"
            )


def check_tensor(tensor: torch.Tensor, name: str) -> None:
    """Raise a ValueError for a tensor whose values cannot be read.

    Those are meta tensors, which have none, and sparse, nested and quantised ones.
    """
    import torch

    if tensor.layout != torch.strided or tensor.is_nested:
        raise ValueError(
            f"{name} must be a dense tensor; got the layout {tensor.layout}: pass {name}.to_dense()"
        )
    if tensor.is_quantized:
        raise ValueError(f"{name} must not be quantised; got {tensor.dtype}: pass .dequantize()")
    if tensor.is_meta:
        raise ValueError(
            f"{name} must hold values; got a tensor {tuple(tensor.shape)} on the device 'meta', "
            "which holds none"
        )


def as_tensor(values: ArrayLike, name: str) -> torch.Tensor:
    """As `as_numpy`, for a tensor; half precision is kept on devices other than the CPU."""
    import torch

    if isinstance(values, Sequence) and len(values) > 0 and is_tensor(values[0]):
        values = _stacked(values, name)
    if not isinstance(values, torch.Tensor):
        array = as_numpy(values, name)
        if not array.flags.writeable or any(stride < 0 for stride in array.strides):
            array = array.copy()  # torch takes neither read-only nor reversed buffers
        return torch.from_numpy(array)
    check_tensor(values, name)
    tensor = values.detach()
    if tensor.is_complex():
        raise TypeError(f"{name} must hold real numbers; got dtype {tensor.dtype}")
    half = tensor.dtype in (torch.float16, torch.bfloat16) and tensor.device.type != "cpu"
    return tensor if tensor.dtype in (torch.float32, torch.float64) or half else tensor.float()


def _stacked(rows: Sequence[Any], name: str) -> torch.Tensor:
    """Rows that are tensors as one tensor."""
    import torch

    shapes = [tuple(row.shape) if is_tensor(row) else type(row).__name__ for row in rows]
    kinds = sorted(set(map(str, shapes)))
    if len(kinds) > 1:
        raise ValueError(f"{name} must be rows of one length; got shapes {', '.join(kinds)}")
    for row in rows:
        check_tensor(row, name)
    try:
        return torch.stack([row.detach() for row in rows])
    except RuntimeError as error:  # rows on several devices
        raise ValueError(f"{name} must be tensors that go together: {error}") from error


def as_precise(array: Array) -> Array:
    """An array in float64, or in float32 on a device that has no float64."""
    if not is_tensor(array):
        return array.astype(np.float64, copy=False)
    return array.float() if array.device.type == "mps" else array.double()


def host(array: Array) -> FloatArray:
    """An array as a numpy array."""
    if not is_tensor(array):
        return np.asarray(array)
    tensor: FloatArray = array.detach().cpu().resolve_conj().resolve_neg().numpy()
    return tensor


def as_given(array: FloatArray, home: torch.device | None) -> Any:
    """A numpy array as the caller's kind: itself, or a tensor on the device that it came from."""
    if home is None:
        return array
    import torch

    return torch.from_numpy(np.ascontiguousarray(array)).to(home)


def check_finite(array: Array, name: str) -> None:
    """Raise a ValueError that counts and places values that are NaN or infinite."""
    if is_tensor(array):
        if array.numel() == 0 or math.isfinite(float(array.sum())):
            return
    elif array.size == 0:
        return
    elif array.ndim > 0:
        # A sum of squares is several times cheaper than a look at every element, and NaN and ±inf
        # survive it.
        with np.errstate(over="ignore", invalid="ignore"):
            if math.isfinite(float(np.vecdot(array, array).sum())):
                return
    wrong = ~namespace(array).isfinite(array)
    number = int(wrong.sum())
    if number:
        first = tuple(int(axis[0]) for axis in namespace(array).nonzero(wrong))
        raise ValueError(
            f"{name} must be finite; {number} of {math.prod(array.shape)} values are NaN or "
            f"infinite, the first at position {first}"
        )
