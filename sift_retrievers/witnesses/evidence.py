"""The chance that the evidence is among the candidates at all, as far as cosine and words tell.

Logistic regressions, fitted on one half of the questions of six public corpora with two embedding
models (benchmarks/retrieval/warning.py). The classes were questions with their evidence in the
store, the same questions after it was taken out, and, at half weight, questions of other corpora.
Corpora whose passages answer one question many times over, or embeddings whose cosines lie
otherwise, shift the values; their order suffers less.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]

PROBABLY_MISSING: Final = 0.25
"""Below it the evidence is probably not there."""


def chance_of_evidence(cosine: Float64, raw: Float64, share: Float64) -> float:
    """σ(5 cos + 2.4 share + 0.14 raw − 5.4) of the candidate with the largest raw: 0…1.

    Args:
        cosine: `[n]` to the question.
        raw: `[n]` sum of what vectors and words say, each in standard deviations.
        share: `[n]` of the question's words, rare ones weighing more.
    """
    if len(raw) == 0:
        return 0.0
    i = int(raw.argmax())
    return _logistic(5.0 * float(cosine[i]) + 2.4 * float(share[i]) + 0.14 * float(raw[i]) - 5.4)


def chance_by_vectors(cosine: Float64) -> float:
    """σ(7.8 cos − 4.7) of the nearest candidate, where no words are heard: 0…1."""
    if len(cosine) == 0:
        return 0.0
    return _logistic(7.8 * float(cosine.max()) - 4.7)


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-max(min(x, 50.0), -50.0)))
