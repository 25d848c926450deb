"""What the frameworks share: hits, their union, the choice among them, gains of what was left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from oracle import OracleProblem
from tensors import needs_torch
from uncertainty import uncertainty_along

from sift_retrievers import (
    Exponential,
    RelevanceWeighted,
    StopReason,
    gains_after,
    posterior_variance,
    select,
)
from sift_retrievers.kernels import resolve_kernel
from sift_retrievers.retrieval import (
    PHRASES,
    AdapterRegistry,
    Choice,
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
from sift_retrievers.retrieval.novelty import shares_left, variances_left
from sift_retrievers.witnesses import Relevance, Witnesses
from sift_retrievers.witnesses.relevance import NAMED_WITNESSES, combine_witnesses


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


def test_union_without_ids_goes_by_text() -> None:
    nameless = hits((None, [1, 0], "A"), (None, [1, 0], "B"), (None, [0, 0], "blank"))
    more = hits((None, [0, 0], "another blank"), (None, [1, 1e-7], "A"))  # searched otherwise
    both = union([nameless, more], str)
    assert texts(both) == ["A", "another blank", "B", "blank"]
    assert both.documents([3, 1]) == ["blank", "another blank"]
    # Nobody can tell them apart but by their vectors.
    assert texts(union([nameless, more])) == ["A", "another blank", "A"]


def test_union_goes_by_id_where_each_has_its_own() -> None:
    one = hits(("a", [1, 0], "same"), ("b", [1, 0], "same"))
    two = hits(("b", [1, 1e-7], "same"))  # the bits of a vector may differ between searches
    for text in (None, str):
        both = union([one, two], text)
        assert [*both.ids] == ["a", "b"]
        assert union([one], text) is one


def test_union_of_documents_that_are_gone() -> None:
    gone: Hits[str] = Hits(
        np.eye(3, dtype=np.float32), [None] * 3, str, load=lambda some: [None for _ in some]
    )
    assert len(union([gone, gone], str)) == 1  # None of them has a text


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


def chosen(
    targets: Any, pool: Any, k: int, *, scores: Any = None, parents: Any = None, **rules: Any
) -> tuple[Choice, Relevance]:
    """What `choose` makes of hits without texts."""
    made = SelectionRules(**{"kernel": "cosine"} | rules)
    nobody = [None] * len(targets)
    heard = combine_witnesses(cosines(pool, targets), nobody, None, made.witnesses, scores)
    costs = None if made.token_counter is None else np.array([made.token_counter("")] * len(pool))
    return choose(targets, pool, k, made, heard, costs=costs, parents=parents), heard


def test_choose_is_select_among_those_similar_enough() -> None:
    targets, pool = random_pool()
    choice, _ = chosen(targets[:1], pool, 5, score_threshold=0.1, lambda_=0.2)
    enough = np.flatnonzero(cosines(pool, targets[:1])[0] >= 0.1)
    picks = select(targets[0], pool[enough], 5, lambda_=0.2)
    assert choice.picks.tolist() == enough[picks.indices].tolist()
    assert choice.candidates.sum() == len(enough) < 30
    np.testing.assert_array_equal(choice.gains, picks.gains.astype(np.float64))
    assert picks.variance is not None
    assert choice.uncertainty is not None
    np.testing.assert_array_equal(choice.uncertainty, picks.variance.astype(np.float64))
    shares = -np.expm1(-2 * picks.gains.astype(np.float64))
    np.testing.assert_allclose(choice.scores, np.minimum.accumulate(shares), rtol=1e-9)


def test_of_several_targets_the_nearest_decides_who_is_a_candidate() -> None:
    targets, pool = random_pool()
    choice, _ = chosen(targets, pool, 30, score_threshold=0.5)
    assert choice.candidates.tolist() == (cosines(pool, targets).max(axis=0) >= 0.5).tolist()


@pytest.mark.parametrize("seed", range(20))
def test_relevance_by_vectors_is_the_rule_of_version_0_1(seed: int) -> None:
    targets, pool = random_pool(seed)
    by_name, _ = chosen(targets[:1], pool, 12, kernel=None, relevance="vectors")
    old = select(targets[0], pool, 12, kernel="relevance", objective="undirected", lambda_=0.2)
    assert by_name.picks.tolist() == old.indices.tolist()
    assert by_name.selection is not None
    np.testing.assert_allclose(by_name.selection.gains, old.gains, rtol=1e-4)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("scores", [None, np.linspace(0, 1, 30)])
def test_undirected_numbers_are_shares_of_the_chance(count: int, scores: Any) -> None:
    """The score is p r² ν, the gain ½ log(1 + score / λ′), what is left ∏ (1 − score)."""
    targets, pool = random_pool()
    rules: dict[str, Any] = {"kernel": "relevance", "lambda_": 0.2, "score_threshold": 0.1}
    if scores is not None:
        rules["relevance"] = Witnesses(words=0, scorer=len)  # type: ignore[arg-type]
    choice, heard = chosen(targets[:count], pool, 6, scores=scores, **rules)
    enough = np.flatnonzero(choice.candidates)
    assert 6 < len(enough) < 30
    given = cosines(pool, targets[:count]).max(axis=0) if scores is None else heard.total
    selection = select(
        targets[:count][None],
        pool[enough],
        6,
        kernel="relevance",
        lambda_=0.2,
        objective="undirected",
        relevance=given[enough],
    )
    assert choice.picks.tolist() == enough[selection.indices[0]].tolist()
    variance = 0.2 * np.expm1(2 * selection.gains[0].astype(np.float64))
    np.testing.assert_allclose(choice.scores, heard.chance * variance, rtol=1e-6)
    np.testing.assert_allclose(choice.gains, 0.5 * np.log1p(choice.scores / 0.2), rtol=1e-6)
    left = np.cumprod(1 - heard.chance * variance)
    assert choice.uncertainty is not None
    np.testing.assert_allclose(choice.uncertainty, [1, *left], rtol=1e-6)


@pytest.mark.parametrize("kernel", ["cosine", "linear", "exponential", "relevance", "shared_noise"])
@pytest.mark.parametrize("objective", ["variance", "entropy", "undirected"])
def test_novelty_is_the_share_of_the_variance_that_is_left(kernel: str, objective: str) -> None:
    targets, pool = random_pool()
    choice, heard = chosen(targets[:1], pool, 8, kernel=kernel, objective=objective, lambda_=0.3)
    resolved = resolve_kernel(kernel)
    weights = np.ones(30)
    if isinstance(resolved, RelevanceWeighted):
        cosine = heard.scores_by_witness["cosine"][None]
        weights, resolved = resolved.weights(cosine)[0], resolved.base
    x = resolved.features(pool.astype(np.float64)[None])  # type: ignore[union-attr]
    gram = resolved(x, x)[0] * np.outer(weights, weights)  # type: ignore[operator]
    for n, i in enumerate(choice.picks):
        s = choice.picks[:n]
        known = gram[i, s] @ np.linalg.solve(gram[np.ix_(s, s)] + 0.3 * np.eye(n), gram[s, i])
        assert choice.novelty[n] == pytest.approx(1 - known / gram[i, i], abs=1e-9)
    assert choice.novelty[0] == pytest.approx(1)


@pytest.mark.parametrize("noise", [1e-12, 1e-8, 0.01, 1.0, 900.0, 1e5])
@pytest.mark.parametrize("size", [1e-8, 1.0, 1e8])
def test_what_is_left_is_that_of_the_recursion(noise: float, size: float) -> None:
    generator = np.random.default_rng(0)
    for n in (0, 1, 2, 20):
        vectors = generator.standard_normal((n, 8))
        vectors[n // 2 :] = vectors[: n - n // 2]  # some are copies
        gram = vectors @ vectors.T
        found = shares_left(size * gram, size * noise)
        left = variances_left(gram, noise) / gram.diagonal()
        np.testing.assert_allclose(found, left, atol=1e-6 if noise < 1e-7 else 1e-9)
    nothing = shares_left(np.zeros((2, 2)), noise)
    assert nothing.tolist() == [0, 0]


@pytest.mark.parametrize("lambda_", [1e-20, 1e-6, 1e6])
@pytest.mark.parametrize("kernel", ["cosine", "relevance", "linear"])
def test_novelty_of_copies_at_any_noise(kernel: str, lambda_: float) -> None:
    """Their covariance matrix has no Cholesky factor where rounding swallows the noise."""
    targets, pool = random_pool()
    copies = np.repeat(pool[:3], 4, axis=0)
    choice, _ = chosen(targets[:1], copies, 12, kernel=kernel, lambda_=lambda_)
    assert len(choice.novelty) == 12
    assert ((choice.novelty >= 0) & (choice.novelty <= 1)).all()
    if lambda_ < 1:
        assert (np.sort(choice.novelty)[:9] < 1e-5).all()


def test_undirected_picks_of_which_there_are_none() -> None:
    targets, pool = random_pool()
    choice, _ = chosen(targets[:1], pool, 5, min_gain=100.0, kernel="relevance")
    assert len(choice.picks) == 0
    assert choice.stop_reason == StopReason.MIN_GAIN
    assert choice.uncertainty is not None
    assert choice.uncertainty.tolist() == [1]


def test_min_gain_is_compared_with_the_gain_that_is_reported() -> None:
    for seed in range(20):
        targets, pool = random_pool(seed)
        whole, _ = chosen(targets[:1], pool, 12, kernel="relevance")
        for limit in whole.gains[[0, 3, 8]]:
            for exact in (limit * (1 - 1e-5), limit * (1 + 1e-5)):
                cut, _ = chosen(targets[:1], pool, 12, kernel="relevance", min_gain=exact)
                assert cut.picks.tolist() == whole.picks[whole.gains >= exact].tolist()


@pytest.mark.parametrize(
    ("kernel", "objective", "lambda_"),
    [
        ("cosine", "variance", 3.0),
        ("linear", "variance", 3.0),
        ("exponential", "variance", 1.0),
        ("shared_noise", "variance", 20.0),
        (Exponential(24.0, 8.0), "variance", 1.0),
        ("relevance", "undirected", 0.2),
        (RelevanceWeighted(4.0, standardized=False), "undirected", 0.2),
        (PHRASES, "undirected", 0.1),
    ],
    ids=str,
)
def test_rules_follow_the_kernel(kernel: Any, objective: str, lambda_: float) -> None:
    rules = SelectionRules(kernel=kernel)
    assert rules.objective == default_objective(kernel) == objective
    assert rules.lambda_ == default_lambda(kernel) == lambda_
    heard = "vectors+words" if objective == "undirected" else "vectors"
    assert rules.witnesses == NAMED_WITNESSES[heard]
    if kernel != PHRASES:  # an object counts as its name does
        assert SelectionRules(kernel=resolve_kernel(kernel)) == rules


@pytest.mark.parametrize(
    ("relevance", "kernel", "lambda_"),
    [
        (None, PHRASES, 0.1),
        ("vectors+words", PHRASES, 0.1),
        ("words", PHRASES, 0.1),
        ("vectors", RelevanceWeighted(), 0.2),
        (Witnesses(words=0.1), PHRASES, 0.1),
        (Witnesses(words=0), RelevanceWeighted(), 0.2),
        (len, PHRASES, 0.1),
    ],
    ids=str,
)
def test_the_kernel_follows_the_relevance(relevance: Any, kernel: Any, lambda_: float) -> None:
    rules = SelectionRules(relevance=relevance)
    assert (rules.kernel, rules.lambda_, rules.objective) == (kernel, lambda_, "undirected")
    assert rules.reads_texts == (kernel == PHRASES)
    assert SelectionRules(relevance=rules.relevance, kernel=rules.kernel) == rules


def test_what_phrases_cannot_do_brings_the_kernel_of_the_vectors() -> None:
    for given in ({"objective": "variance"}, {"objective": "entropy"}, {"replacement": True}):
        rules = SelectionRules(**given)  # type: ignore[arg-type]
        assert rules.kernel == RelevanceWeighted()
        assert rules.lambda_ == 0.2
        with pytest.raises(ValueError, match="the kernel 'phrases'"):
            SelectionRules(kernel=PHRASES, **given)  # type: ignore[arg-type]
    assert SelectionRules(objective="undirected").kernel == PHRASES


def test_the_cosine_brings_what_sift_was_published_with() -> None:
    rules = SelectionRules(kernel="cosine")
    assert (rules.lambda_, rules.objective) == (3.0, "variance")
    assert not rules.reads_texts


def test_rules_that_are_given_win() -> None:
    given = SelectionRules(kernel="cosine", lambda_=0.7, objective="undirected")
    assert (given.lambda_, given.objective) == (0.7, "undirected")
    assert SelectionRules(lambda_=0.7).kernel == PHRASES
    assert SelectionRules(relevance="vectors", kernel=PHRASES).kernel == PHRASES
    assert replace(given, min_gain=0.1).lambda_ == 0.7
    judge = Witnesses(words=0, scorer=len)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="relevance= goes with kernel="):
        SelectionRules(relevance=judge, kernel="cosine")  # it would not be heard


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"relevance": "words", "kernel": "cosine"}, "relevance= goes with kernel='phrases'"),
        ({"relevance": "bm25"}, "relevance must be one of"),
        ({"kernel": "nonsense"}, "kernel must be one of"),
        ({"objective": "nonsense"}, "objective must be one of"),
        ({"lambda_": 0}, "lambda_ must be positive"),
        ({"lambda_": "much"}, "lambda_ must be a positive number"),
        ({"alpha": -1}, "alpha must be positive"),
        ({"min_gain": np.nan}, "min_gain must be positive"),
        ({"min_novelty": 1.5}, "min_novelty must be from 0 to 1; got 1.5"),
        ({"min_novelty": "half"}, "min_novelty must be a number from 0 to 1; got 'half'"),
        ({"min_chance": -0.1}, "min_chance must be from 0 to 1"),
        ({"min_chance": np.nan}, "min_chance must be from 0 to 1"),
        ({"min_novelty": 0.1, "replacement": True}, "min_novelty and replacement do not go"),
        ({"max_tokens": 5}, "max_tokens and token_counter go together"),
        ({"token_counter": len}, "max_tokens and token_counter go together"),
        ({"max_tokens": 0, "token_counter": len}, "max_tokens must be a whole number"),
        ({"score_threshold": 1.5}, "between -1 and 1; got 1.5"),
        ({"score_threshold": "0.5"}, "between -1 and 1; got '0.5'"),
        ({"score_threshold": np.nan}, "between -1 and 1; got nan"),
        pytest.param(
            {"device": "nonsense"}, "device must be one that torch has", marks=needs_torch
        ),
    ],
    ids=str,
)
def test_rules_that_make_no_sense(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SelectionRules(**given)


@pytest.mark.parametrize("given", [{"relevance": 5}, {"kernel": 5}, {"kernel": len}], ids=str)
def test_rules_of_another_kind(given: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        SelectionRules(**given)


@pytest.mark.parametrize("count", [1, 3])
def test_alpha_cuts_the_picks(count: int) -> None:
    targets, pool = random_pool()
    for rules in ({"kernel": "cosine", "lambda_": 0.2}, {"kernel": "relevance"}):
        whole, _ = chosen(targets[:count], pool, 12, **rules)  # type: ignore[arg-type]
        left = uncertainty_along(
            targets[:count][None], pool, whole.picks.tolist(), lambda_=0.2, kernel=rules["kernel"]
        )
        sigma = np.sqrt(left[1:] / count)
        alpha = 1.0 / (3.5 * sigma[3])
        kept = int((sigma > 1 / (alpha * np.arange(1, 13))).argmax())
        assert 1 < kept < 12
        short, _ = chosen(targets[:count], pool, 12, alpha=alpha, **rules)  # type: ignore[arg-type]
        assert short.picks.tolist() == whole.picks[:kept].tolist()
        assert short.stop_reason == "alpha"


def test_costs_follow_the_candidates() -> None:
    targets, pool = random_pool()
    costs = np.arange(1.0, 31.0)
    rules = SelectionRules(
        kernel="relevance", score_threshold=0.0, max_tokens=60, token_counter=len
    )
    cosine = cosines(pool, targets[:1])
    heard = combine_witnesses(cosine, [None], None, rules.witnesses)
    choice = choose(targets[:1], pool, 9, rules, heard, costs=costs)
    enough = np.flatnonzero(cosine[0] >= 0)
    picks = select(
        targets[0],
        pool[enough],
        9,
        kernel="relevance",
        objective="undirected",
        lambda_=0.2,
        costs=costs[enough],
        budget=60.0,
    )
    assert choice.picks.tolist() == enough[picks.indices[picks.indices >= 0]].tolist()
    assert choice.stop_reason == StopReason.BUDGET


def test_several_targets_and_parents() -> None:
    targets, pool = random_pool()
    parents = [None if i % 4 == 0 else i % 4 for i in range(30)]
    choice, _ = chosen(targets, pool, 30, parents=parents, lambda_=0.2)
    found = [parents[i] for i in choice.picks]
    assert [found.count(p) for p in (None, 1, 2, 3)] == [8, 1, 1, 1]
    assert choice.stop_reason == StopReason.EXHAUSTED
    assert choice.uncertainty is not None
    assert choice.uncertainty[0] == pytest.approx(3)  # summed over the targets


def test_a_threshold_that_nothing_reaches() -> None:
    targets, pool = random_pool()
    for some in (pool, pool[:0]):
        choice, _ = chosen(targets[:1], some, 5, score_threshold=1.0)
        assert len(choice.picks) == len(choice.gains) == len(choice.novelty) == 0
        assert len(choice.scores) == 0
        assert choice.uncertainty is None
        assert choice.stop_reason == StopReason.EXHAUSTED


def test_cosines_of_several_targets_zero_rows_and_large_values() -> None:
    targets = np.array([[1, 0], [0, 2]], dtype=np.float32)
    vectors = np.array([[3, 4], [0, 0], [1e30, 0], [-1, -1], [1e-40, 0]], dtype=np.float32)
    half = -np.sqrt(0.5)
    expected = [[0.6, 0, 1, half, 1], [0.8, 0, 0, half, 0]]
    np.testing.assert_allclose(cosines(vectors, targets), expected, rtol=1e-6)
    assert cosines(vectors[:0], targets).shape == (2, 0)


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
        gains = gains_after(queries[0], pool, picks.indices[:n].tolist(), **options)
        assert gains[picks.indices[n]] == pytest.approx(picks.gains[n], abs=1e-5)


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


@pytest.mark.parametrize("kernel", ["linear", "cosine"])
def test_gains_after_where_rounding_swallows_the_noise(kernel: str) -> None:
    """Copies observed almost without noise: the matrix has no Cholesky factor."""
    queries, pool = random_pool()
    copies = np.repeat(pool[:4] * np.float32(1e12), 3, axis=0)
    seen = [0, 1, 2, 3, 4, 5]
    gains = gains_after(
        queries[0], copies, seen, kernel=kernel, lambda_=1e-18, objective="undirected"
    )
    assert np.isfinite(gains).all()
    assert gains[:6].max() < gains[6:].min()
    left = posterior_variance(queries[0], copies[:6], kernel=kernel, lambda_=1e-18)
    assert 0 < left <= (1 if kernel == "cosine" else np.square(queries[0]).sum())
