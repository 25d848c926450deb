"""Scores of a further witness: a cross-encoder, another reranker."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def checked_scores(scores: Any, count: int) -> npt.NDArray[np.float64]:
    """The scores `[n]` of n passages; on any scale, since they are standardised.

    Raises:
        ValueError: if there are not n finite numbers.
    """
    try:
        if np.iscomplexobj(scores):
            raise TypeError("complex numbers have no order")
        values = np.asarray(scores, dtype=np.float64)
    except (TypeError, ValueError, RuntimeError) as error:  # the last of a tensor with a gradient
        raise ValueError(
            f"a judge must give one finite score a passage, {count} in all; got "
            f"{type(scores).__name__}: {error}"
        ) from error
    if values.shape != (count,) or not np.isfinite(values).all():
        raise ValueError(
            f"a judge must give one finite score a passage, {count} in all; got an array of shape "
            f"{values.shape} with {int((~np.isfinite(values)).sum())} NaN or infinite values"
        )
    return values
