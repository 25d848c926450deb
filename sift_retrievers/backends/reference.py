"""Every rule of the algorithm, for a batch of queries on any torch device.

Source: Hübotter et al., "Efficiently Learning at Test-Time: Active Fine-Tuning of LLMs",
arXiv 2410.08020 (SIFT), and arXiv 2402.15898 (several targets: VTL, ITL).

The surrogate is a Gaussian process with kernel k. Observing the passages X_n with noise λ′ leaves
the target x* with the posterior variance

    σ²_n(x*) = k(x*, x*) − k(x*, X_n) (k(X_n, X_n) + λ′ I)⁻¹ k(X_n, x*).

Write k_n for the posterior covariance after n picks, c_tj = k_n(x*_t, x_j) for target t and passage
j, v_j = k_n(x_j, x_j). Rules:

1.  Pick the passage with the highest score:
    "variance"    what it takes off the summed posterior variance, Σ_t c_tj² / (v_j + λ′);
    "entropy"     its information gain about the targets, ½ log((v_j + λ′) / (u_j + λ′)), where
                  u_j = v_j − c_jᵀ Σ_n⁺ c_j is the variance of x_j that is left if, besides X_n, the
                  targets themselves were known (Σ_n their posterior covariance);
    "undirected"  its information gain about the surrogate, ½ log(1 + v_j / λ′).
    With `per_cost` the score is divided by the passage's cost.
2.  Equal scores go to the lowest index: with candidates in the store's order, to the nearest.
    Equal means indistinguishable in the arithmetic used, within 16 ε of the first pick's score:
    copies of one passage score alike only up to rounding, which differs with their position.
3.  No passage is picked twice, unless `replacement` is set: then observing it again is a further
    observation with noise of its own, as in the paper, where it means a further gradient step.
    No passage is picked that costs more than what is left of the budget, or whose group (the
    document that it was cut from, say) has been picked from.
4.  Condition on the pick i without refitting. With p = v_i + λ′ the new row of the Cholesky factor,
    restricted to the candidates, is ℓ = k_n(x_i, ·) / √p, and for a = c_i / √p

        c ← c − a ℓ,    v ← v − ℓ²,    σ² ← σ² − a².

    k_n(x_i, ·) itself is k(x_i, ·) − Σ_{s<n} ℓ_s(x_i) ℓ_s: the prior row less what the earlier
    picks explain. That is exact, costs O(K (d + n)) a pick, and needs no K × K matrix.
    u obeys the same recursion as v; its factor begins with the targets, observed without noise.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sift_retrievers.arrays import check_finite
from sift_retrievers.backends.problem import ROUNDING, Objective, Picks, Problem, few_rows


@torch.no_grad()
def select_reference(problem: Problem) -> Picks:
    """Solve a batch of selection problems by the exact incremental update above."""
    kernel, noise, batch = problem.kernel, problem.noise, problem.batch
    x = kernel.features(gathered(problem).to(problem.targets.dtype))  # [B or 1, K, d']
    q = kernel.features(problem.targets)  # [B, m, d']
    r = torch.ones_like(x[:, :, 0]) if problem.weights is None else problem.weights  # [B or 1, K]
    available = torch.ones(batch, problem.pool_size, dtype=torch.bool, device=x.device)
    if problem.ids is not None:
        available = problem.ids >= 0
    left = problem.budget

    c = kernel.cross(q, x) * r[:, None]  # [B, m, K]
    v = (kernel.diagonal(x) * r.square()).expand(batch, -1)  # [B, K]
    prior = kernel.prior(q)
    sigma = prior.diagonal(dim1=1, dim2=2)  # σ²: [B, m]
    floor = sigma * torch.finfo(sigma.dtype).eps  # σ² > 0 for λ′ > 0, in rounded arithmetic too
    rows: list[Tensor] = []  # ℓ_s: [B, K] each
    u_rows: list[Tensor] = []
    u = v
    if problem.objective is Objective.ENTROPY:
        u_rows = list(whitened(prior, c).unbind(dim=1))
        u = (v - sum(row.square() for row in u_rows)).clamp_min(0.0)

    indices = torch.full((batch, problem.k), -1, dtype=torch.int64, device=x.device)
    gains = sigma.new_zeros(batch, problem.k)
    variance = sigma.sum(dim=1, keepdim=True).repeat(1, problem.k + 1)
    resolution: Tensor | None = None

    for n in range(problem.steps):
        score = scores(problem, c, v, u)
        if problem.costs is not None and left is not None:
            available = available & (problem.costs <= left[:, None])
        score = score.masked_fill(~available, -torch.inf)  # rule 3
        best = score.amax(dim=1, keepdim=True)
        if resolution is None:
            resolution = ROUNDING * torch.finfo(best.dtype).eps * best
        alive = best > -torch.inf  # [B, 1]: queries that have a passage to pick
        i = first_true((score >= best - resolution) & available)  # [B, 1]; rule 2

        p = v.gather(1, i) + noise
        a = c.gather(2, i[:, None].expand(-1, c.shape[1], -1))[..., 0] / p.sqrt() * alive
        prior_row = kernel(row_of(x, i), x)[:, 0] * r * r.expand(batch, -1).gather(1, i)
        row = residual(prior_row, rows, i) / p.sqrt() * alive
        rows.append(row)
        if problem.objective is Objective.ENTROPY:
            u_p = u.gather(1, i) + noise
            u_row = residual(prior_row, u_rows, i) / u_p.sqrt() * alive
            u_rows.append(u_row)
            gain = 0.5 * torch.log(p / u_p)
            u = (u - u_row.square()).clamp_min(0.0)
        elif problem.objective is Objective.UNDIRECTED:
            gain = 0.5 * torch.log1p(v.gather(1, i) / noise)

        c = c - a[..., None] * row[:, None]  # rule 4
        v = (v - row.square()).clamp_min(0.0)
        u = torch.minimum(u, v)
        sigma = torch.maximum(sigma - a.square(), floor)
        variance[:, n + 1 :] = sigma.sum(dim=1, keepdim=True)
        if problem.objective is Objective.VARIANCE:
            lowered = a.square().sum(dim=1) / variance[:, n]
            gain = (
                -0.5
                * torch.log1p(-lowered.clamp_max(1.0 - torch.finfo(lowered.dtype).eps))[:, None]
            )

        indices[:, n] = torch.where(alive, i, -1)[:, 0]
        gains[:, n] = torch.where(alive, gain, 0.0)[:, 0].clamp_min(0.0)
        if problem.groups is not None:
            available = available & (problem.groups != problem.groups.gather(1, i))
        elif not problem.replacement:
            available = available.scatter(1, i, False)
        if problem.costs is not None and left is not None:
            left = left - torch.where(alive, problem.costs.gather(1, i), 0.0)[:, 0]

    return Picks(indices=indices, gains=gains, variance=variance)


def scores(problem: Problem, c: Tensor, v: Tensor, u: Tensor) -> Tensor:
    """Rule 1: c `[B, m, K]`, v and u `[B, K]` → `[B, K]`."""
    noise = problem.noise
    if problem.objective is Objective.VARIANCE:
        counted = c.clamp_min(0.0) if problem.kernel.positive_only else c
        score = counted.square().sum(dim=1) / (v + noise)
    elif problem.objective is Objective.ENTROPY:
        score = 0.5 * torch.log((v + noise) / (u + noise))
        if problem.kernel.positive_only:
            score = score * (c > 0).any(dim=1)
    else:
        score = 0.5 * torch.log1p(v / noise)
    return score / problem.costs if problem.per_cost and problem.costs is not None else score


def residual(prior_row: Tensor, rows: list[Tensor], i: Tensor) -> Tensor:
    """k_n(x_i, ·) from k(x_i, ·) and the factor: `[B, K]`."""
    for row in rows:
        prior_row = prior_row - row.gather(1, i) * row
    return prior_row


def whitened(prior: Tensor, c: Tensor) -> Tensor:
    """Rows of the factor that stand for the targets, observed without noise: `[B, m, K]`.

    With the eigenvectors U and eigenvalues s of the targets' covariance `[B, m, m]`, the rows
    s^(−1/2) Uᵀ c sum in squares to cᵀ Σ⁺ c. Directions in which the targets do not vary (one
    target depends on the others) are left out, as the pseudo-inverse does.
    """
    s, basis = torch.linalg.eigh(prior)
    cutoff = s.amax(dim=1, keepdim=True) * s.shape[1] * 16 * torch.finfo(s.dtype).eps
    scale = torch.where(s > cutoff, s.clamp_min(cutoff), torch.inf).rsqrt()
    rows: Tensor = scale[..., None] * (basis.mT @ c)
    return rows


def gathered(problem: Problem) -> Tensor:
    """The candidates of every query, `[B, K, d]`, or `[1, K, d]` of a shared pool."""
    if problem.ids is None:
        return problem.candidates
    rows = problem.candidates[0].index_select(0, problem.ids.clamp_min(0).flatten())
    if few_rows(problem.ids, problem.candidates):
        check_finite(rows, "candidates (rows in ids)")
    return rows.reshape(*problem.ids.shape, -1)


def row_of(x: Tensor, i: Tensor) -> Tensor:
    """x_i of every query: `[B or 1, K, d]` and `[B, 1]` → `[B, 1, d]`."""
    return x.expand(i.shape[0], -1, -1).gather(1, i[..., None].expand(-1, -1, x.shape[2]))


def first_true(mask: Tensor) -> Tensor:
    """Index of the first true element of each row, 0 where there is none: `[B, K]` → `[B, 1]`."""
    return mask.to(torch.uint8).argmax(dim=1, keepdim=True)
