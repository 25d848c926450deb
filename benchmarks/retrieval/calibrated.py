"""Does `calibrate` help: chosen on one half of a set's queries, measured on the other.

    SIFT_DATA=<folder> python benchmarks/retrieval/calibrated.py --model wordllama

With the gold passages and without. Writes calibration-<model>.md to benchmarks/retrieval/results/.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from time import process_time

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.common.embeddings import CACHE
from benchmarks.common.machine import machine
from benchmarks.common.models import Embedder
from benchmarks.retrieval.candidates import Candidates
from benchmarks.retrieval.evaluate import mean_coverage
from benchmarks.retrieval.ours import picks_by, query_candidates
from benchmarks.retrieval.sets import load_chosen, not_measured, parser, save_page
from benchmarks.retrieval.tune import tuning_half
from sift_retrievers.calibration import Calibration, Configuration, calibrate
from sift_retrievers.calibration.configuration import DEFAULT
from sift_retrievers.metrics import mean_interval, paired_comparison

Values = npt.NDArray[np.float64]


def coverages(candidates: Candidates, configuration: Configuration) -> Values:
    """`[Q]` mean coverage over the cutoffs."""
    picks = picks_by(configuration.rules, candidates, max(candidates.cutoffs))
    return mean_coverage(candidates, picks)


def rank_correlation(with_gold: Calibration, without: Calibration) -> float:
    """Spearman's, of the configurations by their scores with gold and without."""
    a = [score.coverage.mean for score in with_gold.scores]
    b = [without.score_of(score.configuration).coverage.mean for score in with_gold.scores]
    first, second = (np.argsort(np.argsort(values)).astype(np.float64) for values in (a, b))
    return float(np.corrcoef(first, second)[0, 1])


def row(candidates: Candidates) -> tuple[str, Values, Values, Values]:
    """A line of the table, and the coverages of the default and of the two choices."""
    half = tuning_half(candidates.name, len(candidates.asked))
    seen, other = candidates.some(half), candidates.some(~half)
    queries, judged = [*query_candidates(seen)], [query.judgements for query in seen.asked]
    start = process_time()
    labelled = calibrate(queries, judged, cutoffs=seen.cutoffs)
    between = process_time()
    unlabelled = calibrate(queries, cutoffs=seen.cutoffs)
    seconds = [100 / len(queries) * t for t in (between - start, process_time() - between)]
    base = coverages(other, DEFAULT)
    cells = [f"{candidates.name}, {candidates.variant}", f"{base.mean():.3f}"]
    found = []
    for calibration in (labelled, unlabelled):
        values = coverages(other, calibration.chosen)
        change = paired_comparison(values, base).difference
        kept = "kept" if calibration.chosen == DEFAULT else calibration.chosen.name
        cells.append(f"{change.mean:+.3f} [{change.low:+.3f}, {change.high:+.3f}]")
        cells.append(kept)
        found.append(values)
    cells.append(f"{rank_correlation(labelled, unlabelled):.2f}")
    cells += [f"{value:.0f}" for value in seconds]
    return f"| {' | '.join(cells)} |", base, found[0], found[1]


def main(
    arguments: Sequence[str] | None = None,
    *,
    embedder: Embedder | None = None,
    folder: Path = CACHE,
) -> int:
    options = parser("Does calibrate help?", variants=["plain", "copies"])
    chosen = options.parse_args(arguments)
    loaded = load_chosen(chosen, embedder, folder=folder)
    if loaded is None:
        return 2
    sets = [one.nearest(chosen.candidates) for one in loaded.candidates]
    rows = [row(one) for one in tqdm(sets, desc="sets")]
    lines = [
        f"# Settings from `calibrate`, against the default, embeddings by {loaded.model}",
        "",
        f"`python benchmarks/retrieval/calibrated.py` on {machine()}.",
        "",
        "Chosen on one half of the queries, measured on the other: mean coverage of "
        f"{chosen.candidates} candidates, and its change with a 95 % interval. The last columns: "
        "how the ranking of the settings without gold agrees with that with gold (Spearman), and "
        "seconds of one core for 100 questions.",
        "",
        "| set | default | with gold | chosen | without gold | chosen | agreement | s, with gold "
        "| s, without |",
        "|" + "---|" * 9,
        *(line for line, *_ in rows),
        "",
    ]
    changes = {
        "with gold": [labelled - base for _, base, labelled, _ in rows],
        "without gold": [unlabelled - base for _, base, _, unlabelled in rows],
    }
    for name, each in changes.items():
        change = mean_interval(np.concatenate(each))
        lines.append(
            f"All queries, {name}: {change.mean:+.4f} [{change.low:+.4f}, {change.high:+.4f}]. "
        )
    lines += ["", not_measured(loaded.missing, chosen.sets), ""]
    print("\n".join(lines))
    save_page(chosen.results / f"calibration-{loaded.model}.md", lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
