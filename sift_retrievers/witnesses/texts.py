"""`PassageTexts`: the candidates' texts, read once for all who listen to words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from sift_retrievers.once import once as computed_once
from sift_retrievers.witnesses.reading import read_blocks
from sift_retrievers.witnesses.term_cache import TermCache
from sift_retrievers.witnesses.terms import COUNTS, Hashes, Terms
from sift_retrievers.witnesses.titled import Titled, titled, whole

Integers: TypeAlias = npt.NDArray[np.intp]


@dataclass(frozen=True)
class JoinedTerms:
    """The terms of n passages, one after the other."""

    words: Hashes
    phrases: Hashes
    grams: Hashes
    word_counts: Integers
    """`[n]`, as all that follow."""
    phrase_counts: Integers
    gram_counts: Integers
    head_words: Integers
    head_grams: Integers
    names: Hashes
    name_words: Integers
    """0 of a passage without a name."""


@dataclass(frozen=True)
class PassageTexts:
    """What was read in the texts of n passages."""

    blocks: tuple[bytes, ...]
    """The terms of each text (`terms`)."""
    once: bytes
    """A byte for each text: 1 for one of each group of equal texts, 0 for the others."""

    @staticmethod
    def read(
        texts: Sequence[str | None],
        titles: Sequence[str | None] | None = None,
        *,
        cache: TermCache | None = None,
    ) -> PassageTexts:
        """Read n texts.

        Args:
            texts: n; None counts as an empty one.
            titles: n, each of which is read as the first line of its text, unless it is that
                already; None or an empty one where a passage has none.
            cache: keeps terms for the next question.

        Raises:
            TypeError: for a text that is neither a string nor None, or one string in place of n.
        """
        if isinstance(texts, str):
            raise TypeError("texts must be a list of strings; got a single string")
        for kind in {*map(type, texts), *map(type, titles or ())}:
            if not issubclass(kind, (str, type(None))):
                raise TypeError(f"texts and titles must be strings; got {kind.__name__}")
        keys = titled(["" if text is None else text for text in texts], titles)
        once = bytearray(b"\1") * len(keys)
        if len({*keys}) < len(keys):
            first: dict[Titled, int] = {}
            once = bytearray(first.setdefault(key, i) == i for i, key in enumerate(keys))
        blocks = read_blocks([*map(whole, keys)]) if cache is None else cache.blocks(keys)
        return PassageTexts(tuple(blocks), bytes(once))

    def __len__(self) -> int:
        return len(self.blocks)

    @property
    def terms(self) -> list[Terms]:
        """The terms of each text, for reading."""
        return [Terms(block) for block in self.blocks]

    @computed_once
    def joined(self) -> JoinedTerms:
        """All terms in arrays."""
        all_terms = np.frombuffer(b"".join(self.blocks), dtype=np.uint64)
        sizes = np.array([len(block) // 8 for block in self.blocks], dtype=np.intp)
        at = np.cumsum(sizes) - sizes
        numbers = all_terms[at + np.arange(COUNTS)[:, None]]  # before the terms, [COUNTS, n]
        counts = numbers.astype(np.intp)
        ends = np.cumsum([at + COUNTS, *counts[:3]], axis=0).tolist()
        words, phrases, grams = (
            _joined([all_terms[i:j] for i, j in zip(*cut, strict=True)]) for cut in pairwise(ends)
        )
        return JoinedTerms(
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


def _joined(parts: Sequence[Hashes]) -> Hashes:
    return np.concatenate(parts) if len(parts) else np.empty(0, dtype=np.uint64)
