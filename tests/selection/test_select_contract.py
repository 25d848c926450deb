"""What `select` takes and gives back: shapes, kinds of array, padding, ties, devices."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
from solvers import CPU_SOLVERS
from tensors import needs_torch, tensor

from sift_retrievers import Cosine, Selection, StopReason, posterior_variance, select
from sift_retrievers.selection.options import SelectOptions


def problem(
    batch: int = 3, count: int = 20, dim: int = 8, seed: int = 0
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    random = np.random.default_rng(seed)
    return (
        random.normal(size=(batch, dim)).astype(np.float32),
        random.normal(size=(batch, count, dim)).astype(np.float32),
    )


def assert_same(a: Selection[Any], b: Selection[Any]) -> None:
    np.testing.assert_array_equal(np.asarray(a.indices), np.asarray(b.indices))
    np.testing.assert_allclose(np.asarray(a.variance), np.asarray(b.variance), rtol=1e-5)
    np.testing.assert_allclose(np.asarray(a.gains), np.asarray(b.gains), rtol=1e-3, atol=1e-6)


def test_batch_shapes_and_kinds() -> None:
    queries, candidates = problem()
    chosen = select(queries, candidates, 5)
    assert chosen.indices.shape == (3, 5)
    assert chosen.indices.dtype == np.int64
    assert chosen.variance.shape == (3, 6)
    assert chosen.gains.shape == (3, 5)
    assert chosen.stop_reason == (StopReason.K,) * 3
    assert isinstance(chosen.indices, np.ndarray)


def test_one_query_gives_one_selection() -> None:
    queries, candidates = problem()
    for solver in (None, "numpy", "reference"):
        chosen = select(queries[0], candidates[0], 5, solver=solver)
        assert (chosen.indices.shape, chosen.gains.shape) == ((5,), (5,))
        assert chosen.variance.shape == (6,)
        assert chosen.stop_reason is StopReason.K
    listed = select(queries[0].tolist(), candidates[0].tolist(), 5)
    assert listed.indices.shape == (5,)
    one_of_a_batch = select(queries[:1], candidates[0], 5)
    assert one_of_a_batch.indices.shape == (1, 5)
    assert one_of_a_batch.stop_reason == (StopReason.K,)
    by_ids = select(queries[0], candidates[0], 5, ids=[range(20)])
    assert by_ids.indices.shape == (5,)


def test_a_batch_is_its_queries_one_by_one() -> None:
    queries, candidates = problem()
    whole = select(queries, candidates, 5)
    for b in range(3):
        single = select(queries[b], candidates[b], 5)
        np.testing.assert_array_equal(single.indices, whole.indices[b])
        np.testing.assert_allclose(single.variance, whole.variance[b], rtol=1e-5)


def test_a_shared_pool_is_a_pool_each() -> None:
    queries, candidates = problem()
    pool = candidates[0]
    assert_same(select(queries, pool, 5), select(queries, np.stack([pool] * 3), 5))


def test_several_targets_lower_the_sum_of_their_variances() -> None:
    queries, candidates = problem(batch=4)
    chosen = select(queries[None], candidates[0], 5)
    assert chosen.variance.shape == (1, 6)
    assert chosen.variance[0, 0] == pytest.approx(4.0, rel=1e-6)


@needs_torch
def test_torch_in_torch_out() -> None:
    import torch

    queries, candidates = problem()
    given = tensor(candidates).requires_grad_()
    chosen = select(tensor(queries), given, 5)
    assert isinstance(chosen.indices, torch.Tensor)
    assert isinstance(chosen.gains, torch.Tensor)
    assert not chosen.gains.requires_grad
    assert_same(chosen, select(queries, candidates, 5))
    one = select(tensor(queries[0]), given[0], 5)
    assert isinstance(one.indices, torch.Tensor)
    assert one.indices.shape == (5,)


@needs_torch
def test_the_kind_follows_the_candidates() -> None:
    queries, candidates = problem()
    mixed = select(tensor(queries), candidates, 5)
    assert isinstance(mixed.indices, np.ndarray)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int64])
def test_every_numeric_dtype(dtype: Any) -> None:
    queries, candidates = problem()
    rounded_queries = (queries * 10).astype(dtype)
    rounded_candidates = (candidates * 10).astype(dtype)
    chosen = select(rounded_queries, rounded_candidates, 5)
    exact = select(rounded_queries.astype(np.float64), rounded_candidates.astype(np.float64), 5)
    assert chosen.variance.dtype == (np.float64 if dtype is np.float64 else np.float32)
    assert_same(chosen, exact)


@needs_torch
def test_bfloat16_tensors() -> None:
    queries, candidates = problem()
    q, x = tensor(queries).bfloat16(), tensor(candidates).bfloat16()
    assert_same(select(q, x, 5), select(q.double(), x.double(), 5))


def test_lists_of_floats_and_lists_of_arrays() -> None:
    queries, candidates = problem(batch=1)
    expected = select(queries[0], candidates[0], 5)
    assert_same(select(queries[0].tolist(), candidates[0].tolist(), 5), expected)
    assert_same(select(list(queries[0]), list(candidates[0]), 5), expected)


@needs_torch
def test_lists_of_tensors() -> None:
    queries, candidates = problem(batch=1)
    chosen = select(tensor(queries[0]), [tensor(row) for row in candidates[0]], 5)
    assert type(chosen.indices) is type(tensor(0))
    assert_same(chosen, select(queries[0], candidates[0], 5))


def test_read_only_and_reversed_arrays() -> None:
    queries, candidates = problem(batch=1)
    frozen = candidates[0].copy()
    frozen.flags.writeable = False
    assert_same(select(queries[0], frozen, 5), select(queries[0], candidates[0], 5))
    flipped = select(queries[0], candidates[0][::-1], 5)
    expected = select(queries[0], np.ascontiguousarray(candidates[0][::-1]), 5)
    assert_same(flipped, expected)


def test_inputs_are_not_written_to() -> None:
    queries, candidates = problem()
    before = queries.copy(), candidates.copy()
    select(queries, candidates, 5)
    np.testing.assert_array_equal(queries, before[0])
    np.testing.assert_array_equal(candidates, before[1])


def test_fewer_candidates_than_k() -> None:
    queries, candidates = problem(batch=1, count=3)
    chosen = select(queries, candidates, 5)
    assert sorted(chosen.indices[0, :3].tolist()) == [0, 1, 2]
    assert chosen.indices[0, 3:].tolist() == [-1, -1]
    assert chosen.variance[0, 3] == chosen.variance[0, 4] == chosen.variance[0, 5]
    assert chosen.gains[0, 3:].tolist() == [0, 0]
    assert chosen.stop_reason == (StopReason.EXHAUSTED,)


@pytest.mark.parametrize("replacement", [False, True])
def test_no_candidates_at_all(replacement: bool) -> None:
    chosen = select(np.ones(4), np.empty((0, 4)), 2, replacement=replacement)
    assert chosen.indices.tolist() == [-1, -1]
    assert chosen.variance.tolist() == [1, 1, 1]
    assert chosen.stop_reason is StopReason.EXHAUSTED


def test_no_passage_twice_unless_asked() -> None:
    query = np.array([1.0, 0.0])
    pool = np.array([[1.0, 0.0], [0.0, 1.0], [0.1, 1.0]])
    assert len(set(select(query, pool, 3, lambda_=10).indices.tolist())) == 3
    repeated = select(query, pool, 3, lambda_=10, replacement=True)
    assert repeated.indices.tolist() == [0, 0, 0]
    # Three observations of the target itself: σ² = λ′ / (λ′ + 3).
    np.testing.assert_allclose(repeated.variance, [1, 10 / 11, 10 / 12, 10 / 13], rtol=1e-6)


@pytest.mark.parametrize("dim", [8, 384, 1024])
def test_copies_of_a_passage_come_in_their_order(dim: int) -> None:
    """Identical vectors tie, whatever rounding their position in a matrix product brings."""
    for seed in range(20):
        random = np.random.default_rng(seed)
        base = random.normal(size=(15, dim)).astype(np.float32)
        order = random.permutation(45)
        pool = np.concatenate([base] * 3)[order]
        query = random.normal(size=dim).astype(np.float32) + pool[0]
        picks = select(query, pool, 15, lambda_=float(10 ** random.uniform(-2, 1))).indices
        for original in range(15):
            copies = np.flatnonzero(order % 15 == original)
            picked = [i for i in picks if i in copies]
            assert picked == copies[: len(picked)].tolist()


def test_gains_are_half_the_log_of_the_variance_ratio() -> None:
    queries, candidates = problem()
    chosen = select(queries.astype(np.float64), candidates.astype(np.float64), 5)
    ratio = chosen.variance[:, :-1] / chosen.variance[:, 1:]
    np.testing.assert_allclose(chosen.gains, 0.5 * np.log(ratio))


def test_duplicates_are_seen_through() -> None:
    """Nearest neighbour returns one fact three times; with small λ′ its copies add nothing."""
    query = np.array([1.0, 1.0, 0.0])
    first, second = [1.0, 0.1, 0.0], [0.1, 0.9, 0.3]
    pool = np.array([first, first, first, second])
    assert select(query, pool, 2, lambda_=0.1).indices.tolist() == [0, 3]


def test_large_noise_tends_to_nearest_neighbours() -> None:
    random = np.random.default_rng(3)
    pool = np.abs(random.normal(size=(30, 6)))
    query = np.abs(random.normal(size=6))
    cosine = pool @ query / np.linalg.norm(pool, axis=1)
    picks = select(query, pool, 10, lambda_=1e6).indices
    assert picks.tolist() == np.argsort(-cosine)[:10].tolist()


@pytest.mark.parametrize("solver", CPU_SOLVERS)
@pytest.mark.parametrize("noise", [1e8, 1e20, 1e39])
def test_gains_survive_a_huge_noise(solver: str, noise: float) -> None:
    queries, candidates = problem(batch=1)
    chosen = select(queries, candidates, 3, lambda_=noise, solver=solver)
    vectors, query = candidates[0].astype(np.float64), queries[0].astype(np.float64)
    cosine = vectors @ query / np.linalg.norm(vectors, axis=1) / np.linalg.norm(query)
    best = np.sort(cosine**2)[::-1][:3]
    np.testing.assert_allclose(chosen.gains[0], 0.5 * best / noise, rtol=1e-3)


def test_small_noise_is_computed_in_float64() -> None:
    queries, candidates = problem(batch=1)
    assert select(queries, candidates, 3, lambda_=1e-4).variance.dtype == np.float32
    tiny = select(queries, candidates, 3, lambda_=1e-7)
    assert tiny.variance.dtype == np.float64
    exact = select(queries.astype(np.float64), candidates.astype(np.float64), 3, lambda_=1e-7)
    np.testing.assert_allclose(tiny.variance, exact.variance, rtol=1e-12)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("solver", CPU_SOLVERS)
@pytest.mark.parametrize("objective", ["variance", "entropy", "undirected"])
@pytest.mark.parametrize("noise", [1e-16, 1e-20, 1e-300])
def test_noise_below_all_rounding_picks_nothing_twice(
    noise: float, objective: str, solver: str
) -> None:
    """What rounding leaves of a copy is no news: not a NaN, and not a reason to pick it again."""
    random = np.random.default_rng(0)
    base = random.normal(size=(4, 8))
    pool, query = np.concatenate([base] * 8), base[0] + 0.1 * random.normal(size=8)
    chosen = select(query, pool, 20, lambda_=noise, objective=objective, solver=solver)
    assert len(set(chosen.indices.tolist())) == 20
    assert np.isfinite(chosen.gains).all()
    everything = posterior_variance(query, base, lambda_=1e-13)
    assert chosen.variance[-1] == pytest.approx(everything, rel=1e-3)


def test_a_zero_passage_carries_no_information() -> None:
    query = np.array([1.0, 0.0])
    pool = np.array([[0.0, 0.0], [1.0, 0.2]])
    chosen = select(query, pool, 2)
    assert chosen.indices.tolist() == [1, 0]
    assert chosen.gains[1] == 0


@pytest.mark.parametrize("scale", [1e-30, 1e-18, 1e18, 1e30])
def test_scale_does_not_matter_to_the_cosine(scale: float) -> None:
    queries, candidates = problem()
    scaled = (candidates.astype(np.float64) * scale).astype(np.float32)
    assert_same(select(queries, scaled, 5), select(queries, candidates, 5))


def test_a_kernel_object_is_the_kernel_of_that_name() -> None:
    queries, candidates = problem()
    assert_same(select(queries, candidates, 5, kernel=Cosine()), select(queries, candidates, 5))


def test_device_by_name() -> None:
    queries, candidates = problem()
    chosen = select(queries, candidates, 5, device="cpu")
    assert isinstance(chosen.indices, np.ndarray)


@needs_torch
def test_a_device_that_is_not_there() -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    queries, candidates = problem()
    with pytest.raises(ValueError, match="no CUDA device"):
        select(queries, candidates, 5, device="cuda")


def test_the_options_that_are_passed_on_are_those_of_select() -> None:
    parameters = inspect.signature(select).parameters.values()
    named = {p.name for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}
    assert named == set(SelectOptions.__annotations__)
