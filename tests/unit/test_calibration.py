"""`calibrate` takes what finds more evidence on a user's queries, and keeps the default else."""

from __future__ import annotations

import numpy as np
import pytest

from sift_retrievers import Cosine, RelevanceWeighted
from sift_retrievers.calibration import (
    DEFAULT,
    Pool,
    Setting,
    calibrate,
    calibration_of,
    expected_coverage,
    grid,
)
from sift_retrievers.metrics import Judgements

NEAREST = Setting(Cosine(), 1e6)  # so much noise that nothing is redundant
DIVERSE = Setting(Cosine(), 0.01)


def copies(queries: int = 30, seed: int = 0) -> tuple[list[Pool], list[Judgements]]:
    """A query's two facts; the first stands there five times, each time a little different."""
    random = np.random.default_rng(seed)
    pools, judgements = [], []
    for _ in range(queries):
        directions = np.linalg.qr(random.normal(size=(16, 16)))[0]
        query, first, second, *others = directions
        facts = [query + 0.5 * first + 0.02 * random.normal(size=16) for _ in range(5)]
        facts += [query + 0.8 * second]
        rest = [0.4 * query + other for other in others]
        vectors = np.array([*facts, *rest], dtype=np.float32)
        names = [f"p{i}" for i in range(len(vectors))]
        pools.append(Pool(query[None].astype(np.float32), vectors, names))
        judgements.append(Judgements({f"p{i}": ["first"] for i in range(5)} | {"p5": ["second"]}))
    return pools, judgements


@pytest.mark.parametrize("labelled", [True, False])
def test_it_finds_the_setting_that_passes_over_copies(labelled: bool) -> None:
    pools, judgements = copies()
    found = calibrate(
        pools,
        judgements if labelled else None,
        settings=[DIVERSE],
        default=NEAREST,
        cutoffs=(2, 3),
    )
    assert found.setting == DIVERSE
    assert found.arguments == {"kernel": Cosine(), "lambda_": 0.01, "objective": "variance"}
    assert found.score_of(NEAREST).coverage.mean == pytest.approx(found.nearest.mean)
    if labelled:
        assert found.nearest.mean == pytest.approx(0.5)
        assert found.score_of(DIVERSE).coverage.mean == pytest.approx(1.0)
    assert found.score_of(DIVERSE).over_default.difference.low > 0


def test_the_default_stays_where_nothing_is_surely_better() -> None:
    pools, judgements = copies()
    worse = calibrate(pools, judgements, settings=[NEAREST], default=DIVERSE, cutoffs=(2,))
    assert worse.setting == DIVERSE
    same = calibrate(pools, judgements, settings=[Setting(Cosine(), 0.011)], default=DIVERSE)
    assert same.setting == DIVERSE
    assert "nothing was surely better" in str(same)


def test_the_report_and_the_plot(tmp_path) -> None:  # type: ignore[no-untyped-def]
    pools, judgements = copies()
    found = calibrate(pools, judgements, settings=[DIVERSE], default=NEAREST)
    report = str(found)
    assert "30 queries; coverage of the judged evidence" in report
    assert "nearest neighbours" in report
    assert report.count("λ′") == 3
    pytest.importorskip("matplotlib")
    assert found.plot(tmp_path / "plot.svg").read_text().startswith("<?xml")


def test_the_default_grid_holds_the_default_and_the_papers_kernel_once() -> None:
    tried = grid()
    assert tried[0] == DEFAULT
    assert len(set(tried)) == len(tried)
    assert any(setting.kernel == Cosine() for setting in tried)
    assert all(
        isinstance(setting.kernel, RelevanceWeighted) == (setting.objective == "undirected")
        for setting in tried
    )
    pools, judgements = copies()
    assert len(calibrate(pools, judgements).scores) == len(tried)


def test_expected_coverage_by_hand() -> None:
    targets = np.array([[1.0, 0.0]], dtype=np.float32)
    vectors = np.array([[1, 0], [1, 0.01], [0.8, 0.6]], dtype=np.float32)
    cosines = np.array([1, 1 / np.hypot(1, 0.01), 0.8])
    p = np.exp((cosines - 1) / (0.25 * cosines.std()))
    p /= p.sum()
    found = expected_coverage(targets, vectors, np.array([1, 0, 2]))
    np.testing.assert_allclose(found, [p[0] + p[1], p[0] + p[1], 1.0], rtol=1e-5)


def test_gold_as_users_write_it() -> None:
    pools, judgements = copies()
    gold = [[*j.facets] for j in judgements]
    by_names = calibration_of(pools, 30, gold, progress=False, settings=[DIVERSE])
    mapped = [dict(j.facets) for j in judgements]
    by_facets = calibration_of(pools, 30, mapped, progress=False, settings=[DIVERSE])
    assert by_names.nearest.mean > by_facets.nearest.mean  # five copies are one facet
    assert not calibration_of(pools, 30, None, progress=True, settings=[DIVERSE]).labelled
    with pytest.raises(ValueError, match="none of the gold passages is among the candidates"):
        calibration_of(pools, 30, [["other"]] * 30, progress=False)
    with pytest.raises(ValueError, match="gold must be 30, one a query; got 1"):
        calibration_of(pools, 30, [["p0"]], progress=False)


def test_bad_input() -> None:
    pools, judgements = copies()
    with pytest.raises(ValueError, match="at least 20 queries; got 3"):
        calibrate(pools[:3])
    with pytest.raises(ValueError, match="judgements must be 30"):
        calibrate(pools, judgements[:5])
    with pytest.raises(ValueError, match="cutoffs"):
        calibrate(pools, judgements, cutoffs=())
    vectors = np.ones((3, 4), dtype=np.float32)
    for targets, given, names, message in [
        (vectors[0], vectors, "abc", r"targets must be \[m, d\]"),
        (vectors[:1, :2], vectors, "abc", "one dimension; got 2 and 4"),
        (vectors[:1], vectors, "ab", "passages must be 3"),
        (vectors[:1], vectors[:1], "a", "fewer than two candidates"),
    ]:
        with pytest.raises(ValueError, match=message):
            Pool(targets, given, names)
