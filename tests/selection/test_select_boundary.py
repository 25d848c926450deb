"""The boundary of `select`, `gains_after` and `posterior_variance`: it works, or says what came."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from solvers import CPU_SOLVERS
from tensors import ARRAY_KINDS, needs_torch, tensor

from sift_retrievers import (
    Exponential,
    Kernel,
    RelevanceWeighted,
    SharedNoise,
    StopReason,
    gains_after,
    posterior_variance,
    select,
)
from sift_retrievers.kernels.kernel import InnerProductKernel

RANDOM = np.random.default_rng(0)
POOL = RANDOM.normal(size=(20, 8)).astype(np.float32)
QUERY = RANDOM.normal(size=8).astype(np.float32)


def doors(queries: Any, candidates: Any, **options: Any) -> list[Any]:
    """The three functions, called alike."""
    return [
        lambda: select(queries, candidates, 3, **options),
        lambda: gains_after(queries, candidates, [0, 1], **options),
        lambda: posterior_variance(queries, candidates, **options),
    ]


@needs_torch
@pytest.mark.parametrize("device", ["gpu", 0, "mps", "meta", "cpu:x", 1.5, True, "cuda:99"])
def test_devices_that_are_not_there(device: Any) -> None:
    import torch

    if device == 0 and torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    if device == "mps" and torch.backends.mps.is_available():
        pytest.skip("there is an MPS device")
    for candidates in (POOL, tensor(POOL)):
        with pytest.raises(ValueError, match=rf"device.*{device}"):
            select(QUERY, candidates, 3, device=device)


@needs_torch
@pytest.mark.parametrize("argument", [0, 1])
def test_tensors_without_values_to_read(argument: int) -> None:
    name = ["queries", "candidates"][argument]
    cases = {
        "holds none": lambda x: x.to("meta"),
        r"dense tensor.*to_dense": lambda x: x.to_sparse(),
    }
    for message, change in cases.items():
        given = [tensor(QUERY), tensor(POOL)]
        given[argument] = change(given[argument])
        for call in doors(*given):
            with pytest.raises(ValueError, match=rf"{name} must .*{message}"):
                call()
    with pytest.raises(ValueError, match=r"costs must .*'meta'"):
        select(QUERY, POOL, 3, costs=tensor(np.ones(20)).to("meta"))


@needs_torch
def test_tensors_with_gradients_and_of_half_precision() -> None:
    pool = tensor(POOL).bfloat16().requires_grad_()
    exact = pool.detach().double().numpy()
    for found, expected in zip(doors(QUERY, pool), doors(QUERY, exact), strict=True):
        left, right = found(), expected()
        np.testing.assert_allclose(
            np.asarray(getattr(left, "gains", left)), getattr(right, "gains", right), rtol=1e-4
        )
    by_costs = select(QUERY, POOL, 3, costs=tensor(np.ones(20)).requires_grad_(), budget=2.0)
    assert (by_costs.indices >= 0).sum() == 2


@pytest.mark.parametrize("name", ["queries", "candidates", "relevance", "costs", "groups", "ids"])
def test_masks_are_not_looked_behind(name: str) -> None:
    arguments: dict[str, Any] = {"queries": QUERY, "candidates": POOL}
    values = {"groups": np.arange(20), "ids": np.arange(20)}.get(name, np.ones(20))
    values = np.ma.masked_array(arguments.get(name, values), mask=False)
    if name == "relevance":
        arguments["kernel"] = "relevance"
    assert select(**(arguments | {name: values}), k=3).indices[0] >= 0
    values.mask = np.arange(values.size).reshape(values.shape) % 2 == 0
    arguments[name] = values
    with pytest.raises(ValueError, match=f"{name} must have a value everywhere; got a masked"):
        select(**arguments, k=3)


@pytest.mark.parametrize("ids", [[], [[]], np.zeros((1, 0)), np.zeros((1, 0), np.int64)])
@pytest.mark.parametrize("solver", CPU_SOLVERS)
def test_ids_of_nobody(ids: Any, solver: str) -> None:
    chosen = select(QUERY, POOL, 3, ids=ids, solver=solver)
    assert chosen.indices.tolist() == [-1, -1, -1]
    assert chosen.stop_reason is StopReason.EXHAUSTED


@pytest.mark.parametrize("solver", [None, *CPU_SOLVERS])
def test_a_k_beyond_any_memory(solver: str | None) -> None:
    for k in (2**70, 10**12):
        chosen = select(QUERY, POOL, k, solver=solver)
        assert sorted(chosen.indices.tolist()) == list(range(20))
        assert chosen.variance.shape == (21,)
        assert chosen.stop_reason is StopReason.EXHAUSTED
        with pytest.raises(ValueError, match=f"k={k} with replacement needs about .* GiB"):
            select(QUERY, POOL, k, replacement=True, solver=solver)
    padded = select(QUERY, POOL, 2**16, solver=solver)
    assert padded.indices.shape == (2**16,)
    assert select(QUERY, POOL[:0], 2**70, replacement=True, alpha=0.5).indices.shape == (0,)


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.float16, list, "bfloat16", "tensor"])
@pytest.mark.parametrize("solver", [None, *CPU_SOLVERS])
def test_ten_costs_of_a_tenth_in_every_type(kind: Any, solver: str | None) -> None:
    costs: Any = [0.1] * 20
    if isinstance(kind, str):
        torch = pytest.importorskip("torch")
        costs = tensor(costs).to(torch.bfloat16 if kind == "bfloat16" else torch.float32)
    elif kind is not list:
        costs = np.array(costs, dtype=kind)
    for budget in (1.0, np.float32(1), np.array(1.0), np.array([1.0], np.float16), 1):
        chosen = select(QUERY, POOL, 20, costs=costs, budget=budget, solver=solver)
        assert (chosen.indices >= 0).sum() == 10


def test_whole_costs_in_little_precision_are_not_rounded_up() -> None:
    costs = np.full(20, 1000, dtype=np.float16)
    assert (select(QUERY, POOL, 20, costs=costs, budget=2999.0).indices >= 0).sum() == 2


class OwnKernel(Kernel):
    def __init__(self, spoil: Any) -> None:
        self.spoil = spoil

    def __call__(self, x: Any, y: Any) -> Any:
        return self.spoil(x @ y.mT)

    def __repr__(self) -> str:
        return "OwnKernel()"


class OwnFunction(InnerProductKernel):
    normalized = True

    def __init__(self, spoil: Any) -> None:
        self.of_passages = spoil

    def __repr__(self) -> str:
        return "OwnKernel()"


def asymmetric(g: Any) -> Any:
    return g + 10 * np.triu(np.ones(g.shape))


SPOILT = [
    (lambda g: g * 1j, TypeError, "real numbers.*complex"),
    (lambda g: 1.0, TypeError, "a numpy array.*got float"),
    (lambda g: None, TypeError, "a numpy array.*got NoneType"),
    (lambda g: g[..., :1], ValueError, r"must return \[1, .*got \[1, "),
    (lambda g: g * np.nan, ValueError, "NaN or infinite"),
    (lambda g: -g - 1, ValueError, "positive variance"),
    (lambda g: 1 - g, ValueError, "positive"),
]


@pytest.mark.parametrize(("spoil", "error", "message"), SPOILT)
@pytest.mark.parametrize("make", [OwnKernel, OwnFunction])
def test_kernels_that_misbehave(make: Any, spoil: Any, error: Any, message: str) -> None:
    kernel = make(spoil)
    for given in (kernel, RelevanceWeighted(base=kernel)):
        for call in doors(QUERY, POOL, kernel=given):
            with pytest.raises(error, match=rf"the kernel OwnKernel\(\).*{message}"):
                call()


def test_a_kernel_without_symmetry() -> None:
    for call in doors(QUERY, POOL, kernel=OwnKernel(asymmetric)):
        with pytest.raises(ValueError, match="must be symmetric"):
            call()


def test_a_diagonal_that_contradicts_the_kernel() -> None:
    class Contradicting(OwnKernel):
        def diagonal(self, x: Any) -> Any:
            return (x * x).sum(-1) * 3

    with pytest.raises(ValueError, match="contradicts itself"):
        select(QUERY, POOL, 3, kernel=Contradicting(lambda g: g))


class Rising(Kernel):
    """Inner products, and a covariance of 5 between passages of variance 1 that differ in sign."""

    def __call__(self, x: Any, y: Any) -> Any:
        both = x[..., :, None, 0] * y[..., None, :, 0]
        differ = x[..., :, None, 1] * y[..., None, :, 1] < 0
        return x @ y.mT + 4 * both * (1 * differ)


@pytest.mark.parametrize("kind", ARRAY_KINDS)
def test_a_kernel_that_is_indefinite_beyond_the_passages_looked_at(kind: Any) -> None:
    """Of a hundred passages 32 are looked at before; the two that spoil it are not among them."""
    pool = np.zeros((100, 3))
    pool[:, 2] = RANDOM.normal(size=100)
    pool[1:3] = [[1.0, 0.1, 0.0], [1.0, -0.1, 0.0]]
    with pytest.raises(ValueError, match=r"Rising.*positive semidefinite; a pick left"):
        select(kind(np.array([1.0, 0.2, 0.1])), kind(pool), 10, kernel=Rising(), lambda_=0.01)


@pytest.mark.parametrize("solver", CPU_SOLVERS)
@pytest.mark.parametrize("scale", [1e-30, 1e-18, 1e15, 1e30])
def test_the_linear_kernel_at_any_scale(scale: float, solver: str) -> None:
    """The picks at one scale are those at another, with λ′ scaled likewise."""
    options: dict[str, Any] = {"kernel": "linear", "solver": solver}
    plain = select(QUERY, POOL, 5, lambda_=0.1, **options)
    q, x = (QUERY * np.float32(scale)), (POOL * np.float32(scale))
    found = select(q, x, 5, lambda_=0.1 * scale**2, **options)
    assert found.indices.tolist() == plain.indices.tolist()
    np.testing.assert_allclose(found.gains, plain.gains, rtol=1e-3)


def test_vectors_too_small_or_too_large_for_any_arithmetic() -> None:
    q, x = QUERY.astype(np.float64), POOL.astype(np.float64)
    for queries, pool, message in (
        (q * 1e-200, x, "queries are too small for the kernel Linear.*is 0"),
        (q * 1e200, x, "queries are too large for the kernel Linear.*is inf"),
        (q, x * 1e200, "candidates are too large for the kernel Linear.*is inf"),
    ):
        for call in doors(queries, pool, kernel="linear"):
            with pytest.raises(ValueError, match=message):
                call()
    huge = select(np.full(8, 1e30, np.float32), POOL, 2, kernel="linear")
    assert np.isfinite(huge.gains).all()
    assert np.isfinite(huge.variance).all()


@pytest.mark.parametrize("solver", CPU_SOLVERS)
@pytest.mark.parametrize("as_given", [np.asarray, np.ndarray.tolist])
def test_relevance_at_any_scale_with_ids(solver: str, as_given: Any) -> None:
    r = RANDOM.normal(size=20)
    ids = RANDOM.permutation(20)
    options: dict[str, Any] = {"kernel": "relevance", "objective": "undirected", "solver": solver}
    plain = select(QUERY, POOL, 8, relevance=r, ids=ids, **options)
    alone = select(QUERY, POOL[ids], 8, relevance=r, **options)
    assert plain.indices.tolist() == ids[alone.indices].tolist()
    for scaled in (r * 1e20, r * 1e-8, r * 1e-3 + 1e6):
        found = select(QUERY, POOL, 8, relevance=as_given(scaled), ids=ids, **options)
        assert found.indices.tolist() == plain.indices.tolist()
        np.testing.assert_allclose(found.gains, plain.gains, rtol=1e-5)
    with pytest.raises(ValueError, match=r"relevance must be from -1e\+300 to 1e\+300"):
        select(QUERY, POOL, 8, relevance=r * 1e305, **options)


@pytest.mark.parametrize("solver", CPU_SOLVERS)
def test_sharp_kernels_are_computed_in_float64_or_refused(solver: str) -> None:
    for kernel in (Exponential(1e6), SharedNoise(1.0, 1e6)):
        assert select(QUERY, POOL, 3, kernel=kernel, solver=solver).gains.dtype == np.float64
    for make in (lambda: Exponential(1e10), lambda: SharedNoise(1.0, 1e10)):
        with pytest.raises(ValueError, match=r"at most 1e\+09"):
            make()
    with pytest.raises(ValueError, match=r"target_sharpness² / sharpness must be at most"):
        Exponential(1e-9, target_sharpness=1e9)


def test_lists_that_float32_does_not_hold() -> None:
    pool = [[1e39, 0.0], [1.0, 1e39]]
    assert select([1.0, 0.0], pool, 1).indices.tolist() == [0]


@pytest.mark.parametrize("observed", [[[0], [0, 1]], "ab", 2**70, [2**70], np.array([0.5])])
def test_what_was_observed_must_be_positions(observed: Any) -> None:
    with pytest.raises(ValueError, match="observed must be positions among the 20 candidates"):
        gains_after(QUERY, POOL, observed)
