"""Every rule of the algorithm, for a batch of queries: numpy arrays, or tensors on any device.

Source: Hübotter et al., "Efficiently Learning at Test-Time: Active Fine-Tuning of LLMs",
arXiv 2410.08020 (SIFT), and arXiv 2402.15898 (several targets: VTL, ITL).

The surrogate is a Gaussian process with kernel k. Observing the passages X_n with noise λ′ leaves
the target x* with the posterior variance

    σ²_n(x*) = k(x*, x*) − k(x*, X_n) (k(X_n, X_n) + λ′ I)⁻¹ k(X_n, x*).

Write k_n for the posterior covariance after n picks, c_tj = k_n(x*_t, x_j) for target t and passage
j, v_j = k_n(x_j, x_j). Rules:

1.  Pick the passage with the highest score:
    "variance"    its reduction of the summed posterior variance, Σ_t c_tj² / (v_j + λ′);
    "entropy"     its information gain about the targets, ½ log((v_j + λ′) / (u_j + λ′)), where
                  u_j = v_j − c_jᵀ Σ_n⁺ c_j is the variance of x_j that is left if, besides X_n, the
                  targets themselves were known (Σ_n their posterior covariance);
    "undirected"  its information gain about the surrogate, ½ log(1 + v_j / λ′).
2.  Equal scores go to the lowest index: with candidates in the store's order, to the nearest.
    Equal means indistinguishable in the arithmetic used: within 16 ε √(best · first), the highest
    score now and the score of the first pick. Copies of one passage score alike only up to
    rounding, which differs with their position, and is that of the larger numbers at the start.
3.  No passage is picked twice, unless `replacement` is set: then observing it again is a further
    observation with noise of its own, as in the paper, where it means a further gradient step.
    No passage is picked that costs more than what is left of the budget, or whose group (the
    document that it was cut from, say) has been picked from.
4.  Condition on the pick i without refitting. With p = v_i + λ′ the new row of the Cholesky factor,
    restricted to the candidates, is ℓ = k_n(x_i, ·) / √p, and for a = c_i / √p

        c ← c − a ℓ,    v ← v − ℓ²,    σ² ← σ² − a².

    k_n(x_i, ·) itself is k(x_i, ·) − Σ_{s<n} ℓ_s(x_i) ℓ_s: the prior row minus what the earlier
    picks explain. That is exact, costs O(K (d + n)) a pick, and needs no K × K matrix.
    u obeys the same recursion as v; its factor begins with the targets, observed without noise.
"""

from __future__ import annotations

from sift_retrievers.arrays import Array, check_finite, epsilon_of, is_tensor, namespace
from sift_retrievers.kernels.checked import INDEFINITE, CheckedKernel
from sift_retrievers.kernels.products import inner_products, unit_vectors
from sift_retrievers.selection.problem import ROUNDING, Objective, Picks, Problem, affordable
from sift_retrievers.selection.weights import passage_weights


