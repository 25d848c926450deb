"""One query's "undirected" selection in numpy, a row of the factor a pick: for small pools."""

from __future__ import annotations

import math
from operator import mul

import numpy as np

from sift_retrievers.arrays import epsilon_of
from sift_retrievers.selection.problem import affordable, lowest_tie
from sift_retrievers.selection.solvers.prepared import Query, Vector
from sift_retrievers.selection.solvers.sums import combined


def select_eagerly(query: Query, gains: Vector, variance: Vector) -> list[int]:
    """Make the picks; write gains `[k]` and the trace of the variance `[k + 1]` as far as they go.

    Returns:
        Positions among the query's candidates.
    """
    noise, steps, pool, r = query.problem.noise, query.steps, query.pool, query.r
    costs, groups, left = query.costs, query.groups, query.budget
    v = query.variances()
    barred = np.zeros_like(v)  # −∞ for candidates that may not be picked (again)
    epsilon = epsilon_of(v)
    rows = np.empty((steps, len(v)), dtype=v.dtype)  # ℓ
    picks: list[int] = []
    roots: list[float] = []
    first = 0.0
    for n in range(steps):
        if costs is not None:  # what is left only falls, so this is for good
            barred[~affordable(costs, left, query.budget)] = -math.inf
            v += barred
        i, score = _best(query, v, first if n > 0 else None, epsilon)
        if i < 0:
            break
        first = score if n == 0 else first
        own = max(v.item(i), 0.0)
        root = math.sqrt(own + noise)
        picks.append(i)
        roots.append(root)
        gains[n] = 0.5 * math.log1p(own / noise)
        if n + 1 == steps:  # the candidates are not needed after the last pick
            break
        row = pool.row(i)
        if r is not None:
            row = row * r
            row *= r.item(i) / root
        else:
            row = row * (1 / root)
        if n > 0:
            row -= combined(rows[:n], rows[:n, i] / root)
        if pool.measured:  # bounded as the Cauchy–Schwarz inequality bounds true covariances
            most = np.sqrt(np.maximum(v, 0.0)) * (math.sqrt(own) / root)
            row = row.clip(-most, most)
        rows[n] = row
        row *= row
        v -= row
        if groups is not None:
            barred[groups == groups[i]] = -math.inf
        elif not query.problem.replacement:
            barred[i] = -math.inf
        np.maximum(v, 0.0, out=v)
        v += barred
        if costs is not None:
            left -= float(costs[i])
    _trace(query, variance, picks, roots, rows)
    return picks


def _best(query: Query, v: Vector, first: float | None, epsilon: float) -> tuple[int, float]:
    """Rules 1 and 2: the pick, −1 if there is none, and the highest score.

    Scores rise with v, so v itself is compared, −∞ where a candidate is barred.
    """
    noise = query.problem.noise
    i = int(v.argmax())
    best = v.item(i)
    if best == -math.inf:
        return -1, best
    score = 0.5 * math.log1p(best / noise)
    tie = lowest_tie(score, score if first is None else first, epsilon)
    tie = min(noise * math.expm1(2 * tie), best)
    return int((v[: i + 1] >= tie).argmax()), score


def _trace(
    query: Query, variance: Vector, picks: list[int], roots: list[float], rows: Vector
) -> None:
    """The uncertainty about the targets that is left after each pick: rule 4 for c at the picks."""
    sigma = query.prior.diagonal().tolist()
    epsilon = epsilon_of(variance)
    left = [[value] for value in sigma]  # σ² of every target, along the picks
    if picks:
        at = rows[: len(picks) - 1, picks].T.tolist()  # ℓ_s of every pick, for the picks before
        for of_target, c in zip(left, query.cross(picks).tolist(), strict=True):
            steps: list[float] = []  # a
            for prior, earlier, root in zip(c, at, roots, strict=True):
                a = (prior - sum(map(mul, steps, earlier))) / root
                steps.append(a)
                of_target.append(max(of_target[-1] - a * a, of_target[0] * epsilon))
    variance[: len(picks) + 1] = [sum(values) for values in zip(*left, strict=True)]
