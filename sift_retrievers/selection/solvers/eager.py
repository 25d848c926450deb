"""One query's "undirected" selection in numpy, row by row: for pools of few numbers.

The candidates' variances v are all that picks are compared by, so those that may not be picked are
barred by v = −∞, which no subtraction changes.
"""

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
    epsilon = epsilon_of(v)
    rows = np.empty((steps, len(v)), dtype=v.dtype)  # ℓ
    picks: list[int] = []
    roots: list[float] = []
    first = 0.0
    for n in range(steps):
        if costs is not None:  # money only gets less
            v[~affordable(costs, left, query.budget)] = -math.inf
        i = int(v.argmax())
        best = v.item(i)
        if best == -math.inf:
            break
        score = 0.5 * math.log1p(max(best, 0.0) / noise)
        first = score if n == 0 else first
        tie = noise * math.expm1(2 * lowest_tie(score, first, epsilon))
        i = int((v[: i + 1] >= min(tie, best)).argmax())  # rule 2
        own = max(v.item(i), 0.0)
        root = math.sqrt(own + noise)
        picks.append(i)
        roots.append(root)
        gains[n] = 0.5 * math.log1p(own / noise)
        if n + 1 == steps:  # nobody looks at the candidates after the last pick
            break
        row = pool.row(i)
        if r is not None:
            row = row * r
            row *= r.item(i) / root
        else:
            row = row * (1 / root)
        if n > 0:
            row -= combined(rows[:n], rows[:n, i] / root)
        rows[n] = row
        row *= row
        v -= row
        if groups is not None:
            v[groups == groups[i]] = -math.inf
        elif not query.problem.replacement:
            v[i] = -math.inf
        if costs is not None:
            left -= float(costs[i])
    _trace(query, variance, picks, roots, rows)
    return picks


def _trace(
    query: Query, variance: Vector, picks: list[int], roots: list[float], rows: Vector
) -> None:
    """What the picks leave of the uncertainty about the targets: rule 4 for c at the picks."""
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
