"""How much evidence a selection is expected to hold, where nobody has said what the evidence is."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

SPREAD: Final = 0.25  # temperature of relevance, in standard deviations
SAME: Final = 0.9  # cosine above which a passage says what another does

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]


def expected_coverage(
    relevance: Float64, vectors: Float32, picks: npt.NDArray[np.int64]
) -> Float64:
    """Expected share of the evidence in every prefix of a selection.

    The model: the evidence is one candidate, candidate i with probability p_i ∝ exp(ρ_i / SPREAD);
    it is found if a pick has a cosine of at least SAME to it. So a pick counts by how likely it is
    to be wanted, and one that says the same again counts nothing.

    Args:
        relevance: `[n]` ρ, in standard deviations among the candidates.
        vectors: `[n, d]` of the candidates.
        picks: `[N]` positions in selection order.

    Returns:
        `[N]` between 0 and 1, never falling.
    """
    probability = np.exp((relevance - relevance.max()) / SPREAD)
    probability /= probability.sum()
    lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-30)
    unit = vectors / lengths
    same = unit[picks] @ unit.T >= SAME  # [N, n]
    same[np.arange(len(picks)), picks] = True
    found = np.logical_or.accumulate(same, axis=0)
    covered: Float64 = found @ probability
    return covered
