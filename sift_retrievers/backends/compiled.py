"""One query at a time on a CPU, as one compiled loop: the rules of `reference` by numba.

Needs the extra `fast`. The loop releases the GIL, runs in one thread, and sums in an order that is
fixed when it is compiled, so the same call gives the same bits whatever the number of threads.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import torch
from numba import njit

from sift_retrievers.backends.prepared import Array, prepared_queries
from sift_retrievers.backends.problem import ROUNDING, Objective, Picks, Problem
from sift_retrievers.kernels import BUILT_IN_KERNELS, Exponential, SharedNoise

# Rows of products computed in one pass where the candidates are LARGE (numbers, not bytes): too
# many for the cache that a core has to itself.
AHEAD: Final = 4
LARGE: Final = 2**18
_OBJECTIVES: Final = {Objective.VARIANCE: 0, Objective.ENTROPY: 1, Objective.UNDIRECTED: 2}


def select_compiled(problem: Problem) -> Picks:
    """Solve the problems of a batch one after the other. The kernel is a built-in one."""
    batch, k, dtype = problem.batch, problem.k, problem.candidates.numpy().dtype
    indices = np.full((batch, k), -1, dtype=np.int64)
    gains = np.zeros((batch, k), dtype=dtype)
    variance = np.empty((batch, k + 1), dtype=dtype)
    kernel = problem.kernel
    assert type(kernel) in BUILT_IN_KERNELS  # the formulas that the loop knows
    sharpness = kernel.sharpness if isinstance(kernel, Exponential | SharedNoise) else 0.0
    error = kernel.error if isinstance(kernel, SharedNoise) else 0.0
    none = np.empty(0, dtype=dtype)
    no_groups = np.empty(0, dtype=np.int64)
    for b, query in enumerate(prepared_queries(problem)):
        made = _select(
            np.ascontiguousarray(query.pool.vectors),
            none if query.pool.scale is None else query.pool.scale,
            none if query.r is None else np.ascontiguousarray(query.r),
            dtype.type(sharpness),
            dtype.type(error),
            isinstance(kernel, SharedNoise),
            query.c,
            query.v,
            query.u,
            query.target_rows,
            query.sigma.astype(np.float64),
            dtype.type(problem.noise),
            _OBJECTIVES[problem.objective],
            kernel.positive_only,
            problem.replacement,
            none if query.costs is None else np.ascontiguousarray(query.costs),
            query.budget,
            problem.per_cost,
            no_groups if query.groups is None else np.ascontiguousarray(query.groups),
            dtype.type(ROUNDING * np.finfo(dtype).eps),
            indices[b],
            gains[b],
            variance[b],
        )
        if query.positions is not None:
            indices[b, :made] = query.positions[indices[b, :made]]
    return Picks(
        indices=torch.from_numpy(indices),
        gains=torch.from_numpy(gains),
        variance=torch.from_numpy(variance),
    )


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def _dot(a: Array, b: Array) -> Any:
    """⟨a, b⟩; reassociation lets the compiler use vector registers."""
    total = a[0] * b[0]
    for j in range(1, a.shape[0]):
        total += a[j] * b[j]
    return total


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def _dot4(a: Array, b0: Array, b1: Array, b2: Array, b3: Array) -> Any:
    """⟨a, b0⟩ … ⟨a, b3⟩ in one pass over a."""
    s0, s1, s2, s3 = a[0] * b0[0], a[0] * b1[0], a[0] * b2[0], a[0] * b3[0]
    for j in range(1, a.shape[0]):
        s0 += a[j] * b0[j]
        s1 += a[j] * b1[j]
        s2 += a[j] * b2[j]
        s3 += a[j] * b3[j]
    return s0, s1, s2, s3


@njit(cache=True, nogil=True)
def _select(
    vectors: Array,
    scale: Array,
    r: Array,
    sharpness: Any,
    error: Any,
    shared: bool,
    c: Array,
    v: Array,
    u: Array,
    target_rows: Array,
    sigma: Array,
    noise: Any,
    objective: int,
    positive_only: bool,
    replacement: bool,
    costs: Array,
    budget: float,
    per_cost: bool,
    groups: Array,
    rounding: Any,
    indices: Array,
    gains: Array,
    variance: Array,
) -> Any:
    """The loop. Empty `scale`, `r`, `costs`, `groups` mean none. Returns the number of picks."""
    count, k, m, known = vectors.shape[0], indices.shape[0], c.shape[0], target_rows.shape[0]
    steps = k if replacement and count > 0 else min(k, count)
    entropy = objective == 1
    rows = np.empty((steps, count), dtype=v.dtype)  # ℓ
    u_rows = np.empty((known + steps if entropy else 0, count), dtype=v.dtype)
    if entropy:
        u_rows[:known] = target_rows
    score = np.empty(count, dtype=v.dtype)
    prior = np.empty(count, dtype=v.dtype)
    allowed = np.ones(count, dtype=np.bool_)
    large = count * vectors.shape[1] > LARGE
    ahead_of = np.full(count if large else 0, -1, dtype=np.int64)  # candidate → row of `ahead`
    ahead = np.empty((AHEAD * steps if large else 0, count), dtype=v.dtype)
    computed = 0
    epsilon = float(np.finfo(v.dtype).eps)
    floor = sigma * epsilon
    a = np.empty(m, dtype=v.dtype)
    resolution = v.dtype.type(0)
    left = budget
    uncertainty = 0.0
    for t in range(m):
        uncertainty += sigma[t]
    variance[:] = uncertainty

    for n in range(steps):
        _score(score, c, v, u, noise, objective, positive_only, costs, per_cost)
        i = -1  # rules 2 and 3: the first of the highest scores among those that may be picked
        for j in range(count):
            if costs.shape[0] > 0 and costs[j] > left:
                score[j] = -np.inf
            if allowed[j] and score[j] > -np.inf and (i < 0 or score[j] > score[i]):
                i = j
        if i < 0:
            return n
        if n == 0:
            resolution = rounding * score[i]
        best = score[i] - resolution
        for j in range(i):
            if allowed[j] and score[j] >= best:
                i = j
                break
        indices[n] = i
        allowed[i] = replacement
        for j in range(groups.shape[0]):
            if groups[j] == groups[i]:
                allowed[j] = False
        if costs.shape[0] > 0:
            left -= costs[i]

        p = v[i] + noise
        root = np.sqrt(p)
        u_root = np.sqrt(u[i] + noise)
        before = uncertainty
        uncertainty, lowered = 0.0, 0.0
        for t in range(m):
            a[t] = c[t, i] / root
            lowered += float(a[t]) * float(a[t])
            sigma[t] = max(sigma[t] - a[t] * a[t], floor[t])
            uncertainty += sigma[t]
        variance[n + 1 :] = uncertainty
        if objective == 0:
            gains[n] = -0.5 * math.log1p(-min(lowered / before, 1.0 - epsilon))
        elif entropy:
            gains[n] = max(0.0, math.log(root / u_root))
        else:
            gains[n] = 0.5 * math.log1p(v[i] / noise)
        if n + 1 == steps:  # nobody looks at the candidates after the last pick
            return steps

        # Rule 4.
        if ahead_of.shape[0] == 0:
            for j in range(count):
                prior[j] = _dot(vectors[j], vectors[i])
        else:
            if ahead_of[i] < 0:
                computed += _look_ahead(vectors, score, allowed, ahead_of, ahead, computed, i)
            prior[:] = ahead[ahead_of[i]]
        if scale.shape[0] > 0:
            own = scale[i]
            for j in range(count):
                prior[j] *= scale[j] * own
        if shared:
            for j in range(count):
                prior[j] += error * np.exp(sharpness * (prior[j] - v.dtype.type(1)))
        elif sharpness > 0:
            for j in range(count):
                prior[j] = np.exp(sharpness * (prior[j] - v.dtype.type(1)))
        if r.shape[0] > 0:
            own = r[i]
            for j in range(count):
                prior[j] *= r[j] * own
        if entropy:
            _new_row(u_rows, known + n, prior, i, u_root)
            _reduce(u, u_rows[known + n])
        _new_row(rows, n, prior, i, root)
        row = rows[n]
        for t in range(m):
            step = a[t]
            of_target = c[t]
            for j in range(count):
                of_target[j] -= step * row[j]
        _reduce(v, row)
        if entropy:
            for j in range(count):
                u[j] = min(u[j], v[j])
    return steps


@njit(cache=True, nogil=True)
def _look_ahead(
    vectors: Array,
    score: Array,
    allowed: Array,
    ahead_of: Array,
    ahead: Array,
    computed: int,
    i: int,
) -> Any:
    """Inner products of all candidates with the pick i and the three that now score next best.

    Reading the candidates from memory is what a pass costs; four products cost little more than
    one, and the next best are likely to be picked soon. Returns the number of rows computed.
    """
    ahead_of[i] = computed
    others = np.full(AHEAD, i, dtype=np.int64)
    rows = 1
    while rows < AHEAD:
        next_best = -1
        for j in range(score.shape[0]):
            open_ = allowed[j] and ahead_of[j] < 0 and score[j] > -np.inf
            if open_ and (next_best < 0 or score[j] > score[next_best]):
                next_best = j
        if next_best < 0:
            break
        ahead_of[next_best] = computed + rows
        others[rows] = next_best
        rows += 1
    b0, b1, b2, b3 = vectors[others[0]], vectors[others[1]], vectors[others[2]], vectors[others[3]]
    for j in range(score.shape[0]):
        products = _dot4(vectors[j], b0, b1, b2, b3)
        for row in range(rows):
            ahead[computed + row, j] = products[row]
    return rows


@njit(cache=True, nogil=True, fastmath={"contract"})
def _new_row(rows: Array, n: int, prior: Array, i: int, root: Any) -> None:
    """ℓ_n from k(x_i, ·) and the rows before it: (prior − Σ_{s<n} ℓ_s(x_i) ℓ_s) / root."""
    row = rows[n]
    row[:] = prior
    for s in range(n):
        earlier = rows[s]
        own = earlier[i]
        for j in range(row.shape[0]):
            row[j] -= own * earlier[j]
    inverse = row.dtype.type(1) / root
    for j in range(row.shape[0]):
        row[j] *= inverse


@njit(cache=True, nogil=True)
def _reduce(v: Array, row: Array) -> None:
    """V ← v − ℓ², at least 0."""
    zero = v.dtype.type(0)
    for j in range(v.shape[0]):
        v[j] = max(v[j] - row[j] * row[j], zero)


@njit(cache=True, nogil=True)
def _score(
    score: Array,
    c: Array,
    v: Array,
    u: Array,
    noise: Any,
    objective: int,
    positive_only: bool,
    costs: Array,
    per_cost: bool,
) -> None:
    """Rule 1."""
    count, zero, half = v.shape[0], v.dtype.type(0), v.dtype.type(0.5)
    if objective == 0:
        score[:] = zero
        for t in range(c.shape[0]):
            of_target = c[t]
            if positive_only:
                for j in range(count):
                    counted = max(of_target[j], zero)
                    score[j] += counted * counted
            else:
                for j in range(count):
                    score[j] += of_target[j] * of_target[j]
        for j in range(count):
            score[j] /= v[j] + noise
    elif objective == 1:
        for j in range(count):
            score[j] = half * np.log((v[j] + noise) / (u[j] + noise))
        if positive_only:
            for j in range(count):
                positive = False
                for t in range(c.shape[0]):
                    positive = positive or c[t, j] > zero
                if not positive:
                    score[j] = zero
    else:
        for j in range(count):
            score[j] = half * np.log1p(v[j] / noise)
    if per_cost:
        for j in range(count):
            score[j] /= costs[j]
