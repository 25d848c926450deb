"""Which backend solves a problem, and the rule by which it is chosen.

| where the vectors are | kernel | backend |
|---|---|---|
| CPU | those of `BUILT_IN_KERNELS` | `compiled` with numba (extra `fast`), else `single` |
| CPU | another function of inner products | `single` |
| CPU | a kernel of your own | `reference` |
| CUDA, float32, not "entropy", no groups | the same | `fused` with Triton |
| another torch device, or anything else | any | `reference` |

On a CPU a selection is bound by reading the candidates once a pick. Query by query, the vectors
stay in the cache from pick to pick; a batched step would stream the whole batch from memory. So a
batch is solved query by query there.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Final

import torch

from sift_retrievers.backends.problem import Objective, Picks, Problem
from sift_retrievers.backends.reference import select_reference
from sift_retrievers.backends.single import select_single
from sift_retrievers.kernels import BUILT_IN_KERNELS, InnerProductKernel

Backend = Callable[[Problem], Picks]
BACKENDS: Final = ("compiled", "fused", "reference", "single")
NEEDS: Final = {
    "compiled": ("numba", "pip install 'sift-retrievers[fast]'"),
    "fused": ("triton", "it comes with torch's CUDA builds for Linux; or pip install triton"),
}
MOST_CANDIDATES: Final = 8192  # of a query that the fused kernel keeps on chip


def choose(problem: Problem, name: str | None = None) -> Backend:
    """The backend of that name, or the one that the rule above gives.

    Raises:
        ValueError: for a name that is not known, or a backend that cannot solve this problem.
        ImportError: for "compiled" without numba, "fused" without Triton.
    """
    fits = _fits(problem)
    if name is None:
        name = next(backend for backend in fits if fits[backend] and _installed(backend))
    if name not in BACKENDS:
        raise ValueError(f"backend must be one of {list(BACKENDS)}; got {name!r}")
    if not fits[name] and not (name == "fused" and _interpreted() and _fused_fits(problem)):
        raise ValueError(
            f"backend {name!r} cannot solve this problem: {problem.objective} with "
            f"{problem.kernel!r} in {problem.targets.dtype} on {problem.candidates.device}; "
            "sift_retrievers.backends.dispatch says what each backend takes"
        )
    if not _installed(name):
        raise ImportError(f"backend {name!r} needs {NEEDS[name][0]}: {NEEDS[name][1]}")
    return _load(name)


def _fits(problem: Problem) -> dict[str, bool]:
    """Backends in order of preference, and whether they can solve the problem."""
    on_cpu = problem.candidates.device.type == "cpu"
    return {
        "compiled": on_cpu and type(problem.kernel) in BUILT_IN_KERNELS,
        "single": on_cpu and isinstance(problem.kernel, InnerProductKernel),
        "fused": problem.candidates.is_cuda and _fused_fits(problem),
        "reference": True,
    }


def _fused_fits(problem: Problem) -> bool:
    return (
        type(problem.kernel) in BUILT_IN_KERNELS
        and problem.targets.dtype == torch.float32
        and problem.objective is not Objective.ENTROPY
        and problem.groups is None
        and problem.pool_size <= MOST_CANDIDATES
    )


def _interpreted() -> bool:
    """Whether Triton's interpreter stands in for a GPU, as it does in tests."""
    return os.environ.get("TRITON_INTERPRET") == "1"


@cache
def _installed(name: str) -> bool:
    return name not in NEEDS or find_spec(NEEDS[name][0]) is not None


@cache
def _load(name: str) -> Backend:
    if name == "compiled":
        from sift_retrievers.backends.compiled import select_compiled

        return select_compiled
    if name == "fused":
        from sift_retrievers.backends.fused import select_fused

        return select_fused
    return select_single if name == "single" else select_reference
