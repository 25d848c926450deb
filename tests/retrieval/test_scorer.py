"""A further witness, a cross-encoder say, in a retrieval: heard, checked, asked once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tensors import needs_torch, tensor

from sift_retrievers.retrieval import Hits, Retrieval, SelectionRules, Target, retrieve
from sift_retrievers.retrieval.hits import no_hits
from sift_retrievers.witnesses import Witnesses
from sift_retrievers.witnesses.scorer import checked_scores

TEXTS = [
    "Osmium is the densest metal",
    "Iron is a common metal",
    "Paris is the capital of France",
    "A recipe for bread",
    "The densest element is osmium, iron is not",
]
QUESTION = "Which metal is the densest?"


class TestScorer:
    def retrieval(self, scorer: Any, **options: Any) -> Retrieval[str]:
        vectors = np.eye(5, dtype=np.float32)
        target = Target(np.array([5, 4, 3, 2, 1], dtype=np.float32), QUESTION)
        rules = SelectionRules(relevance=scorer)
        hits = Hits(vectors, [*"abcde"], TEXTS, [{}] * 5, TEXTS.__getitem__)
        given: Any = {"query": QUESTION, "targets": [target], "hits": hits, "k": 3, "rules": rules}
        return retrieve(**given | options)

    @pytest.mark.parametrize(
        "answer",
        [
            [1.0, 2.0],
            [1.0] * 6,
            [[1.0]] * 5,
            [1.0, 2.0, np.nan, 3.0, 4.0],
            [1.0, 2.0, np.inf, 3.0, 4.0],
            [1, 2, None, 3, 4],
            None,
            3.0,
            "abcde",
            [*"abcde"],
            (i for i in range(5)),
            np.arange(5) * 1j,
        ],
        ids=repr,
    )
    def test_answers_that_are_none(self, answer: Any) -> None:
        self.refused(answer)

    @needs_torch
    def test_scores_that_carry_a_gradient_are_none(self) -> None:
        self.refused(tensor([1.0] * 5).requires_grad_())

    def refused(self, answer: Any) -> None:
        with pytest.raises(ValueError, match="must give one finite score a passage, 5 in all; got"):
            self.retrieval(lambda question, texts: answer)
        with pytest.raises(ValueError, match="must give one finite score a passage"):
            checked_scores(answer, 5)

    @pytest.mark.parametrize(
        "answer",
        [
            [0, 0, 9, 1, 0],
            (0, 0, 9, 1, 0),
            np.array([0, 0, 9, 1, 0], dtype=np.float16),
            [False, False, True, False, False],
        ],
        ids=repr,
    )
    def test_answers_of_any_kind(self, answer: Any) -> None:
        self.heard_alone(answer)

    @needs_torch
    def test_an_answer_of_torch(self) -> None:
        self.heard_alone(tensor([0, 0, 9, 1, 0]))

    def heard_alone(self, answer: Any) -> None:
        alone = Witnesses(0, 0, scorer=lambda question, texts: answer)
        found = self.retrieval(alone)
        assert found.candidates.relevance.total.argmax() == 2
        assert found.picks[0].document == TEXTS[2]

    def test_what_it_raises_is_raised(self) -> None:
        def scorer(question: str, texts: list[str]) -> Any:
            raise RuntimeError("out of memory")

        with pytest.raises(RuntimeError, match="out of memory"):
            self.retrieval(scorer)

    def test_it_may_do_what_it_likes_with_its_list(self) -> None:
        def scorer(question: str, texts: list[str]) -> list[int]:
            found = [len(text) for text in texts]
            texts.clear()
            return found

        kept = self.retrieval(scorer)
        assert sorted(passage.text for passage in kept.explanation().passages) == sorted(TEXTS)
        assert len(kept.picks) == 3

    def test_it_hears_the_question_and_is_asked_once(self) -> None:
        asked = []

        def scorer(question: str, texts: list[str]) -> list[int]:
            asked.append((question, texts))
            return [0] * len(texts)

        found = self.retrieval(scorer)
        _ = found.explanation(), found.trace()
        assert asked == [(QUESTION, TEXTS)]

    def test_nobody_is_asked_about_nothing(self) -> None:
        found = self.retrieval(lambda question, texts: 1 / 0, hits=no_hits(5))
        assert found.picks == ()

    @pytest.mark.parametrize("scores", [np.zeros(3), np.full(5, np.nan), np.zeros((5, 1)), [1.0]])
    def test_scores_that_were_made_before_are_checked_too(self, scores: Any) -> None:
        with pytest.raises(ValueError, match="must give one finite score a passage, 5 in all"):
            self.retrieval(None, scores=scores)

    def test_scores_that_were_made_before_stand_for_the_scorer(self) -> None:
        never = Witnesses(0, 0, scorer=lambda question, texts: 1 / 0)
        found = self.retrieval(never, scores=np.array([0, 0, 9.0, 1, 0]))
        assert found.picks[0].document == TEXTS[2]
        assert found.picks[0].witnesses["score"] == 9
