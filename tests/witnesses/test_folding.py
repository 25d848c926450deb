"""Folding many texts at once gives the same as folding each as a whole."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from random_texts import BLOCKS, random_text
from slow_terms import folded

from sift_retrievers.witnesses.folding import fold_all


@pytest.fixture(autouse=True)
def road() -> None:
    """Folding has no compiled version."""


def check(texts: list[str]) -> None:
    for text, found in zip(texts, fold_all(texts), strict=True):
        assert found == folded(text), repr(text[:200])


@pytest.mark.parametrize("seed", range(60))
def test_random_texts(seed: int) -> None:
    random = np.random.default_rng(seed)
    check([random_text(random) for _ in range(60)])


def test_every_character_beside_others() -> None:
    """Letters, marks that are dropped and that are kept, and what joins with a letter before it.

    Of the thousands of Chinese and Korean characters some.
    """
    signs = [
        chr(code)
        for code in range(0x110000)
        if unicodedata.category(chr(code)) not in ("Cn", "Co")
        and not (0x3400 <= code <= 0xD7FF and code % 16)
        and not (0x20000 <= code <= 0x3FFFF and code % 64)
    ]
    beside = ["a", "か", "ㅏ", "\u1112", "\u0301", "\u0345", "\u3099", "\u0323\u0301", "ß…"]
    for neighbour in beside:
        for i in range(0, len(signs), 50):
            check([f"{c}{neighbour}{c}" for c in signs[i : i + 50]])
        plain = [c for c in signs if neighbour == "a" or ord(c) % 7 == 0]
        check(["".join(f"{c}{neighbour}{c} " for c in plain[i::200]) for i in range(200)])


def test_pairs_of_characters_from_everywhere() -> None:
    random = np.random.default_rng(0)
    for low, high in BLOCKS:
        for other_low, other_high in BLOCKS:
            one = random.integers(low, high + 1, size=60)
            other = random.integers(other_low, other_high + 1, size=60)
            both = np.stack([one, other, one, other], axis=1).tolist()
            check(["".join(map(chr, codes)) for codes in both])


def test_only_marks_and_jamo_join_with_what_is_before_them() -> None:
    """What `folding` assumes of Unicode holds for all characters that this Python knows."""
    for code in range(0x110000):
        parts = unicodedata.decomposition(chr(code)).split()
        if len(parts) != 2 or parts[0].startswith("<"):
            continue
        second = int(parts[1], 16)
        assert unicodedata.category(chr(second))[0] == "M" or 0x1100 <= second <= 0x11FF
    for code in range(0x110000):
        assert unicodedata.combining(chr(code)) == 0 or unicodedata.category(chr(code))[0] == "M"


@pytest.mark.parametrize("piece", ["ß", "…", "é", "か\u3099", "\u0301", "ﷺ", "漢"])
def test_the_limit_holds_before_and_after(piece: str) -> None:
    check([piece * 49_999, f"x{piece * 50_001}か\u3099", piece * 100_001])


def test_no_texts() -> None:
    assert fold_all([]) == []
    assert fold_all(["", "A", "É", ""]) == ["", "a", "e", ""]
