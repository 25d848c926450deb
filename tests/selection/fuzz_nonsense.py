"""Arguments of `select` that make no sense: one of a random call is spoilt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from fuzz_calls import Call, random_call
from fuzz_forms import TORCH
from fuzz_kernels import MISBEHAVING, MISBEHAVING_FUNCTIONS, OF_TENSORS

from sift_retrievers import Cosine, Coverage, RelevanceWeighted

Spoiler = tuple[str, Callable[[Call, np.random.Generator], Any]]


def spoilt_call(seed: int) -> tuple[Call, str]:
    """A call that `select` is to refuse, and the argument that its message is to name."""
    random = np.random.default_rng(seed + 10**9)
    call = random_call(seed)
    while len(call.truths[0].positions) < 2 or call.matrix:
        seed += 1_000_003
        call = random_call(seed)
    call.options.pop("device", None)
    name, spoil = SPOILERS[random.integers(0, len(SPOILERS))]
    spoil(call, random)
    return call, name


def _set(name: str, *values: Any) -> Spoiler:
    """The option, or the argument, replaced by one of the values."""

    def spoil(call: Call, random: np.random.Generator) -> None:
        value = values[random.integers(0, len(values))]
        if name in ("queries", "candidates", "k"):
            setattr(call, name, value)
        else:
            call.options[name] = value

    return name, spoil


def _spoil_values(name: str, change: Callable[[Any, np.random.Generator], Any]) -> Spoiler:
    """The argument's array, changed."""

    def spoil(call: Call, random: np.random.Generator) -> None:
        values: Any = getattr(call, name)
        if hasattr(values, "detach"):
            values = values.detach().numpy()
        setattr(call, name, change(np.array(values, dtype=np.float64, order="C"), random))

    return name, spoil


def _with(values: Any, random: np.random.Generator) -> Any:
    """One value, of those that some query may pick, is none."""
    values.reshape(-1)[:] = random.choice([np.nan, np.inf, -np.inf])
    return values


def _masked(values: Any, random: np.random.Generator) -> Any:
    mask = random.random(values.shape) < 0.5
    mask.reshape(-1)[0] = True
    return np.ma.masked_array(values, mask=mask)


def _as_sparse(values: Any, random: np.random.Generator) -> Any:
    import torch

    return torch.from_numpy(values).to_sparse()


def _as_meta(values: Any, random: np.random.Generator) -> Any:
    import torch

    return torch.from_numpy(values).to("meta")


def _of_size(name: str, make: Callable[[int], Any], *needs: str) -> Spoiler:
    """An option made for K candidates, with what it needs beside it."""

    def spoil(call: Call, random: np.random.Generator) -> None:
        ids = call.options.get("ids")
        size = np.shape(call.candidates)[-2] if ids is None else np.shape(ids)[-1]
        if name == "relevance":
            call.options["kernel"] = RelevanceWeighted(base=Cosine())
            call.options.pop("solver", None)
        if "costs" in needs:
            call.options["costs"] = np.ones(size)
        if "once" in needs:
            call.options.pop("replacement", None)
        if name == "ids":
            call.options.pop("groups", None)
        call.options[name] = make(size)

    return name, spoil


def _kernel(call: Call, random: np.random.Generator) -> None:
    call.options["kernel"] = MISBEHAVING[random.integers(0, len(MISBEHAVING))]
    for name in ("relevance", "solver"):
        call.options.pop(name, None)
    for name in ("queries", "candidates"):
        values: Any = getattr(call, name)
        values = values.detach().numpy() if hasattr(values, "detach") else values
        values = np.array(values, dtype=np.float64)
        setattr(call, name, values / max(np.abs(values).max(), 1e-30))


def _function(call: Call, random: np.random.Generator) -> None:
    _kernel(call, random)
    call.options["kernel"] = MISBEHAVING_FUNCTIONS[random.integers(0, len(MISBEHAVING_FUNCTIONS))]


def _kernel_of_tensors(call: Call, random: np.random.Generator) -> None:
    import torch

    _kernel(call, random)
    call.options["kernel"] = OF_TENSORS[random.integers(0, len(OF_TENSORS))]
    call.candidates = torch.from_numpy(call.candidates)


def _endless(call: Call, random: np.random.Generator) -> None:
    """More picks with replacement than memory holds."""
    call.options["replacement"] = True
    call.options.pop("groups", None)
    call.options.pop("ids", None)
    call.options.pop("costs", None)
    call.options.pop("budget", None)
    call.k = [2**70, 10**15, 10**11, 2**63][random.integers(0, 4)]


