"""The fused kernel against the oracle, through Triton's interpreter.

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


def run(code: str, *, interpret: bool = True) -> str:
    paths = os.pathsep.join([str(TESTS), str(TESTS / "selection"), str(TESTS.parent)])
    environment = {**os.environ, "PYTHONPATH": paths}
    environment["TRITON_INTERPRET"] = "1" if interpret else "0"
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
from sift_retrievers import Exponential, RelevanceWeighted, SharedNoise
from sift_retrievers.selection.solvers.fused import select_fused
from sift_retrievers.selection.solvers.reference import select_reference
from sift_retrievers.selection.arguments import build_problem
from solvers import as_tensors

random = np.random.default_rng(0)

def same(queries, candidates, k, half=None, **options):
    problem = as_tensors(build_problem(queries, candidates, k, **options))
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
    torch.testing.assert_close(fused.variance, expected.variance, rtol=0, atol=1e-5)

queries = random.normal(size=(3, 2, 150)).astype(np.float32)
pool = random.normal(size=(3, 700, 150)).astype(np.float32)
same(queries, pool, 20, lambda_=0.1)                     # 20 rows of 700 do not fit on chip
same(queries, pool[:, :70], 5, lambda_=0.1)              # these do
same(queries, pool[0], 5, lambda_=0.1)                   # one pool for all
same(queries, pool[:, :70], 5, half=torch.bfloat16)
same(queries, pool[:, :70], 5, half=torch.float16, kernel=Exponential(4.0, 2.0))
same(queries, pool[:, :70], 8, kernel=SharedNoise(), lambda_=20.0)
ids = np.stack([random.permutation(700)[:40] for _ in range(3)])
ids[1, ::3] = -1
ids[2] = -1
costs = random.uniform(1, 5, size=(3, 40))
same(queries, pool[0], 12, ids=ids, lambda_=0.1)
same(queries, pool[0], 12, ids=ids, costs=costs, budget=[9.0, 20.0, 5.0])
same(queries, pool[0], 12, ids=ids, kernel=RelevanceWeighted(4.0), objective="undirected")
same(queries[:, :1], pool[:, :3], 6, replacement=True)
same(queries[:, :1], pool[:, :3], 6)                     # fewer than k
same(queries[:, :1], pool[:, :0], 6)                     # none at all
print("same")
"""
    assert run(code).strip() == "same"


def test_entropy_is_not_for_the_fused_kernel() -> None:
    code = """
import numpy as np
from sift_retrievers.selection.arguments import build_problem
from sift_retrievers.selection.solvers.dispatch import choose
from solvers import as_tensors
try:
    choose(as_tensors(build_problem(np.ones(3), np.eye(3), 1, objective="entropy")), "fused")
except ValueError as error:
    print(error)
"""
    assert "solver 'fused' cannot solve this problem: entropy" in run(code)


@pytest.mark.parametrize(("capability", "candidates"), [(80, "fp32"), (90, "bf16")])
def test_compiles_to_machine_code_for_gpus_that_are_not_there(
    capability: int, candidates: str
) -> None:
    """What the interpreter accepts need not compile; ptxas comes with Triton and needs no GPU."""
    code = f"""
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from sift_retrievers.selection.solvers.fused_kernel import select_kernel

pointers = dict.fromkeys("q weights costs budgets prior work rows gains variances".split(), "*fp32")
pointers |= {{"x": "*{candidates}", "ids": "*i64", "indices": "*i64"}}
numbers = dict.fromkeys("count dim steps k stride_b stride_k".split(), "i32")
numbers |= dict.fromkeys("noise beta radius error rounding epsilon".split(), "fp32")
sizes = {{"M": 1, "M_PAD": 1, "TILE_K": 64, "BLOCK_D": 128}}
off = "EXPONENTIAL SHARED_NOISE HAS_R HAS_COSTS HAS_BUDGET POSITIVE_ONLY"
flags = dict.fromkeys(off.split(), False)
flags |= {{"NORMALIZED": True, "REPLACEMENT": False, "UNDIRECTED": False}}
shapes = [
    {{"BLOCK_K": 256, "BLOCK_N": 16, "ROWS_ON_CHIP": True, "HAS_IDS": False}},
    {{"BLOCK_K": 1024, "BLOCK_N": 1, "ROWS_ON_CHIP": False, "HAS_IDS": True}},
]
for shape in shapes:
    constants = sizes | flags | shape
    kinds = pointers | numbers | dict.fromkeys(constants, "constexpr")
    signature = {{name: kinds[name] for name in select_kernel.arg_names}}
    source = ASTSource(fn=select_kernel, signature=signature, constexprs=constants)
    target = GPUTarget("cuda", {capability}, 32)
    built = triton.compile(source, target=target, options={{"num_warps": 8}})
    assert len(built.asm["cubin"]) > 0
print("compiled")
"""
    assert run(code, interpret=False).strip() == "compiled"
