"""`select` hands a `Coverage` to `cover`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from coverage_problems import solved
from tensors import ARRAY_KINDS, needs_torch

from sift_retrievers import StopReason, select
from sift_retrievers.coverage import cover
from sift_retrievers.witnesses import phrase_coverage

QUERY = np.eye(1, 4)  # has no influence where relevance is given


class TestSelect:
    def test_it_is_cover(self) -> None:
        for seed in range(60):
            oracle, k, given, coverage, found = solved(seed)
            if given.keys() & {"allowed", "min_novelty"}:
                continue
            chosen = select(
                QUERY[0],
                np.zeros((len(coverage), 4), dtype=np.float32),
                k,
                kernel=coverage,
                relevance=np.array(oracle.relevance),
                **given,
            )
            made = len(found.indices)
            assert chosen.indices.shape == chosen.gains.shape == (k,)
            assert chosen.indices[:made].tolist() == found.indices.tolist()
            assert (chosen.indices[made:] == -1).all()
            assert chosen.gains[:made].tolist() == found.gains.tolist()
            assert (chosen.gains[made:] == 0).all()
            left = np.cumprod([1.0, *(1 - found.variance)])
            np.testing.assert_allclose(chosen.variance[: made + 1], left, rtol=1e-12)
            assert (chosen.variance[made:] == chosen.variance[made]).all()
            assert chosen.stop_reason == found.stop_reason

    def test_relevance_is_the_cosine_where_none_is_given(self) -> None:
        random = np.random.default_rng(0)
        pool, queries = random.normal(size=(9, 5)), random.normal(size=(1, 2, 5))
        texts = [f"one {i % 4} two {i} three" for i in range(9)]
        coverage = phrase_coverage(texts)
        unit = pool / np.linalg.norm(pool, axis=1, keepdims=True)
        near = queries[0] / np.linalg.norm(queries[0], axis=1, keepdims=True) @ unit.T
        for targets, cosine in [(queries[0, 0], near[0]), (queries, near.max(axis=0))]:
            chosen = select(targets, pool, 5, kernel=coverage, lambda_=0.1)
            expected = cover(coverage, cosine / cosine.std(), 5)
            assert chosen.indices.ravel().tolist() == expected.indices.tolist()
            np.testing.assert_allclose(chosen.gains.ravel(), expected.gains, rtol=1e-9)
        alike = select(QUERY[0], np.ones((9, 4)), 2, kernel=coverage)
        assert alike.indices.tolist() == [0, 1]

    @needs_torch
    def test_torch_candidates_give_torch(self) -> None:
        import torch

        chosen = select(QUERY[0], torch.eye(3, 4), 5, kernel=phrase_coverage(["a", "b", "c"]))
        assert isinstance(chosen.indices, torch.Tensor)
        assert isinstance(chosen.gains, torch.Tensor)
        assert chosen.indices[3:].tolist() == [-1, -1]

    def test_no_candidates(self, recwarn: pytest.WarningsRecorder) -> None:
        chosen = select(QUERY[0], np.zeros((0, 4)), 2, kernel=phrase_coverage([]))
        assert chosen.indices.tolist() == [-1, -1]
        assert chosen.stop_reason == StopReason.EXHAUSTED
        assert not recwarn.list

    @pytest.mark.parametrize("as_given", [np.ndarray.tolist, *ARRAY_KINDS])
    def test_costs_are_not_rounded(self, as_given: Any) -> None:
        pool = np.eye(12, dtype=np.float32)
        coverage = phrase_coverage([f"word{i}" for i in range(12)])
        costs = as_given(np.full(12, 0.1))
        chosen = select(pool[0], pool, 12, kernel=coverage, costs=costs, budget=1.0)
        assert (chosen.indices >= 0).sum() == 10

    @pytest.mark.parametrize(
        "options",
        [
            {"replacement": True},
            {"alpha": 0.3},
            {"ids": [[0, 1]]},
            {"device": "cpu"},
            {"solver": "reference"},
            {"objective": "entropy"},
            {"objective": "nonsense"},
        ],
        ids=str,
    )
    def test_options_that_are_refused(self, options: Any) -> None:
        with pytest.raises(ValueError, match="a Coverage goes with the objective"):
            select(QUERY[0], np.eye(2, 4), 2, kernel=phrase_coverage(["a", "b"]), **options)

    @pytest.mark.parametrize(
        ("queries", "candidates", "options", "message"),
        [
            (np.ones((2, 4)), np.eye(2, 4), {}, "2 queries and 2 candidates"),
            (QUERY[0], np.eye(3, 4), {}, "1 queries and 3 candidates for a Coverage of 2"),
            (QUERY[0], np.eye(2, 5), {}, "agree in the dimension"),
            (QUERY[0] * 0, np.eye(2, 4), {}, "zero vector"),
            (QUERY[0], np.eye(2, 4), {"lambda_": 0}, "lambda_ must be positive"),
            (QUERY[0], np.eye(2, 4), {"min_gain": -1}, "min_gain must be positive"),
            (QUERY[0], np.eye(2, 4), {"relevance": [1.0]}, r"relevance must be .*K=2.*\(1,\)"),
            (QUERY[0], np.eye(2, 4), {"relevance": [1.0, np.nan]}, "relevance must be finite"),
            (QUERY[0], np.eye(2, 4), {"costs": [1.0, -1.0]}, "costs must be at least 0"),
            (QUERY[0], np.eye(2, 4), {"budget": 1.0}, "budget needs costs"),
            (QUERY[0], np.eye(2, 4), {"groups": [0.5, 1]}, "groups must be whole numbers"),
            (QUERY[0], np.full((2, 4), np.nan), {}, "candidates must be finite"),
        ],
    )
    def test_input_that_is_wrong(
        self, queries: Any, candidates: Any, options: Any, message: str
    ) -> None:
        with pytest.raises(ValueError, match=message):
            select(queries, candidates, 2, kernel=phrase_coverage(["a", "b"]), **options)
