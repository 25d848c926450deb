"""`PassageTexts`: the terms of the candidates' texts, read once for everything that uses words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from sift_retrievers.once import once
from sift_retrievers.witnesses.reading import read_blocks
from sift_retrievers.witnesses.term_cache import TermCache
from sift_retrievers.witnesses.terms import COUNTS, Hashes, Terms
from sift_retrievers.witnesses.titled import TitledText, full_text, with_titles

Integers: TypeAlias = npt.NDArray[np.intp]


@dataclass(frozen=True)
class TermArrays:
    """The terms of n passages in one array of each kind, passage after passage."""

    words: Hashes
    phrases: Hashes
    grams: Hashes
    word_counts: Integers
    """`[n]` number of words of each passage."""
    phrase_counts: Integers
    """`[n]`."""
    gram_counts: Integers
    """`[n]`."""
    head_words: Integers
    """`[n]` number of words in the head of each passage (see `Terms`)."""
    head_grams: Integers
    """`[n]`."""
    names: Hashes
    """`[n]` hash of the name of each passage (see `Terms`)."""
    name_words: Integers
    """`[n]` number of words of the name, 0 for a passage without one."""


@dataclass(frozen=True)
class PassageTexts:
    """The terms of the texts of n passages."""

    blocks: tuple[bytes, ...]
    """The terms of each text, one block each (see `terms`)."""
    first_of_equal: bytes
    """A byte for each text: 1 for the first of equal texts, 0 for its repetitions."""

    @staticmethod
    def read(
        texts: Sequence[str | None],
        titles: Sequence[str | None] | None = None,
        *,
        cache: TermCache | None = None,
    ) -> PassageTexts:
        """Read n texts.

        Args:
            texts: n; None counts as an empty text.
            titles: n, each read as the first line of its text unless it is that already; None or
                "" for a passage without a title. None: no passage has one.
            cache: where terms are looked up and kept.

        Raises:
            TypeError: for a text or title that is neither a string nor None, or a single string
                in place of n texts.
        """
        if isinstance(texts, str):
            raise TypeError("texts must be a list of strings; got a single string")
        for kind in {*map(type, texts), *map(type, titles or ())}:
            if not issubclass(kind, (str, type(None))):
                raise TypeError(f"texts and titles must be strings; got {kind.__name__}")
        keys = with_titles(["" if text is None else text for text in texts], titles)
        is_first = bytearray(b"\1") * len(keys)
        if len({*keys}) < len(keys):
            first: dict[TitledText, int] = {}
            is_first = bytearray(first.setdefault(key, i) == i for i, key in enumerate(keys))
        blocks = read_blocks([*map(full_text, keys)]) if cache is None else cache.blocks(keys)
        return PassageTexts(tuple(blocks), bytes(is_first))

    def __len__(self) -> int:
        return len(self.blocks)

    @property
    def terms(self) -> list[Terms]:
        """The terms of each text."""
        return [Terms(block) for block in self.blocks]

    @once
    def arrays(self) -> TermArrays:
        """The terms of all texts, in arrays."""
        all_terms = np.frombuffer(b"".join(self.blocks), dtype=np.uint64)
        sizes = np.array([len(block) // 8 for block in self.blocks], dtype=np.intp)
        at = np.cumsum(sizes) - sizes
        numbers = all_terms[at + np.arange(COUNTS)[:, None]]  # [COUNTS, n]
        counts = numbers.astype(np.intp)
        ends = np.cumsum([at + COUNTS, *counts[:3]], axis=0).tolist()
        words, phrases, grams = (
            _concatenated([all_terms[i:j] for i, j in zip(*cut, strict=True)])
            for cut in pairwise(ends)
        )
        return TermArrays(
            words=words,
            phrases=phrases,
            grams=grams,
            word_counts=counts[0],
            phrase_counts=counts[1],
            gram_counts=counts[2],
            head_words=counts[3],
            head_grams=counts[4],
            names=numbers[5],
            name_words=counts[6],
        )


def _concatenated(parts: Sequence[Hashes]) -> Hashes:
    return np.concatenate(parts) if len(parts) else np.empty(0, dtype=np.uint64)
