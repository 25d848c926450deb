"""Folding of many texts at once; gives the same as `characters.fold`, text by text.

Most characters are folded alike whatever stands beside them, and are looked up in a table. Texts
with characters whose folding depends on their neighbours are folded one by one.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from sift_retrievers.witnesses.characters import MOST_CHARACTERS, UTF_32, fold

Codes = npt.NDArray[np.uint32]

_SINGLE: Final = np.zeros(0x110000, dtype=np.uint32)
"""What every code point is folded to, or one of the two values below; 0: not yet known."""
_SEVERAL: Final = 0xFFFFFFFE  # folded to several characters, or to none; they are in `_REPLACED`
_TOGETHER: Final = 0xFFFFFFFF  # its folding depends on its neighbours
_REPLACED: Final[dict[int, str]] = {}


def fold_all(texts: Sequence[str]) -> list[str]:
    """`fold` of every text."""
    found = [text[:MOST_CHARACTERS] for text in texts]
    foreign = [i for i, text in enumerate(found) if not text.isascii()]
    for i, codes in zip(foreign, fold_codes([found[i] for i in foreign]), strict=True):
        found[i] = codes.tobytes().decode(UTF_32, "surrogatepass")
    return [text.lower() if text.isascii() else text for text in found]


def fold_codes(texts: Sequence[str]) -> list[Codes]:
    """The code points of every folded text."""
    cut = [text[:MOST_CHARACTERS] for text in texts]
    codes, folded, ends = _folded_singly(cut)
    together = _holders(folded == _TOGETHER, ends)
    several = np.unique(codes[folded == _SEVERAL]).tolist()
    if several:
        signs = [(chr(code), _REPLACED[code]) for code in several]
        for i in _holders(folded == _SEVERAL, ends):
            for sign, parts in signs:
                cut[i] = cut[i].replace(sign, parts)
            cut[i] = cut[i][:MOST_CHARACTERS]
        codes, folded, ends = _folded_singly(cut)
    found = np.split(folded, ends[1:-1]) if cut else []
    for i in together:
        found[i] = _codes(fold(texts[i]))
    return found


def _folded_singly(texts: list[str]) -> tuple[Codes, Codes, npt.NDArray[np.intp]]:
    """The code points of all texts, their foldings, and the boundaries of the texts `[n + 1]`."""
    codes = _codes("".join(texts))
    folded = _SINGLE.take(codes, mode="clip")
    if not folded.all():
        for code in np.unique(codes[folded == 0]).tolist():
            _SINGLE[code] = _fold_one(code)
        folded = _SINGLE.take(codes, mode="clip")
    return codes, folded, np.cumsum([0, *map(len, texts)])


def _holders(where: npt.NDArray[np.bool_], ends: npt.NDArray[np.intp]) -> list[int]:
    """The texts in which any of the marked code points occurs."""
    holders = np.searchsorted(ends, np.flatnonzero(where), side="right") - 1
    found: list[int] = np.unique(holders).tolist()
    return found


def _codes(text: str) -> Codes:
    return np.frombuffer(text.encode(UTF_32, "surrogatepass"), dtype=np.uint32)


def _fold_one(code: int) -> int:
    """The entry of a code point in `_SINGLE`.

    Unicode normalisation reorders or joins only marks and the letters of Korean syllables (jamo)
    with what is before them. Marks that folding removes do not depend on their neighbours.
    """
    folded = fold(chr(code))
    if folded and (code == 0 or any(map(_joins, chr(code) + folded))):
        return _TOGETHER
    if len(folded) == 1:
        return ord(folded)
    for sign in folded:
        if fold(sign) != sign:
            return _TOGETHER
        _SINGLE[ord(sign)] = ord(sign)
    _REPLACED[code] = folded
    return _SEVERAL


def _joins(sign: str) -> bool:
    return unicodedata.category(sign)[0] == "M" or 0x1100 <= ord(sign) <= 0x11FF
