"""Reading by numpy: all texts of a call at once, without a Python loop over terms."""

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

HEAD: Final = 80  # characters of the first line that count as its head
SHORTEST_NAME: Final = 4
LONGEST_NAME: Final = 60
SHORTEST_NAME_WORDS: Final = 2  # one word may be any word: "Overview", "Contact", "Note"
CHUNK: Final = 2**18  # characters read at a time

_U = np.uint64
_BEGIN, _END = _U(0x5851F42D4C957F2D), _U(0x14057B7EF767814F)
_EDGE: Final = 95  # stands for whatever is before or after a word
_BASE: Final = 0x9E3779B97F4A7C15 | 1  # odd, so it has an inverse modulo 2⁶⁴


def _powers(base: int) -> Hashes:
    with np.errstate(over="ignore"):
        steps = np.full(CHUNK + MOST_CHARACTERS + 2, base % 2**64, dtype=np.uint64)
        steps[0] = 1
        return np.multiply.accumulate(steps)


@lru_cache(maxsize=1)
def _bases() -> tuple[Hashes, Hashes]:
    """The powers of the base of words' hashes, and those of its inverse."""
    return _powers(_BASE), _powers(pow(_BASE, -1, 2**64))


def read(texts: Sequence[str]) -> list[bytes]:
    """The block of every text."""
    found: list[bytes] = []
    part: list[str] = []
    size = 0
    for text in texts:
        part.append(text)
        size += min(len(text), MOST_CHARACTERS)
        if size > CHUNK:
            found += _read_some(part)
            part, size = [], 0
    return found + _read_some(part)


def _read_some(texts: list[str]) -> list[bytes]:
    """The blocks of texts that are about `CHUNK` characters before they are folded."""
    found: list[bytes] = []
    part: list[str] = []
    size = 0
    for text in fold_all(texts):
        part.append(text.lstrip())
        size += len(part[-1]) + 1
        if size > CHUNK:
            found += _read(part)
            part, size = [], 0
    return found + _read(part) if part else found


def _read(folded: list[str]) -> list[bytes]:
    """The blocks of folded texts of at most `CHUNK` characters before the last."""
    lines = [text.partition("\n") for text in folded]
    heads = np.array([min(len(first), HEAD) for first, _, _ in lines])
    names = np.array([_name_length(first) if rest.strip() else 0 for first, _, rest in lines])
    starts = np.concatenate([[0], np.cumsum([len(text) + 1 for text in folded])])
    codes, kinds = characters("\n".join(folded) + "\n")
    head_ends, name_ends = starts[:-1] + heads, starts[:-1] + names
    if (kinds == DROPPED).any():  # closes the gap that they would make inside a word
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
            itself = _as_it_is(text)
            counts[i, 1] = len(itself)
            parts = (parts[0], itself, parts[2])
        blocks.append(b"".join((counts[i].tobytes(), *(part.tobytes() for part in parts))))
    return blocks


def _name_length(first: str) -> int:
    """Characters of a folded first line that are a name; 0 for none."""
    name = first.split("(")[0].rstrip()
    return len(name) if SHORTEST_NAME <= len(name) <= LONGEST_NAME else 0


def _phrases(words: Hashes, cuts: npt.NDArray[np.intp]) -> Hashes:
    """Every word with its neighbours, in all texts, which the cuts tell apart."""
    if len(words) == 0:
        return words
    before, after = np.roll(words, 1), np.roll(words, -1)
    full = cuts[1:] > cuts[:-1]
    before[cuts[:-1][full]] = _BEGIN
    after[cuts[1:][full] - 1] = _END
    return combined(combined(before, words), after)


def _as_it_is(text: str) -> Hashes:
    """The only phrase of a text without words; none of a blank one, which says nothing."""
    bare = text.strip()
    return np.array([hash(bare) % 2**64] if bare else [], dtype=np.uint64)


def _sequences(words: Hashes, starts: npt.NDArray[np.intp], sizes: npt.NDArray[np.intp]) -> Hashes:
    """The hashes of some sequences of words: `combined` again and again."""
    value = words[starts]
    for step in range(1, int(sizes.max(initial=0))):
        longer = np.flatnonzero(sizes > step)
        value[longer] = combined(value[longer], words[starts[longer] + step])
    return value


def _words(
    codes: npt.NDArray[np.uint16], kinds: npt.NDArray[np.uint8]
) -> tuple[npt.NDArray[np.intp], Hashes]:
    """Where every word begins, and its hash.

    The hash of c_0 … c_n is Σ c_i base^i modulo 2⁶⁴, mixed: the difference of two sums over all
    characters, over the power of the base at which the word begins.
    """
    inner = kinds == WORD
    edge = np.flatnonzero(inner[1:] != inner[:-1]) + 1
    if inner[0]:
        edge = np.insert(edge, 0, 0)
    begin, end = edge[::2], edge[1::2]  # the last character of a line is its end, a gap
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
        following = np.append(codes[1:], codes[:1])[at]  # of the last, a gap, none is asked for
        second = np.where(after[at], following, np.uint16(0))
        pairs = (codes[at] * _U(2**16) + second + MIX[0]) * MIX[1]
        pairs ^= pairs >> _U(31)
    return _in_order(begin, hashes, at, pairs * MIX[2])


def _grams(
    codes: npt.NDArray[np.uint16], kinds: npt.NDArray[np.uint8]
) -> tuple[npt.NDArray[np.intp], Hashes]:
    """Where every gram begins (at its second character), and its hash: four times 16 bits."""
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
    """Two kinds of terms as one, in the order of the text."""
    both = np.concatenate([at, more_at])
    order = np.argsort(both, kind="stable")
    return both[order], np.concatenate([hashes, more])[order]
