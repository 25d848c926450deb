"""`gold_among`: which of the passages that a store found are gold passages of a question."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from html import unescape
from typing import Final
from unicodedata import normalize

from sift_retrievers.evaluation.question import Question
from sift_retrievers.metrics import Judgements

SHORTEST: Final = 20
"""Bytes of UTF-8, about four English words or seven Chinese characters: a shorter text is often
part of another one by chance, so it matches nothing but its equal."""

_MARKUP: Final = re.compile(r"</?[a-zA-Z][^<>]*>")
_NOT_WORDS: Final = re.compile(r"\W+")


@dataclass(frozen=True)
class GoldAmong:
    """The gold passages of one question among n passages."""

    judgements: Judgements
    """Of the positions 0 to n − 1, for `sift_retrievers.metrics.coverage_curve`. Gold passages that
    are not among the n are counted as not found."""
    found: int
    """How many gold passages are among the n."""
    total: int
    """How many gold passages the question has."""
    by_text: bool
    """Whether they were looked for by their texts."""


def gold_among(
    question: Question, names: Sequence[Hashable], texts: Sequence[str] | None = None
) -> GoldAmong:
    """Find the gold passages of a question among n passages.

    By names: the name of the gold passage and of the passage are equal as strings. A file says "12"
    where the metadata of a store say 12.

    By texts, if the question names no gold passages or none of them is among the n: one text is
    part of the other. Case, white space, punctuation, HTML tags and entities do not count. So the
    chunks of a long gold text match it, and so does the passage that holds a short one; of texts
    below 20 bytes only equal ones match. A gold text is one facet: one of its chunks covers it.

    Args:
        question: with at least one gold passage.
        names: of the n passages. Chunks of one passage may have the same name.
        texts: of the n passages; None if they are not known.

    Raises:
        ValueError: if the question has no gold passage, or names and texts differ in number.
    """
    if texts is not None and len(texts) != len(names):
        raise ValueError(f"names and texts must be as many; got {len(names)} and {len(texts)}")
    if not question.has_gold:
        raise ValueError(f"the question {question.text!r} has no gold passages")
    by_name = _by_name(question, names) if question.gold else None
    if by_name is not None and (by_name.found or not question.gold_texts):
        return by_name
    if texts is None:
        return by_name or _judged(question.gold_texts, {}, lambda i: [i], by_text=True)
    return _by_text(question.gold_texts, texts)


def _by_name(question: Question, names: Sequence[Hashable]) -> GoldAmong:
    facets: Mapping[Hashable, object] = (
        question.gold if isinstance(question.gold, Mapping) else dict.fromkeys(question.gold, ())
    )
    gold = [*facets]
    index = {str(name): i for i, name in enumerate(gold)}
    held = {
        position: [index[str(name)]]
        for position, name in enumerate(names)
        if name is not None and str(name) in index
    }

    def said(i: int) -> list[Hashable]:
        own = question.gold[gold[i]] if isinstance(question.gold, Mapping) else ()
        return [("facet", facet) for facet in own] or [("passage", i)]

    return _judged(gold, held, said, by_text=False)


def _by_text(gold: Sequence[str], texts: Sequence[str]) -> GoldAmong:
    wanted = [plain(text) for text in gold]
    held = {}
    for position, text in enumerate(texts):
        words = plain(text)
        matches = [i for i, other in enumerate(wanted) if _same(words, other)]
        if matches:
            held[position] = matches
    return _judged(gold, held, lambda i: [i], by_text=True)


def _judged(
    gold: Sequence[Hashable],
    held: Mapping[int, Sequence[int]],
    facets: Callable[[int], Sequence[Hashable]],
    *,
    by_text: bool,
) -> GoldAmong:
    """The judgements of positions, from the numbers of the gold passages that each one holds."""
    found = {i for numbers in held.values() for i in numbers}
    judged: dict[Hashable, list[Hashable]] = {
        position: [facet for i in numbers for facet in facets(i)]
        for position, numbers in held.items()
    }
    for i in range(len(gold)):
        if i not in found:
            judged["not among them", i] = [*facets(i)]
    return GoldAmong(Judgements(judged), len(found), len(gold), by_text)


def plain(text: str) -> str:
    """The words of a text in lower case, with a space between two of them."""
    without_markup = _MARKUP.sub(" ", unescape(text))
    return _NOT_WORDS.sub(" ", normalize("NFKC", without_markup).casefold()).strip()


def _same(a: str, b: str) -> bool:
    """Whether one of two plain texts is part of the other."""
    if not a or not b:
        return False
    shorter, longer = (a, b) if len(a) <= len(b) else (b, a)
    if len(shorter) == len(longer):
        return a == b
    return shorter in longer and len(shorter.encode()) >= SHORTEST
