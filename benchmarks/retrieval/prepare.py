"""Embed the retrieval sets and find every question's candidates; print what they look like.

    SIFT_DATA=<folder> python benchmarks/retrieval/prepare.py --model wordllama
    SIFT_DATA=<folder> python benchmarks/retrieval/prepare.py --sets musique --variants plain

With "wordllama" all sets in all variants take minutes, with "minilm" more than an hour on two
cores. What was embedded is kept in `.cache/`, so the command can be stopped at any time and goes on
where it was; a second run takes a minute. Without SIFT_DATA, or where a file is missing, it says
what it expects and ends with exit code 2.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.common.data_folder import MissingDataError
from benchmarks.common.embeddings import CACHE, Vectors, embed
from benchmarks.common.models import MODELS, Embedder
from benchmarks.metrics.redundancy import NEAR_DUPLICATE, redundancy
from benchmarks.retrieval.candidates import Candidates, Store
from benchmarks.retrieval.data import SOURCES, load
from benchmarks.retrieval.evaluate import covered
from benchmarks.retrieval.pools import nearest
from benchmarks.retrieval.variants import VARIANTS

AT = (3, 5, 10)
HEADER = (
    "| set | variant | passages | queries | mean facets | near-duplicates among 10 nearest | "
    + " | ".join(f"coverage@{k}" for k in AT)
    + " |\n|"
    + "---|" * (6 + len(AT))
)


def prepare(name: str, variant: str, embedder: Embedder, *, folder: Path = CACHE) -> Candidates:
    """Load a set, make the variant, embed what is not in the cache, and search.

    Raises:
        ValueError: for a set or a variant that is unknown.
        MissingDataError: if SIFT_DATA is not set or a file is missing.
    """
    if variant not in VARIANTS:
        raise ValueError(f"the variant must be one of {list(VARIANTS)}; got {variant!r}")
    corpus = VARIANTS[variant](load(name))

    def vectors(texts: list[str], what: str) -> Vectors:
        return embed(
            texts,
            encode=embedder.encode,
            model=embedder.version,
            folder=folder,
            title=f"{name}, {variant}: {what}",
        )

    queries = vectors([query.text for query in corpus.queries], "queries")
    store = Store(
        corpus.passages, vectors([passage.content for passage in corpus.passages], "passages")
    )
    pools = nearest(queries, store.vectors, folder=folder)
    return Candidates(name, variant, store, corpus.queries, queries, pools.positions, pools.cosines)


def row(candidates: Candidates) -> str:
    """The line of a set in the table: sizes, and what the nearest neighbours are like."""
    near = candidates.rows[:, : max(AT)]
    curve = covered(candidates, near).mean(axis=0)
    repeats = [redundancy(candidates.store.vectors[rows]).near_duplicates for rows in near]
    cells = [
        candidates.name,
        candidates.variant,
        f"{len(candidates.store.passages):,}",
        f"{len(candidates.asked)}",
        f"{candidates.totals.mean():.2f}",
        f"{np.mean(repeats):.1%}",
        *(f"{curve[min(k, len(curve)) - 1]:.3f}" for k in AT),
    ]
    return f"| {' | '.join(cells)} |"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Embed the retrieval sets.")
    parser.add_argument("--model", choices=[*MODELS], default="wordllama")
    parser.add_argument("--sets", nargs="+", choices=[*SOURCES], default=[*SOURCES])
    parser.add_argument("--variants", nargs="+", choices=[*VARIANTS], default=[*VARIANTS])
    chosen = parser.parse_args(arguments)
    rows = []
    try:
        for name in chosen.sets:
            for variant in chosen.variants:
                rows.append(row(prepare(name, variant, MODELS[chosen.model]())))
                print(rows[-1], flush=True)
    except MissingDataError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"\nNear-duplicates: cosine above {NEAR_DUPLICATE} to a nearer one.\n")
    print("\n".join([HEADER, *rows]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
