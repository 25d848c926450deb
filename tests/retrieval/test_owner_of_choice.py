"""A user's function that hangs while passages are chosen keeps only its own threads busy."""

from __future__ import annotations

from typing import Any

import pytest

from sift_retrievers.retrieval import SelectionRules
from sift_retrievers.retrieval.work import SELECTION, OnLoop


def function(*_: Any) -> Any:
    raise AssertionError("not called")


@pytest.mark.parametrize(
    "rules",
    [
        {"relevance": function},
        {"max_tokens": 9, "token_counter": function},
        {"title": function},
        {"distinct_by": function},
    ],
)
def test_a_function_has_threads_of_its_own(rules: dict[str, Any]) -> None:
    assert SelectionRules(**rules).owner is function


@pytest.mark.parametrize("rules", [{}, {"title": "name"}, {"distinct_by": "source"}])
def test_what_calls_no_function_shares_threads(rules: dict[str, Any]) -> None:
    assert SelectionRules(**rules).owner is SELECTION


def test_a_method_waits_in_the_threads_of_its_object() -> None:
    """Every access makes a new method object: with threads of its own there would be no limit."""

    class Encoder:
        def score(self, question: str, texts: list[str]) -> list[float]:
            return [0.0] * len(texts)

    encoder = Encoder()
    assert SelectionRules(relevance=encoder.score).owner is encoder


async def test_a_timeout_names_the_function() -> None:
    import time

    def slow_scorer() -> None:
        time.sleep(0.3)

    with pytest.raises(TimeoutError, match=r"stage 'select', waiting for .*slow_scorer"):
        await OnLoop(0.05).call("select", slow_scorer, slow_scorer)
