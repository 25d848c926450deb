"""What the compiled functions for texts refuse: everything that does not fit its size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sift_retrievers.acceleration import compiled
from sift_retrievers.witnesses.characters import TABLE
from sift_retrievers.witnesses.reading import read_blocks

native: Any = compiled()
pytestmark = pytest.mark.skipif(native is None, reason="the extension module is not built")

TEXTS = ["Marie Curie\nwas born in Warsaw", "", "?!", "a b c"]


def changed(block: bytes, at: int, value: int) -> bytes:
    numbers = np.frombuffer(block, dtype=np.uint64).copy()
    numbers[at] = value
    return numbers.tobytes()


@pytest.mark.parametrize(
    ("texts", "error", "message"),
    [
        (["é"], ValueError, "comes as UTF-32"),
        (["\ud800"], ValueError, "surrogates not allowed"),
        ([b"abc"], ValueError, "four bytes a character"),
        ([None], TypeError, "expected bytes, NoneType found"),
        ([bytearray(4)], TypeError, "expected bytes, bytearray found"),
        ([b"\xff\xff\xff\x7f"], UnicodeDecodeError, "not in range"),  # its own phrase
        (5, TypeError, "not iterable"),
    ],
)
def test_texts(texts: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        native.read_terms(texts, TABLE)


@pytest.mark.parametrize("table", [TABLE[:-1], TABLE[:0], b"", np.zeros(0x110000, np.uint16)])
def test_a_table_of_another_size(table: Any) -> None:
    with pytest.raises(ValueError, match="one byte for each code point"):
        native.read_terms(["a"], table)


def test_a_table_that_is_none() -> None:
    with pytest.raises(TypeError, match="bytes-like object is required"):
        native.read_terms(["a"], None)


def test_blocks() -> None:
    good = read_blocks(TEXTS)
    block = good[0]
    bad = [block[:-1], block[:-8], block[:56], b"", block + bytes(8)]
    bad += [changed(block, at, value) for at in range(3) for value in (0, 2**63, 2**64 - 1)]
    bad += [changed(block, at, 10**6) for at in (3, 4, 6)]
    bad += [changed(good[2], 1, 2), changed(good[1], 1, 1)]
    for one in bad:
        for call in (
            lambda: native.score_terms(one, good, bytes(4)),  # noqa: B023
            lambda: native.score_terms(good[0], [good[1], one], bytes(2)),  # noqa: B023
            lambda: native.mentions([one], np.zeros(1), 10),  # noqa: B023
            lambda: native.phrases([one], None, 0.3),  # noqa: B023
        ):
            with pytest.raises(ValueError, match="a block of terms"):
                call()
    for nothing in (None, "text", 5, bytearray(block)):
        with pytest.raises(TypeError):
            native.phrases([nothing], None, 0.3)


def test_rows_of_another_length() -> None:
    good = read_blocks(TEXTS)
    with pytest.raises(ValueError, match="one byte for each passage"):
        native.score_terms(good[0], good, bytes(3))
    with pytest.raises(ValueError, match="relevance: 4 numbers of 8 bytes expected, 24 bytes came"):
        native.mentions(good, np.zeros(3), 10)
    with pytest.raises(ValueError, match="word_weights: 9 numbers of 8 bytes expected, 64 bytes"):
        native.phrases(good, np.zeros(8), 0.3)
    with pytest.raises(ValueError, match="values: 6 numbers"):
        native.standardized(np.zeros(5), 2, 3, 1e-7)
    with pytest.raises(ValueError, match="too many values"):
        native.standardized(np.zeros(5), 2**62, 2**62, 1e-7)
    for call in (
        lambda: native.mentions(good, None, 10),
        lambda: native.standardized(None, 0, 0, 1e-7),
    ):
        with pytest.raises(TypeError, match="must not be None"):
            call()


COVER: dict[str, Any] = {
    "units": np.arange(5, dtype=np.uint64),
    "lengths": np.array([2, 0, 3]),
    "weights": np.ones(5),
    "values": np.ones(3),
    "allowed": np.ones(3, dtype=np.bool_),
    "costs": np.ones(3),
    "groups": np.arange(3),
    "k": 3,
    "noise": 0.1,
    "min_gain": 0.0,
    "min_novelty": 0.0,
    "budget": 9.0,
}


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("units", np.arange(4, dtype=np.uint64), ValueError),
        ("units", np.arange(5, dtype=np.uint32), ValueError),
        ("units", None, TypeError),
        ("lengths", np.array([2, 0, 4]), ValueError),
        ("lengths", np.array([2, -1, 4]), ValueError),
        ("lengths", np.array([2**62, 2**62, 2**63 - 1]), ValueError),
        ("lengths", np.array([2, 3]), ValueError),
        ("weights", np.ones(4), ValueError),
        ("values", np.ones(4), ValueError),
        ("values", None, TypeError),
        ("allowed", np.ones(2, dtype=np.bool_), ValueError),
        ("allowed", np.ones(3), ValueError),
        ("costs", np.ones(3, dtype=np.float32), ValueError),
        ("groups", np.arange(4), ValueError),
        ("groups", np.arange(6)[::2], (ValueError, BufferError)),
        ("k", -1, OverflowError),
        ("k", 2.5, TypeError),
        ("noise", "0.1", TypeError),
    ],
)
def test_what_cover_refuses(name: str, value: Any, error: Any) -> None:
    assert native.cover(*COVER.values())[3] == 0
    with pytest.raises(error):
        native.cover(*(COVER | {name: value}).values())


def test_numbers_of_arguments() -> None:
    for name in ("read_terms", "score_terms", "mentions", "phrases", "standardized", "cover"):
        with pytest.raises(TypeError, match="takes"):
            getattr(native, name)()
