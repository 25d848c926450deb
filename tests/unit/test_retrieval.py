"""What the frameworks share: hits, their union, the choice among them, gains of what was left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from oracle import OracleProblem
from uncertainty import uncertainty_along

from sift_retrievers import Exponential, RelevanceWeighted, StopReason, gains_after, select
from sift_retrievers.calibration import DEFAULT, Setting
from sift_retrievers.kernels import resolve_kernel
from sift_retrievers.retrieval import (
    DEFAULT_KERNEL,
    AdapterRegistry,
    Hits,
    SelectionRules,
    check_hits,
    choose,
    cosines,
    default_lambda,
    default_objective,
    no_hits,
    one_of,
    stacked,
    union,
)


def hits(*rows: tuple[str | None, list[float], str]) -> Hits[str]:
    texts = [text for _, _, text in rows]
    vectors = np.array([vector for _, vector, _ in rows], dtype=np.float32)
    return Hits(vectors, [name for name, _, _ in rows], texts.__getitem__)


def texts(found: Hits[str]) -> list[str | None]:
    return found.documents(range(len(found)))


def test_union_takes_in_turn_and_nothing_twice() -> None:
    one = hits(("a", [1, 0], "A"), ("b", [0, 1], "B"), ("c", [1, 1], "C"))
    two = hits(("d", [2, 0], "D"), ("a", [1, 0], "A"))
    both = union([one, two])
    assert [*both.ids] == ["a", "d", "b", "c"]
    assert texts(both) == ["A", "D", "B", "C"]
    assert both.document(3) == "C"
    assert both.vectors.tolist() == [[1, 0], [2, 0], [0, 1], [1, 1]]
    assert both.documents([3, 0, 1]) == ["C", "A", "D"]


def test_union_keeps_chunks_that_share_an_id() -> None:
    chunks = hits(("x", [1, 0], "first"), ("x", [0, 1], "second"), ("x", [1, 0], "first"))
    assert texts(union([chunks])) == ["first", "second"]


def test_union_without_ids_goes_by_vector() -> None:
    nameless = hits((None, [1, 0], "A"), (None, [1, 0], "A again"), (None, [0, 0], "blank"))
    more = hits((None, [0, 0], "another blank"))
    assert texts(union([nameless, more])) == ["A", "another blank", "blank"]


def test_union_of_nothing() -> None:
    assert len(union([no_hits(3), no_hits(3)])) == 0
    assert union([no_hits(3), no_hits(3)]).vectors.shape == (0, 3)
    some = hits(("a", [1, 0], "A"))
    assert texts(union([no_hits(2), some])) == ["A"]


def test_documents_in_one_call() -> None:
    calls: list[list[int]] = []

    def load(positions: Any) -> list[str | None]:
        calls.append([*positions])
        return [None if i == 1 else f"document {i}" for i in positions]

    lazy: Hits[str] = Hits(np.eye(3, dtype=np.float32), ["a", "b", "c"], one_of(load), load=load)
    other = hits(("d", [9, 9, 9], "D"))
    merged = union([lazy, other])
    assert merged.documents([2, 1, 0]) == [None, "D", "document 0"]
    assert calls == [[1, 0]]
    with pytest.raises(LookupError, match="hit 1 is gone from the store"):
        lazy.document(1)


def test_vectors_that_are_missing_are_named() -> None:
    rows = [[1.0, 2.0], None, np.array([3.0, 4.0]), []]
    with pytest.raises(ValueError, match=r"2 of 4 hits came without a vector: ids \['b', 'd'\]"):
        stacked(rows, ["a", "b", "c", "d"], 2)
    with pytest.raises(ValueError, match=r"1 of 2 hits .* not have the query's dimension 2: ids"):
        stacked([[1.0, 2.0], [1.0]], ["a", "b"], 2)
    with pytest.raises(ValueError, match=r"the hits at positions \[0, 1, 2, 3, 4\] and 2 more"):
        stacked([None] * 7, [None] * 7, 2)
    assert stacked([], [], 5).shape == (0, 5)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (hits(("a", [1, 0], "A")), r"of shape \(2,\), but the query's embedding has dimension 3"),
        (hits(("a", [1, np.inf, 0], "A")), r"NaN or infinite values for 1 of 1 hits: ids \['a'\]"),
        (Hits(np.ones((2, 3), dtype=np.float32), ["a"], str), "2 vectors and 1 ids"),
    ],
)
def test_hits_that_are_wrong(wrong: Hits[str], message: str) -> None:
    with pytest.raises(ValueError, match=f"Store.*{message}"):
        check_hits("Store", wrong, 3)


def random_pool(seed: int = 0) -> tuple[Any, Any]:
    random = np.random.default_rng(seed)
    pool = random.normal(size=(30, 6)).astype(np.float32)
    pool[15:] = pool[:15] + random.normal(size=(15, 6)).astype(np.float32) * 0.05
    return random.normal(size=(3, 6)).astype(np.float32), pool


def test_choose_is_select_among_those_similar_enough() -> None:
    targets, pool = random_pool()
    choice = choose(targets[:1], pool, 5, score_threshold=0.1, lambda_=0.2)
    enough = np.flatnonzero(cosines(pool, targets[:1]) >= 0.1)
    picks = select(targets[0], pool[enough], 5, lambda_=0.2)
    assert choice.picks.tolist() == enough[picks.indices[0]].tolist()
    assert choice.candidates.sum() == len(enough) < 30
    np.testing.assert_array_equal(choice.gains, picks.gains[0].astype(np.float64))
    assert picks.variance is not None
    assert choice.variance is not None
    np.testing.assert_array_equal(choice.variance, picks.variance[0].astype(np.float64))


WEIGHTED = Setting(RelevanceWeighted(), 0.2, "undirected")


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("relevance", [None, np.linspace(0, 1, 30)])
def test_undirected_picks_have_an_uncertainty_too(count: int, relevance: Any) -> None:
    """Of the candidates alone: those below the threshold do not count for the weights either."""
    targets, pool = random_pool()
    given = {} if relevance is None else {"relevance": relevance}
    choice = choose(targets[:count], pool, 6, score_threshold=0.1, **WEIGHTED.arguments, **given)
    assert choice.selection is not None
    assert choice.selection.variance is None
    assert choice.variance is not None
    enough = np.flatnonzero(choice.candidates)
    assert 6 < len(enough) < 30
    expected = uncertainty_along(
        targets[:count][None],
        pool[enough],
        [enough.tolist().index(i) for i in choice.picks],
        kernel=WEIGHTED.kernel,
        lambda_=WEIGHTED.lambda_,
        relevance=None if relevance is None else relevance[enough],
    )
    np.testing.assert_allclose(choice.variance, expected, rtol=1e-5)
    assert choice.variance[0] == count  # summed over the targets
    assert (np.diff(choice.variance) <= 0).all()
    assert choice.variance[-1] < choice.variance[0] - 0.1


def test_undirected_picks_of_which_there_are_none() -> None:
    targets, pool = random_pool()
    choice = choose(targets[:1], pool, 5, min_gain=100.0, **WEIGHTED.arguments)
    assert len(choice.picks) == 0
    assert choice.variance is not None
    assert choice.variance.tolist() == [pytest.approx(1)]


def arguments_of(rules: SelectionRules) -> dict[str, Any]:
    """What they give to `select`, the kernel as an object."""
    given: dict[str, Any] = {**rules.select_options(list)}
    shaping = {name: given[name] for name in ("kernel", "lambda_", "objective")}
    return shaping | {"kernel": resolve_kernel(shaping["kernel"])}


def test_rules_by_default() -> None:
    assert arguments_of(SelectionRules()) == DEFAULT.arguments
    assert SelectionRules().kernel == DEFAULT_KERNEL
    assert DEFAULT.lambda_ == default_lambda(DEFAULT_KERNEL)
    assert DEFAULT.objective == default_objective(DEFAULT_KERNEL) == "undirected"


@pytest.mark.parametrize(
    ("kernel", "objective"),
    [
        ("cosine", "variance"),
        ("linear", "variance"),
        ("exponential", "variance"),
        (Exponential(24.0, 8.0), "variance"),
        ("relevance", "undirected"),
        (RelevanceWeighted(4.0, standardized=False), "undirected"),
    ],
    ids=str,
)
def test_rules_follow_the_kernel(kernel: Any, objective: str) -> None:
    rules = SelectionRules(kernel=kernel)
    assert rules.objective == default_objective(kernel) == objective
    assert rules.lambda_ == default_lambda(kernel)
    # An object counts as its name does.
    assert arguments_of(SelectionRules(kernel=resolve_kernel(kernel))) == arguments_of(rules)


def test_the_cosine_brings_what_sift_was_published_with() -> None:
    rules = SelectionRules(kernel="cosine")
    assert (rules.lambda_, rules.objective) == (3.0, "variance")


def test_rules_that_are_given_win() -> None:
    given = SelectionRules(lambda_=0.7, objective="entropy")
    assert (given.kernel, given.lambda_, given.objective) == (DEFAULT_KERNEL, 0.7, "entropy")
    given = SelectionRules(kernel="cosine", lambda_=0.7, objective="undirected")
    assert (given.kernel, given.lambda_, given.objective) == ("cosine", 0.7, "undirected")
    assert SelectionRules(lambda_=0.7).objective == DEFAULT.objective
    assert SelectionRules(objective="variance").lambda_ == DEFAULT.lambda_
    assert replace(given, min_gain=0.1).lambda_ == 0.7


def test_alpha_cuts_the_picks_of_the_default() -> None:
    assert arguments_of(SelectionRules(alpha=0.3)) == DEFAULT.arguments
    targets, pool = random_pool()
    whole = choose(targets[:1], pool, 12, **DEFAULT.arguments)
    short = choose(targets[:1], pool, 12, **DEFAULT.arguments, alpha=0.2)
    assert whole.variance is not None
    sigma = np.sqrt(whole.variance[1:])
    kept = int((sigma > 1 / (0.2 * np.arange(1, 13))).argmax())
    assert 1 < kept < 12
    assert short.picks.tolist() == whole.picks[:kept].tolist()
    assert short.stop_reason == "alpha"


def test_costs_and_relevance_follow_the_candidates() -> None:
    targets, pool = random_pool()
    costs, relevance = np.arange(1.0, 31.0), np.linspace(0, 1, 30)
    options: dict[str, Any] = {"kernel": "relevance", "lambda_": 0.2}
    choice = choose(
        targets[:1],
        pool,
        9,
        score_threshold=0.0,
        costs=costs,
        budget=60.0,
        relevance=relevance,
        **options,
    )
    enough = np.flatnonzero(cosines(pool, targets[:1]) >= 0)
    picks = select(
        targets[0],
        pool[enough],
        9,
        costs=costs[enough],
        budget=60.0,
        relevance=relevance[enough],
        **options,
    )
    assert choice.picks.tolist() == enough[picks.indices[0][picks.indices[0] >= 0]].tolist()
    assert choice.stop_reason == StopReason.BUDGET


def test_several_targets_and_parents() -> None:
    targets, pool = random_pool()
    parents = [None if i % 4 == 0 else i % 4 for i in range(30)]
    choice = choose(targets, pool, 30, parents=parents, lambda_=0.2)
    chosen = [parents[i] for i in choice.picks]
    assert [chosen.count(p) for p in (None, 1, 2, 3)] == [8, 1, 1, 1]
    assert choice.stop_reason == StopReason.EXHAUSTED
    assert choice.variance is not None
    assert choice.variance[0] == pytest.approx(3)  # summed over the targets


def test_a_threshold_that_nothing_reaches() -> None:
    targets, pool = random_pool()
    choice = choose(targets[:1], pool, 5, score_threshold=1.0)
    assert len(choice.picks) == len(choice.gains) == 0
    assert choice.stop_reason == StopReason.EXHAUSTED
    assert choose(targets[:1], pool[:0], 5).picks.shape == (0,)


def test_cosines_of_several_targets_zero_rows_and_large_values() -> None:
    targets = np.array([[1, 0], [0, 2]], dtype=np.float32)
    vectors = np.array([[3, 4], [0, 0], [1e30, 0], [-1, -1]], dtype=np.float32)
    expected = [0.8, 0, 1, -np.sqrt(0.5)]
    np.testing.assert_allclose(cosines(vectors, targets), expected, rtol=1e-6)


@pytest.mark.parametrize("objective", ["variance", "entropy", "undirected"])
@pytest.mark.parametrize("targets", [1, 3])
def test_gains_after_are_those_of_the_oracle(objective: str, targets: int) -> None:
    for seed in range(5):
        queries, pool = random_pool(seed)
        queries = queries[:targets]
        oracle = OracleProblem(queries, pool, 0.2, objective=objective)
        for observed in ([], [3], [3, 18, 7, 0]):
            gains = gains_after(queries[None], pool, observed, lambda_=0.2, objective=objective)
            expected = oracle.scores(observed, as_ranked=False)
            if objective == "variance":
                before = oracle.variance(observed)
                expected = 0.5 * np.log(before / (before - expected))
            np.testing.assert_allclose(gains, expected, rtol=1e-6, atol=1e-9)


def test_gains_after_repeat_what_select_reports() -> None:
    queries, pool = random_pool()
    options: dict[str, Any] = {"lambda_": 0.2, "kernel": "relevance"}
    picks = select(queries[0], pool, 6, **options)
    for n in range(6):
        gains = gains_after(queries[0], pool, picks.indices[0, :n].tolist(), **options)
        assert gains[picks.indices[0, n]] == pytest.approx(picks.gains[0, n], abs=1e-5)


def test_gains_after_takes_one_query() -> None:
    queries, pool = random_pool()
    with pytest.raises(ValueError, match=r"one query, \[d\] or \[1, m, d\]; got 3"):
        gains_after(queries, pool, [])


class Base:
    def search(self) -> None: ...


class Middle(Base):
    pass


class Own(Middle):
    def search(self) -> None: ...


Base.__module__ = Own.__module__ = "package.inner"


def registry() -> AdapterRegistry[Callable[..., Any]]:
    return AdapterRegistry({"package.Base": "stand_in"}, own_search=lambda name: name == "search")


def test_a_registry_goes_along_the_bases(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys
    from types import ModuleType

    module = ModuleType("stand_in")
    module.fetch = print  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "stand_in", module)
    known = registry()
    assert known.find(Base()) is print
    assert known.find(Middle()) is print
    assert known.find(Own()) is None  # its own search would be bypassed
    assert known.find(object()) is None
    known.register("Own")(max)
    assert known.find(Own()) is max
    known.register(Base)(min)
    assert known.find(Middle()) is min
    assert known.names() == ["Base", "Own"]


def test_a_class_of_that_name_in_another_package_is_not_known() -> None:
    other = type("Base", (), {"__module__": "elsewhere"})
    assert registry().find(other()) is None
