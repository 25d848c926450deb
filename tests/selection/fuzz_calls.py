"""Random calls of `select`: what is passed, and what it means in float64."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from fuzz_forms import in_some_form, rounded
from fuzz_kernels import of_any_scale, oracle_of
from fuzz_options import OptionsMaker, prior_of
from oracle import OracleProblem, cosine, exponential

Float64 = npt.NDArray[np.float64]


@dataclass
class Truth:
    """One query's problem in float64."""

    oracle: OracleProblem
    positions: list[int]
    """What `indices` calls each candidate."""
    costs: Float64
    budget: float
    groups: list[Any]
    blur: float = 0.0
    """How far float32 can miss the log of a weight."""


@dataclass
class Call:
    """Positional and keyword arguments of one call."""

    queries: Any
    candidates: Any
    k: Any
    options: dict[str, Any] = field(default_factory=dict)
    truths: list[Truth] = field(default_factory=list)
    single: bool = True
    matrix: bool = False
    read_as_float32: bool = False
    exactly: bool = True
    """Whether λ′ is large enough for brute force in float64, too."""

    def __repr__(self) -> str:
        options = {name: _shortly(value) for name, value in self.options.items()}
        held = f"{_shortly(self.queries)}, {_shortly(self.candidates)}"
        return f"Call({held}, k={self.k}, {options})"


def _shortly(value: Any) -> Any:
    text = repr(value)
    dtype, shape = getattr(value, "dtype", ""), getattr(value, "shape", "")
    return text if len(text) < 60 else f"{type(value).__name__} {dtype} {shape}"


def random_call(seed: int) -> Call:
    """A call that `select` is to answer."""
    return CallMaker(seed).make()


class CallMaker(OptionsMaker):
    """Draws one call; all that it draws hangs on the seed."""

    def make(self) -> Call:
        random, chance = self.random, self.random.random
        pools = self._vectors(random.integers(1, 3) == 1)
        made_pools, pools = rounded(pools, random)
        targets = self._targets(pools)
        made_targets, targets = rounded(targets, random)
        zero = ~targets.any(axis=2)
        made_targets[zero], targets[zero] = 1, 1
        call = Call(None, None, self._k(), single=self.single, matrix=self.matrix)
        ids = None
        if not self.matrix and len(pools) == 1 and chance() < 0.3:
            width = int(random.integers(0, 20))
            ids = random.integers(-1, max(self.count, 1), size=(self.batch, width))
            ids[ids >= self.count] = -1
            if chance() < 0.7:
                for row in ids:
                    row[np.setdiff1d(np.arange(width), np.unique(row, return_index=True)[1])] = -1
            else:  # which of two equal rows was picked could not be told by costs and groups
                self.limited = False
        size = self.count if ids is None else ids.shape[1]
        queries = made_targets[0, 0] if self.single else made_targets
        if not self.single and self.m == 1 and chance() < 0.5:
            queries = made_targets[:, 0]
        call.queries = in_some_form(queries, random, tensors=True)
        shared = made_pools[0] if len(pools) == 1 else made_pools
        call.candidates = in_some_form(shared, random, tensors=self.tensors)
        held = (call.queries, call.candidates)
        call.read_as_float32 = not all(hasattr(values, "ndim") for values in held)
        call.options = self.draw_options()
        if call.k > 10**4:
            call.options.pop("replacement", None)
        relevance = self.draw_relevance(call.options, size)
        costs, budget = self.draw_costs(call.options, size)
        groups = self.draw_groups(call.options, size)
        if ids is not None:
            call.options["ids"] = ids.tolist() if chance() < 0.3 and ids.size else ids
        similar = self._similarities(call, pools)
        noise = float(call.options.get("lambda_", 1.0))
        call.exactly = noise > 1e-8 * prior_of(self.kernel, self.scale)
        for b in range(self.batch):
            rows = list(range(self.count)) if ids is None else ids[b].tolist()
            there = [j for j, row in enumerate(rows) if row >= 0]
            pool = pools[0 if len(pools) == 1 else b]
            own = pool[[rows[j] for j in there]]
            rho = None if relevance is None else relevance[b][there]
            weights, blur = self._weights(targets[b], own, rho)
            oracle = OracleProblem(
                targets[b],
                own,
                noise,
                kernel=similar or oracle_of(self.kernel),
                objective=self.objective,
                weights=weights,
                positive_only=self.kernel.positive_only,
                replacement=bool(call.options.get("replacement", False)),
            )
            call.truths.append(
                Truth(
                    oracle,
                    [rows[j] for j in there],
                    costs[b][there],
                    float(budget[b]),
                    [groups[b][j] for j in there],
                    blur,
                )
            )
        return call

    def _vectors(self, shared: bool) -> Any:
        random = self.random
        pools = random.normal(
            size=(1 if shared or self.single else self.batch, self.count, self.dim)
        )
        if not of_any_scale(self.kernel):
            pools /= np.sqrt(self.dim)
        for pool in pools if self.count else []:
            copies = random.integers(0, self.count, size=random.integers(0, self.count + 1))
            pool[copies] = pool[random.integers(0, self.count, size=len(copies))]
            spread = random.choice([0.0, 1e-3, 0.1])
            pool[copies] += random.normal(size=(len(copies), self.dim)) * spread
            pool[random.random(self.count) < 0.03] = 0
        return pools * self.scale

    def _targets(self, pools: Any) -> Any:
        random = self.random
        targets = random.normal(size=(self.batch, self.m, self.dim)) * self.scale
        if not of_any_scale(self.kernel):
            targets /= np.sqrt(self.dim)
        if self.count and random.random() < 0.5:
            near = random.integers(0, self.count, size=self.m)
            targets += pools[0][near] if len(pools) == 1 else pools[:, near]
        if random.random() < 0.2:
            targets[:, -1] = targets[:, 0]
        return targets

    def _k(self) -> Any:
        random = self.random
        k = int(random.integers(1, 11))
        if random.random() < 0.05:
            return int(random.choice(np.array([65536, 65537, 10**12, 2**70], dtype=object)))
        return random.choice(np.array([k, np.int64(k), np.uint8(k)], dtype=object))

    def _similarities(self, call: Call, pools: Any) -> Any:
        if not self.matrix:
            return None
        gram = exponential(float(self.random.uniform(1, 6))).passages(pools[0], pools[0])
        gram = gram.astype(np.float32)
        call.options["kernel"] = (
            in_some_form(gram, self.random, tensors=True) if self.count else gram
        )
        exact = gram.astype(np.float64)
        base = cosine()
        return type(base)(lambda x, y: exact, base.cross, base.targets)

    def _weights(self, targets: Any, own: Any, relevance: Any) -> tuple[Any, float]:
        weighting = self.kernel.weighting
        if weighting is None:
            return None, 0.0
        if len(own) == 0:
            return np.ones(0), 0.0
        rho = cosine().passages(targets, own).max(axis=0) if relevance is None else relevance
        blur, deviation = 4e-7, float(rho.std())
        least = 1e-6 if relevance is None else 1e-15 * np.abs(rho).max()
        if weighting.standardized and deviation > least:
            blur = 4e-7 / deviation if relevance is None else 1e-6
            rho = (rho - rho.max()) / deviation
        weights = np.exp(weighting.gamma * (rho - rho.max()))
        zero = ~own.any(axis=1) & (not self.matrix)
        return np.where(zero, 0.0, weights), weighting.gamma * blur
