"""From texts to their terms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sift_retrievers.acceleration import compiled
from sift_retrievers.witnesses.array_reading import read
from sift_retrievers.witnesses.characters import TABLE, UTF_32, described, fold
from sift_retrievers.witnesses.terms import Terms


def read_terms(texts: Sequence[str]) -> list[Terms]:
    """The terms of every text; see `read_blocks`."""
    return [Terms(block) for block in read_blocks(texts)]


def read_blocks(texts: Sequence[str]) -> list[bytes]:
    """The terms of every text, a block each. Time and memory are linear in their length.

    Of a text longer than 100,000 characters the first 100,000 are read.
    """
    native = compiled()
    if native is None:
        return read(texts)
    # The compiled function folds ASCII by itself.
    ready = [text if text.isascii() else _folded(text) for text in texts]
    blocks: list[bytes] = native.read_terms(ready, TABLE)
    return blocks


def _folded(text: str) -> str | bytes:
    """The folded text, in UTF-32 where it still is not in ASCII; `TABLE` knows its characters."""
    folded = fold(text)
    if folded.isascii():
        return folded
    encoded = folded.encode(UTF_32, "surrogatepass")
    described(np.frombuffer(encoded, dtype=np.uint32))
    return encoded
