"""The terms of texts as arrays of hashes: words in order, phrases, and character 4-grams.

All texts of a call are read at once by numpy, without a Python loop over terms. Language-neutral:

* Words are runs of letters and digits, as Unicode has them; `_` ends a word. Case and accents are
  folded ("Müller" is "muller"), ligatures and full-width forms are taken apart.
* 4-grams stand inside a word or touch its edge, so inflected forms and compounds share most.
* Scripts that put no spaces between words (Chinese, Japanese, Thai, Lao, Burmese, Khmer) have
  every two neighbouring characters as a word, and every character as a gram.
* A phrase is a word with its two neighbours; the ends of a text are neighbours, too.

A hash has 64 bits: two terms of one question collide with a chance of about one in 10¹³.
"""

from __future__ import annotations

import re
import unicodedata
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

Hashes: TypeAlias = npt.NDArray[np.uint64]

MOST_CHARACTERS: Final = 100_000  # of a text that are read; what follows is not
HEAD: Final = 80  # characters of the first line that count as its head
SHORTEST_NAME: Final = 4
LONGEST_NAME: Final = 60
SHORTEST_NAME_WORDS: Final = 2  # one word may be any word: "Overview", "Contact", "Note"

_U = np.uint64
MIX: Final = tuple(
    map(_U, (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5))
)
_BEGIN, _END = _U(0x5851F42D4C957F2D), _U(0x14057B7EF767814F)
_EDGE: Final = 95  # stands for whatever is before or after a word
_GAP, _WORD, _DENSE, _DROPPED = range(4)
# What is written on or behind a letter and leaves the word what it is.
_MARKS: Final = re.compile(
    "["
    "\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\ufe20-\ufe2f"  # accents
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"  # Hebrew points; between: punctuation
    "\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed"  # Arabic
    "\u0640"  # the Arabic letter stretcher
    "\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef"  # variants of a glyph, of an emoji
    "\u20d0-\u20ff"  # frames around a sign: keycaps
    "]"
)
_DENSE_SCRIPTS: Final = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x3005, 0x3007),  # signs among Chinese characters: 々, 〆, 〇
    (0x3040, 0x30FF),  # Hiragana, Katakana
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),  # Chinese characters
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)
_ASCII: Final = np.array([_WORD if chr(code).isalnum() else _GAP for code in range(128)], np.uint8)


CHUNK: Final = 2**18  # characters read at a time
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


@dataclass(frozen=True)
class Terms:
    """The terms of one text, in the order of the text."""

    words: Hashes
    """`[n]`."""
    phrases: Hashes
    """`[n]`: phrase i has word i in its middle. A text without a word has one phrase,
    itself, a blank one none."""
    grams: Hashes
    """`[m]`."""
    head_words: int
    """How many of the words stand in the head: the first line, at most 80 characters."""
    head_grams: int
    name: tuple[int, int] | None
    """Hash and number of the words by which other texts may call this one: its first line up to a
    parenthesis, if that has two words or more, at most 60 characters, and a text below it."""

    @property
    def nbytes(self) -> int:
        return self.words.nbytes + self.phrases.nbytes + self.grams.nbytes


def fold(text: str) -> str:
    """The text without case, accents and compatibility forms; its first 100,000 characters."""
    text = text[:MOST_CHARACTERS]
    if text.isascii():
        return text.lower()
    bare = _MARKS.sub("", unicodedata.normalize("NFKD", text).casefold())
    # Some signs are taken apart into eighteen characters.
    return unicodedata.normalize("NFC", bare)[:MOST_CHARACTERS]


def read_terms(texts: Sequence[str]) -> list[Terms]:
    """The terms of every text. Time and memory are linear in their length.

    Of a text longer than 100,000 characters the first 100,000 are read.
    """
    found: list[Terms] = []
    part: list[str] = []
    size = 0
    for text in texts:
        part.append(fold(text).lstrip())
        size += len(part[-1]) + 1
        if size > CHUNK:
            found += _read(part)
            part, size = [], 0
    return found + _read(part) if part else found


def _read(folded: list[str]) -> list[Terms]:
    """The terms of folded texts of at most `CHUNK` characters before the last."""
    lines = [text.partition("\n") for text in folded]
    heads = np.array([min(len(first), HEAD) for first, _, _ in lines])
    names = np.array([_name_length(first) if rest.strip() else 0 for first, _, rest in lines])
    starts = np.concatenate([[0], np.cumsum([len(text) + 1 for text in folded])])
    codes, kinds = _characters("\n".join(folded) + "\n")
    head_ends, name_ends = starts[:-1] + heads, starts[:-1] + names
    if (kinds == _DROPPED).any():  # closes the gap that they would make inside a word
        kept = kinds != _DROPPED
        before = np.concatenate([[0], np.cumsum(kept)])
        starts, head_ends, name_ends = before[starts], before[head_ends], before[name_ends]
        codes, kinds = codes[kept], kinds[kept]
    word_at, words = _words(codes, kinds)
    gram_at, grams = _grams(codes, kinds)
    word_cuts, gram_cuts = (np.searchsorted(at, starts) for at in (word_at, gram_at))
    word_heads, gram_heads = (np.searchsorted(at, head_ends) for at in (word_at, gram_at))
    name_words = np.searchsorted(word_at, name_ends)
    phrases = _phrases(words, word_cuts)
    found = []
    for i, text in enumerate(folded):
        first, last, named = int(word_cuts[i]), int(word_cuts[i + 1]), int(name_words[i])
        found.append(
            Terms(
                words=words[first:last].copy(),
                phrases=phrases[first:last].copy() if last > first else _as_it_is(text),
                grams=grams[gram_cuts[i] : gram_cuts[i + 1]].copy(),
                head_words=int(word_heads[i]) - first,
                head_grams=int(gram_heads[i] - gram_cuts[i]),
                name=(
                    (sequence_hash(words[first:named]), named - first)
                    if named - first >= SHORTEST_NAME_WORDS
                    else None
                ),
            )
        )
    return found


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


