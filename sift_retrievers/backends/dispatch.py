"""Which backend solves a problem, and the rule by which it is chosen.

| where the vectors are | kernel | backend |
|---|---|---|
| CPU | cosine, linear, exponential | `compiled` with numba (extra `fast`), else `single` |
| CPU | another function of inner products | `single` |
| CPU | a kernel of your own | `reference` |
| another torch device | any | `reference` |

On a CPU a selection is bound by reading the candidates once a pick. Query by query, the vectors
stay in the cache from pick to pick; a batched step would stream the whole batch from memory. So a
batch is solved query by query there, and costs no more per query than one at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Final

from sift_retrievers.backends.problem import Picks, Problem
from sift_retrievers.backends.reference import select_reference
from sift_retrievers.backends.single import select_single
from sift_retrievers.kernels import Cosine, Exponential, InnerProductKernel, Linear

Backend = Callable[[Problem], Picks]
BACKENDS: Final = ("compiled", "reference", "single")


def choose(problem: Problem, name: str | None = None) -> Backend:
    """The backend of that name, or the one that the rule above gives.

    Raises:
        ValueError: for a name that is not known, or a backend that cannot solve this problem.
        ImportError: for "compiled" without numba.
    """
    on_cpu = problem.candidates.device.type == "cpu"
    fits = {
        "compiled": on_cpu and type(problem.kernel) in (Cosine, Linear, Exponential),
        "single": on_cpu and isinstance(problem.kernel, InnerProductKernel),
        "reference": True,
    }
    if name is None:
        usable = [*(["compiled"] if _has_numba() else []), "single", "reference"]
        name = next(backend for backend in usable if fits[backend])
    if name not in BACKENDS:
        raise ValueError(f"backend must be one of {list(BACKENDS)}; got {name!r}")
    if not fits[name]:
        raise ValueError(
            f"backend {name!r} needs vectors on the CPU and a built-in kernel; got "
            f"{problem.candidates.device} and {problem.kernel!r}"
        )
    if name == "compiled":
        return _compiled()
    return select_single if name == "single" else select_reference


@cache
def _has_numba() -> bool:
    return find_spec("numba") is not None


def _compiled() -> Backend:
    if not _has_numba():
        raise ImportError("backend 'compiled' needs numba: pip install 'sift-retrievers[fast]'")
    from sift_retrievers.backends.compiled import select_compiled

    return select_compiled