def select_reference(problem: Problem) -> Picks:
    """Solve a batch of selection problems by the exact incremental update above."""
    xp = namespace(problem.targets)
    kernel, noise, batch = problem.kernel, problem.noise, problem.batch
    pool = gathered(problem)
    x = kernel.features(_as_type(pool, problem.targets))  # [B or 1, K, d']
    q = kernel.features(problem.targets)  # [B, m, d']
    available = xp.ones((batch, problem.pool_size), dtype=xp.bool, device=q.device)
    if problem.ids is not None:
        available = problem.ids >= 0
    r = _as_type(weights_of(problem, pool), q)
    left, budget = problem.budget, problem.budget
    zero = q.sum() * 0
    each = xp.arange(batch, device=q.device)

    c = kernel.cross(q, x) * r[:, None]  # [B, m, K]
    v = kernel.diagonal(x) * (r * r)  # [B, K]
    prior = kernel.prior(q)
    sigma = xp.stack([prior[:, t, t] for t in range(q.shape[1])], axis=1)  # σ²: [B, m]
    epsilon = epsilon_of(sigma)
    floor = sigma * epsilon  # σ² > 0 for λ′ > 0, in rounded arithmetic too
    rows: list[Array] = []  # ℓ_s: [B, K] each
    u_rows: list[Array] = []
    u = v
    if problem.objective is Objective.ENTROPY:
        of_targets = whitening(prior) @ c
        u_rows = [of_targets[:, t] for t in range(q.shape[1])]
        u = xp.maximum(v - (of_targets * of_targets).sum(1), zero)

    indices: list[Array] = []
    gains: list[Array] = []
    variance = [sigma.sum(1)]
    first: Array | None = None
    largest = float(v.max()) if isinstance(kernel, CheckedKernel) and 0 not in v.shape else None

    for _ in range(problem.steps):
        score = scores(problem, c, v, u)
        if problem.costs is not None and left is not None and budget is not None:
            available = available & affordable(problem.costs, left[:, None], budget[:, None])
        score = xp.where(available, score, xp.full_like(score, -xp.inf))  # rule 3
        best = xp.max(score, axis=1, keepdims=True)  # [B, 1]
        alive = best > -xp.inf  # queries that have a passage to pick
        if first is None:
            first = xp.where(alive, best, zero)
        tie = ROUNDING * epsilon * xp.sqrt(xp.maximum(xp.where(alive, best, zero), zero) * first)
        i = first_true((score >= best - tie) & available)  # [B]; rule 2

        alive = alive[:, 0]
        lives = _as_type(alive, q)  # 1 or 0
        v_i, c_i = v[each, i], c[each, :, i]
        root = xp.sqrt(v_i + noise)
        a = c_i / root[:, None] * lives[:, None]
        prior_row = kernel(x[each if x.shape[0] > 1 else each * 0, i][:, None], x)[:, 0]
        prior_row = prior_row * r * r[each, i][:, None]
        row = residual(prior_row, rows, each, i) / root[:, None] * lives[:, None]
        rows.append(row)
        before = sigma.sum(1)
        sigma = xp.maximum(sigma - a * a, floor)
        if problem.objective is Objective.ENTROPY:
            u_root = xp.sqrt(u[each, i] + noise)
            u_row = residual(prior_row, u_rows, each, i) / u_root[:, None] * lives[:, None]
            u_rows.append(u_row)
            gain = xp.log(root / u_root)
            u = xp.maximum(u - u_row * u_row, zero)
        elif problem.objective is Objective.UNDIRECTED:
            gain = 0.5 * xp.log1p(v_i / noise)
        else:
            lowered = (a * a).sum(1) / before
            gain = -0.5 * xp.log1p(-xp.minimum(lowered, zero + (1.0 - epsilon)))

        c = c - a[..., None] * row[:, None]  # rule 4
        v = v - row * row
        if largest is not None and 0 not in v.shape:
            _check_semidefinite(problem, float(v.min()), largest)
        v = xp.maximum(v, zero)
        u = xp.minimum(u, v)
        variance.append(sigma.sum(1))
        indices.append(xp.where(alive, i, xp.full_like(i, -1)))
        gains.append(xp.maximum(xp.where(alive, gain, zero), zero))
        if problem.groups is not None:
            available = available & (problem.groups != problem.groups[each, i][:, None])
        elif not problem.replacement:
            available[each, i] = False
        if problem.costs is not None and left is not None:
            left = left - problem.costs[each, i] * alive

    nothing = problem.places - len(indices)
    none = xp.full((batch, nothing), -1, dtype=xp.int64, device=q.device)
    rest = xp.zeros((batch, nothing), dtype=variance[0].dtype, device=q.device)
    return Picks(
        indices=_with_padding(indices, none),
        gains=_with_padding(gains, rest),
        variance=_with_padding(variance, rest + variance[-1][:, None]),
    )


def _check_semidefinite(problem: Problem, lowest: float, largest: float) -> None:
    """Raise a ValueError for variances that are more negative than rounding can make them."""
    if lowest < -INDEFINITE * largest:
        raise ValueError(
            f"the kernel {problem.kernel!r} must be positive semidefinite; a pick left a candidate "
            f"the variance {lowest:.3g}"
        )


