"""Embed the retrieval sets and find every query's candidates; print what they look like.

    SIFT_DATA=<folder> python benchmarks/retrieval/prepare.py
    SIFT_DATA=<folder> python benchmarks/retrieval/prepare.py --sets musique --variants plain

All sets in all variants take about an hour on two cores. What was embedded is kept in `.cache/`, so
the command can be stopped at any time and goes on where it was; a second run takes a minute.
Without SIFT_DATA, or where a file is missing, it says what it expects and ends with exit code 2.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sift_retrievers.metrics import NEAR_DUPLICATE, coverage_curve, redundancy

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.common.data_folder import MissingDataError
from benchmarks.common.embeddings import CACHE, MODEL, Encoder, Vectors, embed, minilm
from benchmarks.retrieval.data import SOURCES, RetrievalSet, load
from benchmarks.retrieval.pools import Pools, nearest
from benchmarks.retrieval.variants import VARIANTS

CUTOFFS = (3, 5, 10)
HEADER = (
    "| set | variant | passages | queries | mean facets | near-duplicates among 10 nearest | "
    + " | ".join(f"coverage@{k}" for k in CUTOFFS)
    + " |\n|"
    + "---|" * (6 + len(CUTOFFS))
)


@dataclass(frozen=True)
class Prepared:
    """A set with its vectors and candidates: all that a method needs."""

    corpus: RetrievalSet
    queries: Vectors
    """`[Q, d]` in the order of `corpus.queries`."""
    passages: Vectors
    """`[N, d]` in the order of `corpus.passages`."""
    pools: Pools


def prepare(
    name: str,
    variant: str,
    *,
    encode: Encoder = minilm,
    model: str = MODEL,
    folder: Path = CACHE,
) -> Prepared:
    """Load a set, make the variant, embed what is not in the cache, and search.

    Raises:
        ValueError: for a set or a variant that is unknown.
        MissingDataError: if SIFT_DATA is not set or a file is missing.
    """
    if variant not in VARIANTS:
        raise ValueError(f"the variant must be one of {list(VARIANTS)}; got {variant!r}")
    corpus = VARIANTS[variant](load(name))

    def vectors(texts: list[str], what: str) -> Vectors:
        title = f"{name}, {variant}: {what}"
        return embed(texts, encode=encode, model=model, folder=folder, title=title)

    queries = vectors([query.text for query in corpus.queries], "queries")
    passages = vectors([passage.content for passage in corpus.passages], "passages")
    return Prepared(corpus, queries, passages, nearest(queries, passages, folder=folder))


def row(prepared: Prepared) -> str:
    """The line of a set in the table: sizes, and what the nearest neighbours are like."""
    corpus, pools = prepared.corpus, prepared.pools
    facets = [len(query.judgements.all_facets) for query in corpus.queries]
    most = max(CUTOFFS)
    repeats, curves = [], []
    for query, positions in zip(corpus.queries, pools.positions[:, :most], strict=True):
        found = [corpus.passages[position].id for position in positions]
        curves.append(coverage_curve(found, query.judgements))
        repeats.append(redundancy(prepared.passages[positions]).near_duplicates)
    covered = np.mean(curves, axis=0)
    cells = [
        corpus.name,
        corpus.variant,
        f"{len(corpus.passages):,}",
        f"{len(corpus.queries)}",
        f"{np.mean(facets):.2f}",
        f"{np.mean(repeats):.1%}",
        *(f"{covered[min(k, len(covered)) - 1]:.3f}" for k in CUTOFFS),
    ]
    return f"| {' | '.join(cells)} |"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Embed the retrieval sets.")
    parser.add_argument("--sets", nargs="+", choices=[*SOURCES], default=[*SOURCES])
    parser.add_argument("--variants", nargs="+", choices=[*VARIANTS], default=[*VARIANTS])
    chosen = parser.parse_args(arguments)
    rows = []
    try:
        for name in chosen.sets:
            for variant in chosen.variants:
                rows.append(row(prepare(name, variant)))
                print(rows[-1], flush=True)
    except MissingDataError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"\nNear-duplicates: cosine above {NEAR_DUPLICATE} to a nearer one.\n")
    print("\n".join([HEADER, *rows]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
