"""From texts to their terms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sift_retrievers.acceleration import compiled
from sift_retrievers.witnesses.array_reading import read
from sift_retrievers.witnesses.characters import TABLE, described
from sift_retrievers.witnesses.folding import fold_codes
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
    ready: list[str | bytes] = [*texts]
    foreign = [i for i, text in enumerate(texts) if not text.isascii()]
    if foreign:
        folded = fold_codes([texts[i] for i in foreign])
        described(np.concatenate(folded))  # so that the table knows all characters
        for i, codes in zip(foreign, folded, strict=True):
            ready[i] = codes.tobytes()
    blocks: list[bytes] = native.read_terms(ready, TABLE)
    return blocks
