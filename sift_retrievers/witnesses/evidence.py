"""The probability that the evidence for a question is among the candidates.

Two logistic regressions estimate it, from cosines and words or from cosines alone. They were fitted
on one half of the questions of six public corpora, with two embedding models and 5, 20, 100 and 180
candidates (benchmarks/retrieval/warning.py). Positive examples were questions whose evidence is in
the store; negative ones the same questions after the evidence was removed, and questions of other
corpora.

The values are less reliable for corpora in which many passages answer one question, and for
embedding models with another range of cosines. Their order over questions is affected less.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]

PROBABLY_MISSING: Final = 0.25
"""Probability below which the evidence is reported as probably missing."""


def chance_of_evidence(
    cosine: Float64, relevance: Float64, gram_share: Float64, pair_share: Float64
) -> float:
    """σ(6 cosine + 2.6 gram_share + 2.2 pair_share − 4.9) of the most relevant candidate.

    The three features do not depend on the number of candidates.

    Args:
        cosine: `[n]` cosine to the question.
        relevance: `[n]` sum of the standardised scores of vectors and words.
        gram_share: `[n]` share of the question's character 4-grams, weighted by rarity.
        pair_share: `[n]` share of the question's pairs of words.

    Returns:
        A probability, 0 to 1; 0 without candidates.
    """
    if len(relevance) == 0:
        return 0.0
    i = int(relevance.argmax())
    shares = 2.6 * float(gram_share[i]) + 2.2 * float(pair_share[i])
    return _logistic(6.0 * float(cosine[i]) + shares - 4.9)


def chance_by_vectors(cosine: Float64) -> float:
    """σ(7.8 cosine − 4.7) of the nearest candidate, where words are not compared; 0 to 1."""
    if len(cosine) == 0:
        return 0.0
    return _logistic(7.8 * float(cosine.max()) - 4.7)


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-max(min(x, 50.0), -50.0)))
