"""Texts with titles are read as if the titles were their first lines; equal texts are found."""

from __future__ import annotations

import numpy as np
import pytest

from sift_retrievers.witnesses.reading import read_blocks
from sift_retrievers.witnesses.term_cache import TermCache
from sift_retrievers.witnesses.texts import PassageTexts
from sift_retrievers.witnesses.titled import full_text, with_titles

TEXTS = ["", "A", "A\n", "A\nb", "A\nB\nc", "b", "B\nc", "c", "\nb", "AA\nb", None]
TITLES = [None, "", "A", "A\nB", "B", "AA"]


def written_out(text: str | None, title: str | None) -> str:
    text = text or ""
    return f"{title}\n{text}" if title and not text.startswith(f"{title}\n") else text


def check(texts: list[str | None], titles: list[str | None] | None, cache: TermCache) -> None:
    expected = [
        written_out(text, title)
        for text, title in zip(texts, titles or [None] * len(texts), strict=True)
    ]
    keys = with_titles([text or "" for text in texts], titles)
    assert [*map(full_text, keys)] == expected
    assert [keys.index(key) for key in keys] == [expected.index(text) for text in expected]
    for read in (PassageTexts.read(texts, titles), PassageTexts.read(texts, titles, cache=cache)):
        assert [*read.blocks] == read_blocks(expected)
        assert [*read.first_of_equal] == [
            expected.index(text) == i for i, text in enumerate(expected)
        ]


@pytest.mark.parametrize("seed", range(200))
def test_texts_and_titles_of_every_kind(seed: int) -> None:
    random = np.random.default_rng(seed)
    cache = TermCache()
    for _ in range(5):
        count = int(random.integers(0, 12))
        texts = [TEXTS[i] for i in random.integers(0, len(TEXTS), size=count)]
        titles = [TITLES[i] for i in random.integers(0, len(TITLES), size=count)]
        if seed % 3 == 0:
            titles = [title or "B" for title in titles]
        check(texts, None if seed % 7 == 0 else titles, cache)


def test_as_many_titles_as_texts() -> None:
    for titles in (["A"], ["A", "B", "C"], [None]):
        with pytest.raises(ValueError, match="zip"):
            PassageTexts.read(["a", "b"], titles)


def test_the_cache_counts_texts_in_any_form() -> None:
    cache = TermCache(3_000)
    for i in range(50):
        PassageTexts.read([f"text {i} of some words"] * 2, [None, f"title {i}"], cache=cache)
        assert 0 < cache._size <= 3_000
    cache.limit = 0
    PassageTexts.read(["new"], cache=cache)
    assert cache._size == len(cache) == 0
