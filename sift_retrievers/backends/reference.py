"""Every rule of the algorithm, for a batch of queries on any torch device.

Source: Hübotter et al., "Efficiently Learning at Test-Time: Active Fine-Tuning of LLMs",
arXiv 2410.08020 (SIFT), and arXiv 2402.15898 (VTL, several targets).

The surrogate is a Gaussian process with kernel k. Observing the passages X_n with noise λ′ leaves
the target x* with the posterior variance

    σ²_n(x*) = k(x*, x*) − k(x*, X_n) (k(X_n, X_n) + λ′ I)⁻¹ k(X_n, x*).

Rules:

1.  Pick the passage that leaves the smallest posterior variance, summed over the targets.
    Observing x_j lowers it by Σ_t c_tj² / (v_j + λ′), where c_tj = k_n(x*_t, x_j) is the posterior
    covariance of target t and passage j, and v_j = k_n(x_j, x_j) the passage's posterior variance.
2.  Equal scores go to the lowest index: with candidates in the store's order, to the nearest.
    Equal means indistinguishable in the arithmetic used, within 16 ε of the first pick's score:
    copies of one passage score alike only up to rounding, which differs with their position.
3.  No passage is picked twice, unless `replacement` is set: then observing it again is a further
    observation with noise of its own, as in the paper, where it means a further gradient step.
4.  Condition on the pick i without refitting. With p = v_i + λ′ the new row of the Cholesky factor,
    restricted to the candidates, is ℓ = k_n(x_i, ·) / √p, and for a = c_i / √p

        c ← c − a ℓ,    v ← v − ℓ²,    σ² ← σ² − a².

    k_n(x_i, ·) itself is k(x_i, ·) − Σ_{s<n} ℓ_s(x_i) ℓ_s: the prior row less what the earlier
    picks explain. That is exact, costs O(K (d + n)) a pick, and needs no K × K matrix.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sift_retrievers.backends.problem import Picks, Problem

# Scores closer than this multiple of ε times the first pick's score are ties.
ROUNDING = 16.0


def select_reference(problem: Problem) -> Picks:
    """Solve a batch of selection problems by the exact incremental update above."""
    kernel, noise, candidates = problem.kernel, problem.noise, problem.candidates
    batch, n_candidates = problem.targets.shape[0], candidates.shape[1]

    covariance = kernel(problem.targets, candidates)  # c: [B, m, K]
    variance = kernel.diagonal(candidates).expand(batch, -1)  # v: [B, K]
    uncertainty = kernel.diagonal(problem.targets)  # σ²: [B, m], one a target
    floor = uncertainty * torch.finfo(uncertainty.dtype).eps  # σ² > 0 for λ′ > 0; rounding too

    rows: list[Tensor] = []  # ℓ_s: [B, K] each
    taken = torch.zeros(batch, n_candidates, dtype=torch.bool, device=candidates.device)
    picks: list[Tensor] = []
    trace = [uncertainty.sum(dim=-1)]
    resolution: Tensor | None = None  # [B, 1]: differences below it are rounding

    for _ in range(problem.steps):
        score = covariance.square().sum(dim=1) / (variance + noise)  # rule 1
        if not problem.replacement:
            score = score.masked_fill(taken, -torch.inf)  # rule 3
        best = score.amax(dim=-1, keepdim=True)
        if resolution is None:
            resolution = ROUNDING * torch.finfo(best.dtype).eps * best
        pick = first_true(score >= best - resolution)  # rule 2
        taken.scatter_(1, pick, True)

        root = (variance.gather(1, pick) + noise).sqrt()  # √p: [B, 1]
        picked = candidates.expand(batch, -1, -1).gather(
            1, pick[..., None].expand(-1, -1, candidates.shape[2])
        )  # x_i: [B, 1, d]
        row = kernel(picked, candidates)[:, 0]
        for earlier in rows:
            row = row - earlier.gather(1, pick) * earlier
        row = row / root
        step = (
            covariance.gather(2, pick[:, None].expand(-1, covariance.shape[1], -1))[..., 0] / root
        )

        covariance = covariance - step[..., None] * row[:, None]  # rule 4
        variance = (variance - row.square()).clamp_min(0.0)
        uncertainty = torch.maximum(uncertainty - step.square(), floor)

        rows.append(row)
        picks.append(pick)
        trace.append(uncertainty.sum(dim=-1))

    indices = (
        torch.cat(picks, dim=1)
        if picks
        else torch.empty(batch, 0, dtype=torch.int64, device=candidates.device)
    )
    return Picks(indices=indices, variance=torch.stack(trace, dim=1))


def first_true(mask: Tensor) -> Tensor:
    """Index of the first true element of each row: `[B, K]` → `[B, 1]`."""
    return mask.to(torch.uint8).argmax(dim=-1, keepdim=True)
