"""Selection rules that were tried: each the information gain of a model of the answer, in numpy.

All are greedy and exact, on Gram matrices `[Q, K, K]` of many queries at once. What was found is in
`log.md`; the rules that lasted are in the library.

Two objectives:

* `directed`: an answer f* covaries with passage x by c(x), observations of passages among
  themselves by S, and each has λ′(x) of noise of its own. Each pick has the largest
  I(f*; y_x | X_n): the largest c² / (v + λ′).
* `undirected`: the model's own function L at the passages; each pick has the largest
  I(L(x); y_x | X_n) = ½ log(1 + v / λ′).

The models:

* `unknown_scale`: f is a Gaussian process whose sharpness B is not known but exponentially
  distributed with mean β: E exp(B (cos − 1)) = 1 / (1 + β (1 − cos)), the rational quadratic
  kernel. The target has a sharpness of its own, cov(f*, f(x)) ∝ exp(β_t cos): at every B it lies
  off the sphere at β_t / B, as in `Exponential`.
* `relevance_by_z`: L(x, y) = r(x) s(x, y) r(y) with s of unknown scale as above and
  r = exp(b z), z the z-score of the cosine to the query among the candidates.
* `weighted_targets`: the answers to the query and to its nearest candidates, the variances weighted
  by softmax(cos / τ); the kernel exp(β (cos − 1)).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from benchmarks.retrieval.candidates import Candidates, Picks

Array = npt.NDArray[np.float64]


def directed(
    cross: Array,
    among: Array,
    noise: Array | float,
    k: int,
    *,
    weights: Array | None = None,
    positive_only: bool = False,
) -> Picks:
    """Greedy information gain about targets.

    Args:
        cross: `[Q, m, K]` prior covariances of m targets and the candidates.
        among: `[Q, K, K]` prior covariances of the candidates.
        noise: λ′ of each candidate `[Q, K]`, or one for all.
        k: picks.
        weights: `[Q, m]` of the targets in the sum of their variances; default: equal.
        positive_only: count a candidate for the targets it covaries positively with.
    """
    c = cross.astype(np.float64)
    rows = np.arange(len(c))
    v = np.einsum("qii->qi", among).astype(np.float64)
    lam = np.broadcast_to(np.asarray(noise, dtype=np.float64), v.shape)
    w = np.ones(c.shape[:2]) if weights is None else weights
    free = np.ones(v.shape, dtype=np.bool_)
    factors = np.empty((len(c), k, v.shape[1]))
    picks = np.empty((len(c), k), dtype=np.int16)
    for n in range(k):
        counted = np.maximum(c, 0) if positive_only else c
        score = np.einsum("qm,qmk->qk", w, counted**2) / (v + lam)
        i = np.where(free, score, -np.inf).argmax(axis=1)
        picks[:, n] = i
        free[rows, i] = False
        root = np.sqrt(v[rows, i] + lam[rows, i])
        before = factors[:, :n]
        known = np.einsum("qn,qnk->qk", before[rows, :, i], before)
        new = (among[rows, i] - known) / root[:, None]
        factors[:, n] = new
        c = c - (c[rows, :, i] / root[:, None])[:, :, None] * new[:, None, :]
        v = np.maximum(v - new**2, 0)
    return picks


def undirected(covariance: Array, noise: Array | float, k: int) -> Picks:
    """Greedy information gain about the function itself; arguments as in `directed`."""
    v = np.einsum("qii->qi", covariance).astype(np.float64)
    rows = np.arange(len(v))
    lam = np.broadcast_to(np.asarray(noise, dtype=np.float64), v.shape)
    free = np.ones(v.shape, dtype=np.bool_)
    factors = np.empty((len(v), k, v.shape[1]))
    picks = np.empty((len(v), k), dtype=np.int16)
    for n in range(k):
        i = np.where(free, v / lam, -np.inf).argmax(axis=1)
        picks[:, n] = i
        free[rows, i] = False
        root = np.sqrt(v[rows, i] + lam[rows, i])
        before = factors[:, :n]
        known = np.einsum("qn,qnk->qk", before[rows, :, i], before)
        new = (covariance[rows, i] - known) / root[:, None]
        factors[:, n] = new
        v = np.maximum(v - new**2, 0)
    return picks


def unknown_scale(
    candidates: Candidates, k: int, lambda_: float, sharpness: float, target_sharpness: float
) -> Picks:
    among = rational_quadratic(candidates.gram.astype(np.float64), sharpness)
    cross = np.exp(target_sharpness * (candidates.cosines.astype(np.float64) - 1))[:, None]
    return directed(cross, among, lambda_, k, positive_only=True)


def relevance_by_z(candidates: Candidates, k: int, lambda_: float, b: float, beta: float) -> Picks:
    cosines = candidates.cosines.astype(np.float64)
    z = (cosines - cosines[:, :1]) / cosines.std(axis=1, keepdims=True)
    r = np.exp(b * z)  # the largest is 1: λ′ is in units of the nearest passage's variance
    among = rational_quadratic(candidates.gram.astype(np.float64), beta)
    return undirected(r[:, :, None] * among * r[:, None, :], lambda_, k)


def weighted_targets(
    candidates: Candidates, k: int, lambda_: float, tau: float, sharpness: float, query: float
) -> Picks:
    """`query` is the weight of the query itself; the 12 nearest candidates share the rest."""
    among = np.exp(sharpness * (candidates.gram.astype(np.float64) - 1))
    cosines = candidates.cosines.astype(np.float64)
    cross = np.exp(sharpness / 2 * (cosines - 1))[:, None]
    softmax = np.exp((cosines[:, :12] - cosines[:, :1]) / tau)
    softmax *= (1 - query) / softmax.sum(axis=1, keepdims=True)
    weights = np.concatenate([np.full((len(cosines), 1), query), softmax], axis=1)
    targets = np.concatenate([cross, among[:, :12]], axis=1)
    return directed(targets, among, lambda_, k, weights=weights, positive_only=True)


def rational_quadratic(cosines: Array, sharpness: float) -> Array:
    return 1 / (1 + sharpness * np.clip(1 - cosines, 0, None))
