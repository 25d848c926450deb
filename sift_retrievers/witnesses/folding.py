"""Many texts folded at once, where each of their characters is folded by itself."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from sift_retrievers.witnesses.characters import MOST_CHARACTERS, UTF_32, fold

Codes = npt.NDArray[np.uint32]

_SINGLE: Final = np.zeros(0x110000, dtype=np.uint32)
"""What a code point is folded to; 0: it has not come yet."""
_SEVERAL: Final = 0xFFFFFFFE  # folded to several, or to none: `_REPLACED`
_TOGETHER: Final = 0xFFFFFFFF  # folded together with its neighbours
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
    """The code points of all texts, what they are folded to, and where the texts begin and end."""
    codes = _codes("".join(texts))
    folded = _SINGLE.take(codes, mode="clip")
    if not folded.all():
        for code in np.unique(codes[folded == 0]).tolist():
            _SINGLE[code] = _fold_one(code)
        folded = _SINGLE.take(codes, mode="clip")
    return codes, folded, np.cumsum([0, *map(len, texts)])


def _holders(where: npt.NDArray[np.bool_], ends: npt.NDArray[np.intp]) -> list[int]:
    """Which texts have one of some code points."""
    holders = np.searchsorted(ends, np.flatnonzero(where), side="right") - 1
    found: list[int] = np.unique(holders).tolist()
    return found


def _codes(text: str) -> Codes:
    return np.frombuffer(text.encode(UTF_32, "surrogatepass"), dtype=np.uint32)


def _fold_one(code: int) -> int:
    """The folded code point, if it is one whatever its neighbours are.

    Only marks and the letters of Korean syllables (jamo) are put in another order or joined with
    what is before them. Marks that folding drops can stand anywhere.
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
