"""`select` against brute force on random problems: objectives are compared, never index lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracle import worst_errors

from sift_retrievers import select

# The tolerances that the project promises in float32.
REGRET = 1e-4
VARIANCE = 1e-5


@dataclass(frozen=True)
class Case:
    targets: npt.NDArray[Any]
    candidates: npt.NDArray[Any]
    k: int
    noise: float
    replacement: bool


def make_case(seed: int) -> Case:
    """K ≤ 60, d ≤ 32, m ≤ 3, λ′ in [1e-3, 10], up to all candidates near-duplicates or copies."""
    random = np.random.default_rng(seed)
    count, dim, m = random.integers(1, 61), random.integers(1, 33), random.integers(1, 4)
    candidates = random.normal(size=(count, dim))
    copies = random.integers(0, count + 1)
    spread = random.choice([0.0, 1e-6, 1e-3, 1e-1])
    originals = random.integers(0, count, size=copies)
    candidates[random.permutation(count)[:copies]] = (
        candidates[originals] + random.normal(size=(copies, dim)) * spread
    )
    candidates *= 10 ** random.uniform(-2, 2)  # stored vectors need not be of unit length
    targets = random.normal(size=(m, dim))
    if random.random() < 0.5:
        targets += candidates[random.integers(0, count, size=m)]
    return Case(
        targets=targets.astype(np.float32),
        candidates=candidates.astype(np.float32),
        k=int(random.integers(1, 13)),
        noise=float(10 ** random.uniform(-3, 1)),
        replacement=bool(random.random() < 0.5),
    )


def check(case: Case) -> None:
    chosen = select(
        case.targets[None],
        case.candidates,
        case.k,
        lambda_=case.noise,
        replacement=case.replacement,
    )
    picks = [int(i) for i in chosen.indices[0] if i >= 0]
    expected = case.k if case.replacement else min(case.k, len(case.candidates))
    assert len(picks) == expected
    if not case.replacement:
        assert len(set(picks)) == len(picks)
    regret, error = worst_errors(
        case.targets,
        case.candidates,
        picks,
        chosen.variance[0].tolist(),
        case.noise,
        replacement=case.replacement,
    )
    assert regret <= REGRET, f"regret {regret:.2e} of σ²_0"
    assert error <= VARIANCE, f"variance wrong by {error:.2e} of σ²_0"
    assert np.all(np.diff(chosen.variance[0]) <= 0)
    assert np.all(chosen.gains[0] >= 0)


@pytest.mark.parametrize("block", range(10))
def test_a_thousand_random_problems(block: int) -> None:
    for seed in range(100 * block, 100 * (block + 1)):
        try:
            check(make_case(seed))
        except AssertionError as failure:
            raise AssertionError(f"seed {seed}: {failure}") from failure


@given(seed=st.integers(min_value=1000, max_value=2**63 - 1))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_problems_that_hypothesis_looks_for(seed: int) -> None:
    check(make_case(seed))


@given(
    rows=st.lists(
        st.lists(st.floats(-100, 100, width=32), min_size=3, max_size=3), min_size=1, max_size=12
    ),
    query=st.lists(st.floats(-100, 100, width=32), min_size=3, max_size=3),
    noise=st.floats(1e-3, 10),
)
@settings(max_examples=200, deadline=None)
def test_vectors_that_hypothesis_makes_up(
    rows: list[list[float]], query: list[float], noise: float
) -> None:
    """Axis-parallel, zero, tiny and repeated vectors, which random normal ones never are."""
    target = np.array(query, dtype=np.float32)
    if not np.any(target):
        with pytest.raises(ValueError, match="prior variance"):
            select(target, np.array(rows), 3, lambda_=noise)
        return
    check(Case(target[None], np.array(rows, dtype=np.float32), 3, noise, replacement=False))
