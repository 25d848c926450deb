"""How much evidence every method finds, on every set, tuned and as it comes.

    SIFT_DATA=<folder> python benchmarks/retrieval/run.py
    SIFT_DATA=<folder> python benchmarks/retrieval/run.py --sets musique --variants plain
    SIFT_DATA=<folder> python benchmarks/retrieval/run.py --embedded    # what is embedded already

Writes results.md, results.json and plots to benchmarks/retrieval/results/. Texts that are not
embedded yet are embedded first (`prepare.py`: about an hour for all sets), picks take about an hour
more on two cores; both are kept in `.cache/`, so a second run takes minutes. Without SIFT_DATA, or
where no set is found, it says what it expects and ends with exit code 2.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.common.embeddings import CACHE, MODEL, Encoder, minilm
from benchmarks.common.machine import machine
from benchmarks.retrieval import plots
from benchmarks.retrieval.candidates import Candidates
from benchmarks.retrieval.data import SOURCES
from benchmarks.retrieval.methods import Method, PickStore
from benchmarks.retrieval.ours import OURS, PROTOTYPES
from benchmarks.retrieval.peers import NEAREST, PEERS
from benchmarks.retrieval.report import as_json, page, variants
from benchmarks.retrieval.results import Results, measure
from benchmarks.retrieval.sets import Loaded, load_chosen
from benchmarks.retrieval.tune import POOL
from benchmarks.retrieval.variants import VARIANTS

RESULTS = Path(__file__).parent / "results"
METHODS: tuple[Method, ...] = (NEAREST, *PEERS, *OURS, *PROTOTYPES)


def parser(description: str) -> argparse.ArgumentParser:
    """The options that all commands on the retrieval sets share."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--sets", nargs="+", choices=[*SOURCES], default=[*SOURCES])
    options.add_argument("--variants", nargs="+", choices=[*VARIANTS], default=[*VARIANTS])
    options.add_argument("--results", type=Path, default=RESULTS, help="folder to write to")
    options.add_argument(
        "--embedded", action="store_true", help="leave out what is not embedded yet"
    )
    return options


def make_picks(methods: Sequence[Method], sets: Sequence[Candidates], store: PickStore) -> None:
    """All that tuning looks at, with a progress bar."""
    jobs = [
        (one, method, setting)
        for one in sets
        for method in methods
        for setting in method.settings()
    ]
    with tqdm(total=len(jobs), desc="picks", mininterval=5) as bar:
        for one in sets:
            few = one.nearest(POOL)
            for method in methods:
                bar.set_postfix_str(f"{one.name}, {one.variant}: {method.name}")
                for setting in method.settings():
                    store.picks(method, setting, few)
                    bar.update()


def write(results: Results, loaded: Loaded, head: Sequence[str], folder: Path) -> None:
    """The page, the JSON and the plots."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.md").write_text(page(results, head, loaded.missing))
    found = as_json(results, head, loaded.missing)
    (folder / "results.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    groups = variants(results)
    for way, name in (("default", "default"), ("one setting", "tuned")):
        for variant, keys in groups.items():
            title = f"{variant}: mean of {len(keys)} sets, {name}"
            file = folder / f"coverage-{variant}-{name}.png"
            plots.coverage_by_k(results, keys, way, title, file)
        others = [key for key in results.keys if key[1] != "plain"]
        if "plain" in groups and others:
            title = f"With redundancy and without it, {name}"
            file = folder / f"trade-off-{name}.png"
            plots.trade_off(results, groups["plain"], others, way, title, file)


def main(
    arguments: list[str] | None = None,
    *,
    methods: Sequence[Method] = METHODS,
    encode: Encoder = minilm,
    model: str = MODEL,
    folder: Path = CACHE,
) -> int:
    options = parser("Measure every method on every set.")
    options.add_argument("--without", nargs="+", default=[], help="methods to leave out, by name")
    chosen = options.parse_args(arguments)
    methods = [method for method in methods if method.name not in chosen.without]
    loaded = load_chosen(chosen, encode=encode, model=model, folder=folder)
    if loaded is None:
        return 2
    store = PickStore(folder)
    make_picks(methods, loaded.candidates, store)
    results = measure(methods, loaded.candidates, store)
    given = shlex.join(arguments if arguments is not None else sys.argv[1:])
    head = [
        f"`python benchmarks/retrieval/run.py {given}`".replace(" `", "`"),
        f"on {machine()}.",
        "",
        "Settings were chosen on one half of the queries by mean coverage among 100 candidates;",
        "the figures are of the other half. Intervals: 95 %, bootstrap over queries. p: sign-flip",
        "test of the paired differences, not corrected for the number of comparisons.",
        "",
        *(
            f"- {name}, {variant}: {size:,} passages"
            for (name, variant), size in loaded.sizes.items()
        ),
    ]
    write(results, loaded, head, chosen.results)
    print(f"written to {chosen.results}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
