"""The chance that the evidence is among the candidates at all, as far as cosine and words tell.

Logistic regressions, fitted on one half of the questions of six public corpora with two embedding
models (benchmarks/retrieval/warning.py), among 5, 20, 100 and 180 candidates. The classes were
questions with their evidence in the store, the same questions after it was taken out, and questions
of other corpora.
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


def chance_of_evidence(
    cosine: Float64, raw: Float64, gram_share: Float64, pair_share: Float64
) -> float:
    """σ(6 cos + 2.6 gram_share + 2.2 pair_share − 4.9) of the candidate with the largest raw: 0…1.

    None of the three depends on how many candidates there are.

    Args:
        cosine: `[n]` to the question.
        raw: `[n]` sum of what vectors and words say, each in standard deviations.
        gram_share: `[n]` of the question's 4-grams, rare ones weighing more.
        pair_share: `[n]` of its pairs of words.
    """
    if len(raw) == 0:
        return 0.0
    i = int(raw.argmax())
    shares = 2.6 * float(gram_share[i]) + 2.2 * float(pair_share[i])
    return _logistic(6.0 * float(cosine[i]) + shares - 4.9)


def chance_by_vectors(cosine: Float64) -> float:
    """σ(7.8 cos − 4.7) of the nearest candidate, where no words are heard: 0…1."""
    if len(cosine) == 0:
        return 0.0
    return _logistic(7.8 * float(cosine.max()) - 4.7)


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-max(min(x, 50.0), -50.0)))
