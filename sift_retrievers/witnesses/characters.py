"""What kind each character is: part of a word, a gap, or of a script without spaces."""

from __future__ import annotations

import re
import sys
import unicodedata
from typing import Final

import numpy as np
import numpy.typing as npt

MOST_CHARACTERS: Final = 100_000
"""How many characters of a text are read; the rest is ignored."""
GAP, WORD, DENSE, DROPPED = range(4)
"""Kinds: between words, part of a word, of a script without spaces, ignored."""
UTF_32: Final = "utf-32-le" if sys.byteorder == "little" else "utf-32-be"
# Marks on or after a letter that are removed, because words with and without them are the same.
_MARKS: Final = re.compile(
    "["
    "\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\ufe20-\ufe2f"  # accents
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"  # Hebrew points; between: punctuation
    "\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed"  # Arabic
    "\u0640"  # the Arabic letter stretcher
    "\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef"  # variants of a glyph or an emoji
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
SPACE: Final = 4
"""Bit of a table entry: the character is white space as defined by `str.isspace`."""
_KIND: Final = 3  # bits of a table entry that hold the kind
_KNOWN: Final = 8  # bit of a table entry that is set once the entry is filled in

TABLE: Final = np.zeros(0x110000, dtype=np.uint8)
"""An entry for every code point: its kind and bits; 0 until `table_entries` fills it in."""
_ASCII_KINDS: Final = bytes(WORD if chr(code).isalnum() else GAP for code in range(128)) * 2


def fold(text: str) -> str:
    """The first 100,000 characters of a text, without case, accents and compatibility forms."""
    text = text[:MOST_CHARACTERS]
    if text.isascii():
        return text.lower()
    bare = _MARKS.sub("", unicodedata.normalize("NFKD", text).casefold())
    # Again: some characters are decomposed into up to eighteen.
    return unicodedata.normalize("NFC", bare)[:MOST_CHARACTERS]


def characters(line: str) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint8]]:
    """A number for every character, and its kind: `GAP`, `WORD`, `DENSE` or `DROPPED`.

    The rare characters beyond 16 bits share their numbers with others.
    """
    if line.isascii():
        encoded = line.encode("ascii")
        ascii_codes = np.frombuffer(encoded, np.uint8).astype(np.uint16)
        return ascii_codes, np.frombuffer(encoded.translate(_ASCII_KINDS), np.uint8)
    codes = np.frombuffer(line.encode(UTF_32, "surrogatepass"), np.uint32)
    kinds = table_entries(codes) & np.uint8(_KIND)
    return (codes ^ (codes >> 16) * 0x9E37).astype(np.uint16), kinds


def table_entries(codes: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint8]:
    """The entries of `TABLE` for code points. Missing entries are filled in."""
    entries = TABLE.take(codes, mode="clip")
    if not entries.all():
        for code in np.unique(codes[entries == 0]).tolist():
            TABLE[code] = _KNOWN | _kind(code) | (SPACE if chr(code).isspace() else 0)
        entries = TABLE.take(codes, mode="clip")
    return entries


def _kind(code: int) -> int:
    if code < 128:
        return _ASCII_KINDS[code]
    if any(low <= code <= high for low, high in _DENSE_SCRIPTS):
        return DENSE if unicodedata.category(chr(code))[0] in "LMN" else GAP
    category = unicodedata.category(chr(code))
    if category[0] in "LMN":
        return WORD
    return DROPPED if category == "Cf" else GAP  # Cf: soft hyphens, joiners, marks of direction
