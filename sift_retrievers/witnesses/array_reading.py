"""Reading of texts in numpy, for where the compiled function is not available.

All texts of a call are read together, without a Python loop over their terms.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from sift_retrievers.witnesses.characters import (
    DENSE,
    DROPPED,
    MOST_CHARACTERS,
    WORD,
    characters,
)
from sift_retrievers.witnesses.folding import fold_all
from sift_retrievers.witnesses.terms import COUNTS, MIX, Hashes, combined

HEAD: Final = 80  # characters of the first line that belong to the head
SHORTEST_NAME: Final = 4
LONGEST_NAME: Final = 60
SHORTEST_NAME_WORDS: Final = 2  # a single word may be a common one: "Overview", "Note"
CHUNK: Final = 2**18  # characters read at a time

_U = np.uint64
_BEGIN, _END = _U(0x5851F42D4C957F2D), _U(0x14057B7EF767814F)
_EDGE: Final = 95  # in 4-grams, the character before and after a word
_BASE: Final = 0x9E3779B97F4A7C15 | 1  # odd, so it has an inverse modulo 2⁶⁴


def _powers(base: int) -> Hashes:
    with np.errstate(over="ignore"):
        steps = np.full(CHUNK + MOST_CHARACTERS + 2, base % 2**64, dtype=np.uint64)
        steps[0] = 1
        return np.multiply.accumulate(steps)


@lru_cache(maxsize=1)
def _bases() -> tuple[Hashes, Hashes]:
    """The powers of the base of the hashes of words, and those of its inverse modulo 2⁶⁴."""
    return _powers(_BASE), _powers(pow(_BASE, -1, 2**64))


def read_arrays(texts: Sequence[str]) -> list[bytes]:
    """The block of every text (see `terms`)."""
    found: list[bytes] = []
    part: list[str] = []
    size = 0
    for text in texts:
        part.append(text)
        size += min(len(text), MOST_CHARACTERS)
        if size > CHUNK:
            found += _fold_and_read(part)
            part, size = [], 0
    return found + _fold_and_read(part)


def _fold_and_read(texts: list[str]) -> list[bytes]:
    """The blocks of texts with about `CHUNK` characters together, before folding."""
    found: list[bytes] = []
    part: list[str] = []
    size = 0
    for text in fold_all(texts):
        part.append(text.lstrip())
        size += len(part[-1]) + 1
        if size > CHUNK:
            found += _read_folded(part)
            part, size = [], 0
    return found + _read_folded(part) if part else found


def _read_folded(folded: list[str]) -> list[bytes]:
    """The blocks of folded texts, with at most `CHUNK` characters in all but the last of them."""
    lines = [text.partition("\n") for text in folded]
    heads = np.array([min(len(first), HEAD) for first, _, _ in lines])
    names = np.array([_name_length(first) if rest.strip() else 0 for first, _, rest in lines])
    starts = np.concatenate([[0], np.cumsum([len(text) + 1 for text in folded])])
    codes, kinds = characters("\n".join(folded) + "\n")
    head_ends, name_ends = starts[:-1] + heads, starts[:-1] + names
    if (kinds == DROPPED).any():  # without them the parts of a word on both sides are one word
        kept = kinds != DROPPED
        before = np.concatenate([[0], np.cumsum(kept)])
        starts, head_ends, name_ends = before[starts], before[head_ends], before[name_ends]
        codes, kinds = codes[kept], kinds[kept]
    word_at, words = _words(codes, kinds)
    gram_at, grams = _grams(codes, kinds)
    word_cuts, gram_cuts = (np.searchsorted(at, starts) for at in (word_at, gram_at))
    counts = np.zeros((len(folded), COUNTS), dtype=np.uint64)
    counts[:, 0] = counts[:, 1] = np.diff(word_cuts)
    counts[:, 2] = np.diff(gram_cuts)
    counts[:, 3] = np.searchsorted(word_at, head_ends) - word_cuts[:-1]
    counts[:, 4] = np.searchsorted(gram_at, head_ends) - gram_cuts[:-1]
    name_words = np.searchsorted(word_at, name_ends) - word_cuts[:-1]
    named = np.flatnonzero(name_words >= SHORTEST_NAME_WORDS)
    counts[named, 5] = _sequences(words, word_cuts[named], name_words[named])
    counts[named, 6] = name_words[named]
    phrases = _phrases(words, word_cuts)
    blocks = []
    word_ends, gram_ends = word_cuts.tolist(), gram_cuts.tolist()
    for i, text in enumerate(folded):
        of_words = slice(word_ends[i], word_ends[i + 1])
        of_grams = slice(gram_ends[i], gram_ends[i + 1])
        parts = (words[of_words], phrases[of_words], grams[of_grams])
        if of_words.start == of_words.stop:
            only_phrase = _wordless_phrase(text)
            counts[i, 1] = len(only_phrase)
            parts = (parts[0], only_phrase, parts[2])
        blocks.append(b"".join((counts[i].tobytes(), *(part.tobytes() for part in parts))))
    return blocks


def _name_length(first: str) -> int:
    """How many characters at the beginning of a folded first line are its name; 0 for none."""
    name = first.split("(")[0].rstrip()
    return len(name) if SHORTEST_NAME <= len(name) <= LONGEST_NAME else 0


def _phrases(words: Hashes, cuts: npt.NDArray[np.intp]) -> Hashes:
    """The phrases of all texts. Text i has the words `cuts[i]` to `cuts[i + 1]`."""
    if len(words) == 0:
        return words
    before, after = np.roll(words, 1), np.roll(words, -1)
    full = cuts[1:] > cuts[:-1]
    before[cuts[:-1][full]] = _BEGIN
    after[cuts[1:][full] - 1] = _END
    return combined(combined(before, words), after)


def _wordless_phrase(text: str) -> Hashes:
    """The only phrase of a text without words, which is the text itself; none if it is blank."""
    bare = text.strip()
    return np.array([hash(bare) % 2**64] if bare else [], dtype=np.uint64)


def _sequences(words: Hashes, starts: npt.NDArray[np.intp], sizes: npt.NDArray[np.intp]) -> Hashes:
    """The hashes of sequences of words, each given by its start and its number of words."""
    value = words[starts]
    for step in range(1, int(sizes.max(initial=0))):
        longer = np.flatnonzero(sizes > step)
        value[longer] = combined(value[longer], words[starts[longer] + step])
    return value


def _words(
    codes: npt.NDArray[np.uint16], kinds: npt.NDArray[np.uint8]
) -> tuple[npt.NDArray[np.intp], Hashes]:
    """The position of the beginning of every word, and its hash.

    The hash of the characters c_0 … c_n is Σ c_i base^i modulo 2⁶⁴, with its bits mixed. The sum is
    the difference of two cumulative sums over all characters, divided by the power of the base at
    the beginning of the word.
    """
    inner = kinds == WORD
    edge = np.flatnonzero(inner[1:] != inner[:-1]) + 1
    if inner[0]:
        edge = np.insert(edge, 0, 0)
    begin, end = edge[::2], edge[1::2]  # every word ends: the last character is a gap
    powers, inverse = _bases()
    with np.errstate(over="ignore"):
        sums = np.zeros(len(codes) + 1, dtype=np.uint64)
        np.cumsum((codes + _U(1)) * powers[: len(codes)], out=sums[1:])
        hashes = (sums[end] - sums[begin]) * inverse[begin]
        hashes ^= hashes >> _U(31)
        hashes *= MIX[2]
        dense = kinds == DENSE
        if not dense.any():
            return begin, hashes
        after = np.append(dense[1:], False)
        before = np.insert(dense[:-1], 0, False)
        at = np.flatnonzero(dense & (after | ~before))
        following = np.append(codes[1:], codes[:1])[at]  # the last character is a gap, never used
        second = np.where(after[at], following, np.uint16(0))
        pairs = (codes[at] * _U(2**16) + second + MIX[0]) * MIX[1]
        pairs ^= pairs >> _U(31)
    return _in_order(begin, hashes, at, pairs * MIX[2])


def _grams(
    codes: npt.NDArray[np.uint16], kinds: npt.NDArray[np.uint8]
) -> tuple[npt.NDArray[np.intp], Hashes]:
    """The position of the second character of every 4-gram, and its hash of four 16-bit numbers."""
    inner = kinds == WORD
    c = np.full(len(codes) + 3, _EDGE, dtype="<u2")
    np.copyto(c[1:-2], codes, where=inner)
    four = np.ndarray(len(codes), dtype="<u8", buffer=c, strides=(2,))
    at = np.flatnonzero(inner[:-1] & inner[1:])
    with np.errstate(over="ignore"):
        hashes = four[at] * MIX[0]
        hashes ^= hashes >> _U(29)
        dense = np.flatnonzero(kinds == DENSE)
        if not len(dense):
            return at, hashes
        single = (codes[dense] + MIX[2]) * MIX[3]
        single ^= single >> _U(29)
    return _in_order(at, hashes, dense, single)


def _in_order(
    at: npt.NDArray[np.intp], hashes: Hashes, more_at: npt.NDArray[np.intp], more: Hashes
) -> tuple[npt.NDArray[np.intp], Hashes]:
    """Two arrays of terms merged into one, by their positions in the text."""
    both = np.concatenate([at, more_at])
    order = np.argsort(both, kind="stable")
    return both[order], np.concatenate([hashes, more])[order]
