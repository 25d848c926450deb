"""How much evidence a selection is expected to hold, where no passages are known to be evidence."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

TEMPERATURE: Final = 0.25
"""Of the distribution over candidates, in standard deviations of relevance."""
NEAR_IDENTICAL: Final = 0.9
"""Cosine from which one passage is taken to say what another says."""

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]


def expected_coverage(
    relevance: Float64, vectors: Float32, picks: npt.NDArray[np.int64]
) -> Float64:
    """Expected share of the evidence in every prefix of a selection.

    The model: exactly one candidate is the evidence, candidate i with probability
    p_i ∝ exp(ρ_i / TEMPERATURE). It is found if it or a candidate with a cosine of at least
    NEAR_IDENTICAL to it is selected. So a pick counts by how likely it is to be the evidence, and a
    pick that repeats an earlier one counts nothing.

    Args:
        relevance: `[n]` ρ, in standard deviations among the candidates.
        vectors: `[n, d]` of the candidates.
        picks: `[N]` positions in selection order.

    Returns:
        `[N]` between 0 and 1, never falling.
    """
    probability = np.exp((relevance - relevance.max()) / TEMPERATURE)
    probability /= probability.sum()
    lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-30)
    unit = vectors / lengths
    same = unit[picks] @ unit.T >= NEAR_IDENTICAL  # [N, n]
    same[np.arange(len(picks)), picks] = True
    found = np.logical_or.accumulate(same, axis=0)
    covered: Float64 = found @ probability
    return covered
