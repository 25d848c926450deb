"""Texts cut where the words of the question stand in them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from sift_retrievers.witnesses.characters import DENSE, DROPPED, WORD, characters
from sift_retrievers.witnesses.reading import read_blocks
from sift_retrievers.witnesses.terms import Terms
from sift_retrievers.witnesses.words import read_question

SHOWN: Final = 4_000
"""How many characters of a passage a page shows."""
LEVELS: Final = 3
"""Of how much a word tells: 3 for the rarest of the question's words, 1 for the commonest."""

Spans = list[tuple[int, int]]


def marked_texts(
    texts: Sequence[str], questions: Sequence[str | None]
) -> list[list[tuple[str, int]]]:
    """The beginning of each text, in parts.

    Args:
        texts: n.
        questions: texts of the targets; None for one that is only a vector.

    Returns:
        For each text its parts in order, together its first 4,000 characters, each with its level:
        0 for text between words of the question, 1 to 3 for such a word. The level is higher the
        fewer of the texts have the word.
    """
    wanted = {
        word
        for question in questions
        if question is not None
        for word in Terms(read_question(question)).words.tolist()
    }
    heads = [text[:SHOWN] for text in texts]
    if not wanted:
        return [[(head, 0)] if head else [] for head in heads]
    spans = [_word_spans(head) for head in heads]
    tokens = {
        head[begin:end] for head, places in zip(heads, spans, strict=True) for begin, end in places
    }
    hashes = {
        token: {*Terms(block).words.tolist()} & wanted
        for token, block in zip(tokens, read_blocks([*tokens]), strict=True)
    }
    known = {token: found for token, found in hashes.items() if found}
    frequency: dict[int, int] = {}
    for head, places in zip(heads, spans, strict=True):
        for word in {w for b, e in places for w in known.get(head[b:e], ())}:
            frequency[word] = frequency.get(word, 0) + 1
    level = _levels(frequency, len(texts))
    return [
        _parts(
            head,
            [
                (b, e, max(map(level.__getitem__, known[head[b:e]])))
                for b, e in places
                if head[b:e] in known
            ],
        )
        for head, places in zip(heads, spans, strict=True)
    ]


def _word_spans(text: str) -> Spans:
    """Where words begin and end; in scripts without spaces, every pair of characters."""
    if not text:
        return []
    kinds = characters(text)[1]
    spans: Spans = []
    inner = np.concatenate([[False], (kinds == WORD) | (kinds == DROPPED), [False]])
    for begin, end in _runs(inner):
        if (kinds[begin:end] == WORD).any():
            spans.append((begin, end))
    for begin, end in _runs(np.concatenate([[False], kinds == DENSE, [False]])):
        spans += [(at, at + 2) for at in range(begin, end - 1)] or [(begin, end)]
    return sorted(spans)


def _runs(inside: npt.NDArray[np.bool_]) -> Spans:
    """Begin and end of each run of true values, of an array that begins and ends with false."""
    edges = np.flatnonzero(inside[1:] != inside[:-1]).tolist()
    return [*zip(edges[::2], edges[1::2], strict=True)]


def _levels(frequency: dict[int, int], count: int) -> dict[int, int]:
    """A level for each word, by the logarithm of its rarity among `count` texts."""
    rarity = {word: np.log(1 + (count - df + 0.5) / (df + 0.5)) for word, df in frequency.items()}
    most = max(rarity.values(), default=1.0)
    return {
        word: int(np.ceil(LEVELS * min(max(value / most, 0.01), 1.0)))
        for word, value in rarity.items()
    }


def _parts(text: str, marks: list[tuple[int, int, int]]) -> list[tuple[str, int]]:
    """A text cut at marks, which may overlap: each character has the highest level of its marks."""
    levels = np.zeros(len(text), dtype=np.int8)
    for begin, end, level in marks:
        levels[begin:end] = np.maximum(levels[begin:end], level)
    if not text:
        return []
    cuts = [0, *(np.flatnonzero(np.diff(levels)) + 1).tolist(), len(text)]
    return [(text[begin:end], int(levels[begin])) for begin, end in pairwise(cuts)]
