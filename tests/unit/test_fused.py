"""The fused kernel against the oracle: through Triton's interpreter, or on a GPU if there is one.

Triton decides when it is imported whether to interpret, so each test runs in a process of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(find_spec("triton") is None, reason="Triton is not installed")
TESTS = Path(__file__).parents[1]


def run(code: str) -> str:
    paths = os.pathsep.join([str(TESTS), str(TESTS / "property"), str(TESTS.parent)])
    environment = {**os.environ, "TRITON_INTERPRET": "1", "PYTHONPATH": paths}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_three_hundred_random_problems() -> None:
    code = """
from random_problems import check, random_case
done, seed = 0, 100_000
while done < 300:
    case = random_case(seed, least_noise=1e-4, kernels=True)
    seed += 1
    if case.objective != "entropy":
        check(case, "fused")
        done += 1
print(done)
"""
    assert run(code).strip() == "300"


def test_what_random_problems_do_not_reach() -> None:
    """Scratch rows, several tiles of K and d, ids, budgets, weights, half precision, batches."""
    code = """
import numpy as np, torch
from sift_retrievers import Exponential, RelevanceWeighted, select
from sift_retrievers.backends.fused import select_fused
from sift_retrievers.backends.reference import select_reference
from sift_retrievers.problems import build_problem

random = np.random.default_rng(0)

def same(queries, candidates, k, half=None, **options):
    problem = build_problem(queries, candidates, k, **options)
    if half is not None:
        from dataclasses import replace
        rounded = torch.as_tensor(candidates).to(half).reshape(problem.candidates.shape)
        fused = select_fused(replace(problem, candidates=rounded))
        problem = replace(problem, candidates=rounded.float())
    else:
        fused = select_fused(problem)
    expected = select_reference(problem)
    assert torch.equal(fused.indices >= 0, expected.indices >= 0)
    torch.testing.assert_close(fused.gains, expected.gains, rtol=1e-3, atol=1e-5)
    if expected.variance is not None:
        torch.testing.assert_close(fused.variance, expected.variance, rtol=0, atol=1e-5)

queries = random.normal(size=(3, 2, 150)).astype(np.float32)
pool = random.normal(size=(3, 700, 150)).astype(np.float32)
same(queries, pool, 20, lambda_=0.1)                     # 20 rows of 700 do not fit on chip
same(queries, pool[:, :70], 5, lambda_=0.1)              # these do
same(queries, pool[0], 5, lambda_=0.1)                   # one pool for all
same(queries, pool[:, :70], 5, half=torch.bfloat16)
same(queries, pool[:, :70], 5, half=torch.float16, kernel=Exponential(4.0, 2.0))
ids = np.stack([random.permutation(700)[:40] for _ in range(3)])
ids[1, ::3] = -1
ids[2] = -1
costs = random.uniform(1, 5, size=(3, 40))
same(queries, pool[0], 12, ids=ids, lambda_=0.1)
same(queries, pool[0], 12, ids=ids, costs=costs, budget=[9.0, 20.0, 5.0], per_cost=True)
same(queries, pool[0], 12, ids=ids, kernel=RelevanceWeighted(4.0), objective="undirected")
same(queries[:, :1], pool[:, :3], 6, replacement=True)
same(queries[:, :1], pool[:, :3], 6)                     # fewer than k
same(queries[:, :1], pool[:, :0], 6)                     # none at all
chosen = select(queries, pool[:, :70], 5, backend="fused")
assert isinstance(chosen.indices, np.ndarray)
print("same")
"""
    assert run(code).strip() == "same"


def test_entropy_is_not_for_the_fused_kernel() -> None:
    code = """
import numpy as np
from sift_retrievers import select
try:
    select(np.ones(3), np.eye(3), 1, objective="entropy", backend="fused")
except ValueError as error:
    print(error)
"""
    assert "backend 'fused' cannot solve this problem: entropy" in run(code)
