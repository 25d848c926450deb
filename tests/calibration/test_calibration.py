"""`calibrate` chooses what finds more evidence for the queries, and else keeps the default."""

from __future__ import annotations

import numpy as np
import pytest

from sift_retrievers import Cosine, RelevanceWeighted
from sift_retrievers.calibration import Configuration, QueryCandidates, calibrate
from sift_retrievers.calibration.configuration import (
    DEFAULT,
    NEAREST,
    default_configurations,
)
from sift_retrievers.calibration.expected_coverage import expected_coverage
from sift_retrievers.metrics import Judgements
from sift_retrievers.retrieval.hits import Hits
from sift_retrievers.retrieval.rules import PHRASES, SelectionRules
from sift_retrievers.retrieval.target import Target
from sift_retrievers.witnesses import Witnesses

DIVERSE = Configuration("diverse", kernel=Cosine(), lambda_=0.01)


def copies(queries: int = 30, seed: int = 0) -> tuple[list[QueryCandidates], list[Judgements]]:
    """Queries with two facts each; the first fact is there five times, slightly changed."""
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
        pools.append(QueryCandidates(query[None].astype(np.float32), vectors, names))
        judgements.append(Judgements({f"p{i}": ["first"] for i in range(5)} | {"p5": ["second"]}))
    return pools, judgements


@pytest.mark.parametrize("labelled", [True, False])
def test_it_finds_the_configuration_that_passes_over_copies(labelled: bool) -> None:
    pools, judgements = copies()
    found = calibrate(
        pools,
        judgements if labelled else None,
        configurations=[DIVERSE],
        default=NEAREST,
        cutoffs=(2, 3),
    )
    assert found.chosen == DIVERSE
    assert found.arguments == {"kernel": Cosine(), "lambda_": 0.01}
    if labelled:
        assert found.score_of(NEAREST).coverage.mean == pytest.approx(0.5)
        assert found.score_of(DIVERSE).coverage.mean == pytest.approx(1.0)
    assert found.score_of(DIVERSE).over_default.difference.low > 0


def test_the_default_stays_where_nothing_is_better_with_confidence() -> None:
    pools, judgements = copies()
    worse = calibrate(pools, judgements, configurations=[NEAREST], default=DIVERSE, cutoffs=(2,))
    assert worse.chosen == DIVERSE
    same = calibrate(
        pools,
        judgements,
        configurations=[Configuration("near", kernel=Cosine(), lambda_=0.011)],
        default=DIVERSE,
    )
    assert same.chosen == DIVERSE
    assert "no other is better with confidence" in str(same)


def test_the_report_and_the_plot(tmp_path) -> None:  # type: ignore[no-untyped-def]
    pools, judgements = copies()
    found = calibrate(pools, judgements, configurations=[DIVERSE], default=NEAREST)
    report = str(found)
    assert "30 queries; coverage of the gold passages" in report
    assert "chosen: diverse\n" in report
    assert report.count("similarity search") == 1
    assert "180 of 180 gold passages are among the candidates" in report
    assert len(report.splitlines()) == 5 + 2
    pytest.importorskip("matplotlib")
    found.plot(tmp_path / "plot.svg")
    assert (tmp_path / "plot.svg").read_text().startswith("<?xml")
    assert "</table><svg" in found._repr_html_()


def test_a_plot_shows_six_configurations_the_report_all() -> None:
    pytest.importorskip("matplotlib")
    names = [*(f"λ′ = {n} $x_{n}$ <b>" for n in range(9))]
    pools, judgements = copies()
    tried = [Configuration(name, lambda_=0.1 + 0.01 * n) for n, name in enumerate(names)]
    found = calibrate(pools, judgements, configurations=tried)
    (axes,) = found.plot().axes
    shown = [label.get_text() for label in axes.get_yticklabels()]
    assert len(shown) == 6
    assert {"default", "similarity search"} <= {*shown}
    assert axes.get_title()
    report = found._repr_html_()
    assert report.count("<tr>") == 1 + len(found.scores)
    assert "<b>" not in report.partition("<svg")[0]


