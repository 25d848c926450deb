"""The phrases of texts as the units of a `Coverage`."""

from __future__ import annotations

import numpy as np
import pytest
from real_texts import real_texts

from sift_retrievers.coverage import cover
from sift_retrievers.witnesses import phrase_coverage, score_words
from sift_retrievers.witnesses.texts import PassageTexts


def test_gains_of_phrases_with_the_words_of_real_questions_never_rise() -> None:
    passages, questions = real_texts()
    random = np.random.default_rng(0)
    for question in questions[:10]:
        texts = ["\n".join(passages[i]) for i in random.integers(0, len(passages), size=60)]
        coverage = phrase_coverage([*texts, texts[0]], question)
        assert coverage.weights is not None
        assert coverage.weights.min() == pytest.approx(0.3)
        rho = random.normal(size=61)
        found = cover(coverage, rho, 61)
        assert (np.diff(found.gains) <= 0).all()
        assert (found.novelty <= 1).all()
        assert found.novelty[np.flatnonzero(np.isin(found.indices, [0, 60]))[1]] < 0.2  # a copy


def test_phrases_around_the_questions_words_weigh_more() -> None:
    texts = ["the capital of France is Paris", "", "France has many large rivers, too"]
    coverage = phrase_coverage(texts, "capital France")
    weights = np.split(coverage.weights, np.cumsum(coverage.lengths)[:-1])  # type: ignore[arg-type]
    said = score_words("capital France", texts).word_weights
    capital, france = said[1], said[3]
    np.testing.assert_allclose(
        weights[0], 0.3 + np.array([capital, capital, capital, france, france, 0])
    )
    assert len(weights[1]) == 0  # a blank text says nothing
    np.testing.assert_allclose(weights[2][:3], [0.3 + france, 0.3 + france, 0.3])
    assert phrase_coverage(texts).weights is None


@pytest.mark.parametrize("question", [None, "q", ""])
def test_phrases_of_no_texts(question: str | None) -> None:
    assert len(phrase_coverage([], question)) == 0
    assert len(phrase_coverage([""], question)) == 1


def test_one_text_in_place_of_a_list() -> None:
    with pytest.raises(TypeError, match="a list of strings; got a single string"):
        phrase_coverage("text")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="must be strings; got int"):
        PassageTexts.read(["a"], [5])  # type: ignore[list-item]