def sequence_hash(words: Hashes) -> int:
    """The hash of a sequence of words: `combined` again and again."""
    first, *others = words.tolist()
    value = int(first)
    for other in others:
        value = (value * int(MIX[1]) ^ other * int(MIX[0])) % 2**64
        value = (value ^ value >> 32) * int(MIX[3]) % 2**64
    return value


class TermCache:
    """The terms of the texts read last. Safe to share between threads.

    The text itself is the key, so a text that changed is read again.
    """

    def __init__(self, nbytes: int = 64 * 2**20) -> None:
        """Keep at most `nbytes` of terms and texts; those not used for longest go first."""
        self.limit = nbytes
        self._kept: OrderedDict[str, Terms] = OrderedDict()
        self._size = 0
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._kept.clear()
            self._size = 0

    def terms(self, texts: Sequence[str]) -> list[Terms]:
        """The terms of every text; those not kept are read in one go."""
        with self._lock:
            found = {text: self._kept.get(text) for text in texts}
            for text, known in found.items():
                if known is not None:
                    self._kept.move_to_end(text)
        missing = [text for text, known in found.items() if known is None]
        fresh = dict(zip(missing, read_terms(missing), strict=True))
        with self._lock:
            for text, terms in fresh.items():
                self._size += _size(text, terms) if text not in self._kept else 0
                self._kept[text] = terms
            while self._size > self.limit and self._kept:
                text, terms = self._kept.popitem(last=False)
                self._size -= _size(text, terms)
        return [found[text] or fresh[text] for text in texts]


def _size(text: str, terms: Terms) -> int:
    return terms.nbytes + 4 * len(text) + 200


def _characters(line: str) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint8]]:
    """A number for every character, and what it is: `_GAP`, `_WORD`, `_DENSE` or `_DROPPED`.

    The rare characters beyond 16 bits share numbers with others.
    """
    if line.isascii():
        ascii_codes = np.frombuffer(line.encode("ascii"), np.uint8)
        return ascii_codes.astype(np.uint16), _ASCII[ascii_codes]
    codes = np.frombuffer(line.encode("utf-32-le", "surrogatepass"), np.uint32)
    kinds = _ASCII[np.minimum(codes, 127)]
    foreign = np.flatnonzero(codes > 127)
    points, which = np.unique(codes[foreign], return_inverse=True)
    kinds[foreign] = np.array([_kind(point) for point in points.tolist()], np.uint8)[which]
    return (codes ^ (codes >> 16) * 0x9E37).astype(np.uint16), kinds


@lru_cache(maxsize=20_000)
def _kind(code: int) -> int:
    if any(low <= code <= high for low, high in _DENSE_SCRIPTS):
        return _DENSE if unicodedata.category(chr(code))[0] in "LMN" else _GAP
    category = unicodedata.category(chr(code))
    if category[0] in "LMN":
        return _WORD
    return _DROPPED if category == "Cf" else _GAP  # soft hyphens, joiners, directions


def _words(
    codes: npt.NDArray[np.uint16], kinds: npt.NDArray[np.uint8]
) -> tuple[npt.NDArray[np.intp], Hashes]:
    """Where every word begins, and its hash.

    The hash of c_0 … c_n is Σ c_i base^i modulo 2⁶⁴, mixed: the difference of two sums over all
    characters, over the power of the base at which the word begins.
    """
    inner = kinds == _WORD
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
        dense = kinds == _DENSE
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
    inner = kinds == _WORD
    c = np.full(len(codes) + 3, _EDGE, dtype="<u2")
    np.copyto(c[1:-2], codes, where=inner)
    four = np.ndarray(len(codes), dtype="<u8", buffer=c, strides=(2,))
    at = np.flatnonzero(inner[:-1] & inner[1:])
    with np.errstate(over="ignore"):
        hashes = four[at] * MIX[0]
        hashes ^= hashes >> _U(29)
        dense = np.flatnonzero(kinds == _DENSE)
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


def combined(first: Hashes, second: Hashes) -> Hashes:
    """The hash of a sequence that goes on: `first` of what was before, `second` of the next."""
    with np.errstate(over="ignore"):
        mixed: Hashes = (first * MIX[1]) ^ (second * MIX[0])
        mixed ^= mixed >> _U(32)
        return mixed * MIX[3]
