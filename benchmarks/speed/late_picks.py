"""Are the last of 200 picks those of float64? On random, clustered and real vectors.

    python benchmarks/speed/late_picks.py    # a minute; writes results/late-picks.md

Each selection in float32 is compared with the plain greedy selection in float64, which knows no
ties: how many of 200 picks stand at the same place, and what all picks are worth together, as a
share of what float64's are worth.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.speed.stores import sample
from sift_retrievers import Cosine, RelevanceWeighted, select

RESULTS = Path(__file__).parent / "results" / "late-picks.md"
N = 200
NOISES = (0.01, 0.1, 1.0)
KERNEL = RelevanceWeighted(0.3, Cosine())
Float64 = npt.NDArray[np.float64]


def pools() -> Iterator[tuple[str, npt.NDArray[np.float32], npt.NDArray[np.float32]]]:
    """Names, candidates and a query."""
    random = np.random.default_rng(0)
    scattered = random.normal(size=(20_000, 64)).astype(np.float32)
    yield "random, K = 20,000, d = 64", scattered, scattered[:5].mean(axis=0)
    centres = random.normal(size=(100, 128))
    near = centres[random.integers(0, 100, 5_000)] + 0.5 * random.normal(size=(5_000, 128))
    clustered = near.astype(np.float32)
    yield "in clusters, K = 5,000, d = 128", clustered, clustered[:5].mean(axis=0)
    documents, questions, known = sample(None)
    real = np.array([known[one.page_content] for one in documents], dtype=np.float32)
    asked = np.asarray(known[questions[0]], dtype=np.float32)
    yield f"all-MiniLM-L6-v2, K = {len(real):,}, d = {real.shape[1]}", real, asked


def exact(
    query: npt.NDArray[np.float32], pool: npt.NDArray[np.float32], noise: float, objective: str
) -> tuple[list[int], float, Float64]:
    """Float64's picks, what they are worth together, and the weights of the candidates."""
    x, q = pool.astype(np.float64), query.astype(np.float64)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    cosines = x @ q / np.linalg.norm(q)
    r = np.exp(0.3 * (cosines - cosines.max()) / cosines.std())
    c, v, rows = cosines * r, r * r, np.zeros((N, len(x)))
    taken, worth = np.zeros(len(x), dtype=bool), 0.0
    picks: list[int] = []
    for n in range(N):
        score = c**2 / (v + noise) if objective == "variance" else 0.5 * np.log1p(v / noise)
        i = int(np.where(taken, -np.inf, score).argmax())
        worth += float(score[i])
        root = np.sqrt(v[i] + noise)
        rows[n] = (x @ x[i] * r * r[i] - rows[:n, i] @ rows[:n]) / root
        c, v = c - c[i] / root * rows[n], np.maximum(v - rows[n] ** 2, 0)
        taken[i] = True
        picks.append(i)
    return picks, worth, r


def lines() -> Iterator[str]:
    yield "| candidates | objective | λ′ | solver | picks as float64's, of 200 | worth |"
    yield "|" + "---|" * 6
    for name, pool, query in pools():
        for objective in ("variance", "undirected"):
            for noise in NOISES:
                picks, worth, _ = exact(query, pool, noise, objective)
                for solver in ("compiled", "numpy"):
                    found = select(
                        query,
                        pool,
                        N,
                        kernel=KERNEL,
                        lambda_=noise,
                        objective=objective,
                        solver=solver,
                    )
                    same = int((found.indices == picks).sum())
                    total = 1 - float(found.variance[-1])
                    if objective == "undirected":
                        total = float(found.gains.astype(np.float64).sum())
                    share = total / worth
                    yield f"| {name} | {objective} | {noise} | {solver} | {same} | {share:.7f} |"


def main() -> None:
    head = [
        "# Late picks",
        "",
        f"`python benchmarks/speed/late_picks.py` on Python {platform.python_version()}, numpy "
        f"{np.__version__}; {date.today()}. The relevance-weighted cosine (γ = 0.3), 200 picks in "
        "float32 against the plain greedy selection in float64; worth is what all picks gain "
        "together, as a share of what float64's gain. Picks that stand elsewhere are near-ties.",
        "",
    ]
    RESULTS.write_text("\n".join([*head, *lines()]) + "\n", encoding="utf-8")
    print(RESULTS.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
