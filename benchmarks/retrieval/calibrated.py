"""Does `calibrate` help: chosen on one half of a set's queries, measured on the other.

    SIFT_DATA=<folder> python benchmarks/retrieval/calibrated.py --embedded

With the gold passages and without. Writes results/calibration.md.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.common.embeddings import CACHE, MODEL, Encoder, minilm
from benchmarks.common.machine import machine
from benchmarks.retrieval.adaptive import parser
from benchmarks.retrieval.candidates import Candidates
from benchmarks.retrieval.sets import load_chosen
from benchmarks.retrieval.tune import POOL, tuning_half
from sift_retrievers.calibration import DEFAULT, Calibration, Pool, Setting, calibrate
from sift_retrievers.metrics import coverage_curve, mean_interval, paired_comparison
from sift_retrievers.selection import select

CUTOFFS = (3, 5, 10, 20)
Values = npt.NDArray[np.float64]


def pools_of(candidates: Candidates) -> list[Pool]:
    """What `calibrate` takes."""
    rows = zip(candidates.queries, candidates.vectors, candidates.documents, strict=True)
    return [Pool(query[None], vectors, names) for query, vectors, names in rows]


def coverages(candidates: Candidates, setting: Setting) -> Values:
    """`[Q]` mean coverage over the cutoffs."""
    chosen = select(candidates.queries, candidates.vectors, max(CUTOFFS), **setting.arguments)
    found = np.empty(len(candidates.queries))
    for i, (picks, judged) in enumerate(zip(chosen.indices, candidates.judgements, strict=True)):
        curve = coverage_curve([candidates.documents[i][j] for j in picks if j >= 0], judged)
        found[i] = np.mean([curve[min(k, len(curve)) - 1] for k in CUTOFFS])
    return found


def rank_correlation(with_gold: Calibration, without: Calibration) -> float:
    """Spearman's, of the settings by their scores with gold and without."""
    a = [score.coverage.mean for score in with_gold.scores]
    b = [without.score_of(score.setting).coverage.mean for score in with_gold.scores]
    ranks = [np.argsort(np.argsort(values)) for values in (a, b)]
    return float(np.corrcoef(*ranks)[0, 1])


def row(candidates: Candidates) -> tuple[str, Values, Values, Values]:
    """A line of the table, and the coverages of the default and of the two choices."""
    half = tuning_half(candidates.name, len(candidates.queries))
    seen, other = candidates.some(half), candidates.some(~half)
    labelled = calibrate(pools_of(seen), seen.judgements, cutoffs=CUTOFFS)
    unlabelled = calibrate(pools_of(seen), cutoffs=CUTOFFS)
    base = coverages(other, DEFAULT)
    cells = [f"{candidates.name}, {candidates.variant}", f"{base.mean():.3f}"]
    found = []
    for calibration in (labelled, unlabelled):
        values = coverages(other, calibration.setting)
        change = paired_comparison(values, base).difference
        kept = "kept" if calibration.setting == DEFAULT else f"{calibration.setting}"
        cells.append(f"{change.mean:+.3f} [{change.low:+.3f}, {change.high:+.3f}]")
        cells.append(kept.replace("|", "/"))
        found.append(values)
    cells.append(f"{rank_correlation(labelled, unlabelled):.2f}")
    return f"| {' | '.join(cells)} |", base, found[0], found[1]


def main(
    arguments: Sequence[str] | None = None,
    *,
    encode: Encoder = minilm,
    model: str = MODEL,
    folder: Path = CACHE,
) -> int:
    chosen = parser("Does calibrate help?").parse_args(arguments)
    loaded = load_chosen(chosen, encode=encode, model=model, folder=folder)
    if loaded is None:
        return 2
    rows = [row(one.nearest(POOL)) for one in tqdm(loaded.candidates, desc="sets")]
    lines = [
        "# Settings from `calibrate`, against the default",
        "",
        f"`python benchmarks/retrieval/calibrated.py` on {machine()}.",
        "",
        f"Chosen on one half of the queries, measured on the other: mean coverage at {CUTOFFS} of "
        f"{POOL} candidates, and its change with a 95 % interval. The last column: how the ranking "
        "of the settings without gold agrees with that with gold (Spearman).",
        "",
        "| set | default | with gold | chosen | without gold | chosen | agreement |",
        "|" + "---|" * 7,
        *(line for line, *_ in rows),
        "",
    ]
    for name, at in (("with gold", 2), ("without gold", 3)):
        change = mean_interval(np.concatenate([found[at] - found[1] for found in rows]))
        lines.append(
            f"All queries, {name}: {change.mean:+.4f} [{change.low:+.4f}, {change.high:+.4f}]. "
        )
    missing = "; ".join(f"{n}, {v}" for n, v in loaded.missing)
    lines.append(f"\nNot measured: {missing or 'none'}.")
    chosen.results.mkdir(parents=True, exist_ok=True)
    (chosen.results / "calibration.md").write_text("\n".join([*lines, ""]))
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
