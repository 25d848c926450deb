"""Which passages a retriever trains on."""

from __future__ import annotations

from typing import Any

import pytest
from tiny_chain import QUESTIONS, retriever_for, store
from tiny_models import PASSAGES, tiny, tokenizer
from tuner_state import EAGER

from sift_retrievers.finetune import Budget, Report, TestTimeTuner


def trained(settings: dict[str, Any], **of_retriever: Any) -> Report:
    """The report of one retrieval."""
    with TestTimeTuner(tiny(), tokenizer(), **{**EAGER, **settings}) as tuner:
        with tuner.request() as session:
            retriever_for(tuner, **of_retriever).invoke(QUESTIONS[0])
        assert session.report is not None
        return session.report


@pytest.mark.parametrize(
    "rules", [{}, {"relevance": "vectors"}, {"kernel": "cosine", "lambda_": 0.01}]
)
def test_by_default_those_that_the_retriever_returns_first(rules: dict[str, Any]) -> None:
    expected = [d.id for d in retriever_for(None, **rules).invoke(QUESTIONS[0], k=5)]
    assert len(set(expected)) == 5
    for steps in (3, 20):
        report = trained({"budget": Budget(max_steps=steps)}, **rules)
        assert [*report.passage_ids] == expected[:steps]
        assert (report.sigma, report.predicted_gain) == ((), None)


def test_what_limits_the_context_does_not_limit_training() -> None:
    limits: dict[str, Any] = {"min_novelty": 0.99, "max_tokens": 12, "token_counter": len}
    returned = retriever_for(None, **limits).invoke(QUESTIONS[0])
    assert len(returned) < 2
    assert trained({}, **limits).steps == len(PASSAGES)


def test_no_passage_of_another_tenant() -> None:
    kept = {"p0", "p3"}
    report = trained({}, search_kwargs={"filter": lambda document: document.id in kept})
    assert {*report.passage_ids} <= kept
    assert report.steps == 2
    assert store() is not None


@pytest.mark.parametrize("settings", [{"lambda_": 0.01}, {"alpha": 0.01}, {"min_gain": 1e-6}])
def test_as_the_paper_does_where_its_uncertainty_is_wanted(settings: dict[str, Any]) -> None:
    report = trained({"budget": Budget(max_steps=8), **settings})
    assert report.steps == 8, "with five passages some are repeated"
    assert len(report.sigma) == 9
    assert report.predicted_gain is not None
    assert report.predicted_gain > 0


def test_a_scorer_is_asked_once() -> None:
    asked: list[str] = []

    def scorer(question: str, texts: list[str]) -> list[float]:
        asked.append(question)
        return [float(len(text)) for text in texts]

    longest = max(PASSAGES, key=len)
    report = trained({}, relevance=scorer)
    assert asked == [QUESTIONS[0]]
    assert report.steps == len(PASSAGES)
    assert f"p{PASSAGES.index(longest)}" in report.passage_ids