def test_the_default_configurations_hold_the_default_and_the_papers_kernel_once() -> None:
    tried = default_configurations()
    assert tried[:2] == (DEFAULT, NEAREST)
    assert len(set(tried)) == len(tried) == len({one.name for one in tried})
    assert any(one.kernel == Cosine() for one in tried)
    for one in tried:  # all are arguments of a retriever
        assert SelectionRules(**one.arguments) == one.rules
    pools, judgements = copies()
    found = calibrate(pools, judgements)
    assert len(found.scores) == len(tried)
    assert all(one.name in str(found) for one in tried)


def test_the_default_is_the_retrievers() -> None:
    assert DEFAULT.arguments == {}
    assert DEFAULT.rules == SelectionRules()
    assert DEFAULT.rules.chosen_kernel == PHRASES


def test_similarity_search_is_always_tried_and_picks_the_nearest() -> None:
    pools, judgements = copies()
    found = calibrate(pools, judgements, configurations=[DIVERSE], default=DIVERSE)
    assert found.score_of(NEAREST).configuration == NEAREST
    with pytest.raises(KeyError):
        found.score_of(DEFAULT)
    for pool in pools[:5]:
        unit = pool.vectors / np.linalg.norm(pool.vectors, axis=1, keepdims=True)
        nearest = np.argsort(-unit @ pool.targets[0], kind="stable")[:5]
        assert [
            pick.position for pick in pool.retrieval(5, NEAREST.rules).picks
        ] == nearest.tolist()


def test_where_the_nearest_are_best_it_says_to_stay_with_them() -> None:
    """Each of the three nearest is evidence by itself."""
    pools, _ = copies()
    judgements = []
    for pool in pools:
        unit = pool.vectors / np.linalg.norm(pool.vectors, axis=1, keepdims=True)
        nearest = np.argsort(-unit @ pool.targets[0], kind="stable")[:3]
        judgements.append(Judgements({pool.passages[i]: [str(i)] for i in nearest}))
    found = calibrate(pools, judgements, configurations=[], default=DIVERSE)
    assert found.chosen == NEAREST
    assert "chosen: similarity search: stay with it" in str(found)
    assert found.arguments["kernel"] == RelevanceWeighted()


def with_texts(queries: int = 25) -> tuple[list[QueryCandidates], list[Judgements]]:
    """Random vectors; the words of the question are in the title of one passage."""
    random = np.random.default_rng(0)
    pools, judgements = [], []
    for q in range(queries):
        vectors = random.normal(size=(12, 8)).astype(np.float32)
        target = random.normal(size=(1, 8)).astype(np.float32)
        titles = [f"entry{q}x{i}" for i in range(12)]
        texts = [f"some text of no importance, part {i % 3}" for i in range(12)]
        question = f"what about entry{q}x{q % 12}"
        pools.append(QueryCandidates(target, vectors, titles, question, texts, titles))
        judgements.append(Judgements({titles[q % 12]: ["it"]}))
    return pools, judgements


def test_words_and_titles_count() -> None:
    pools, judgements = with_texts()
    found = calibrate(
        pools, judgements, configurations=[Configuration("words", Witnesses(0.0))], cutoffs=(1,)
    )
    assert found.score_of(DEFAULT).coverage.mean > 0.9
    assert found.score_of(NEAREST).coverage.mean < 0.5
    assert found.chosen == DEFAULT
    silent = [QueryCandidates(p.targets, p.vectors, p.passages, p.question) for p in pools]
    deaf = calibrate(silent, judgements, configurations=[], cutoffs=(1,))
    assert deaf.score_of(DEFAULT).coverage.mean == deaf.score_of(NEAREST).coverage.mean


def test_a_scorer_can_be_tried() -> None:
    pools, judgements = with_texts()
    asked = []

    def judge(question: str, texts: list[str]) -> list[float]:
        asked.append(question)
        return [0.0] * len(texts)

    judged = Configuration("judge", Witnesses(scorer=judge))
    found = calibrate(pools, judgements, configurations=[judged])
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
    options = {"configurations": [DIVERSE]}
    by_names = calibrate(pools, [[*j.facets] for j in judgements], **options)
    by_facets = calibrate(pools, [dict(j.facets) for j in judgements], **options)
    assert by_facets == calibrate(pools, judgements, **options)
    names, facets = (found.score_of(NEAREST).coverage.mean for found in (by_names, by_facets))
    assert names > facets  # five copies are one facet
    assert not calibrate(pools, progress=True, **options).labelled
    for gold, message in [
        ([["other"]] * 30, "none of the gold passages is among the candidates"),
        ([["p0"]], "gold must be 30, one entry a query; got 1"),
        ([["p0"]] * 29 + ["p0"], "gold of query 29 must be names of passages in a list .* 'p0'"),
        ([["p0"]] * 29 + [[]], r"gold of query 29 must be names .* at least one; got \[\]"),
    ]:
        with pytest.raises(ValueError, match=message):
            calibrate(pools, gold)


