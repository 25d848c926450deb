"""Is the evidence there at all: what tells that it is missing?

    SIFT_DATA=<folder> python benchmarks/retrieval/warning.py --model wordllama

Every question of the reported half whose evidence is among its candidates is asked twice: as it
is, and after all passages with its evidence were taken out. The area under the ROC curve is the
probability that a question without its evidence scores below one with it. The chance that the
retrievers report is shown for both, and for questions of the other corpora ("foreign"). Writes
warning-<model>.md to benchmarks/retrieval/results/.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.common.embeddings import CACHE
from benchmarks.common.machine import machine
from benchmarks.common.models import Embedder
from benchmarks.metrics.roc_auc import roc_auc
from benchmarks.retrieval.candidates import Candidates
from benchmarks.retrieval.data import SEED
from benchmarks.retrieval.ours import query_candidates
from benchmarks.retrieval.pools import search
from benchmarks.retrieval.sets import load_chosen, not_measured, parser, save_page
from benchmarks.retrieval.tune import tuning_half
from sift_retrievers.retrieval import SelectionRules
from sift_retrievers.witnesses import Relevance
from sift_retrievers.witnesses.evidence import PROBABLY_MISSING

FOREIGN = 150  # questions of other corpora that are asked of each
CHANCE = "the retrievers' chance"
Values = npt.NDArray[np.float64]

# The larger, the more likely that the evidence is there.
SIGNALS: dict[str, Callable[[Relevance], float]] = {
    "cosine of the nearest": lambda heard: float(heard.scores_by_witness["cosine"].max()),
    "largest share of the question's words": lambda heard: float(
        heard.scores_by_witness["share"].max()
    ),
    "largest product of the two": lambda heard: float(
        (heard.scores_by_witness["cosine"] * heard.scores_by_witness["share"]).max()
    ),
    CHANCE: lambda heard: heard.chance,
}


def with_and_without(candidates: Candidates, size: int) -> tuple[Candidates, Candidates]:
    """The questions that `size` candidates hold evidence of: as they are, and without it.

    Args:
        candidates: with more than `size` candidates a question, to fill up from; a question that
            has fewer left without its evidence is left out.
        size: candidates of each question.
    """
    gold = candidates.gold
    able = gold[:, :size].any(axis=1) & ((~gold).sum(axis=1) >= size)
    some, gold = candidates.some(able), gold[able]
    left = np.argsort(gold, axis=1, kind="stable")[:, :size]  # the others come first, in order
    without = replace(
        some,
        rows=np.take_along_axis(some.rows, left, axis=1),
        cosines=np.take_along_axis(some.cosines, left, axis=1),
    )
    return some.nearest(size), without


def foreign(candidates: Candidates, others: Sequence[Candidates], size: int) -> Candidates:
    """Questions of other corpora, of their reported halves, with the nearest passages here."""
    asked, vectors = [], []
    for other in others:
        half = tuning_half(other.name, len(other.asked))
        asked += [query for query, tuned in zip(other.asked, half, strict=True) if not tuned]
        vectors += [*other.queries[~half]]
    drawn = random.Random(f"{SEED}:{candidates.name}").sample(
        range(len(asked)), min(FOREIGN, len(asked))
    )
    queries = np.stack([vectors[n] for n in drawn])
    found = search(queries, candidates.store.vectors, size)
    return replace(
        candidates,
        asked=tuple(asked[n] for n in drawn),
        queries=queries,
        rows=found.positions,
        cosines=found.cosines,
    )


def signals(candidates: Candidates) -> dict[str, Values]:
    """Each signal `[Q]`."""
    rules = SelectionRules()
    found = [one.retrieval(1, rules).candidates for one in query_candidates(candidates)]
    heard = [one.relevance for one in found]
    return {name: np.array([look(one) for one in heard]) for name, look in SIGNALS.items()}


def auroc(there: Values, gone: Values) -> float:
    """How well small values tell that the evidence is missing."""
    missing = np.repeat([False, True], [len(there), len(gone)])
    return roc_auc(missing, -np.concatenate([there, gone]))


def summary(values: Values) -> str:
    return f"{np.median(values):.2f} ({np.mean(values < PROBABLY_MISSING):.0%})"


def main(
    arguments: list[str] | None = None,
    *,
    embedder: Embedder | None = None,
    folder: Path = CACHE,
) -> int:
    options = parser("AUROC of what tells that evidence is missing.", variants=["plain"])
    chosen = options.parse_args(arguments)
    loaded = load_chosen(chosen, embedder, folder=folder)
    if loaded is None:
        return 2
    areas: dict[str, list[float]] = {name: [] for name in SIGNALS}
    columns, chances = [], []
    for one in tqdm(loaded.candidates, desc="sets"):
        size = min(chosen.candidates, one.rows.shape[1] // 2)
        reported = one.some(~tuning_half(one.name, len(one.asked)))
        there, gone = map(signals, with_and_without(reported, size))
        others = [c for c in loaded.candidates if c.name != one.name and c.variant == one.variant]
        strange = [signals(foreign(one, others, size))[CHANCE]] if others else []
        name = f"{one.name}, {one.variant}"
        columns.append(f"{name} ({len(there[CHANCE])})")
        for signal, values in areas.items():
            values.append(auroc(there[signal], gone[signal]))
        cells = [summary(values) for values in (there[CHANCE], gone[CHANCE], *strange)]
        area = f"{auroc(there[CHANCE], strange[0]):.3f}" if others else "–"
        chances.append(f"| {name} | {' | '.join([*cells, *['–'] * (3 - len(cells)), area])} |")
    lines = [
        f"# Is the evidence there at all? Embeddings by {loaded.model}",
        "",
        f"`python benchmarks/retrieval/warning.py` on {machine()}.",
        "",
        f"{chosen.candidates} candidates; questions of the reported halves (their numbers in",
        "brackets), each with its evidence and without. AUROC for “missing”.",
        "",
        not_measured(loaded.missing, chosen.sets),
        "",
        f"| signal | mean | {' | '.join(columns)} |",
        "|" + "---|" * (2 + len(columns)),
    ]
    for signal, values in areas.items():
        lines.append(f"| {signal} | {' | '.join(f'{v:.3f}' for v in (np.mean(values), *values))} |")
    lines += [
        "",
        f"The chance that is reported: medians; in brackets how often it is below "
        f"{PROBABLY_MISSING:g}, which is reported as “probably missing”. The last column: AUROC of",
        "foreign questions against those with their evidence.",
        "",
        "| set | own question | its evidence taken out | foreign question | AUROC, foreign |",
        "|---|---|---|---|---|",
        *chances,
        "",
    ]
    save_page(chosen.results / f"warning-{loaded.model}.md", lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
