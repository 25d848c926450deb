"""Random problems for `cover`, and their solutions."""

from __future__ import annotations

from typing import Any

import numpy as np
from oracle import OracleCoverage

from sift_retrievers import Coverage
from sift_retrievers.coverage import Covered, cover


def coverage_from(bags: Any, *, weighted: bool = True, **options: Any) -> Coverage:
    flat = [pair for bag in bags for pair in bag]
    return Coverage(
        np.array([unit for unit, _ in flat], dtype=np.uint64),
        np.array([len(bag) for bag in bags], dtype=np.intp),
        np.array([weight for _, weight in flat], dtype=np.float64) if weighted else None,
        **options,
    )


def random_problem(seed: int) -> tuple[OracleCoverage, int, dict[str, Any], bool]:
    """A problem with ties, empty passages, weights of 0, copies, groups or budgets.

    Returns:
        Its oracle, the number of picks, the arguments for `cover`, and whether units have weights.
    """
    random = np.random.default_rng(seed)
    count, units = int(random.integers(1, 25)), int(random.integers(1, 40))
    weighted = bool(random.random() < 0.6)
    bags: list[list[tuple[int, float]]] = []
    for _ in range(count):
        if bags and random.random() < 0.3:
            bags.append(list(bags[random.integers(0, len(bags))]))
            continue
        size = 0 if random.random() < 0.1 else int(random.integers(1, 15))
        weights = random.choice([0.0, 0.3, 1.0, 2.5], size=size) if weighted else np.ones(size)
        if weighted and random.random() < 0.1:
            weights[:] = 0.0
        names = [2**63 + name for name in random.integers(0, units, size=size).tolist()]
        bags.append([*zip(names, weights.tolist(), strict=True)])
    relevance = random.normal(size=count) * random.choice([0.0, 1.0, 3.0])
    if random.random() < 0.5:
        relevance = relevance.round()  # ties
    given: dict[str, Any] = {"lambda_": float(10 ** random.uniform(-3, 3))}
    if random.random() < 0.4:
        given["allowed"] = random.random(count) < 0.7
        if not given["allowed"].any():
            given["allowed"][0] = True
    if random.random() < 0.4:
        given["groups"] = random.integers(0, max(count // 2, 1), size=count)
    if random.random() < 0.4:
        given["costs"] = random.choice([0.0, 0.1, 1.0, 2.0, 7.5], size=count)
        given["budget"] = float(random.choice([0.0, 1.0, 5.0, 100.0]))
    if random.random() < 0.3:
        given["min_novelty"] = float(random.uniform(0, 1))
    oracle = OracleCoverage(
        bags,
        relevance.tolist(),
        given["lambda_"],
        gamma=float(random.choice([0.0, 0.3, 2.0])),
        level=float(random.choice([1.0, 0.2])),
        **{name: value for name, value in given.items() if name != "lambda_"},
    )
    return oracle, int(random.integers(1, count + 5)), given, weighted


def solved(seed: int) -> tuple[OracleCoverage, int, dict[str, Any], Coverage, Covered]:
    oracle, k, given, weighted = random_problem(seed)
    coverage = coverage_from(oracle.bags, weighted=weighted, gamma=oracle.gamma, level=oracle.level)
    return oracle, k, given, coverage, cover(coverage, oracle.relevance, k, **given)
