"""The compiled functions give what numpy gives: terms exactly, numbers up to 1e-12."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import pytest
from random_texts import random_passage, random_text
from real_texts import real_texts

from sift_retrievers.acceleration import compiled, switched_off
from sift_retrievers.coverage import Covered, cover, novelty_after
from sift_retrievers.stop_reason import StopReason
from sift_retrievers.witnesses import Relevance, Witnesses, phrase_coverage, score_words
from sift_retrievers.witnesses.mentions import mentions
from sift_retrievers.witnesses.phrases import coverage_from_terms
from sift_retrievers.witnesses.reading import read_blocks, read_terms
from sift_retrievers.witnesses.relevance import combine_witnesses
from sift_retrievers.witnesses.standardized import standardized
from sift_retrievers.witnesses.texts import PassageTexts

T = TypeVar("T")
SCORES = (
    "grams",
    "words",
    "pairs",
    "head_grams",
    "head_words",
    "share",
    "gram_share",
    "word_weights",
)


@pytest.fixture(autouse=True)
def road() -> None:
    """Each test here calls both by itself."""
    if compiled() is None:
        pytest.skip("the extension module is not built")


def both(call: Callable[[], T]) -> tuple[T, T]:
    fast = call()
    with switched_off():
        return fast, call()


def close(fast: Any, slow: Any) -> None:
    np.testing.assert_allclose(fast, slow, rtol=1e-12, atol=1e-12)


def check_terms(texts: list[str]) -> None:
    fast, slow = both(lambda: read_blocks(texts))
    for text, one, other in zip(texts, fast, slow, strict=True):
        assert one == other, repr(text[:200])


def check_scores(question: str, texts: list[str]) -> None:
    fast, slow = both(lambda: score_words(question, texts))
    for name in SCORES:
        close(getattr(fast, name), getattr(slow, name))


@pytest.mark.parametrize("seed", range(40))
def test_terms_of_any_characters(seed: int) -> None:
    random = np.random.default_rng(seed)
    check_terms([random_text(random) for _ in range(60)])


def test_every_character_of_unicode() -> None:
    """Within a word, by itself, and beside one of its neighbours."""
    for first in range(0, 0x110000, 0x1000):
        block = [chr(code) for code in range(first, first + 0x1000)]
        check_terms(
            [
                "".join(f"ab{c}cd {c} " for c in block[::2]),
                "".join(f"{c}{other}\n" for c, other in zip(block[::2], block[1::2], strict=True)),
            ]
        )


@pytest.mark.parametrize(
    "piece",
    [
        "word ",
        "a",
        "東京",
        "ﷺ",
        "é",
        "\u0301",
        "\n",
        "\x00",
        "\u00ad",
        "(",
        "x\u00ad",
        "😀",
        "\ud800",
    ],
)
@pytest.mark.parametrize("size", [99_999, 100_000, 100_001, 250_000])
def test_texts_about_as_long_as_the_limit(piece: str, size: int) -> None:
    text = (piece * size)[:size]
    check_terms([text, f" \n{text}", f"Some title\n{text}", text[:-1] + "z"])


def test_heads_and_names_of_any_length() -> None:
    lines = ["ab " * n for n in range(40)] + ["é東 " * n for n in range(30)] + ["a" * 59, "b" * 60]
    ends = ["", "\n", "\n ", "\n\u2028", "\ntext", " (1984)\ntext", "(\ntext", "\x85\ntext"]
    check_terms(
        [f"{blank}{line}{end}" for blank in ("", "\x1f\n ") for line in lines for end in ends]
    )


def test_texts_without_words() -> None:
    texts = [
        "",
        " ",
        "?!",
        " ?! ",
        "😀",
        "\x85😀\n",
        "\ud800",
        "\u200b",
        "\u200b \u200b",
        "\x00",
        "_",
    ]
    check_terms(texts)
    phrases = [terms.phrases.tolist() for terms in read_terms(["?!", " ?!\n", "😀", "…😀"])]
    assert phrases[0] == phrases[1] != phrases[2] != phrases[3]


@pytest.mark.parametrize("seed", range(60))
def test_scores(seed: int) -> None:
    random = np.random.default_rng(seed)
    draw = random_passage if seed % 3 else random_text
    texts = [draw(random, 80) for _ in range(random.integers(0, 40))]
    texts += [texts[i] for i in random.integers(0, max(len(texts), 1), size=5) if i < len(texts)]
    check_scores(draw(random, 25), texts)


def test_scores_of_a_long_question() -> None:
    random = np.random.default_rng(0)
    check_scores(random_text(random, 20_000), [random_text(random, 3_000) for _ in range(5)])


@pytest.mark.parametrize("copies", [2, 7, 100])
def test_copies_have_the_very_same_scores(copies: int) -> None:
    passages, questions = real_texts()
    texts = ["\n".join(passage) for passage in passages[:50]]
    for question in questions[:10]:
        for found in both(lambda: score_words(question, texts * copies)):  # noqa: B023
            for name in SCORES[:-1]:
                rows = getattr(found, name).reshape(copies, 50)
                assert (rows == rows[0]).all()


@pytest.mark.parametrize("seed", range(100))
def test_mentions(seed: int) -> None:
    random = np.random.default_rng(seed)
    texts = [random_passage(random) for _ in range(random.integers(0, 40))]
    read = PassageTexts.read(texts)
    relevance = random.normal(size=len(texts)).round(int(random.integers(0, 5)))
    close(*both(lambda: mentions(read, relevance)))


@pytest.mark.parametrize("seed", range(100))
def test_standardized(seed: int) -> None:
    random = np.random.default_rng(seed)
    values = random.normal(size=(seed % 4 + 1, seed // 4)) * 10.0 ** random.integers(-300, 300)
    values[0] = values[0, :1]  # all alike
    if values.size > 1 and seed % 5 == 0:
        values[-1, -1] = random.choice([np.nan, np.inf, -np.inf])
    for given in (values, values[0], values[-1]):
        close(*both(lambda: standardized(given)))  # noqa: B023


def same_covered(fast: Covered, slow: Covered) -> bool:
    """Assert equal values up to rounding; return whether the picks are the same."""
    assert fast.stop_reason == slow.stop_reason
    np.testing.assert_allclose(fast.variance, slow.variance, rtol=1e-12)
    np.testing.assert_allclose(fast.gains, slow.gains, rtol=1e-12)
    return fast.indices.tolist() == slow.indices.tolist()


@pytest.mark.parametrize("seed", range(150))
def test_cover(seed: int) -> None:
    random = np.random.default_rng(seed)
    count = int(random.integers(0, 60))
    texts = [random_passage(random, 40) for _ in range(count)]
    question = random_passage(random, 8) if seed % 4 else None
    fast, slow = both(lambda: phrase_coverage(texts, question, level=0.7))
    np.testing.assert_array_equal(fast.units, slow.units)
    np.testing.assert_array_equal(fast.lengths, slow.lengths)
    if question is not None:
        close(fast.weights, slow.weights)
    relevance = random.normal(size=count)  # no ties: those are tested with the oracle
    rules: dict[str, Any] = {"lambda_": float(10 ** random.uniform(-3, 3))}
    if seed % 2:
        rules |= {"costs": random.uniform(0, 3, size=count), "budget": 8.0}
    if seed % 3 == 0:
        rules |= {"groups": random.integers(0, 9, size=count)}
    if seed % 5 == 0:
        rules |= {"min_novelty": 0.3}
    if seed % 7 == 0:
        rules |= {"min_gain": 0.05}
    if seed % 2 and count:
        rules |= {"allowed": random.random(count) < 0.8}
    k = int(random.integers(1, 70))
    assert same_covered(*both(lambda: cover(fast, relevance, k, **rules)))


def test_novelty_is_that_of_the_picks() -> None:
    passages, questions = real_texts()
    texts = ["\n".join(passage) for passage in passages[:120]]
    for question in questions[:5]:
        coverage = phrase_coverage(texts, question)
        found = cover(coverage, np.random.default_rng(0).normal(size=120), 15)
        picks = found.indices.tolist()
        for n, pick in enumerate(picks):
            left = novelty_after(coverage, picks[:n], 0.1)[pick]
            assert found.novelty[n] == pytest.approx(left, rel=1e-12)


def test_whole_retrievals_of_real_texts() -> None:
    passages, questions = real_texts()
    random = np.random.default_rng(0)
    same = 0
    for question in questions[:60]:
        some = random.integers(0, len(passages), size=100)
        texts, titles = [passages[i][1] for i in some], [passages[i][0] for i in some]
        cosine = random.uniform(0, 0.6, size=(1, 100))

        def ask() -> tuple[Relevance, Covered]:
            read = PassageTexts.read(texts, titles)  # noqa: B023
            heard = combine_witnesses(cosine, [question], read, Witnesses())  # noqa: B023
            assert heard.words is not None
            phrases = coverage_from_terms(read, heard.words.word_weights, level=heard.chance)
            return heard, cover(phrases, heard.total, 20)

        (fast, fast_picks), (slow, slow_picks) = both(ask)
        close(fast.total, slow.total)
        close(fast.chance, slow.chance)
        for name in slow.scores_by_witness:
            close(fast.scores_by_witness[name], slow.scores_by_witness[name])
        same += same_covered(fast_picks, slow_picks)
    assert same == 60


def test_groups_may_be_any_numbers() -> None:
    coverage = phrase_coverage(["one", "two", "three", "four"])
    groups: list[Any] = [
        np.array([5, 5, 6, 6], dtype=np.int8),
        np.array([2**63, 2**63, 0, 0], dtype=np.uint64),
        [0.5, 0.5, 0.25, 0.25],
        [True, True, False, False],
    ]
    for given in groups:
        fast, slow = both(lambda: cover(coverage, np.arange(4.0), 4, groups=given))  # noqa: B023
        assert fast.indices.tolist() == slow.indices.tolist() == [3, 1]
        assert fast.stop_reason == StopReason.EXHAUSTED
