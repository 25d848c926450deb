"""What a store adapter returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document


@dataclass(frozen=True)
class Hits:
    """The n nearest documents of one query, nearest first, with their stored vectors."""

    vectors: npt.NDArray[np.float32]
    """`[n, d]` vectors as the store holds them."""
    document: Callable[[int], Document]
    """The document of hit i. May be the store's own object: the retriever copies what it returns,
    and asks only for the hits that were selected."""

    def __len__(self) -> int:
        return len(self.vectors)
