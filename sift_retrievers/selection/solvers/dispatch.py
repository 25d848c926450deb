"""Which solver solves which problem.

| the arrays | kernel | solver |
|---|---|---|
| numpy | those of `BUILT_IN_KERNELS` | `compiled` where the extension was built, else `numpy` |
| numpy | another function of inner products | `numpy` |
| CUDA, float32, not "entropy", no groups | those of `BUILT_IN_KERNELS` | `fused` with Triton |
| anything else | any, also the caller's own | `reference` |

Tensors on a CPU have become numpy arrays by now, unless the kernel is the caller's own.

On a CPU most time goes into reading the candidates. So a batch is solved query by query: the
vectors of one query stay in the cache from pick to pick.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Final

from sift_retrievers import acceleration
from sift_retrievers.arrays import is_tensor
from sift_retrievers.kernels.built_in import BUILT_IN_KERNELS
from sift_retrievers.kernels.kernel import InnerProductKernel
from sift_retrievers.selection.problem import Objective, Picks, Problem
from sift_retrievers.selection.solvers.compiled import select_compiled
from sift_retrievers.selection.solvers.numpy_solver import select_numpy
from sift_retrievers.selection.solvers.reference import select_reference

Solver = Callable[[Problem], Picks]
SOLVERS: Final = ("compiled", "numpy", "fused", "reference")
"""In order of preference."""
NEEDS: Final = {
    "compiled": "the extension module, which was not built: it needs a C compiler",
    "fused": "triton: it comes with torch's CUDA builds for Linux; or pip install triton",
}
MOST_CANDIDATES: Final = 8192  # of a query that the fused kernel keeps on chip


def choose(problem: Problem, name: str | None = None) -> Solver:
    """The solver of that name; without a name, the first in `SOLVERS` that can solve the problem.

    Raises:
        ValueError: for a name that is not known, or a solver that cannot solve this problem.
        ImportError: for "compiled" without the extension, "fused" without Triton.
    """
    if name is None:
        name = next(one for one in SOLVERS if _fits(one, problem) and _there(one))
    if not isinstance(name, str) or name not in SOLVERS:
        raise ValueError(f"solver must be one of {list(SOLVERS)}; got {name!r}")
    interpreted = name == "fused" and os.environ.get("TRITON_INTERPRET") == "1"
    if not _fits(name, problem, interpreted=interpreted):
        where = problem.candidates.device if is_tensor(problem.candidates) else "the CPU"
        raise ValueError(
            f"solver {name!r} cannot solve this problem: {problem.objective} with "
            f"{problem.kernel!r} in {problem.targets.dtype} on {where}; "
            "sift_retrievers.selection.solvers.dispatch says what each solver takes"
        )
    if not _there(name):
        raise ImportError(f"solver {name!r} needs {NEEDS[name]}")
    if name == "fused":
        from sift_retrievers.selection.solvers.fused import select_fused

        return select_fused
    return {
        "compiled": select_compiled,
        "numpy": select_numpy,
        "reference": select_reference,
    }[name]


def _fits(name: str, problem: Problem, *, interpreted: bool = False) -> bool:
    """Whether a solver can solve the problem; `interpreted`: by Triton's interpreter, on a CPU."""
    tensors = is_tensor(problem.candidates)
    built_in = type(problem.kernel) in BUILT_IN_KERNELS
    if name == "compiled":
        return not tensors and built_in
    if name == "numpy":
        return not tensors and isinstance(problem.kernel, InnerProductKernel)
    if name == "fused":
        return (
            tensors
            and (problem.candidates.is_cuda or interpreted)
            and built_in
            and str(problem.targets.dtype) == "torch.float32"
            and problem.objective is not Objective.ENTROPY
            and problem.groups is None
            and problem.pool_size <= MOST_CANDIDATES
        )
    return True


def _there(name: str) -> bool:
    if name == "compiled":
        return acceleration.compiled() is not None
    return name != "fused" or _triton()


@cache
def _triton() -> bool:
    return find_spec("triton") is not None