def _weighted_misbehaving(call: Call, random: np.random.Generator) -> None:
    _kernel(call, random)
    call.options["kernel"] = RelevanceWeighted(base=call.options["kernel"])


NAN, INF = float("nan"), float("inf")
SPOILERS: Final[list[Spoiler]] = [
    *[_spoil_values(name, _with) for name in ("queries", "candidates")],
    *[_spoil_values(name, _masked) for name in ("queries", "candidates")],
    *[
        _spoil_values(name, change)
        for name in ("queries", "candidates")
        for change in ((_as_sparse, _as_meta) if TORCH else ())
    ],
    _spoil_values("candidates", lambda x, r: x.astype(complex)),
    _spoil_values("candidates", lambda x, r: x.astype(str)),
    _spoil_values("candidates", lambda x, r: x[..., :0]),
    _spoil_values("candidates", lambda x, r: x.ravel()),
    _spoil_values("candidates", lambda x, r: x[None, None]),
    _spoil_values("candidates", lambda x, r: np.concatenate([x, x], axis=-1)),
    _spoil_values("queries", lambda x, r: x * 0),
    _spoil_values("queries", lambda x, r: x[None, None, None]),
    _spoil_values("queries", lambda x, r: x[..., :0]),
    _set("queries", None, "a", [["a"]], [[1.0], [1.0, 2.0]], object(), {}, [], 1j),
    _set("candidates", None, "a", [["a"]], [[1.0], [1.0, 2.0]], object(), {}, [None]),
    _set("k", 0, -1, 1.5, "3", None, True, np.array([3]), np.float64(2), NAN, [2], 1j),
    _set("lambda_", 0, -1.0, NAN, INF, "much", None, [1.0, 2.0], 1j, np.array([1.0, 2.0])),
    _set("objective", "best", None, 3, [], b"variance", np.array(["variance"]), ()),
    _set("replacement", "yes", 2, None, np.array([1, 0]), []),
    _set("alpha", 0, -1.0, NAN, INF, "a", [1.0, 2.0], np.array([0.1, 0.2])),
    _set("min_gain", 0, -1.0, NAN, INF, "a", [1.0, 2.0], np.array([0.1, 0.2])),
    _set("device", "gpu", 3.5, True, [], "meta", "mps", "cuda:7", "cpu:x", ""),
    _set("solver", "fast", "", 3, [], np.array(["numpy"]), "fused"),
    _set("kernel", "euclid", 3, Cosine, object(), Coverage([], []), "phrases", [[1.0]], None),
    ("kernel", _kernel),
    ("kernel", _kernel),
    ("kernel", _kernel),
    ("kernel", _weighted_misbehaving),
    ("kernel", _function),
    ("kernel", _function),
    *([("kernel", _kernel_of_tensors)] * 2 if TORCH else []),
    ("k", _endless),
    _of_size("relevance", lambda n: np.ones(n + 1)),
    _of_size("relevance", lambda n: np.full(n, NAN)),
    _of_size("relevance", lambda n: [1e305, *[0.0] * (n - 1)]),
    _of_size("relevance", lambda n: ["a"] * n),
    _of_size("relevance", lambda n: np.ma.masked_array(np.ones(n), mask=True)),
    _of_size("costs", lambda n: np.ones((3, n + 1))),
    _of_size("costs", lambda n: [-1.0] * n),
    _of_size("costs", lambda n: [NAN] * n),
    _of_size("costs", lambda n: 1.0),
    _of_size("costs", lambda n: [1j] * n),
    _of_size("costs", lambda n: ["a"] * n),
    _of_size("budget", lambda n: -1.0, "costs"),
    _of_size("budget", lambda n: NAN, "costs"),
    _of_size("budget", lambda n: "3", "costs"),
    _of_size("budget", lambda n: np.ones((2, 2)), "costs"),
    _of_size("budget", lambda n: np.ma.masked_array([1.0], mask=[True]), "costs"),
    _of_size("groups", lambda n: np.ones(n), "once"),
    _of_size("groups", lambda n: np.ones(n + 1, dtype=int), "once"),
    _of_size("groups", lambda n: [[1], [1, 2]], "once"),
    _of_size("groups", lambda n: ["a"] * n, "once"),
    _of_size("ids", lambda n: np.full((7, n), 0)),
    _of_size("ids", lambda n: [[0.5] * n] * 3),
    _of_size("ids", lambda n: [[10**6] * n] * 3),
    _of_size("ids", lambda n: [[2**70] * n] * 3),
    _of_size("ids", lambda n: "ids"),
]
