"""`select` against brute force on random problems: objectives are compared, never index lists."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_problems import Case, check, random_case
from solvers import CPU_SOLVERS

from sift_retrievers import select


def check_block(solver: str, seeds: range, *, least_noise: float, kernels: bool) -> None:
    for seed in seeds:
        try:
            check(random_case(seed, least_noise=least_noise, kernels=kernels), solver)
        except AssertionError as failure:
            raise AssertionError(f"seed {seed}: {failure}") from failure


@pytest.mark.parametrize("solver", CPU_SOLVERS)
@pytest.mark.parametrize("block", range(5))
def test_a_thousand_problems_with_the_papers_kernel(block: int, solver: str) -> None:
    seeds = range(200 * block, 200 * (block + 1))
    check_block(solver, seeds, least_noise=1e-3, kernels=False)


@pytest.mark.parametrize("solver", CPU_SOLVERS)
@pytest.mark.parametrize("block", range(5))
def test_all_kernels_and_objectives(block: int, solver: str) -> None:
    seeds = range(10_000 + 100 * block, 10_000 + 100 * (block + 1))
    check_block(solver, seeds, least_noise=1e-4, kernels=True)


@pytest.mark.slow
@pytest.mark.parametrize("solver", CPU_SOLVERS)
@pytest.mark.parametrize("block", range(20))
def test_ten_thousand_problems(block: int, solver: str) -> None:
    seeds = range(100_000 + 500 * block, 100_000 + 500 * (block + 1))
    check_block(solver, seeds, least_noise=1e-4, kernels=True)


@given(seed=st.integers(min_value=1_000_000, max_value=2**63 - 1))
@settings(
    max_examples=100, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
def test_problems_that_hypothesis_looks_for(seed: int) -> None:
    check(random_case(seed, least_noise=1e-4, kernels=True))


@given(
    rows=st.lists(
        st.lists(st.floats(-100, 100, width=32), min_size=3, max_size=3), min_size=1, max_size=12
    ),
    query=st.lists(st.floats(-100, 100, width=32), min_size=3, max_size=3),
    noise=st.floats(1e-2, 10),  # at 1e-3 vectors can be made up that float32 misses by 1.2e-5
    solver=st.sampled_from([None, "numpy", "reference"]),
)
@settings(max_examples=200, derandomize=True, deadline=None)
def test_vectors_that_hypothesis_makes_up(
    rows: list[list[float]], query: list[float], noise: float, solver: str | None
) -> None:
    """Axis-parallel, zero, tiny and repeated vectors, which random normal ones never are."""
    target = np.array(query, dtype=np.float32)
    if not np.any(target):
        with pytest.raises(ValueError, match="zero vector"):
            select(target, np.array(rows), 3, lambda_=noise)
        return
    check(Case(target[None], np.array(rows, dtype=np.float32), 3, noise), solver)
