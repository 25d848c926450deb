"""The solvers that run on a CPU, for parametrised tests."""

from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from sift_retrievers import Selection, acceleration
from sift_retrievers.selection.arguments import build_problem
from sift_retrievers.selection.problem import Problem
from sift_retrievers.selection.result import selection_of

not_built = pytest.mark.skipif(
    acceleration.compiled() is None, reason="the extension module is not built, or switched off"
)
COMPILED = pytest.param("compiled", marks=not_built)
CPU_SOLVERS = [COMPILED, "numpy", "reference"]


def as_tensors(problem: Problem) -> Problem:
    """The same problem with torch tensors on the CPU, as a GPU would be given it."""
    import torch

    def tensor(value: Any) -> Any:
        return torch.from_numpy(np.array(value)) if isinstance(value, np.ndarray) else value

    changes = {field.name: tensor(getattr(problem, field.name)) for field in fields(problem)}
    return Problem(**changes)


def select_fused(*arguments: Any, **options: Any) -> Selection[Any]:
    """`select` by the fused kernel in Triton's interpreter."""
    from sift_retrievers.selection.solvers.fused import select_fused as solve

    problem = as_tensors(build_problem(*arguments, **options))
    return selection_of(problem, solve(problem), alpha=None, min_gain=None, single=False, home=None)
