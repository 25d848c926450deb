"""One array in the many forms in which callers hold arrays."""

from __future__ import annotations

import array
from importlib.util import find_spec
from typing import Any

import numpy as np

TORCH = find_spec("torch") is not None


def rounded(values: Any, random: np.random.Generator) -> tuple[Any, Any]:
    """Values in a random type, and the same values in float64 as `select` is to read them."""
    largest = np.abs(values).max(initial=0.0)
    types: list[Any] = [np.float32] * 4 + [np.float64] * 3
    if 1e-2 < largest < 1e3:
        types += [np.float16, np.longdouble, ">f4", ">f8", np.int8, np.int32, np.int64, np.bool_]
    kind = np.dtype(types[random.integers(0, len(types))])
    if kind.kind in "ib":
        values = np.rint(values * (20 / largest))
    made = values.astype(kind)
    return made, made.astype(np.float64)


def in_some_form(made: Any, random: np.random.Generator, *, tensors: bool) -> Any:
    """The same values laid out otherwise, or held otherwise."""
    native = made.astype(made.dtype.newbyteorder("="))
    forms = ["plain"] * 5 + ["fortran", "strided", "reversed", "frozen", "unaligned"]
    if made.dtype.kind in "fi" and made.dtype.itemsize <= 8:
        forms += ["list", "tuple", "rows"] if made.ndim > 0 and made.size else []
        forms += ["array.array"] if made.ndim == 1 and made.dtype.itemsize >= 4 else []
        forms += ["tensor"] * 3 if tensors and TORCH else []
    form = str(random.choice(forms))
    if form == "fortran":
        return np.asfortranarray(made)
    if form == "strided":
        return np.repeat(made, 2, axis=-1)[..., ::2] if made.ndim else made
    if form == "reversed":
        return np.ascontiguousarray(made[::-1])[::-1] if made.ndim else made
    if form == "frozen":
        made = made.copy()
        made.flags.writeable = False
        return made
    if form == "unaligned" and made.dtype.kind == "f":
        return np.frombuffer(b"x" + made.tobytes(), made.dtype, offset=1).reshape(made.shape)
    if form == "list":
        return native.tolist()
    if form == "tuple":
        return tuple(native.tolist())
    if form == "rows":
        return list(native)
    if form == "array.array":
        code = {"f4": "f", "f8": "d", "i4": "i", "i8": "q"}[native.dtype.str[1:]]
        return array.array(code, native.tolist())
    if form == "tensor":
        return as_tensor(native, random)
    return made


def as_tensor(values: Any, random: np.random.Generator) -> Any:
    import torch

    tensor = torch.from_numpy(np.array(values))
    if tensor.is_floating_point() and random.random() < 0.3:
        tensor.requires_grad_()
    return tensor