def _with_padding(columns: list[Array], padding: Array) -> Array:
    """Columns `[B]`, followed by padding `[B, rest]`: `[B, n]`."""
    xp = namespace(padding)
    return xp.concat([column[:, None] for column in columns] + [padding], axis=1)


def scores(problem: Problem, c: Array, v: Array, u: Array) -> Array:
    """Rule 1: c `[B, m, K]`, v and u `[B, K]` → `[B, K]`."""
    xp, noise = namespace(v), problem.noise
    if problem.objective is Objective.VARIANCE:
        counted = xp.clip(c, 0.0, None) if problem.kernel.positive_only else c
        score = (counted * counted).sum(1) / (v + noise)
    elif problem.objective is Objective.ENTROPY:
        score = 0.5 * xp.log((v + noise) / (u + noise))
        if problem.kernel.positive_only:
            score = score * (c > 0).any(1)
    else:
        score = 0.5 * xp.log1p(v / noise)
    return score


def residual(prior_row: Array, rows: list[Array], each: Array, i: Array) -> Array:
    """k_n(x_i, ·) from k(x_i, ·) and the factor: `[B, K]`."""
    for row in rows:
        prior_row = prior_row - row[each, i][:, None] * row
    return prior_row


def whitening(prior: Array) -> Array:
    """W of the targets' covariance Σ `[B, m, m]`, with (W c)ᵀ (W c) = cᵀ Σ⁺ c: `[B, m, m]`.

    W = s^(−1/2) Uᵀ by the eigenvectors U and eigenvalues s. Directions in which the targets do not
    vary (one target depends on the others) are rows of 0, as in the pseudo-inverse. W c are the
    rows of the factor that stand for the targets, observed without noise.
    """
    xp = namespace(prior)
    s, basis = xp.linalg.eigh(prior)
    cutoff = xp.max(s, axis=1, keepdims=True) * s.shape[1] * 16 * epsilon_of(s)
    scale = xp.where(s > cutoff, 1.0 / xp.sqrt(xp.maximum(s, cutoff)), xp.zeros_like(s))
    return scale[..., None] * basis.mT


def gathered(problem: Problem) -> Array:
    """The candidates of every query, `[B, K, d]`, or `[1, K, d]` of a shared pool; finite."""
    if problem.ids is None:
        check_finite(problem.candidates, "candidates")
        return problem.candidates
    xp = namespace(problem.candidates)
    matrix = problem.candidates[0]
    if matrix.shape[0] == 0:  # and no id points into it
        shape = (*problem.ids.shape, matrix.shape[1])
        return xp.zeros(shape, dtype=matrix.dtype, device=matrix.device)
    rows = matrix[xp.clip(problem.ids, 0, None)]
    wanted = xp.where((problem.ids >= 0)[..., None], rows, xp.zeros_like(rows))
    check_finite(wanted, "candidates (rows in ids)")
    return wanted


def first_true(mask: Array) -> Array:
    """Index of the first true element of each row, 0 where there is none: `[B, K]` → `[B]`."""
    xp = namespace(mask)
    return xp.argmax(mask * 1, axis=1)


def weights_of(problem: Problem, pool: Array) -> Array:
    """R `[B, K]` of the gathered candidates; all 1 where the kernel is not weighted."""
    xp = namespace(pool)
    if problem.weighting is None:
        shape = (problem.batch, problem.pool_size)
        return xp.ones(shape, dtype=problem.targets.dtype, device=pool.device)
    cosine = None
    if problem.relevance is None:
        vectors = unit_vectors(_as_type(pool, problem.targets))
        cosine = xp.max(inner_products(unit_vectors(problem.targets), vectors), axis=1)
    valid = None if problem.ids is None else problem.ids >= 0
    zero = (pool == 0).all(-1)
    return passage_weights(problem.weighting, problem.relevance, cosine, zero, valid)


def _as_type(array: Array, like: Array) -> Array:
    """An array in the floating-point type of another."""
    if is_tensor(array):
        return array.to(like.dtype)
    return array.astype(like.dtype, copy=False)
