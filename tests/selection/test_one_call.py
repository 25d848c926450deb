"""The plain case of `select`, which goes straight to the compiled function, is the general one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from solvers import not_built

from sift_retrievers import (
    Cosine,
    Exponential,
    RelevanceWeighted,
    SharedNoise,
    StopReason,
    acceleration,
    select,
)
from sift_retrievers.selection.one_call import select_in_one_call

pytestmark = not_built
RANDOM = np.random.default_rng(0)
POOL = RANDOM.normal(size=(50, 24)).astype(np.float32)
QUERY = POOL[:3].mean(axis=0)
SETTINGS: list[dict[str, Any]] = [
    {},
    {"lambda_": 0.01},
    {"lambda_": 1},
    {"kernel": "relevance", "objective": "undirected", "lambda_": 0.2},
    {"kernel": "relevance"},
    {"kernel": Cosine(positive_only=True)},
    {"kernel": Exponential(4.0, 2.0), "objective": "undirected"},
    {"kernel": SharedNoise(), "lambda_": 20.0},
    {"kernel": RelevanceWeighted(2.0, Cosine(), standardized=False), "lambda_": 0.3},
    {"kernel": "relevance", "relevance": RANDOM.normal(size=50)},
    {"kernel": "relevance", "relevance": RANDOM.normal(size=50).astype(np.float32)},
]


def one_call(query: Any, pool: Any, k: Any, **options: Any) -> Any:
    kernel, noise = options.get("kernel", "cosine"), options.get("lambda_", 1.0)
    objective, relevance = options.get("objective", "variance"), options.get("relevance")
    return select_in_one_call(query, pool, k, kernel, noise, objective, relevance)


@pytest.mark.parametrize("options", SETTINGS, ids=str)
@pytest.mark.parametrize("k", [1, 10, 50, 60])
def test_it_gives_the_bits_of_the_general_way(options: dict[str, Any], k: int) -> None:
    direct = one_call(QUERY, POOL, k, **options)
    assert direct is not None
    general = select(QUERY, POOL, k, solver="compiled", **options)
    for name in ("indices", "gains", "variance"):
        np.testing.assert_array_equal(getattr(direct, name), getattr(general, name))
        assert getattr(direct, name).dtype == getattr(general, name).dtype
    assert direct.stop_reason is general.stop_reason
    assert direct.stop_reason is (StopReason.K if k <= 50 else StopReason.EXHAUSTED)


def unusual() -> dict[str, tuple[Any, Any, Any, dict[str, Any]]]:
    spoiled = POOL.copy()
    spoiled[7, 3] = np.nan
    return {
        "NaN": (QUERY, spoiled, 5, {}),
        "zero query": (QUERY * 0, POOL, 5, {}),
        "infinite query": (np.full_like(QUERY, np.inf), POOL, 5, {}),
        "tiny": (QUERY, POOL * np.float32(1e-25), 5, {}),
        "float64": (QUERY, POOL.astype(np.float64), 5, {}),
        "columns": (QUERY, np.asfortranarray(POOL), 5, {}),
        "batch": (QUERY[None], POOL, 5, {}),
        "list": (QUERY.tolist(), POOL, 5, {}),
        "no candidates": (QUERY, POOL[:0], 5, {}),
        "another dimension": (QUERY[:-1], POOL, 5, {}),
        "k as a float": (QUERY, POOL, 5.0, {}),
        "k 0": (QUERY, POOL, 0, {}),
        "bool": (QUERY, POOL, True, {}),
        "noise as a text": (QUERY, POOL, 5, {"lambda_": "0.1"}),
        "little noise": (QUERY, POOL, 5, {"lambda_": 1e-9}),
        "linear": (QUERY, POOL, 5, {"kernel": "linear"}),
        "entropy": (QUERY, POOL, 5, {"objective": "entropy"}),
        "relevance of another length": (
            QUERY, POOL, 5, {"kernel": "relevance", "relevance": np.ones(3)},
        ),
        "infinite relevance": (
            QUERY, POOL, 5, {"kernel": "relevance", "relevance": np.full(50, np.inf)},
        ),
        "relevance nobody uses": (QUERY, POOL, 5, {"relevance": np.ones(50)}),
    }  # fmt: skip


@pytest.mark.parametrize("name", unusual())
def test_whatever_is_unusual_goes_the_general_way(name: str) -> None:
    query, pool, k, options = unusual()[name]
    assert one_call(query, pool, k, **options) is None


@pytest.mark.parametrize("options", [{"kernel": "cosines"}, {"objective": "best"}])
def test_names_that_are_none_are_errors_of_the_general_way(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be one of"):
        select(QUERY, POOL, 5, **options)


def test_switched_off_nothing_compiled_is_called() -> None:
    with acceleration.switched_off():
        assert one_call(QUERY, POOL, 5) is None
        with pytest.raises(ImportError, match="the extension module"):
            select(QUERY, POOL, 5, solver="compiled")
        plain = select(QUERY, POOL, 5)
    assert plain.indices.tolist() == select(QUERY, POOL, 5).indices.tolist()
