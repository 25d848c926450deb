"""Among how many candidates: the default and the order of nearness with 50, 100, 200 and 400.

    SIFT_DATA=<folder> python benchmarks/retrieval/pool_sizes.py --model wordllama

Writes candidates-<model>.md to benchmarks/retrieval/results/.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.common.embeddings import CACHE
from benchmarks.common.machine import machine
from benchmarks.common.models import Embedder
from benchmarks.retrieval.candidates import Candidates
from benchmarks.retrieval.evaluate import Values, mean_coverage
from benchmarks.retrieval.methods import PickStore
from benchmarks.retrieval.ours import THE_DEFAULT
from benchmarks.retrieval.pools import nearest
from benchmarks.retrieval.sets import load_chosen, not_measured, parser, save_page
from benchmarks.retrieval.tune import tuning_half

SIZES = (50, 100, 200, 400)


def coverages(candidates: Candidates, sizes: Sequence[int], folder: Path) -> dict[int, Values]:
    """Size → `[Q]` mean coverage of the default on the reported half."""
    found = nearest(candidates.queries, candidates.store.vectors, max(sizes), folder=folder)
    most = replace(candidates, rows=found.positions, cosines=found.cosines)
    reported = ~tuning_half(candidates.name, len(candidates.asked))
    half, store = most.some(reported), PickStore(folder)
    return {
        size: mean_coverage(half, store.picks(THE_DEFAULT, {}, most.nearest(size))[reported])
        for size in sizes
    }


def main(
    arguments: list[str] | None = None,
    *,
    embedder: Embedder | None = None,
    folder: Path = CACHE,
) -> int:
    variants = ["plain", "copies"]
    options = parser("The default among more and fewer candidates.", variants=variants)
    chosen = options.parse_args(arguments)
    loaded = load_chosen(chosen, embedder, folder=folder)
    if loaded is None:
        return 2
    means = {
        (one.name, one.variant): [
            float(values.mean()) for values in coverages(one, SIZES, folder).values()
        ]
        for one in tqdm(loaded.candidates, desc="sets")
    }
    rows = [(f"{name}, {variant}", values) for (name, variant), values in means.items()]
    for variant in chosen.variants:
        of_variant = [values for (_, other), values in means.items() if other == variant]
        if of_variant:
            rows.append((f"**mean, {variant}**", np.mean(of_variant, axis=0).tolist()))
    lines = [
        f"# The default among more and fewer candidates, embeddings by {loaded.model}",
        "",
        f"`python benchmarks/retrieval/pool_sizes.py` on {machine()}.",
        "",
        "Mean evidence coverage on the reported halves.",
        "",
        not_measured(loaded.missing, chosen.sets),
        "",
        f"| set | {' | '.join(f'{size} candidates' for size in SIZES)} |",
        "|" + "---|" * (1 + len(SIZES)),
        *(f"| {name} | {' | '.join(f'{v:.3f}' for v in values)} |" for name, values in rows),
        "",
    ]
    save_page(chosen.results / f"candidates-{loaded.model}.md", lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
