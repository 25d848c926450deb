"""What a worker gets by pickle works as before: spawned processes, and what is sent to them."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from server_spawning import in_spawned
from server_work import RULES, pool, selections, told

import sift_retrievers
from sift_retrievers import select


def again(thing: Any) -> Any:
    return pickle.loads(pickle.dumps(thing))


def chosen(query: Any, candidates: Any, k: int, options: dict[str, Any]) -> tuple[bytes, ...]:
    return told(select(query, candidates, k, **options))


def test_a_spawned_worker_selects_the_same(road: str) -> None:
    assert in_spawned(road, selections) == selections()


@pytest.mark.usefixtures("road")
@pytest.mark.parametrize("rule", RULES)
def test_a_selection(rule: str) -> None:
    candidates = pool(30, 8)
    found = select(candidates[0], candidates, 5, min_gain=1e-6, **RULES[rule])
    copy = again(found)
    assert told(copy) == told(found)
    assert copy.stop_reason == found.stop_reason
    assert type(copy.indices) is np.ndarray


@pytest.mark.usefixtures("road")
@pytest.mark.parametrize(
    "kernel",
    [
        sift_retrievers.Cosine(),
        sift_retrievers.Linear(),
        sift_retrievers.Exponential(),
        sift_retrievers.RelevanceWeighted(),
        sift_retrievers.SharedNoise(),
    ],
    ids=lambda kernel: type(kernel).__name__,
)
def test_a_kernel(kernel: Any) -> None:
    candidates = pool(30, 8)
    options = {"kernel": kernel, "objective": "undirected"}
    expected = chosen(candidates[0], candidates, 5, options)
    assert chosen(*again((candidates[0], candidates, 5, options))) == expected


@pytest.mark.usefixtures("road")
def test_a_coverage() -> None:
    units = np.array([1, 2, 3, 2, 3, 4, 9], dtype=np.uint64)
    coverage = sift_retrievers.Coverage(units, np.array([3, 3, 1]))
    options = {
        "kernel": coverage,
        "objective": "undirected",
        "relevance": np.array([0.9, 0.8, 0.1]),
    }
    candidates = pool(3, 8)
    expected = chosen(candidates[0], candidates, 2, options)
    assert chosen(*again((candidates[0], candidates, 2, options))) == expected
