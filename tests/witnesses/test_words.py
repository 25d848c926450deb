"""Scores by the words of a question: BM25 by its formula, and edge cases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from itertools import pairwise
from math import log
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from real_texts import real_texts
from slow_terms import slow_terms

from sift_retrievers.witnesses import score_words
from sift_retrievers.witnesses.term_cache import TermCache
from sift_retrievers.witnesses.words import WordScores

SCORES = ("grams", "words", "pairs", "head_grams", "head_words", "share")


def weights_of(
    asked: set[Any], bags: Sequence[Counter[Any]], texts: Sequence[str]
) -> dict[Any, float]:
    """log(1 + (n − df + ½) / (df + ½)), equal texts counted once."""
    once = [*dict(zip(texts, bags, strict=True)).values()]
    df = {term: sum(term in bag for bag in once) for term in asked}
    return {term: log(1 + (len(once) - df[term] + 0.5) / (df[term] + 0.5)) for term in asked}


def bm25(bag: Counter[Any], length: int, mean: float, weights: dict[Any, float]) -> float:
    """Robertson and Zaragoza (2009), eq. 3.15, with k₁ = 2 and b = 0.75."""
    norm = 2 * (1 - 0.75 + 0.75 * length / mean)
    return sum(w * bag[t] * 3 / (bag[t] + norm) for t, w in weights.items() if bag[t])


def slow_scores(question: str, texts: Sequence[str]) -> dict[str, list[float]]:
    asked, found = slow_terms(question), [slow_terms(text) for text in texts]

    def pairs(words: list[str]) -> list[Hashable]:
        return [*pairwise(words)]

    def score(bags: list[list[str]], weights: dict[Any, float]) -> list[float]:
        lengths = [len(bag) for bag in bags]
        mean = sum(lengths) / len(lengths)
        return [
            bm25(Counter(bag), length, mean, weights) if length else 0.0
            for bag, length in zip(bags, lengths, strict=True)
        ]

    words = weights_of({*asked.words}, [Counter(one.words) for one in found], texts)
    grams = weights_of({*asked.grams}, [Counter(one.grams) for one in found], texts)
    paired = weights_of({*pairs(asked.words)}, [Counter(pairs(one.words)) for one in found], texts)
    total = sum(words.values())
    return {
        "words": score([one.words for one in found], words),
        "grams": score([one.grams for one in found], grams),
        "head_words": score([one.words[: one.head_words] for one in found], words),
        "head_grams": score([one.grams[: one.head_grams] for one in found], grams),
        "pairs": [
            sum(paired[p] for p in {*pairs(one.words)} & {*paired}) / sum(paired.values())
            if paired
            else 0.0
            for one in found
        ],
        "share": [
            sum(words[w] for w in {*one.words} & {*words}) / total if total else 0.0
            for one in found
        ],
    }


def check_against_slow(question: str, texts: Sequence[str]) -> WordScores:
    found, expected = score_words(question, texts), slow_scores(question, texts)
    for name in SCORES:
        np.testing.assert_allclose(getattr(found, name), expected[name], rtol=1e-9, atol=1e-12)
        assert (getattr(found, name) >= 0).all()
    assert (found.share <= 1 + 1e-12).all()
    return found


@pytest.mark.parametrize("seed", range(40))
def test_scores_of_random_texts(seed: int) -> None:
    random = np.random.default_rng(seed)
    letters = np.array(["a", "b", "ab", "abc", "dcab", "東", "京", "\n", "(", "é", "Cab"])

    def text(most: int) -> str:
        some = random.choice(letters, size=random.integers(0, most))
        return "".join(f"{word}{random.choice(['', ' '])}" for word in some)

    texts = [text(40) for _ in range(random.integers(1, 30))]
    texts += [texts[i] for i in random.integers(0, len(texts), size=random.integers(0, 5))]
    check_against_slow(text(12), texts)


def test_scores_of_real_texts() -> None:
    passages, questions = real_texts()
    random = np.random.default_rng(0)
    for question in questions[:15]:
        some = random.integers(0, len(passages), size=40)
        texts = ["\n".join(passages[i]) for i in some]
        found = check_against_slow(question, [*texts, "", texts[0]])
        assert found.words[0] == pytest.approx(found.words[-1], rel=1e-12)  # a copy
        assert found.share.max() > 0


@given(
    st.text(alphabet="ab é東\n_(", max_size=12),
    st.lists(st.text(alphabet="ab é東\n_(", max_size=30), min_size=1, max_size=8),
)
@settings(max_examples=200, derandomize=True, deadline=None)
def test_scores_of_texts_that_hypothesis_makes_up(question: str, texts: list[str]) -> None:
    check_against_slow(question, texts)


def test_frequencies_count_equal_texts_once() -> None:
    texts = ["the cat sat", "the dog ran", "the bird flew"]
    plain = score_words("cat the", texts)
    copied = score_words("cat the", [*texts, *[texts[0]] * 20])
    np.testing.assert_allclose(copied.share[:3], plain.share)
    np.testing.assert_allclose(copied.pairs[:3], plain.pairs)
    assert plain.share[0] == pytest.approx(1.0)
    rare, common = np.log(1 + 2.5 / 1.5), np.log(1 + 0.5 / 3.5)
    np.testing.assert_allclose(plain.share[1], common / (rare + common))


def test_the_rarer_word_counts_more() -> None:
    found = score_words("osmium market", ["osmium here", "market here", "market there", "market"])
    assert found.words[0] > found.words[1]
    assert found.share[0] > found.share[1] > 0


def test_pairs_stand_in_order_within_one_passage() -> None:
    texts = ["new york city", "york new", "in new", "york is", "new  york", "New-York", "newyork"]
    found = score_words("new york", texts)
    assert (found.pairs > 0).tolist() == [True, False, False, False, True, True, False]


def test_the_head_is_heard_apart() -> None:
    texts = ["Marie Curie\nwas a physicist", "A physicist\nnamed Marie Curie", "Something\nelse"]
    found = score_words("Who was Marie Curie?", texts)
    assert found.head_words[0] > 0
    assert found.head_words[1] == found.head_words[2] == 0
    assert found.head_grams[0] > found.head_grams[1]
    assert found.words[1] > 0


def test_what_each_word_of_a_text_weighs() -> None:
    texts = ["the osmium of osmium", "", "the iron"]
    found = score_words("osmium the", texts)
    assert len(found.word_weights) == 6
    assert (
        found.word_weights[0]
        == found.word_weights[4]
        < found.word_weights[1]
        == found.word_weights[3]
    )
    assert found.word_weights[2] == found.word_weights[5] == 0


@pytest.mark.parametrize("question", ["", "  \n", "…?!", "😀❤️👍", "\u200b", "\ud800", "()"])
def test_a_question_without_words_says_nothing(question: str) -> None:
    found = score_words(question, ["some text", "", "❤️", "😀", question])
    for name in (*SCORES, "word_weights"):
        assert not getattr(found, name).any()


def test_no_term_anywhere() -> None:
    found = score_words("zebra", ["cat dog", "bird"])
    for name in (*SCORES, "word_weights"):
        assert not getattr(found, name).any()


@pytest.mark.parametrize("count", [1, 2, 50])
def test_all_texts_alike(count: int) -> None:
    found = check_against_slow("the cat sat", ["the cat sat here"] * count)
    for name in SCORES:
        values = getattr(found, name)
        assert (values == values[0]).all()
        assert values[0] > 0
    np.testing.assert_allclose(found.share, 1.0)


def test_texts_without_words_among_others() -> None:
    texts = ["", "cat", "...", "cat dog", "", "\u200b"]
    found = check_against_slow("cat dog", texts)
    assert (found.words > 0).tolist() == [False, True, False, True, False, False]
    for name in SCORES:
        assert not getattr(score_words("cat", ["", "!"]), name).any()


def test_no_texts() -> None:
    found = score_words("cat", [])
    for name in (*SCORES, "word_weights"):
        assert getattr(found, name).shape == (0,)


def test_a_cache_changes_nothing() -> None:
    texts = ["the cat", "the dog", "the cat"]
    cache = TermCache()
    for question in ("cat", "dog the"):
        plain = score_words(question, texts)
        for _ in range(2):
            cached = score_words(question, texts, cache=cache)
            for name in (*SCORES, "word_weights"):
                np.testing.assert_array_equal(getattr(plain, name), getattr(cached, name))


def test_other_languages() -> None:
    for question, texts in [
        ("東京の首都", ["東京は日本の首都です", "大阪は大きい"]),
        ("กรุงเทพ", ["กรุงเทพมหานคร", "เชียงใหม่"]),
        ("מה זה שלום", ["שָׁלוֹם", "לחם"]),
        ("محمد", ["مُحَمَّد", "علي"]),
        ("Versicherungen", ["die Versicherung zahlt", "ein Quark"]),
        ("DÉJÀ", ["deja vu", "jamais"]),
    ]:
        found = score_words(question, texts)
        assert found.grams[0] > 0
        assert found.grams[1] < found.grams[0] / 3  # single characters may be shared


@pytest.mark.parametrize(
    ("question", "texts", "message"),
    [
        (None, ["a"], "got NoneType"),
        (5, ["a"], "got int"),
        (b"bytes", ["a"], "got bytes"),
        ("a", ["a", None], "got NoneType"),
        ("a", [["a"]], "got list"),
        ("a", "text", "a list of strings; got a single string"),
    ],
)
def test_what_is_no_text(question: Any, texts: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        score_words(question, texts)
