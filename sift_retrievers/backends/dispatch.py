"""Which backend solves a problem, and the rule by which it is chosen.

| where the vectors are | kernel | backend |
|---|---|---|
| CPU | a function of inner products (all built-in ones) | `single`: query by query, in numpy |
| CPU | a kernel of your own | `reference` |
| another torch device | any | `reference` |

On a CPU a selection is bound by reading the candidates once a pick. Query by query, the vectors
stay in the cache from pick to pick; a batched step would stream the whole batch from memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sift_retrievers.backends.problem import Picks, Problem
from sift_retrievers.backends.reference import select_reference
from sift_retrievers.backends.single import select_single
from sift_retrievers.kernels import InnerProductKernel

Backend = Callable[[Problem], Picks]
BACKENDS: Final[dict[str, Backend]] = {"reference": select_reference, "single": select_single}


def choose(problem: Problem, name: str | None = None) -> Backend:
    """The backend of that name, or the one that the rule above gives.

    Raises:
        ValueError: for a name that is not known, or a backend that cannot solve this problem.
    """
    if name is None:
        name = "single" if _single_fits(problem) else "reference"
    if name not in BACKENDS:
        raise ValueError(f"backend must be one of {sorted(BACKENDS)}; got {name!r}")
    if name == "single" and not _single_fits(problem):
        raise ValueError(
            "backend 'single' needs vectors on the CPU and a kernel that is a function of inner "
            f"products; got {problem.candidates.device} and {problem.kernel!r}"
        )
    return BACKENDS[name]


def _single_fits(problem: Problem) -> bool:
    return problem.candidates.device.type == "cpu" and isinstance(
        problem.kernel, InnerProductKernel
    )
