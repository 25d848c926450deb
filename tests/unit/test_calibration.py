"""`calibrate` takes what finds more evidence on a user's queries, and keeps the default else."""

from __future__ import annotations

import numpy as np
import pytest

from sift_retrievers import Cosine, RelevanceWeighted
from sift_retrievers.calibration import (
    DEFAULT,
    NEAREST,
    Pool,
    Setting,
    calibrate,
    calibration_of,
    expected_coverage,
    grid,
)
from sift_retrievers.metrics import Judgements
from sift_retrievers.retrieval import PHRASES, SelectionRules
from sift_retrievers.witnesses import Witnesses

DIVERSE = Setting("diverse", kernel=Cosine(), lambda_=0.01)


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
    assert found.arguments == {"kernel": Cosine(), "lambda_": 0.01}
    if labelled:
        assert found.score_of(NEAREST).coverage.mean == pytest.approx(0.5)
        assert found.score_of(DIVERSE).coverage.mean == pytest.approx(1.0)
    assert found.score_of(DIVERSE).over_default.difference.low > 0


def test_the_default_stays_where_nothing_is_surely_better() -> None:
    pools, judgements = copies()
    worse = calibrate(pools, judgements, settings=[NEAREST], default=DIVERSE, cutoffs=(2,))
    assert worse.setting == DIVERSE
    same = calibrate(
        pools,
        judgements,
        settings=[Setting("near", kernel=Cosine(), lambda_=0.011)],
        default=DIVERSE,
    )
    assert same.setting == DIVERSE
    assert "nothing was surely better" in str(same)


def test_the_report_and_the_plot(tmp_path) -> None:  # type: ignore[no-untyped-def]
    pools, judgements = copies()
    found = calibrate(pools, judgements, settings=[DIVERSE], default=NEAREST)
    report = str(found)
    assert "30 queries; coverage of the judged evidence" in report
    assert "chosen: diverse\n" in report
    assert report.count("similarity search") == 1
    assert len(report.splitlines()) == 4 + 2
    pytest.importorskip("matplotlib")
    assert found.plot(tmp_path / "plot.svg").read_text().startswith("<?xml")


def test_the_default_grid_holds_the_default_and_the_papers_kernel_once() -> None:
    tried = grid()
    assert tried[:2] == (DEFAULT, NEAREST)
    assert len(set(tried)) == len(tried) == len({setting.name for setting in tried})
    assert any(setting.kernel == Cosine() for setting in tried)
    for setting in tried:  # all are arguments of a retriever
        assert SelectionRules(**setting.arguments) == setting.rules
    pools, judgements = copies()
    found = calibrate(pools, judgements)
    assert len(found.scores) == len(tried)
    assert all(setting.name in str(found) for setting in tried)


def test_the_default_is_the_retrievers() -> None:
    assert DEFAULT.arguments == {}
    assert DEFAULT.rules == SelectionRules()
    assert DEFAULT.rules.kernel == PHRASES


def test_similarity_search_is_always_tried_and_picks_the_nearest() -> None:
    pools, judgements = copies()
    found = calibrate(pools, judgements, settings=[DIVERSE], default=DIVERSE)
    assert found.score_of(NEAREST).setting == NEAREST
    with pytest.raises(KeyError):
        found.score_of(DEFAULT)
    for pool in pools[:5]:
        unit = pool.vectors / np.linalg.norm(pool.vectors, axis=1, keepdims=True)
        nearest = np.argsort(-unit @ pool.targets[0], kind="stable")[:5]
        assert pool.retrieval(5, NEAREST.rules).outcome.choice.picks.tolist() == nearest.tolist()


def test_where_the_nearest_are_best_it_says_to_stay_with_them() -> None:
    """Each of the five nearest is evidence of its own."""
    pools, _ = copies()
    judgements = []
    for pool in pools:
        unit = pool.vectors / np.linalg.norm(pool.vectors, axis=1, keepdims=True)
        nearest = np.argsort(-unit @ pool.targets[0], kind="stable")[:3]
        judgements.append(Judgements({pool.passages[i]: [str(i)] for i in nearest}))
    found = calibrate(pools, judgements, settings=[], default=DIVERSE)
    assert found.setting == NEAREST
    assert "chosen: similarity search: stay with it" in str(found)
    assert found.arguments["kernel"] == RelevanceWeighted()


def with_texts(queries: int = 25) -> tuple[list[Pool], list[Judgements]]:
    """The vectors know nothing; the question's words stand in the title of one passage."""
    random = np.random.default_rng(0)
    pools, judgements = [], []
    for q in range(queries):
        vectors = random.normal(size=(12, 8)).astype(np.float32)
        target = random.normal(size=(1, 8)).astype(np.float32)
        titles = [f"entry{q}x{i}" for i in range(12)]
        texts = [f"some text of no importance, part {i % 3}" for i in range(12)]
        question = f"what about entry{q}x{q % 12}"
        pools.append(Pool(target, vectors, titles, question, texts, titles))
        judgements.append(Judgements({titles[q % 12]: ["it"]}))
    return pools, judgements


def test_words_and_titles_are_heard() -> None:
    pools, judgements = with_texts()
    found = calibrate(pools, judgements, settings=[Setting("words", Witnesses(0.0))], cutoffs=(1,))
    assert found.score_of(DEFAULT).coverage.mean > 0.9
    assert found.score_of(NEAREST).coverage.mean < 0.5
    assert found.setting == DEFAULT
    silent = [Pool(p.targets, p.vectors, p.passages, p.question) for p in pools]
    deaf = calibrate(silent, judgements, settings=[], cutoffs=(1,))
    assert deaf.score_of(DEFAULT).coverage.mean == deaf.score_of(NEAREST).coverage.mean


def test_a_witness_that_judges_can_be_tried() -> None:
    pools, judgements = with_texts()
    asked = []

    def judge(question: str, texts: list[str]) -> list[float]:
        asked.append(question)
        return [0.0] * len(texts)

    judged = Setting("judge", Witnesses(scorer=judge))
    found = calibrate(pools, judgements, settings=[judged])
    assert {*asked} == {pool.question for pool in pools}
    assert found.score_of(judged).coverage.mean == found.score_of(DEFAULT).coverage.mean


def test_expected_coverage_by_hand() -> None:
    vectors = np.array([[1, 0], [3, 0.03], [0.8, 0.6], [0, 0]], dtype=np.float32)
    relevance = np.array([1.0, 0.9, -0.2, -1.0])
    p = np.exp(relevance / 0.25) / np.exp(relevance / 0.25).sum()
    found = expected_coverage(relevance, vectors, np.array([1, 0, 2, 3]))
    same = p[0] + p[1]
    np.testing.assert_allclose(found, [same, same, same + p[2], 1.0], rtol=1e-9)
    assert expected_coverage(relevance, vectors, np.empty(0, dtype=np.int64)).shape == (0,)


def test_gold_as_users_write_it() -> None:
    pools, judgements = copies()
    gold = [[*j.facets] for j in judgements]
    by_names = calibration_of(pools, 30, gold, progress=False, settings=[DIVERSE])
    mapped = [dict(j.facets) for j in judgements]
    by_facets = calibration_of(pools, 30, mapped, progress=False, settings=[DIVERSE])
    names, facets = (found.score_of(NEAREST).coverage.mean for found in (by_names, by_facets))
    assert names > facets  # five copies are one facet
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
    for more in ({"texts": ["a"]}, {"titles": ["a", "b"]}):
        with pytest.raises(ValueError, match=r"must be 3, one a candidate; got"):
            Pool(vectors[:1], vectors, "abc", **more)  # type: ignore[arg-type]
