"""What picks are worth, what settings are chosen on, and rules that cut a list."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hand_made import SHIFTED, candidates

from benchmarks.metrics.alpha_ndcg import alpha_ndcg
from benchmarks.retrieval.adaptive import Run, by_gain, fixed, lengths
from benchmarks.retrieval.candidates import Candidates, Picks
from benchmarks.retrieval.evaluate import covered, mean_coverage, score
from benchmarks.retrieval.methods import MOST, PickStore
from benchmarks.retrieval.tune import tune, tuning_half
from benchmarks.retrieval.warning import foreign, with_and_without
from sift_retrievers.metrics import coverage_curve


def test_scores_are_those_of_the_metrics() -> None:
    some = candidates(queries=6)
    shuffled = np.random.default_rng(0).permuted(some.rows, axis=1)[:, :20]
    found = score(some, shuffled)
    for q, row in enumerate(shuffled.tolist()):
        ranking = [some.store.passages[i].id for i in row]
        judged = some.asked[q].judgements
        curve = coverage_curve(ranking, judged)
        for k in some.cutoffs:
            assert found.coverage[k][q] == curve[k - 1]
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


def test_a_rule_stops_before_the_first_pick_that_gains_less() -> None:
    gains = np.array([[3.0, 2.0, 1.0, 2.0], [0.5, 2.0, 2.0, 2.0], [3.0, 3.0, 3.0, 0.0]])
    assert lengths(gains, 1.5).tolist() == [2, 0, 3]
    assert lengths(gains, 0.0).tolist() == [4, 4, 3]  # there was no fourth


def run(coverage: list[list[float]]) -> Run:
    shape = np.shape(coverage)
    return Run(np.tile(np.linspace(0.9, 0.2, shape[1]), (shape[0], 1)), np.array(coverage))


def test_the_curve_of_a_fixed_k_is_coverage_at_k() -> None:
    curve = fixed([run([np.linspace(0.05, 1, MOST).tolist()] * 2)])
    for k in (1, 3, 20):
        assert curve.needed(0.05 * k) == pytest.approx(k)
    assert curve.needed(1.1) == float("inf")


def test_stopping_by_the_gain_goes_from_no_passage_to_all() -> None:
    several = [run([[0.0, 0.5, 0.5, 1.0], [0.5, 0.5, 1.0, 1.0]])]
    curve = by_gain(several, [0.0, 0.5, 1.0])
    assert curve.passages.tolist() == [4, 2, 0]
    assert curve.coverage.tolist() == [1, 0.5, 0]


def test_every_question_is_asked_with_its_evidence_and_without() -> None:
    some = candidates(queries=10)
    there, gone = with_and_without(some, 8)
    assert there.rows.shape == gone.rows.shape == (10, 8)
    assert there.gold.any(axis=1).all()
    assert not gone.gold.any()
    np.testing.assert_array_equal(there.rows, some.rows[:, :8])
    for row, every, gold in zip(gone.rows, some.rows, some.gold, strict=True):
        assert row.tolist() == every[~gold][:8].tolist()


def test_foreign_questions_are_of_other_sets_and_find_passages_here() -> None:
    some, other = candidates(queries=4), candidates(queries=6, seed=1, name="ramdocs")
    found = foreign(some, [other], 5)
    half = tuning_half("ramdocs", 6)
    of_reported = {query.text for query, tuned in zip(other.asked, half, strict=True) if not tuned}
    assert {query.text for query in found.asked} == of_reported
    best = (found.queries @ some.store.vectors.T).argmax(axis=1)
    np.testing.assert_array_equal(found.rows[:, 0], best)
