"""How much evidence every method finds, on every set, as it comes and tuned.

    SIFT_DATA=<folder> python benchmarks/retrieval/run.py --model wordllama
    SIFT_DATA=<folder> python benchmarks/retrieval/run.py --model minilm --sets musique hotpotqa
    SIFT_DATA=<folder> python benchmarks/retrieval/run.py --defaults    # without tuning: minutes
    SIFT_DATA=<folder> python benchmarks/retrieval/run.py --embedded    # what is embedded already

Writes <model>.md, <model>.json and <model>.png to benchmarks/retrieval/results/. Texts that are not
embedded yet are embedded first; embeddings and picks are kept in `.cache/`, so a second run takes a
minute. `--slow` measures the methods that take a tenth of a second a question, too. Without
SIFT_DATA, or where no set is found, it says what it expects and ends with exit code 2.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.common.embeddings import CACHE
from benchmarks.common.machine import machine
from benchmarks.common.models import Embedder
from benchmarks.retrieval.candidates import Candidates
from benchmarks.retrieval.dartboard import DARTBOARD
from benchmarks.retrieval.methods import Method, PickStore
from benchmarks.retrieval.ours import MIXED_METHODS, OUR_METHODS
from benchmarks.retrieval.peers import NEAREST_NEIGHBOURS, VECTOR_PEERS
from benchmarks.retrieval.plots import coverage_by_k
from benchmarks.retrieval.report import as_json, page
from benchmarks.retrieval.results import WAYS, measure
from benchmarks.retrieval.sets import load_chosen, not_measured, parser
from benchmarks.retrieval.words import WORD_PEERS

METHODS: tuple[Method, ...] = (
    NEAREST_NEIGHBOURS,
    *VECTOR_PEERS,
    DARTBOARD,
    *WORD_PEERS,
    *MIXED_METHODS,
    *OUR_METHODS,
)


def make_picks(
    methods: Sequence[Method], sets: Sequence[Candidates], store: PickStore, tuned: bool
) -> None:
    """All that is measured, set by set, with a progress bar."""
    jobs = [
        (one, method, setting)
        for one in sets
        for method in methods
        for setting in (method.settings() if tuned else [method.default])
    ]
    with tqdm(jobs, desc="picks", mininterval=10) as bar:
        for one, method, setting in bar:
            bar.set_postfix_str(f"{one.name}, {one.variant}: {method.name}", refresh=False)
            store.picks(method, setting, one)


def main(
    arguments: list[str] | None = None,
    *,
    methods: Sequence[Method] = METHODS,
    embedder: Embedder | None = None,
    folder: Path = CACHE,
) -> int:
    options = parser("Measure every method on every set.")
    options.add_argument("--defaults", action="store_true", help="no tuning")
    options.add_argument("--slow", action="store_true", help="the slow methods, too")
    options.add_argument("--without", nargs="+", default=[], help="methods to leave out, by name")
    chosen = options.parse_args(arguments)
    methods = [
        method
        for method in methods
        if method.name not in chosen.without and (chosen.slow or not method.slow)
    ]
    loaded = load_chosen(chosen, embedder, folder=folder)
    if loaded is None:
        return 2
    ways = WAYS[:1] if chosen.defaults else WAYS
    sets = [one.nearest(chosen.candidates) for one in loaded.candidates]
    store = PickStore(folder)
    make_picks(methods, sets, store, tuned="tuned" in ways)
    results = measure(methods, sets, store, ways)

    model = loaded.model
    given = shlex.join(arguments if arguments is not None else sys.argv[1:])
    head = [
        f"`{f'python benchmarks/retrieval/run.py {given}'.strip()}`",
        f"on {machine()}.",
        "",
        f"{chosen.candidates} candidates a question; BM25 and the fusions search the whole corpus.",
        "Settings were chosen on one half of the questions, all figures are of the other half.",
        "Brackets: 95 % intervals, bootstrap over questions, not corrected for their number.",
        "In italics: ours, and peers that are given our relevance.",
    ]
    gaps = not_measured(loaded.missing, chosen.sets)
    head += ["", gaps] if gaps else []
    chosen.results.mkdir(parents=True, exist_ok=True)
    (chosen.results / f"{model}.md").write_text(page(results, model, head))
    found = as_json(results, model, head, loaded.missing)
    (chosen.results / f"{model}.json").write_text(found)
    coverage_by_k(results, f"Means over sets, {model}", chosen.results / f"{model}.png")
    print(f"written to {chosen.results}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
