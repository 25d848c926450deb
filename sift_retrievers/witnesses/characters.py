"""What the characters of a text are: parts of words, gaps, signs of scripts without spaces."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

MOST_CHARACTERS: Final = 100_000  # of a text that are read; what follows is not
GAP, WORD, DENSE, DROPPED = range(4)
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
_ASCII: Final = np.array([WORD if chr(code).isalnum() else GAP for code in range(128)], np.uint8)


def fold(text: str) -> str:
    """The text without case, accents and compatibility forms; its first 100,000 characters."""
    text = text[:MOST_CHARACTERS]
    if text.isascii():
        return text.lower()
    bare = _MARKS.sub("", unicodedata.normalize("NFKD", text).casefold())
    # Some signs are taken apart into eighteen characters.
    return unicodedata.normalize("NFC", bare)[:MOST_CHARACTERS]


def characters(line: str) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint8]]:
    """A number for every character, and what it is: `GAP`, `WORD`, `DENSE` or `DROPPED`.

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
        return DENSE if unicodedata.category(chr(code))[0] in "LMN" else GAP
    category = unicodedata.category(chr(code))
    if category[0] in "LMN":
        return WORD
    return DROPPED if category == "Cf" else GAP  # soft hyphens, joiners, directions
