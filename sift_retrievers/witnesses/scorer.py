"""Relevance scores from outside: of a cross-encoder or another reranker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Scorer: TypeAlias = Callable[[str, list[str]], Any]
"""`(question, n texts) → n finite scores`, larger for more relevant texts; a cross-encoder, say."""


def checked_scores(scores: Any, count: int) -> npt.NDArray[np.float64]:
    """The scores `[n]` of n passages. Any scale will do, since they are standardised later.

    Raises:
        ValueError: if there are not n finite numbers.
    """
    try:
        if np.iscomplexobj(scores):
            raise TypeError("complex numbers have no order")
        values = np.asarray(scores, dtype=np.float64)
    except (TypeError, ValueError, RuntimeError) as error:  # RuntimeError: a tensor with a gradient
        raise ValueError(
            f"a scorer must give one finite score a passage, {count} in all; got "
            f"{type(scores).__name__}: {error}"
        ) from error
    if values.shape != (count,) or not np.isfinite(values).all():
        raise ValueError(
            f"a scorer must give one finite score a passage, {count} in all; got an array of shape "
            f"{values.shape} with {int((~np.isfinite(values)).sum())} NaN or infinite values"
        )
    return values