def test_queries_may_be_fetched_as_they_are_needed() -> None:
    pools, judgements = copies()
    found = calibrate(iter(pools), judgements, total=30, configurations=[DIVERSE])
    assert found == calibrate(pools, judgements, configurations=[DIVERSE])
    untouched = iter(pools)
    for total, gold, message in [(3, None, "at least 20"), (30, judgements[:2], "gold must be 30")]:
        with pytest.raises(ValueError, match=message):
            calibrate(untouched, gold, total=total)
    assert next(untouched) is pools[0]
    with pytest.raises(ValueError, match="total=40 queries were announced; got 30"):
        calibrate(iter(pools), total=40)


def test_long_names_keep_the_columns_of_the_report() -> None:
    pools, judgements = copies()
    long = Configuration("of a name\nthat goes on " + 9 * "and on ", kernel=Cosine(), lambda_=0.01)
    table = str(calibrate(pools, judgements, configurations=[long])).splitlines()[4:]
    assert len({line.index("[") for line in table[1:]}) == 1
    assert any("of a name that goes on and on" in line and "…" in line for line in table)
    assert max(map(len, table)) < 100


def test_hits_of_a_store_are_candidates() -> None:
    vectors = np.eye(3, dtype=np.float32)
    metadata = [{"title": "A", "page": 1}, None, {"page": 3}]
    texts = ["a", "b", "c"]
    hits = Hits(vectors, ["x", None, "z"], texts, metadata, lambda i: metadata[i] or {})
    targets = [Target(vectors[0]), Target(vectors[1], "what?")]
    one = QueryCandidates.from_hits(targets, hits)
    np.testing.assert_array_equal(one.targets, vectors[:2])
    assert (one.passages, one.question, one.texts) == (["x", None, "z"], "what?", texts)
    assert one.titles == ["A", None, None]
    named = QueryCandidates.from_hits(targets, hits, passage=lambda d: d.get("page"), title="page")
    assert named.passages == [1, None, 3]
    assert named.titles == [None, None, None]  # a page number is no text
    some = Hits(vectors[:2], ["x", "y"], texts[:2], [{"page": 4}, {"page": 5}], lambda i: {})
    assert QueryCandidates.from_hits(targets, some, passage="page").passages == [4, 5]
    with pytest.raises(ValueError, match=r"passage='page' is no key .* it has \[\]"):
        QueryCandidates.from_hits(targets, hits, passage="page")


def test_bad_input() -> None:
    pools, judgements = copies()
    with pytest.raises(ValueError, match="at least 20 queries; got 3"):
        calibrate(pools[:3])
    with pytest.raises(ValueError, match="gold must be 30"):
        calibrate(pools, judgements[:5])
    with pytest.raises(ValueError, match="cutoffs"):
        calibrate(pools, judgements, cutoffs=())
    vectors = np.ones((3, 4), dtype=np.float32)
    for targets, given, names, message in [
        (vectors[0], vectors, "abc", r"targets must be \[m, d\]"),
        (vectors[:1, :2], vectors, "abc", "the same dimension; got 2 and 4"),
        (vectors[:1], vectors, "ab", "passages must be 3"),
        (vectors[:1], vectors[:1], "a", "1 candidates; with fewer than two"),
    ]:
        with pytest.raises(ValueError, match=message):
            QueryCandidates(targets, given, names)
    for more in ({"texts": ["a"]}, {"titles": ["a", "b"]}):
        with pytest.raises(ValueError, match=r"must be 3, one a candidate; got"):
            QueryCandidates(vectors[:1], vectors, "abc", **more)  # type: ignore[arg-type]
