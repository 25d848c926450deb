"""The terms of texts as arrays of hashes: words in order, phrases, and character 4-grams.

Language-neutral:

* Words are runs of letters and digits, as Unicode has them; `_` ends a word. Case and accents are
  folded ("Müller" is "muller"), ligatures and full-width forms are taken apart.
* 4-grams stand inside a word or touch its edge, so inflected forms and compounds share most.
* Scripts that put no spaces between words (Chinese, Japanese, Thai, Lao, Burmese, Khmer) have
  every two neighbouring characters as a word, and every character as a gram.
* A phrase is a word with its two neighbours; the ends of a text are neighbours, too.

A hash has 64 bits: two terms of one question collide with a chance of about one in 10¹³.

The terms of one text are one block of bytes, which the compiled functions take as it is: eight
numbers of 64 bits (words, phrases, grams, words in the head, grams in the head, hash of the name,
words of the name, 0), then its words, phrases and grams.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

Hashes: TypeAlias = npt.NDArray[np.uint64]

COUNTS: Final = 8  # numbers before the terms
_U = np.uint64
MIX: Final = tuple(
    map(_U, (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5))
)


@dataclass(frozen=True)
class Terms:
    """The terms of one text, in the order of the text."""

    block: bytes

    @property
    def words(self) -> Hashes:
        """`[n]`."""
        return self._part(0)

    @property
    def phrases(self) -> Hashes:
        """`[n]`: phrase i has word i in its middle.

        A text without a word has one phrase, itself, a blank one none.
        """
        return self._part(1)

    @property
    def grams(self) -> Hashes:
        """`[m]`."""
        return self._part(2)

    @property
    def head_words(self) -> int:
        """How many of the words stand in the head: the first line, at most 80 characters."""
        return self._counts[3]

    @property
    def head_grams(self) -> int:
        return self._counts[4]

    @property
    def name(self) -> tuple[int, int] | None:
        """Hash and number of the words by which other texts may call this one.

        Its first line up to a parenthesis, if that has two words or more, at most 60 characters,
        and a text below it.
        """
        value, size = self._counts[5:7]
        return (value, size) if size > 0 else None

    @property
    def _counts(self) -> list[int]:
        counts: list[int] = np.frombuffer(self.block, dtype=np.uint64, count=COUNTS).tolist()
        return counts

    def _part(self, which: int) -> Hashes:
        counts = self._counts
        first = COUNTS + sum(counts[:which])
        return np.frombuffer(self.block, np.uint64, count=counts[which], offset=8 * first)


def combined(first: Hashes, second: Hashes) -> Hashes:
    """The hash of a sequence that goes on: `first` of what was before, `second` of the next."""
    with np.errstate(over="ignore"):
        mixed: Hashes = (first * MIX[1]) ^ (second * MIX[0])
        mixed ^= mixed >> _U(32)
        return mixed * MIX[3]
