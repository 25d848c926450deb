"""`Pool`: one query of a calibration, with the candidates that the store offered for it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Pool:
    """The candidates of one query.

    Raises:
        ValueError: for shapes that do not fit together, or fewer than two candidates.
    """

    targets: npt.NDArray[np.float32]
    """`[m, d]` the query's vector, or several that stand for it."""
    vectors: npt.NDArray[np.float32]
    """`[n, d]` of the candidates, nearest first."""
    passages: Sequence[Hashable]
    """Of every candidate the name by which judgements know it: of a chunk, that of its passage."""

    def __post_init__(self) -> None:
        if self.targets.ndim != 2 or self.vectors.ndim != 2:
            raise ValueError(
                f"targets must be [m, d] and vectors [n, d]; got {self.targets.shape} and "
                f"{self.vectors.shape}"
            )
        if self.targets.shape[1] != self.vectors.shape[1]:
            raise ValueError(
                f"targets and vectors must be of one dimension; got {self.targets.shape[1]} and "
                f"{self.vectors.shape[1]}"
            )
        if len(self.passages) != len(self.vectors):
            raise ValueError(
                f"passages must be {len(self.vectors)}, one a candidate; got {len(self.passages)}"
            )
        if len(self.vectors) < 2:
            raise ValueError("a query with fewer than two candidates tells nothing; leave it out")
