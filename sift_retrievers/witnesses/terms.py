"""The terms of a text: words, phrases and character 4-grams, as 64-bit hashes.

The definitions work for all languages:

* A word is a run of Unicode letters and digits; `_` ends a word. Case and accents are folded
  ("Müller" becomes "muller"), ligatures and full-width characters are decomposed.
* A 4-gram is four consecutive characters of a word; the places before and after the word count as
  characters. Inflected forms and compounds share most of their 4-grams.
* In scripts without spaces between words (Chinese, Japanese, Thai, Lao, Burmese, Khmer), every pair
  of neighbouring characters is a word, and every character is a gram.
* A phrase is a word with the words before and after it. The beginning and the end of a text count
  as words there.

Two different terms of one question have the same hash with a probability of about 10⁻¹³.

The terms of one text are stored in one block of bytes, which the compiled functions read directly:
eight 64-bit integers (number of words, of phrases, of grams, of words in the head, of grams in the
head, hash of the name, number of words of the name, 0), followed by the hashes of the words,
phrases and grams.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

Hashes: TypeAlias = npt.NDArray[np.uint64]

COUNTS: Final = 8
"""Integers at the beginning of a block, before the hashes."""
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
        """`[n]` hashes."""
        return self._hashes(0)

    @property
    def phrases(self) -> Hashes:
        """`[n]` hashes; word i is in the middle of phrase i.

        A text without words is one phrase by itself; a blank text has none.
        """
        return self._hashes(1)

    @property
    def grams(self) -> Hashes:
        """`[m]` hashes of 4-grams."""
        return self._hashes(2)

    @property
    def head_words(self) -> int:
        """How many of the words are in the head: the first line, at most 80 characters of it."""
        return self._counts[3]

    @property
    def head_grams(self) -> int:
        """How many of the 4-grams are in the head."""
        return self._counts[4]

    @property
    def name(self) -> tuple[int, int] | None:
        """Hash and number of words of the name by which other texts may mention this one.

        The name is the first line up to a parenthesis. A text has one if that is at least two words
        and at most 60 characters long, and more text follows below; None otherwise.
        """
        value, size = self._counts[5:7]
        return (value, size) if size > 0 else None

    @property
    def _counts(self) -> list[int]:
        counts: list[int] = np.frombuffer(self.block, dtype=np.uint64, count=COUNTS).tolist()
        return counts

    def _hashes(self, kind: int) -> Hashes:
        """Those of the words (0), the phrases (1) or the grams (2)."""
        counts = self._counts
        first = COUNTS + sum(counts[:kind])
        return np.frombuffer(self.block, np.uint64, count=counts[kind], offset=8 * first)


def combined(first: Hashes, second: Hashes) -> Hashes:
    """The hash of a sequence extended by one term, from the hashes of the sequence and the term."""
    with np.errstate(over="ignore"):
        mixed: Hashes = (first * MIX[1]) ^ (second * MIX[0])
        mixed ^= mixed >> _U(32)
        return mixed * MIX[3]
