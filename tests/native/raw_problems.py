"""Random calls of `_native.select`, and what their answers should be, by brute force in float64.

Nothing is shared with the package: the kernels' formulas are written out once more, and every
posterior is a linear system of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

COSINE, LINEAR, EXPONENTIAL, SHARED_NOISE = range(4)
VARIANCE, ENTROPY, UNDIRECTED = range(3)


@dataclass
class RawProblem:
    """The arguments of `_native.select` up to k, in their order."""

    double_precision: int
    vectors: Array
    P: int
    N: int
    d: int
    ids: Array | None
    K: int
    targets: Array
    B: int
    m: int
    kernel: int
    parameter_a: float
    parameter_b: float
    gamma: float
    standardized: int
    relevance: Array | None
    rounding: float
    objective: int
    whitening: Array | None
    noise: float
    positive_only: int
    replacement: int
    costs: Array | None
    budget: Array | None
    groups: Array | None
    k: int

    @property
    def real(self) -> Any:
        return np.float64 if self.double_precision else np.float32

    def outputs(self) -> tuple[Array, Array, Array]:
        """Indices, gains and variance, filled with values that no answer has."""
        return (
            np.full((self.B, self.k), -7, dtype=np.int64),
            np.full((self.B, self.k), np.nan, dtype=self.real),
            np.full((self.B, self.k + 1), np.nan, dtype=self.real),
        )

    def arguments(self) -> list[Any]:
        """All but the outputs."""
        return [getattr(self, field.name) for field in fields(self)]

    def solve(self, select: Any) -> tuple[int, Array, Array, Array]:
        """The status and the outputs."""
        outputs = self.outputs()
        return (select(*self.arguments(), *outputs), *outputs)


def random_problem(seed: int, *, double: bool | None = None) -> RawProblem:
    """A small one: any kernel, objective and option, with copies and zero vectors among them."""
    random = np.random.default_rng(seed)
    chance = random.random
    is_double = int(chance() < 0.5 if double is None else double)
    real = np.float64 if is_double else np.float32
    B, m, d = (int(random.integers(1, top)) for top in (4, 4, 70))
    if chance() < 0.1:
        B = int(random.integers(8, 20))  # more than go through a shared pool together
    N, k = int(random.integers(0, 40)), int(random.integers(1, 14))
    kernel, objective = int(random.integers(0, 4)), int(random.integers(0, 3))
    ids, K, P = None, N, 1 if chance() < 0.5 else B
    if chance() < 0.4 and N > 0:
        P, K = 1, int(random.integers(0, 40))
        ids = random.integers(-1, N, size=(B, K))
    vectors = random.normal(size=(P, N, d)) / np.sqrt(d)
    targets = random.normal(size=(B, m, d)) / np.sqrt(d)
    if N > 0:
        for pool in vectors:
            copies = random.integers(0, N, size=random.integers(0, N + 1))
            pool[copies] = pool[random.integers(0, N, size=len(copies))]
            pool[copies] += random.normal(size=(len(copies), d)) * random.choice([0, 0, 1e-3, 0.1])
            pool[random.random(N) < 0.05] = 0
        if chance() < 0.5:
            targets += vectors[random.integers(0, P), random.integers(0, N, size=(B, m))]
    if kernel != LINEAR:
        vectors *= 10 ** random.uniform(-2, 2)
    targets[~targets.any(axis=2)] = 1.0
    vectors, targets = vectors.astype(real), targets.astype(real)
    has_costs = chance() < 0.4
    replacement = int(chance() < 0.3)
    problem = RawProblem(
        double_precision=is_double,
        vectors=vectors,
        P=P,
        N=N,
        d=d,
        ids=ids,
        K=K,
        targets=targets,
        B=B,
        m=m,
        kernel=kernel,
        parameter_a=float(random.uniform(1, 12)),
        parameter_b=float(random.uniform(0.3, 2)),
        gamma=float(random.uniform(0, 1)) if chance() < 0.5 else -1.0,
        standardized=int(chance() < 0.5),
        relevance=random.normal(size=(B, K)) * 3 if chance() < 0.5 else None,
        rounding=1e-6,
        objective=objective,
        whitening=None,
        noise=float(10 ** random.uniform(-2, 1)),
        positive_only=int(chance() < 0.5),
        replacement=replacement,
        costs=random.integers(1, 9, size=(B, K)) / 8 if has_costs else None,
        budget=random.integers(1, 33, size=B) / 8 if has_costs and chance() < 0.6 else None,
        groups=random.integers(0, 9, size=(B, K)) if not replacement and chance() < 0.3 else None,
        k=k,
    )
    if objective == ENTROPY:
        problem.whitening = np.stack([whitening(Query(problem, b).prior) for b in range(B)])
        problem.whitening = np.ascontiguousarray(problem.whitening, dtype=real)
    return problem


def whitening(prior: Array) -> Array:
    """Rows W with W prior Wᵀ = 1, and rows of zeros for directions in which targets do not vary."""
    values, basis = np.linalg.eigh(prior)
    scale = np.where(values > values.max() * 1e-5, 1 / np.sqrt(np.maximum(values, 1e-300)), 0)
    return np.asarray(scale[:, None] * basis.T)


class Query:
    """One query of a problem, in float64, with every covariance among its K candidates."""

    def __init__(self, problem: RawProblem, b: int) -> None:
        self.problem, self.b = problem, b
        pool = problem.vectors[b if problem.P > 1 else 0].astype(np.float64)
        ids = np.arange(problem.K) if problem.ids is None else problem.ids[b]
        self.valid = ids >= 0
        self.x = pool[np.maximum(ids, 0)] if len(pool) else pool
        q = problem.targets[b].astype(np.float64)
        lengths, q_lengths = np.linalg.norm(self.x, axis=1), np.linalg.norm(q, axis=1)
        self.zero = lengths == 0
        unit = self.x / np.where(self.zero, 1, lengths)[:, None]
        q_unit = q / q_lengths[:, None]
        x, t = (self.x, q) if problem.kernel == LINEAR else (unit, q_unit)
        r = self.weights((q_unit @ unit.T).max(axis=0))
        self.gram = self.passages(x @ x.T) * np.outer(r, r)
        self.cross = self.target_and_passage(t @ x.T) * r
        self.prior = self.among_targets(t @ t.T)

    def passages(self, g: Array) -> Array:
        a, b = self.problem.parameter_a, self.problem.parameter_b
        if self.problem.kernel == EXPONENTIAL:
            return np.asarray(np.exp(a * (g - 1)))
        return g + b * np.exp(a * (g - 1)) if self.problem.kernel == SHARED_NOISE else g

    def target_and_passage(self, g: Array) -> Array:
        a, radius = self.problem.parameter_a, self.problem.parameter_b
        if self.problem.kernel == EXPONENTIAL:
            return np.asarray(np.exp(a * (radius * g - 0.5 * (1 + radius**2))))
        return g

    def among_targets(self, g: Array) -> Array:
        a, radius = self.problem.parameter_a, self.problem.parameter_b
        if self.problem.kernel == EXPONENTIAL:
            return np.asarray(np.exp(a * radius**2 * (g - 1)))
        return g

    def weights(self, cosines: Array) -> Array:
        problem = self.problem
        if problem.gamma < 0 or not self.valid.any():
            return np.ones(problem.K)
        z = cosines if problem.relevance is None else problem.relevance[self.b]
        deviation = z[self.valid].std()
        unit = 1.0 if problem.relevance is None else np.abs(z[self.valid]).max()
        if problem.standardized and deviation > problem.rounding * unit:
            z = z / deviation
        best = z[self.valid].max()
        r = np.exp(problem.gamma * np.minimum(z - best, 0))
        return np.where(self.zero | ~self.valid, 0, r)

    def posterior(self, picks: list[int]) -> tuple[Array, Array, Array]:
        """Covariances of the targets [m, m], with the passages [m, K]; variances [K]."""
        if not picks:
            return self.prior, self.cross, self.gram.diagonal()
        noisy = self.gram[np.ix_(picks, picks)] + self.problem.noise * np.eye(len(picks))
        explained = np.linalg.solve(noisy, np.hstack([self.cross[:, picks].T, self.gram[picks]]))
        targets, passages = explained[:, : self.problem.m], explained[:, self.problem.m :]
        return (
            self.prior - self.cross[:, picks] @ targets,
            self.cross - self.cross[:, picks] @ passages,
            self.gram.diagonal() - (self.gram[:, picks] * passages.T).sum(axis=1),
        )

    def gains(self, picks: list[int]) -> Array:
        """What every passage would gain as the next pick: nats [K]."""
        sigma, c, v = self.posterior(picks)
        noise = self.problem.noise
        if self.problem.objective == UNDIRECTED:
            return np.asarray(0.5 * np.log1p(v / noise))
        if self.problem.objective == VARIANCE:
            lowered = (c**2).sum(axis=0) / (v + noise)
            return np.asarray(-0.5 * np.log1p(-lowered / np.trace(sigma)))
        # The targets in coordinates of variance 1, observed without noise, beside the picks.
        targets = whitening(self.prior) @ self.cross
        between = targets[:, picks]
        observed = np.block([[np.eye(self.problem.m), between], [between.T, self.at(picks)]])
        to_passages = np.vstack([targets, self.gram[picks]])
        explained = to_passages * np.linalg.solve(observed, to_passages)
        u = np.maximum(self.gram.diagonal() - explained.sum(axis=0), 0)
        return np.asarray(0.5 * np.log((v + noise) / (u + noise)))

    def at(self, picks: list[int]) -> Array:
        return self.gram[np.ix_(picks, picks)] + self.problem.noise * np.eye(len(picks))

    def scores(self, picks: list[int]) -> Array:
        """As ranked, −inf for what may not be picked: [K]."""
        problem = self.problem
        _, c, v = self.posterior(picks)
        score = self.gains(picks)
        if problem.objective == VARIANCE:
            counted = np.maximum(c, 0) if problem.positive_only else c
            score = (counted**2).sum(axis=0) / (v + problem.noise)
        elif problem.objective == ENTROPY and problem.positive_only:
            score = score * (c > 0).any(axis=0)
        return np.where(self.allowed(picks), score, -np.inf)

    def allowed(self, picks: list[int]) -> Array:
        problem, b = self.problem, self.b
        allowed = self.valid.copy()
        if not problem.replacement:
            allowed[picks] = False
        if problem.groups is not None:
            allowed &= ~np.isin(problem.groups[b], problem.groups[b, picks])
        if problem.costs is not None and problem.budget is not None:
            spent = problem.costs[b, picks].sum()
            allowed &= problem.costs[b] <= problem.budget[b] - spent + 1e-9
        return allowed


def check(problem: RawProblem, select: Any) -> None:
    """Solve it and compare every pick, gain and variance with the definitions."""
    status, indices, gains, variance = problem.solve(select)
    assert status == 0, f"status {status}"
    exact = 1e-7 if problem.double_precision else 2e-4
    for b in range(problem.B):
        query = Query(problem, b)
        scale = max(
            1.0, query.gram.diagonal().max(initial=0) / problem.noise, np.trace(query.prior)
        )
        near = exact * scale
        picks = [int(i) for i in indices[b] if i >= 0]
        assert indices[b].tolist() == picks + [-1] * (problem.k - len(picks))
        assert np.isclose(variance[b, 0], np.trace(query.prior), rtol=near, atol=near)
        for n, pick in enumerate(picks):
            before = picks[:n]
            score = query.scores(before)
            assert score[pick] > -np.inf, f"pick {n} of query {b} is not allowed"
            regret = score.max() - score[pick]
            assert regret <= near, f"pick {n} of query {b}: regret {regret:.2e}"
            copies = (query.x[:pick] == query.x[pick]).all(axis=1)
            equal = copies & np.isclose(score[:pick], score[pick], rtol=1e-9, atol=0)
            if score[pick] > 1e-5 * max(1e-3, query.scores([]).max()):  # else it is rounding
                assert not equal.any(), f"pick {n} of query {b}: a copy stands before it"
            gain = query.gains(before)[pick]
            assert abs(gains[b, n] - gain) <= near, f"gain {n}: {gains[b, n]} for {gain}"
            left = np.trace(query.posterior(picks[: n + 1])[0])
            assert abs(variance[b, n + 1] - left) <= near, f"variance {n + 1} of query {b}"
        end = query.scores(picks)
        assert len(picks) == problem.k or end.max(initial=-np.inf) == -np.inf, "ended too early"
        assert not gains[b, len(picks) :].any()
        assert (variance[b, len(picks) :] == variance[b, len(picks)]).all()
        assert (gains[b] >= 0).all()
        assert (np.diff(variance[b]) <= 0).all()
