"""Reading texts: from strings to terms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sift_retrievers.acceleration import compiled
from sift_retrievers.witnesses.array_reading import read_arrays
from sift_retrievers.witnesses.characters import TABLE, table_entries
from sift_retrievers.witnesses.folding import fold_codes
from sift_retrievers.witnesses.terms import Terms


def read_terms(texts: Sequence[str]) -> list[Terms]:
    """The terms of every text; as `read_blocks`."""
    return [Terms(block) for block in read_blocks(texts)]


def read_blocks(texts: Sequence[str]) -> list[bytes]:
    """The terms of every text, one block each (see `terms`).

    Only the first 100,000 characters of a text are read. Time and memory are linear in the length.
    """
    native = compiled()
    if native is None:
        return read_arrays(texts)
    # The compiled function folds ASCII texts itself and takes all others folded.
    ready: list[str | bytes] = [*texts]
    foreign = [i for i, text in enumerate(texts) if not text.isascii()]
    if foreign:
        folded = fold_codes([texts[i] for i in foreign])
        table_entries(np.concatenate(folded))  # fills in the table that the function reads
        for i, codes in zip(foreign, folded, strict=True):
            ready[i] = codes.tobytes()
    blocks: list[bytes] = native.read_terms(ready, TABLE)
    return blocks
