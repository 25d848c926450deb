"""Dialogues as memories of agents: do the picks say the same thing several times?

    SIFT_DATA=<folder> python benchmarks/retrieval/dialogues.py --model wordllama

Chats of #ubuntu, pieces of about ninety utterances: each dialogue is a store of its own that holds
every utterance alone and windows of five consecutive utterances with stride one. The questions are
utterances that end with a question mark and have at least six words; a question's own utterance is
taken out of its dialogue before the store is made. Of the first five picks of 100 candidates: the
share of the pairs that cover a common utterance ("overlap"), and how many different utterances the
five cover. Settings are the defaults; the halves of the questions are shown apart, as rules may be
chosen on the tuning half. Writes dialogues-<model>.md to benchmarks/retrieval/results/.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.common.data_folder import MissingDataError
from benchmarks.common.embeddings import CACHE
from benchmarks.common.machine import machine
from benchmarks.common.models import MODELS, Embedder
from benchmarks.retrieval.candidates import Picks
from benchmarks.retrieval.chats import NAME, WINDOW, Spans, candidates_of, make, read_dialogues
from benchmarks.retrieval.methods import Method, PickStore
from benchmarks.retrieval.run import METHODS
from benchmarks.retrieval.sets import parser, save_page
from benchmarks.retrieval.tune import tuning_half
from sift_retrievers.metrics import mean_interval

PICKED = 5

Values = npt.NDArray[np.float64]


def overlap(spans: Spans, picks: Picks) -> tuple[Values, Values]:
    """Of each question's first `PICKED` picks: share of pairs that overlap, utterances covered."""
    shares, covered = [], []
    for row in picks[:, :PICKED].tolist():
        held = [spans[i] for i in row if i >= 0]
        pairs = [bool(a & b) for a, b in combinations(held, 2)]
        shares.append(np.mean(pairs) if pairs else 0.0)
        covered.append(len(frozenset().union(*held)))
    return np.array(shares, dtype=np.float64), np.array(covered, dtype=np.float64)


def row(method: Method, shares: Values, covered: Values) -> str:
    """A line of the table: both halves."""
    half = tuning_half(NAME, len(shares))
    cells = [method.name]
    for values, digits in ((shares, 2), (covered, 1)):
        reported = mean_interval(values[~half])
        cells.append(f"{values[half].mean():.{digits}f}")
        cells.append(
            f"{reported.mean:.{digits}f} [{reported.low:.{digits}f}, {reported.high:.{digits}f}]"
        )
    return f"| {' | '.join(cells)} |"


def main(
    arguments: list[str] | None = None,
    *,
    methods: Sequence[Method] = METHODS,
    embedder: Embedder | None = None,
    folder: Path = CACHE,
) -> int:
    options = parser("Do picks from dialogues overlap?")
    options.add_argument("--slow", action="store_true", help="the slow methods, too")
    chosen = options.parse_args(arguments)
    model = embedder or MODELS[chosen.model]()
    try:
        made = make(read_dialogues())
    except MissingDataError as error:
        print(error, file=sys.stderr)
        return 2
    several = candidates_of(made, model, chosen.candidates, folder)
    store = PickStore(folder)
    asked = sum(len(one.questions) for one in made)
    lines = [
        f"# Picks from dialogues, embeddings by {model.name}",
        "",
        f"`python benchmarks/retrieval/dialogues.py` on {machine()}.",
        "",
        f"{len(made)} dialogues, {asked} questions in two halves, the first {PICKED} picks of",
        f"{chosen.candidates} candidates. Overlap: share of the pairs of picks that cover a common",
        f"utterance. Covered: different utterances in the picks, at most {PICKED * WINDOW}.",
        "Brackets: 95 %.",
        "",
        "| method | overlap, tuning half | reported half | covered, tuning half | reported half |",
        "|---|---|---|---|---|",
    ]
    for method in tqdm([one for one in methods if chosen.slow or not one.slow], desc="methods"):
        found = [
            overlap(dialogue.spans, store.picks(method, method.default, candidates))
            for dialogue, candidates in zip(made, several, strict=True)
        ]
        shares, covered = (np.concatenate(values) for values in zip(*found, strict=True))
        lines.append(row(method, shares, covered))
    save_page(chosen.results / f"dialogues-{model.name}.md", [*lines, ""])
    return 0


if __name__ == "__main__":
    sys.exit(main())
