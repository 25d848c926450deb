"""`cover` picks as its definition says, and `select` hands a `Coverage` to it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from oracle import OracleCoverage
from real_texts import real_texts
from tensors import ARRAY_KINDS, needs_torch

from sift_retrievers import Coverage, StopReason, select
from sift_retrievers.coverage import Covered, cover, novelty_after
from sift_retrievers.witnesses import phrase_coverage, score_words
from sift_retrievers.witnesses.texts import PassageTexts

QUIET = np.eye(1, 4)  # a query where relevance is given


def coverage_from(bags: Any, *, weighted: bool = True, **options: Any) -> Coverage:
    flat = [pair for bag in bags for pair in bag]
    return Coverage(
        np.array([unit for unit, _ in flat], dtype=np.uint64),
        np.array([len(bag) for bag in bags], dtype=np.intp),
        np.array([weight for _, weight in flat], dtype=np.float64) if weighted else None,
        **options,
    )


def random_problem(seed: int) -> tuple[OracleCoverage, int, dict[str, Any], bool]:
    """Ties, empty bags, weights of 0, copies, groups, budgets; the oracle, and what cover takes."""
    random = np.random.default_rng(seed)
    count, units = int(random.integers(1, 25)), int(random.integers(1, 40))
    weighted = bool(random.random() < 0.6)
    bags: list[list[tuple[int, float]]] = []
    for _ in range(count):
        if bags and random.random() < 0.3:
            bags.append(list(bags[random.integers(0, len(bags))]))
            continue
        size = 0 if random.random() < 0.1 else int(random.integers(1, 15))
        weights = random.choice([0.0, 0.3, 1.0, 2.5], size=size) if weighted else np.ones(size)
        if weighted and random.random() < 0.1:
            weights[:] = 0.0
        names = [2**63 + name for name in random.integers(0, units, size=size).tolist()]
        bags.append([*zip(names, weights.tolist(), strict=True)])
    relevance = random.normal(size=count) * random.choice([0.0, 1.0, 3.0])
    if random.random() < 0.5:
        relevance = relevance.round()  # ties
    given: dict[str, Any] = {"lambda_": float(10 ** random.uniform(-3, 3))}
    if random.random() < 0.4:
        given["allowed"] = random.random(count) < 0.7
        if not given["allowed"].any():
            given["allowed"][0] = True
    if random.random() < 0.4:
        given["groups"] = random.integers(0, max(count // 2, 1), size=count)
    if random.random() < 0.4:
        given["costs"] = random.choice([0.0, 0.1, 1.0, 2.0, 7.5], size=count)
        given["budget"] = float(random.choice([0.0, 1.0, 5.0, 100.0]))
    if random.random() < 0.3:
        given["min_novelty"] = float(random.uniform(0, 1))
    oracle = OracleCoverage(
        bags,
        relevance.tolist(),
        given["lambda_"],
        gamma=float(random.choice([0.0, 0.3, 2.0])),
        level=float(random.choice([1.0, 0.2])),
        **{name: value for name, value in given.items() if name != "lambda_"},
    )
    return oracle, int(random.integers(1, count + 5)), given, weighted


def solved(seed: int) -> tuple[OracleCoverage, int, dict[str, Any], Coverage, Covered]:
    oracle, k, given, weighted = random_problem(seed)
    coverage = coverage_from(oracle.bags, weighted=weighted, gamma=oracle.gamma, level=oracle.level)
    return oracle, k, given, coverage, cover(coverage, oracle.relevance, k, **given)


@pytest.mark.parametrize("block", range(6))
def test_three_hundred_problems_by_brute_force(block: int) -> None:
    worst = 0.0
    for seed in range(50 * block, 50 * (block + 1)):
        oracle, k, given, _, found = solved(seed)
        picks = found.indices.tolist()
        assert len(picks) == len(set(picks)) <= k, seed
        for n, pick in enumerate(picks):
            may = oracle.may_be_picked(picks[:n])
            assert pick in may, seed
            best = max(oracle.variance(i, picks[:n]) for i in may)
            worst = max(worst, best - oracle.variance(pick, picks[:n]))
            assert found.gains[n] == pytest.approx(oracle.gain(pick, picks[:n]), rel=1e-9), seed
            assert found.novelty[n] == pytest.approx(oracle.novelty(pick, picks[:n]), rel=1e-9)
            assert found.variance[n] == pytest.approx(oracle.variance(pick, picks[:n]), rel=1e-9)
        assert (np.diff(found.gains) <= 1e-12).all(), seed
        assert ((found.novelty >= 0) & (found.novelty <= 1)).all()
        assert ((found.variance >= 0) & (found.variance <= 1)).all()
        if len(picks) == k:
            assert found.stop_reason == StopReason.K
            continue
        assert oracle.may_be_picked(picks) == [], seed
        assert found.stop_reason in (
            StopReason.EXHAUSTED,
            StopReason.BUDGET if "costs" in given else None,
            StopReason.MIN_NOVELTY if "min_novelty" in given else None,
        )
    assert worst <= 1e-12, f"the largest regret is {worst:.2e}"


def eager(oracle: OracleCoverage, k: int) -> list[int]:
    """All candidates brought up to date before every pick; of nearly equal ones the first."""
    picks: list[int] = []
    while len(picks) < k and (may := oracle.may_be_picked(picks)):
        value = {i: oracle.variance(i, picks) for i in may}
        best = max(value.values())
        picks.append(next(i for i in may if value[i] >= best * (1 - 1e-12)))
    return picks


def test_lazy_is_eager() -> None:
    """Where nothing ties up to rounding, the very same picks; else the same values."""
    same = 0
    for seed in range(300):
        oracle, k, _, _, found = solved(seed)
        picks = eager(oracle, k)
        same += picks == found.indices.tolist()
        if "min_novelty" not in random_problem(seed)[2]:
            assert len(picks) == len(found.indices), seed
    assert same >= 270


def test_equal_passages_go_by_position() -> None:
    bags = [[(1, 1.0), (2, 1.0)], [(3, 1.0), (4, 1.0)], [(1, 1.0), (2, 1.0)], []]
    found = cover(coverage_from(bags), np.zeros(4), 4)
    assert found.indices.tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(found.novelty, [1, 1, 0.1 / 1.1, 0])


def test_one_without_units_says_nothing_and_comes_last() -> None:
    found = cover(coverage_from([[], [(1, 0.0)], []]), np.array([3.0, 0.0, 1.0]), 3)
    assert found.indices.tolist() == [1, 0, 2]
    assert found.variance.tolist()[1:] == [0, 0]
    assert found.gains.tolist()[1:] == [0, 0]


def test_novelty_by_hand() -> None:
    """λ′ / (λ′ + m) of every unit, by weight; one twice in a bag counts once in m."""
    bags = [[(1, 1.0), (1, 1.0), (2, 2.0)], [(1, 3.0), (5, 1.0)], [(1, 1.0)], [(9, 1.0)]]
    left = novelty_after(coverage_from(bags), [0, 1], 0.5)
    once, twice = 0.5 / 1.5, 0.5 / 2.5
    np.testing.assert_allclose(
        left, [(2 * twice + 2 * once) / 4, (3 * twice + once) / 4, twice, 1.0]
    )
    assert novelty_after(coverage_from(bags), [], 0.5).tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("lambda_", [1e-3, 0.1, 1e3])
def test_the_level_scales_the_gains_and_changes_no_pick(lambda_: float) -> None:
    for seed in range(30):
        oracle, k, _, _, _ = solved(seed)
        plain, low = (
            cover(
                coverage_from(oracle.bags, gamma=oracle.gamma, level=level),
                oracle.relevance,
                k,
                lambda_=lambda_,
            )
            for level in (1.0, 0.125)  # a power of two: no rounding
        )
        assert plain.indices.tolist() == low.indices.tolist()
        np.testing.assert_allclose(low.variance, 0.125 * plain.variance, rtol=1e-12)
        np.testing.assert_allclose(low.gains, 0.5 * np.log1p(low.variance / lambda_), rtol=1e-12)


def test_nobody_is_likely() -> None:
    found = cover(coverage_from([[(1, 1.0)], [(2, 1.0)]], level=0.0), [1.0, 0.0], 2)
    assert found.gains.tolist() == [0, 0]


def test_much_noise_picks_the_most_relevant_and_little_the_new() -> None:
    bags = [[(1, 1.0)], [(1, 1.0)], [(2, 1.0)]]
    relevance = [1.0, 0.9, -1.0]
    for lambda_, picks in [(1e3, [0, 1, 2]), (1e-3, [0, 2, 1])]:
        found = cover(coverage_from(bags), relevance, 3, lambda_=lambda_)
        assert found.indices.tolist() == picks


def test_min_gain_ends_before_the_first_that_gains_less() -> None:
    for seed in range(100):
        oracle, k, given, coverage, whole = solved(seed)
        if len(whole.gains) < 2:
            continue
        limit = float(whole.gains[len(whole.gains) // 2]) * (1 + 1e-9)
        found = cover(coverage, oracle.relevance, k, min_gain=limit, **given)
        below = whole.gains < limit
        kept = int(below.argmax()) if below.any() else len(whole.gains)  # where v is 0 for all
        assert found.indices.tolist() == whole.indices[:kept].tolist()
        assert found.stop_reason == StopReason.MIN_GAIN or kept == len(whole.gains)


def test_copies_are_passed_over_and_the_reason_says_so() -> None:
    bags = [[(1, 1.0)], [(1, 1.0)], [(1, 1.0), (2, 1.0)], [(3, 1.0)]]
    found = cover(coverage_from(bags), np.zeros(4), 4, min_novelty=0.3)
    assert found.indices.tolist() == [0, 3, 2]
    assert found.stop_reason == StopReason.MIN_NOVELTY
    assert cover(coverage_from(bags), np.zeros(4), 3, min_novelty=0.3).stop_reason == StopReason.K


def test_a_budget_is_spent_to_the_last_cent() -> None:
    bags = [[(i, 1.0)] for i in range(12)]
    found = cover(coverage_from(bags), np.zeros(12), 12, costs=[0.1] * 12, budget=1.0)
    assert len(found.indices) == 10
    assert found.stop_reason == StopReason.BUDGET
    dear = [5.0, 1.0, *[9.0] * 10]
    assert cover(coverage_from(bags), np.zeros(12), 3, costs=dear, budget=3.0).indices.tolist() == [
        1
    ]


@pytest.mark.parametrize(
    ("limits", "reason"),
    [({}, "exhausted"), ({"allowed": np.zeros(2, dtype=np.bool_)}, "exhausted")],
)
def test_nothing_can_be_picked(limits: Any, reason: str) -> None:
    count = len(limits.get("allowed", ()))
    found = cover(coverage_from([[(1, 1.0)]] * count), np.zeros(count), 3, **limits)
    assert len(found.indices) == len(found.gains) == len(found.novelty) == 0
    assert found.stop_reason == reason


def test_gains_of_phrases_with_the_words_of_real_questions_never_rise() -> None:
    passages, questions = real_texts()
    random = np.random.default_rng(0)
    for question in questions[:10]:
        texts = ["\n".join(passages[i]) for i in random.integers(0, len(passages), size=60)]
        coverage = phrase_coverage([*texts, texts[0]], question)
        assert coverage.weights is not None
        assert coverage.weights.min() == pytest.approx(0.3)
        rho = random.normal(size=61)
        found = cover(coverage, rho, 61)
        assert (np.diff(found.gains) <= 0).all()
        assert (found.novelty <= 1).all()
        assert found.novelty[np.flatnonzero(np.isin(found.indices, [0, 60]))[1]] < 0.2  # a copy


def test_phrases_around_the_questions_words_weigh_more() -> None:
    texts = ["the capital of France is Paris", "", "France has many large rivers, too"]
    coverage = phrase_coverage(texts, "capital France")
    weights = np.split(coverage.weights, np.cumsum(coverage.lengths)[:-1])  # type: ignore[arg-type]
    said = score_words("capital France", texts).word_weights
    capital, france = said[1], said[3]
    np.testing.assert_allclose(
        weights[0], 0.3 + np.array([capital, capital, capital, france, france, 0])
    )
    assert len(weights[1]) == 0  # a blank text says nothing
    np.testing.assert_allclose(weights[2][:3], [0.3 + france, 0.3 + france, 0.3])
    assert phrase_coverage(texts).weights is None


@pytest.mark.parametrize("question", [None, "q", ""])
def test_phrases_of_no_texts(question: str | None) -> None:
    assert len(phrase_coverage([], question)) == 0
    assert len(phrase_coverage([""], question)) == 1


def test_one_text_in_place_of_a_list() -> None:
    with pytest.raises(TypeError, match="a list of strings; got a single string"):
        phrase_coverage("text")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="must be strings; got int"):
        PassageTexts.read(["a"], [5])  # type: ignore[list-item]


class TestSelect:
    def test_it_is_cover(self) -> None:
        for seed in range(60):
            oracle, k, given, coverage, found = solved(seed)
            if given.keys() & {"allowed", "min_novelty"}:
                continue
            chosen = select(
                QUIET[0],
                np.zeros((len(coverage), 4), dtype=np.float32),
                k,
                kernel=coverage,
                relevance=np.array(oracle.relevance),
                **given,
            )
            made = len(found.indices)
            assert chosen.indices.shape == chosen.gains.shape == (k,)
            assert chosen.indices[:made].tolist() == found.indices.tolist()
            assert (chosen.indices[made:] == -1).all()
            assert chosen.gains[:made].tolist() == found.gains.tolist()
            assert (chosen.gains[made:] == 0).all()
            left = np.cumprod([1.0, *(1 - found.variance)])
            np.testing.assert_allclose(chosen.variance[: made + 1], left, rtol=1e-12)
            assert (chosen.variance[made:] == chosen.variance[made]).all()
            assert chosen.stop_reason == found.stop_reason

    def test_relevance_is_the_cosine_where_none_is_given(self) -> None:
        random = np.random.default_rng(0)
        pool, queries = random.normal(size=(9, 5)), random.normal(size=(1, 2, 5))
        texts = [f"one {i % 4} two {i} three" for i in range(9)]
        coverage = phrase_coverage(texts)
        unit = pool / np.linalg.norm(pool, axis=1, keepdims=True)
        near = queries[0] / np.linalg.norm(queries[0], axis=1, keepdims=True) @ unit.T
        for targets, cosine in [(queries[0, 0], near[0]), (queries, near.max(axis=0))]:
            chosen = select(targets, pool, 5, kernel=coverage, lambda_=0.1)
            expected = cover(coverage, cosine / cosine.std(), 5)
            assert chosen.indices.ravel().tolist() == expected.indices.tolist()
            np.testing.assert_allclose(chosen.gains.ravel(), expected.gains, rtol=1e-9)
        alike = select(QUIET[0], np.ones((9, 4)), 2, kernel=coverage)
        assert alike.indices.tolist() == [0, 1]

    @needs_torch
    def test_torch_candidates_give_torch(self) -> None:
        import torch

        chosen = select(QUIET[0], torch.eye(3, 4), 5, kernel=phrase_coverage(["a", "b", "c"]))
        assert isinstance(chosen.indices, torch.Tensor)
        assert isinstance(chosen.gains, torch.Tensor)
        assert chosen.indices[3:].tolist() == [-1, -1]

    def test_no_candidates(self, recwarn: pytest.WarningsRecorder) -> None:
        chosen = select(QUIET[0], np.zeros((0, 4)), 2, kernel=phrase_coverage([]))
        assert chosen.indices.tolist() == [-1, -1]
        assert chosen.stop_reason == StopReason.EXHAUSTED
        assert not recwarn.list

    @pytest.mark.parametrize("as_given", [np.ndarray.tolist, *ARRAY_KINDS])
    def test_costs_are_not_rounded(self, as_given: Any) -> None:
        pool = np.eye(12, dtype=np.float32)
        coverage = phrase_coverage([f"word{i}" for i in range(12)])
        costs = as_given(np.full(12, 0.1))
        chosen = select(pool[0], pool, 12, kernel=coverage, costs=costs, budget=1.0)
        assert (chosen.indices >= 0).sum() == 10

    @pytest.mark.parametrize(
        "options",
        [
            {"replacement": True},
            {"alpha": 0.3},
            {"ids": [[0, 1]]},
            {"device": "cpu"},
            {"solver": "reference"},
            {"objective": "entropy"},
            {"objective": "nonsense"},
        ],
        ids=str,
    )
    def test_options_that_are_refused(self, options: Any) -> None:
        with pytest.raises(ValueError, match="a Coverage goes with the objective"):
            select(QUIET[0], np.eye(2, 4), 2, kernel=phrase_coverage(["a", "b"]), **options)

    @pytest.mark.parametrize(
        ("queries", "candidates", "options", "message"),
        [
            (np.ones((2, 4)), np.eye(2, 4), {}, "2 queries and 2 candidates"),
            (QUIET[0], np.eye(3, 4), {}, "1 queries and 3 candidates for a Coverage of 2"),
            (QUIET[0], np.eye(2, 5), {}, "agree in the dimension"),
            (QUIET[0] * 0, np.eye(2, 4), {}, "zero vector"),
            (QUIET[0], np.eye(2, 4), {"lambda_": 0}, "lambda_ must be positive"),
            (QUIET[0], np.eye(2, 4), {"min_gain": -1}, "min_gain must be positive"),
            (QUIET[0], np.eye(2, 4), {"relevance": [1.0]}, r"relevance must be .*K=2.*\(1,\)"),
            (QUIET[0], np.eye(2, 4), {"relevance": [1.0, np.nan]}, "relevance must be finite"),
            (QUIET[0], np.eye(2, 4), {"costs": [1.0, -1.0]}, "costs must be at least 0"),
            (QUIET[0], np.eye(2, 4), {"budget": 1.0}, "budget needs costs"),
            (QUIET[0], np.eye(2, 4), {"groups": [0.5, 1]}, "groups must be whole numbers"),
            (QUIET[0], np.full((2, 4), np.nan), {}, "candidates must be finite"),
        ],
    )
    def test_input_that_is_wrong(
        self, queries: Any, candidates: Any, options: Any, message: str
    ) -> None:
        with pytest.raises(ValueError, match=message):
            select(queries, candidates, 2, kernel=phrase_coverage(["a", "b"]), **options)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"gamma": -0.1}, "gamma must be finite and at least 0; got -0.1"),
        ({"gamma": np.nan}, "gamma must be finite"),
        ({"gamma": np.inf}, "gamma must be finite"),
        ({"gamma": "0.3"}, "gamma must be finite and at least 0; got '0.3'"),
        ({"level": 1.1}, "level must be a chance, 0 to 1; got 1.1"),
        ({"level": np.nan}, "level must be"),
        ({"level": None}, "level must be a chance, 0 to 1; got None"),
        ({"lengths": [2, 2]}, "with 3 units in all; they sum to 4"),
        ({"lengths": [4, -1]}, "with 3 units in all"),
        ({"lengths": [1.0, 2.0]}, r"lengths must be whole numbers .* shape \(2,\) of float64"),
        ({"lengths": [[1, 2]]}, r"lengths must be whole numbers in one row; got shape \(1, 2\)"),
        ({"units": ["a", "b", "c"]}, "units must be whole numbers"),
        ({"units": [1.5, 2, 3]}, "units must be whole numbers"),
        ({"units": [[1], [2], [3]]}, r"units must be whole numbers in one row; got shape \(3, 1\)"),
        ({"weights": [1.0, 2.0]}, r"one finite number of at least 0 a unit; got \(2,\) for 3"),
        ({"weights": [1.0, 2.0, -1.0]}, "one finite number of at least 0 a unit"),
        ({"weights": [1.0, 2.0, np.nan]}, "one finite number of at least 0 a unit"),
        ({"weights": [[1.0, 2.0, 3.0]]}, r"got \(1, 3\) for 3 units"),
    ],
)
def test_a_coverage_that_is_wrong(given: dict[str, Any], message: str) -> None:
    right: dict[str, Any] = {"units": [1, 2, 3], "lengths": [1, 2]}
    with pytest.raises(ValueError, match=message):
        Coverage(**right | given)


def test_a_coverage_made_of_lists() -> None:
    coverage = Coverage([1, 2, 1], [2, 1], [1, 1, 1])  # type: ignore[arg-type]
    assert cover(coverage, [0.0, 0.0], 2).novelty.tolist() == [1, pytest.approx(0.1 / 1.1)]
    assert len(Coverage([], [])) == 0  # type: ignore[arg-type]
