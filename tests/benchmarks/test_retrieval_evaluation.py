"""What picks are worth, what settings are chosen on, and rules that cut a list."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hand_made import SHIFTED, candidates

from benchmarks.retrieval.adaptive import RULES, Curve, Run, lengths, sweep
from benchmarks.retrieval.candidates import Candidates, Picks
from benchmarks.retrieval.evaluate import covered, mean_coverage, score
from benchmarks.retrieval.methods import PickStore
from benchmarks.retrieval.tune import tune, tuning_half
from benchmarks.retrieval.warning import without_gold
from sift_retrievers.metrics import alpha_ndcg, coverage


def test_scores_are_those_of_the_metrics() -> None:
    some = candidates(queries=6)
    shuffled = np.random.default_rng(0).permuted(some.rows, axis=1)[:, :20]
    found = score(some, shuffled)
    for q, row in enumerate(shuffled.tolist()):
        ranking = [some.store.passages[i].id for i in row]
        judged = some.asked[q].judgements
        for k in some.cutoffs:
            assert found.coverage[k][q] == coverage(ranking, judged, k)
        assert found.alpha_ndcg[q] == alpha_ndcg(ranking[:10], judged, 10)
    means = np.mean([found.coverage[k] for k in some.cutoffs], axis=0)
    np.testing.assert_allclose(mean_coverage(some, shuffled), means)
    np.testing.assert_allclose(found.mean_coverage, means)


def rows_of(some: Candidates, *names: str) -> Picks:
    rows = [some.store.row_of.get(name, -1) for name in names]
    return np.array([rows], dtype=np.int32)


def test_a_place_that_was_wasted_holds_nothing() -> None:
    some = candidates(queries=1)
    picks = rows_of(some, "q0d2", "none", "q0d1", "none", "q0d5")  # 1 holds a, 5 holds a and b
    np.testing.assert_array_equal(covered(some, picks), [[0, 0, 0.5, 0.5, 1]])
    assert np.isfinite(score(some, picks).alpha_ndcg).all()


def test_evidence_that_is_no_candidate_counts() -> None:
    some = candidates(queries=2).nearest(2)
    assert some.totals.tolist() == [2, 2]
    other = some.store.row_of["q1d5"]  # whatever was found for it, it is in the corpus
    picks = np.array([[other], [other]], dtype=np.int32)
    assert covered(some, picks).tolist() == [[0.0], [1.0]]


def test_a_copy_of_the_evidence_counts_once() -> None:
    some = candidates(queries=1)
    np.testing.assert_array_equal(covered(some, rows_of(some, "q0d1", "q0d3")), [[0.5, 0.5]])


@pytest.mark.parametrize("count", [2, 7, 300])
def test_settings_are_chosen_on_one_half_and_reported_on_the_other(count: int) -> None:
    half = tuning_half("musique", count)
    assert half.sum() == count // 2
    np.testing.assert_array_equal(half, tuning_half("musique", count))
    if count == 300:
        assert (half != tuning_half("ramdocs", count)).any()


def test_tuning_sees_its_half_only(tmp_path: Path) -> None:
    """Evidence of the other half's queries could make another setting the best; it does not."""
    some = candidates(queries=20)
    half = tuning_half(some.name, 20)
    store = PickStore(tmp_path)
    before = tune(SHIFTED, [some], store)
    means = {
        start: mean_coverage(some, store.picks(SHIFTED, {"start": start}, some))[half].mean()
        for start in (3, 0, 5)
    }
    assert before["start"] == max(means, key=lambda start: means[start])


def test_a_rule_stops_before_the_first_pick_that_fails() -> None:
    seen = np.array([[3.0, 2.0, 1.0, 2.0], [0.5, 2.0, 2.0, 2.0], [3.0, 3.0, 3.0, 3.0]])
    assert lengths(seen, 1.5).tolist() == [2, 1, 4]  # at least one, though it fails


def run(coverage: list[list[float]]) -> Run:
    shape = np.shape(coverage)
    falling = np.tile(np.linspace(0.9, 0.2, shape[1]), (shape[0], 1))
    return Run(
        cosines=falling,
        nearest=falling[:, :1],
        standard=falling,
        gains=falling / 10,
        deviations=falling,
        left=falling,
        coverage=np.array(coverage),
        nearest_coverage=np.array(coverage),
    )


def test_the_curve_of_a_fixed_k_is_coverage_at_k() -> None:
    curve = sweep("fixed k", [run([[0.0, 0.5, 0.5, 1.0], [0.5, 0.5, 1.0, 1.0]])])
    for k, expected in enumerate([0.25, 0.5, 0.75, 1.0], start=1):
        assert curve.at(k) == expected
        assert curve.needed(expected) == k
    assert curve.needed(1.1) == float("inf")


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_goes_from_few_passages_to_all(rule: str) -> None:
    curve: Curve = sweep(rule, [run([[0.0, 0.5, 0.5, 1.0]] * 3)])
    assert curve.passages.min() < 1.5
    assert curve.passages.max() == 4


def test_gold_is_taken_from_half_of_the_questions() -> None:
    some = candidates(queries=10)
    changed, gone = without_gold(some, 8)
    assert gone.sum() == 5
    assert changed.cosines.shape == (10, 8)
    np.testing.assert_array_equal(changed.gold.any(axis=1), ~gone)
    assert [query.id for query in changed.asked] == [query.id for query in some.asked]
    np.testing.assert_array_equal(changed.cosines[~gone], some.cosines[~gone, :8])
