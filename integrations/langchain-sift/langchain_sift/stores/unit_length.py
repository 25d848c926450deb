"""Finds out whether a store scaled its vectors to unit length, if the store does not tell."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def unit_length_note(
    vectors: npt.NDArray[np.float32], query: npt.NDArray[np.float32]
) -> str | None:
    """A note if all vectors are of unit length, but the query of the same model is not.

    If the query is of unit length, too, the model scales its vectors itself. Then there is no note,
    since scaling them again changes nothing.

    Args:
        vectors: `[n, d]`, as the store returned them.
        query: `[d]`, as the embedding model gave it.
    """

    def is_unit(array: npt.NDArray[np.float32]) -> bool:
        return bool(np.allclose(np.linalg.norm(array, axis=-1), 1, atol=1e-3))

    if len(vectors) == 0 or is_unit(query) or not is_unit(vectors):
        return None
    return "scaled to unit length by the store"
