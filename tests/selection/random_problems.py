"""Random selection problems, near-duplicates and dependent targets among them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from oracle import OracleKernel, OracleProblem, cosine, exponential, linear, shared_noise
from solvers import select_fused

from sift_retrievers import (
    Cosine,
    Exponential,
    Kernel,
    Linear,
    RelevanceWeighted,
    Selection,
    SharedNoise,
    select,
)

# What the project promises in float32, in units of σ²_0 (or nats).
REGRET = 1e-4  # for λ′ ≥ 1e-4
VARIANCE = 1e-5  # for λ′ ≥ 1e-3


@dataclass(frozen=True)
class Case:
    targets: npt.NDArray[Any]
    candidates: npt.NDArray[Any]
    k: int
    noise: float
    replacement: bool = False
    kernel: Kernel = field(default_factory=Cosine)
    objective: str = "variance"

    def oracle(self) -> OracleProblem:
        return OracleProblem(
            self.targets,
            self.candidates,
            self.noise,
            kernel=oracle_kernel(self.kernel),
            objective=self.objective,
            weights=oracle_weights(self),
            positive_only=self.kernel.positive_only,
            replacement=self.replacement,
        )


def oracle_kernel(kernel: Kernel) -> OracleKernel:
    base = kernel.unweighted
    if isinstance(base, Exponential):
        return exponential(base.sharpness, base.target_sharpness)
    if isinstance(base, SharedNoise):
        return shared_noise(base.error, base.sharpness)
    return linear() if isinstance(base, Linear) else cosine()


def oracle_weights(case: Case) -> npt.NDArray[np.float64] | None:
    weighting = case.kernel.weighting
    if weighting is None:
        return None
    relevance = cosine().passages(case.targets, case.candidates).max(axis=0)
    deviation = relevance.std()
    if weighting.standardized and deviation > 1e-6:
        relevance = relevance / deviation
    return np.exp(weighting.gamma * (relevance - relevance.max()))


def blur_of_relevance(case: Case) -> float:
    """How far float32 can miss the log of a weight: cosines that hardly differ are standardised."""
    weighting = case.kernel.weighting
    if weighting is None or not weighting.standardized:
        return 0.0
    deviation = float(cosine().passages(case.targets, case.candidates).max(axis=0).std())
    return weighting.gamma * 4e-7 / deviation if deviation > 1e-6 else 0.0


def random_case(
    seed: int, *, least_noise: float = 1e-3, kernels: bool = False, cosine_only: bool = False
) -> Case:
    """K ≤ 60, d ≤ 32, m ≤ 3; up to all candidates are copies or near-duplicates."""
    random = np.random.default_rng(seed)
    count, dim, m = random.integers(1, 61), random.integers(1, 33), random.integers(1, 4)
    candidates = random.normal(size=(count, dim))
    copies = random.integers(0, count + 1)
    spread = random.choice([0.0, 1e-6, 1e-3, 1e-1])
    originals = random.integers(0, count, size=copies)
    candidates[random.permutation(count)[:copies]] = (
        candidates[originals] + random.normal(size=(copies, dim)) * spread
    )
    targets = random.normal(size=(m, dim))
    if random.random() < 0.5:
        targets += candidates[random.integers(0, count, size=m)]
    if random.random() < 0.2:
        targets[-1] = targets[0]  # one target depends on the others
    kernel: Kernel = Cosine()
    objective = "variance"
    if kernels:
        kernel = random_kernel(random)
        objective = str(random.choice(["variance", "entropy", "undirected"]))
    if isinstance(kernel.unweighted, Linear):
        candidates /= np.sqrt(dim)  # variances of about 1, as the range of λ′ supposes
        targets /= np.sqrt(dim)
    elif not cosine_only:
        candidates *= 10 ** random.uniform(-2, 2)  # stored vectors need not be of unit length
    base = kernel.unweighted
    scale = 1 + base.error if isinstance(base, SharedNoise) else 1.0  # variance of a passage
    return Case(
        targets=targets.astype(np.float32),
        candidates=candidates.astype(np.float32),
        k=int(random.integers(1, 13)),
        noise=scale * float(10 ** random.uniform(np.log10(least_noise), 1)),
        replacement=bool(random.random() < 0.5),
        kernel=kernel,
        objective=objective,
    )


def random_kernel(random: np.random.Generator) -> Kernel:
    beta = float(random.uniform(1, 12))
    target = None if random.random() < 0.5 else float(random.uniform(0.5, 8))
    positive = bool(random.random() < 0.5)
    shared = SharedNoise(float(random.uniform(0, 10)), beta, positive)
    bases = [Cosine(positive), Linear(positive), Exponential(beta, target, positive), shared]
    base = bases[random.integers(0, 4)]
    if random.random() < 0.3:
        if random.random() < 0.5:
            return RelevanceWeighted(float(random.uniform(0, 1)), base, standardized=True)
        return RelevanceWeighted(float(random.uniform(0, 6)), base, standardized=False)
    return base


def run(case: Case, solver: str | None = None) -> Selection[Any]:
    options = {
        "kernel": case.kernel,
        "lambda_": case.noise,
        "objective": case.objective,
        "replacement": case.replacement,
    }
    if solver == "fused":
        return select_fused(case.targets[None], case.candidates, case.k, **options)
    return select(case.targets[None], case.candidates, case.k, solver=solver, **options)


def check(case: Case, solver: str | None = None) -> tuple[float, float, float]:
    """Compare with the oracle; the largest errors."""
    chosen = run(case, solver)
    left = chosen.variance
    picks = [int(i) for i in chosen.indices[0] if i >= 0]
    assert len(picks) == (case.k if case.replacement else min(case.k, len(case.candidates)))
    if not case.replacement:
        assert len(set(picks)) == len(picks)
    oracle = case.oracle()
    errors = oracle.worst_errors(picks, chosen.gains[0].tolist(), left[0].tolist())
    regret, gain, variance = errors
    # Rounding is relative to the largest prior variance; with the linear kernel that can be far
    # above the query's own.
    scale = max(1.0, oracle.gram.diagonal().max() / oracle.prior.diagonal().min())
    # Gains in nats, ½ log(1 + v / λ′) and the like, inherit v's rounding over λ′.
    largest = max(1.0, oracle.gram.diagonal().max())
    nats = 0.0 if case.objective == "variance" else 2e-6 * largest / case.noise
    nats += blur_of_relevance(case)
    assert regret <= REGRET * scale + nats, f"regret {regret:.2e}, {case}"
    assert gain <= REGRET * scale + nats, f"gain wrong by {gain:.2e}, {case}"
    exact = VARIANCE if case.noise >= 1e-3 else REGRET
    assert variance <= exact * scale, f"variance wrong by {variance:.2e} of σ²_0, {case}"
    assert np.all(chosen.gains[0] >= 0)
    assert np.all(np.diff(left[0]) <= 0)
    return errors
