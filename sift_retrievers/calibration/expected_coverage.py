"""How much evidence a selection is expected to hold, where nobody has said what the evidence is."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from sift_retrievers.retrieval import cosines

SPREAD: Final = 0.25  # temperature of relevance, in standard deviations of the cosine
SAME: Final = 0.9  # cosine above which a passage says what another does

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]


def expected_coverage(targets: Float32, vectors: Float32, picks: npt.NDArray[np.int64]) -> Float64:
    """Expected share of the evidence in every prefix of a selection.

    The model: the evidence is one candidate, candidate i with probability p_i ∝ exp(z_i / SPREAD),
    z_i its cosine to the query in standard deviations among the candidates; it is found if a pick
    has a cosine of at least SAME to it. So a pick counts by how likely it is to be wanted, and one
    that says the same again counts nothing.

    Args:
        targets: `[m, d]` of the query; of several the nearest counts.
        vectors: `[n, d]` of the candidates.
        picks: `[N]` positions in selection order.

    Returns:
        `[N]` between 0 and 1, never falling.
    """
    relevance = cosines(vectors, targets)
    deviation = max(float(relevance.std()), 1e-6)
    probability = np.exp((relevance - relevance.max()) / (SPREAD * deviation))
    probability /= probability.sum()
    lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-30)
    unit = vectors / lengths
    same = unit[picks] @ unit.T >= SAME  # [N, n]
    same[np.arange(len(picks)), picks] = True
    found = np.logical_or.accumulate(same, axis=0)
    covered: Float64 = found @ probability
    return covered
