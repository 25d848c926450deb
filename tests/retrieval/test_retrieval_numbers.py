"""Whole retrievals from documents in memory: what the numbers of the picks promise."""

from __future__ import annotations

import copy
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from documents_in_memory import (
    EVERY_RULE,
    REAL,
    Columns,
    Doc,
    Store,
    documents_of,
    embedded,
    numbers_of,
)
from real_texts import real_texts

from sift_retrievers import SharedNoise, select
from sift_retrievers.retrieval import Hits, SelectionRules, Target, retrieve
from sift_retrievers.retrieval.candidates import TERMS
from sift_retrievers.retrieval.hits import check_hits
from sift_retrievers.retrieval.rules import PHRASES
from sift_retrievers.retrieval.titles import titles_of
from sift_retrievers.witnesses import Witnesses
from sift_retrievers.witnesses.texts import PassageTexts

pytestmark = pytest.mark.usefixtures("road")

PASSAGES, QUESTIONS = real_texts()
NONSENSE = "xqzv blorp wuggle fnord"


@pytest.mark.parametrize("rules", EVERY_RULE, ids=str)
@pytest.mark.parametrize("kind", ["real", "copies", "no texts", "zero vectors", "one"])
def test_what_every_pick_promises(rules: dict[str, Any], kind: str) -> None:
    """Whatever the rules, and the documents."""
    question = QUESTIONS[0]
    store, k = REAL, 12
    if kind == "copies":
        store = Store([Doc("all the same words here", {"title": "Copy"})] * 15)
    elif kind == "no texts":
        store = Store([Doc("") for _ in range(15)], REAL.vectors[:15])
    elif kind == "zero vectors":
        store = Store(REAL.documents[:15], REAL.vectors[:15] * (np.arange(15) % 2)[:, None])
    elif kind == "one":
        store = Store(REAL.documents[:1])
    retrieval = store.ask(question, k, fetch=60, **rules)
    numbers, choice = numbers_of(retrieval), Columns(retrieval)
    assert len(numbers) == len(choice.positions) == len(documents_of(retrieval))
    repeated = retrieval.rules.replacement
    assert len(numbers) == (k if repeated or len(store.documents) >= k else len(store.documents))
    scores = [one["relevance_score"] for one in numbers]
    assert all(0 <= score <= 1 for score in scores)
    assert all(one > other for one, other in pairwise(scores))
    left = choice.uncertainty
    assert left is not None
    if rules != {"kernel": "linear"}:  # there in units of squared length
        assert left[0] == 1
    assert (np.diff(left) <= 1e-9).all()
    assert ((left >= -1e-9) & (left <= left[0])).all()
    assert [one["uncertainty"] for one in numbers] == left[1:].tolist()
    for rank, one in enumerate(numbers):
        assert one["rank"] == rank
        assert 0 <= one["novelty"] <= 1
        assert np.isfinite(one["information_gain"])
        assert one["information_gain"] >= 0
        assert -1 <= one["similarity"] <= 1
        assert 0 <= one["evidence_chance"] <= 1
        assert ("word_share" in one) == (retrieval.candidates.relevance.words is not None)
    assert all(type(value) in (int, float, bool, str) for one in numbers for value in one.values())
    explained = retrieval.explanation()
    assert {passage.rank for passage in explained.chosen} <= set(range(len(numbers)))
    assert str(explained)


def test_first_gains_of_different_questions_differ() -> None:
    gains = [numbers_of(REAL.ask(q))[0]["information_gain"] for q in QUESTIONS[:30]]
    assert len({round(gain, 6) for gain in gains}) == 30
    for name in ("vectors", "words"):
        gains = [numbers_of(REAL.ask(q, relevance=name))[0]["information_gain"] for q in QUESTIONS]
        assert len({round(gain, 6) for gain in gains}) > 90


def own_question(i: int) -> str:
    """One that the store surely has the evidence of."""
    return f"{PASSAGES[i][0]}: {' '.join(PASSAGES[i][1].split()[:14])}?"


def test_nonsense_gains_nearly_nothing_and_a_question_with_evidence_does() -> None:
    lost = numbers_of(REAL.ask(NONSENSE))[0]
    assert lost["information_gain"] < 0.12
    assert lost["evidence_chance"] < 0.05
    assert lost["evidence_probably_missing"]
    assert lost["uncertainty"] > 0.95
    for i in range(0, 200, 25):
        found = numbers_of(REAL.ask(own_question(i)))[0]
        assert found["information_gain"] > 8 * lost["information_gain"]
        assert not found["evidence_probably_missing"]


@pytest.mark.parametrize("rules", [{}, {"relevance": "vectors"}, {"relevance": "words"}], ids=str)
def test_min_gain_ends_for_nonsense_before_the_first_pick(rules: dict[str, Any]) -> None:
    lost = REAL.ask(NONSENSE, min_gain=0.15 if rules != {"relevance": "vectors"} else 0.4, **rules)
    assert lost.picks == ()
    assert lost.stop_reason == "min_gain"
    asked = REAL.ask(own_question(50), min_gain=0.15, **rules)
    assert PASSAGES[50][1] in [pick.text for pick in asked.picks]


def test_min_gain_cuts_to_a_prefix_of_those_that_gain_enough() -> None:
    for i in range(5):
        whole = Columns(REAL.ask(own_question(i), 20))
        limit = float(whole.gains[7])
        cut = Columns(REAL.ask(own_question(i), 20, min_gain=limit * (1 + 1e-6)))
        assert cut.positions.tolist() == whole.positions[whole.gains > limit].tolist()
        assert cut.stop_reason == "min_gain"
        assert cut.uncertainty is not None
        assert whole.uncertainty is not None
        assert cut.uncertainty.tolist() == whole.uncertainty[: len(cut.positions) + 1].tolist()


@pytest.mark.parametrize("rules", EVERY_RULE, ids=str)
@pytest.mark.parametrize("least", [0.2, 0.6, 0.9])
def test_min_novelty_passes_over_and_goes_on(rules: dict[str, Any], least: float) -> None:
    """Every pick has it; what was passed over would not have had it; and the first pick stays."""
    if "replacement" in rules:
        return
    for question in QUESTIONS[:3]:
        whole = REAL.ask(question, 60, fetch=60, **rules)
        found = REAL.ask(question, 60, fetch=60, min_novelty=least, **rules)
        choice, first = Columns(found), Columns(whole)
        made = len(choice.positions)
        assert (choice.novelty >= least).all()
        before = int((first.novelty < least).argmax()) if (first.novelty < least).any() else 60
        assert choice.positions[:before].tolist() == first.positions[:before].tolist()
        assert choice.stop_reason == ("k" if made == 60 else "min_novelty")
        again = Columns(REAL.ask(question, made, fetch=60, min_novelty=least, **rules))
        assert again.positions.tolist() == choice.positions.tolist()
        assert again.stop_reason == "k"


@pytest.mark.parametrize("kernel", [PHRASES, "relevance"])
def test_min_novelty_leaves_copies_out_and_says_so(kernel: str) -> None:
    texts = [PASSAGES[i][1] for i in (0, 0, 0, 40, 40, 80)]
    store = Store([Doc(text) for text in texts])
    lambda_ = 0.1 if kernel == PHRASES else 0.01
    plain = store.ask(QUESTIONS[0], 6, kernel=kernel, lambda_=lambda_)
    assert len(plain.picks) == 6
    found = store.ask(QUESTIONS[0], 6, kernel=kernel, lambda_=lambda_, min_novelty=0.3)
    kept = [pick.text for pick in found.picks]
    assert sorted(kept) == sorted(set(texts))
    assert found.stop_reason == "min_novelty"
    assert all(pick.novelty >= 0.3 for pick in found.picks)
    enough = store.ask(QUESTIONS[0], 3, kernel=kernel, lambda_=lambda_, min_novelty=0.3)
    assert enough.stop_reason == "k"


def test_min_chance() -> None:
    for rules in ({}, {"relevance": "vectors"}, {"kernel": "cosine"}):
        lost = REAL.ask(NONSENSE, min_chance=0.25, **rules)  # type: ignore[arg-type]
        assert documents_of(lost) == []
        assert Columns(lost).stop_reason == "min_chance"
        assert numbers_of(lost) == []
        assert lost.explanation().stop_reason == "min_chance"
        assert lost.explanation().probably_missing
    question = own_question(10)
    chance = REAL.ask(question).candidates.relevance.chance
    assert documents_of(REAL.ask(question, min_chance=chance)) != []
    assert documents_of(REAL.ask(question, min_chance=min(chance + 1e-9, 1.0))) == []


def test_alpha_reads_the_uncertainty_that_is_left() -> None:
    question = own_question(0)
    whole = Columns(REAL.ask(question, 20))
    assert whole.uncertainty is not None
    sigma = np.sqrt(whole.uncertainty[1:])
    alpha = float(1 / (5.5 * sigma[5]))
    kept = int((sigma > 1 / (alpha * np.arange(1, 21))).argmax())
    assert 1 <= kept < 20
    short = Columns(REAL.ask(question, 20, alpha=alpha))
    assert short.positions.tolist() == whole.positions[:kept].tolist()
    assert short.stop_reason == "alpha"
    assert len(documents_of(REAL.ask(question, 20, alpha=1e9))) == 1  # at least one
    assert Columns(REAL.ask(question, 20, alpha=1e-9)).stop_reason == "k"


def test_the_level_does_not_change_picks() -> None:
    """Phrases: the numbers are in shares of the chance, the picks those of the plain rule."""
    from sift_retrievers.coverage import cover
    from sift_retrievers.witnesses.phrases import coverage_from_terms

    retrieval = REAL.ask(QUESTIONS[3], 10)
    judged, hits = retrieval.candidates.relevance, retrieval.hits
    passages = PassageTexts.read(hits.texts, titles_of(hits, None))
    assert judged.words is not None
    plain = cover(
        coverage_from_terms(passages, judged.words.word_weights, gamma=0.3, level=1.0),
        judged.total,
        10,
    )
    choice = Columns(retrieval)
    assert choice.positions.tolist() == plain.indices.tolist()
    np.testing.assert_allclose(choice.scores, judged.chance * plain.variance, rtol=1e-9)
    np.testing.assert_allclose(choice.gains, 0.5 * np.log1p(choice.scores / 0.1), rtol=1e-9)
    np.testing.assert_allclose(choice.uncertainty, np.cumprod([1, *(1 - choice.scores)]))  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", None, " \n "])
def test_without_texts_the_vectors_decide(text: Any) -> None:
    blank = Store([Doc(text) for _ in range(60)], REAL.vectors[:60])
    for question in QUESTIONS[:10]:
        by_default, by_vectors = blank.ask(question), blank.ask(question, relevance="vectors")
        assert by_default.trace() == by_vectors.trace()
        assert numbers_of(by_default) == numbers_of(by_vectors)
        assert "word_share" not in numbers_of(by_default)[0]


def test_relevance_by_vectors_is_select() -> None:
    for question in QUESTIONS[:20]:
        retrieval = REAL.ask(question, 10, relevance="vectors")
        expected = select(
            embedded(question),
            retrieval.hits.vectors,
            10,
            kernel="relevance",
            objective="undirected",
            lambda_=0.2,
        )
        assert Columns(retrieval).positions.tolist() == expected.indices.tolist()


def test_only_the_documents_of_the_picks_are_built() -> None:
    built: list[int] = []
    for rules in ({}, {"relevance": "vectors"}, {"kernel": "cosine"}):
        hits = REAL.ask(QUESTIONS[0]).hits

        def document(i: int) -> int:
            built.append(i)
            return i

        counted = replace(hits, document=document)
        target = Target(embedded(QUESTIONS[0]), QUESTIONS[0])
        found = retrieve(QUESTIONS[0], [target], counted, 5, SelectionRules(**rules))  # type: ignore[arg-type]
        assert built == [pick.position for pick in found.picks]
        _ = found.explanation(), found.for_training(3, 0.1).trace()
        built.clear()


def test_a_scorer_is_asked_once_for_all_texts() -> None:
    asked: list[tuple[str, list[str]]] = []

    def scorer(question: str, texts: list[str]) -> list[int]:
        asked.append((question, texts))
        return [*map(len, texts)]

    found = REAL.ask(QUESTIONS[0], relevance=Witnesses(0, 0, scorer=scorer))
    assert asked == [(QUESTIONS[0], [*found.hits.texts])]
    longest = max(found.hits.texts, key=len)
    assert found.picks[0].text == longest


class TestExplanation:
    def test_the_printed_form_shows_words(self) -> None:
        retrieval = REAL.ask(own_question(7), 4)
        explained = retrieval.explanation(k=4, lambda_=0.1, kernel=None)
        lines = str(explained).splitlines()
        assert "4 of 100 passages (ended by k)" in lines[0]
        assert lines[1] == "settings: k=4, lambda_=0.1"
        header = next(line for line in lines if "relevance" in line and "cosine" in line)
        for name in ("rank", "words", "novel", "gain", "left", "reason", "passage"):
            assert name in header
        first = explained.chosen[0]
        row = lines[lines.index(header) + 1]
        for value in (
            f"{first.relevance:.2f}",
            f"{first.similarity:.3f}",
            f"{first.witnesses['share']:.2f}",
            f"{first.information_gain:.4f}",
            "picked",
        ):
            assert value in row
        assert f"chance that the evidence is there: {retrieval.chance:.2f}" in str(explained)
        assert "probably not" not in str(explained)
        assert "probably not" in str(REAL.ask(NONSENSE).explanation())

    def test_it_lays_open_what_each_witness_said(self) -> None:
        retrieval = REAL.ask(QUESTIONS[0], 4)
        explained = retrieval.explanation()
        assert [p.id for p in explained.chosen] == retrieval.trace()["ids"]
        at = {name: i for i, name in enumerate(retrieval.hits.ids)}
        for passage in explained.passages:
            assert (
                {*passage.witnesses}
                == {*retrieval.candidates.relevance.scores_by_witness}
                >= {"cosine", "share", "mention"}
            )
            assert passage.relevance == retrieval.candidates.relevance.total[at[passage.id]]
        vectors = REAL.ask(QUESTIONS[0], 4, relevance="vectors").explanation()
        assert {*vectors.passages[0].witnesses} == {"cosine"}

    @pytest.mark.parametrize(
        "rules",
        [rules for rules in EVERY_RULE if "replacement" not in rules and "lambda_" not in rules],
        ids=str,
    )
    def test_gains_before_and_after(self, rules: dict[str, Any]) -> None:
        """The first pick gained what it would alone; what is left is what a further pick gains."""
        few, more = REAL.ask(QUESTIONS[5], 4, **rules), REAL.ask(QUESTIONS[5], 5, **rules)
        explained = few.explanation()
        first = explained.chosen[0]
        assert first.gain_alone == pytest.approx(first.information_gain, rel=1e-3, abs=1e-6)
        fifth = more.explanation().chosen[4]
        (same,) = [passage for passage in explained.passages if passage.id == fifth.id]
        assert same.gain_left == pytest.approx(fifth.information_gain, rel=1e-3, abs=1e-5)
        if few.rules.chosen_objective == "undirected":
            others = [p.gain_left for p in explained.passages if p.gain_left is not None]
            assert same.gain_left == pytest.approx(max(others), rel=1e-3)

    def test_reasons(self) -> None:
        texts = [PASSAGES[i][1] for i in (0, 0, 30, 60, 90)]
        store = Store([Doc(text, {"title": None}) for text in texts])
        question = " ".join(texts[0].split()[:10])
        found = store.ask(question, 1).explanation()
        reasons = {passage.id: passage.reason for passage in found.passages}
        assert found.chosen[0].id == "0"
        assert reasons["1"] == "redundant"
        assert {reasons[i] for i in "234"} == {"adds less"}

        nearest = found.chosen[0].similarity
        below = store.ask(question, 2, score_threshold=nearest - 1e-3).explanation()
        reasons = {passage.id: passage.reason for passage in below.passages}
        assert [reasons[i] for i in "01234"] == ["picked"] * 2 + ["below the threshold"] * 3
        assert below.passages[-1].gain_alone is None

        counted = store.ask(question, 5, max_tokens=len(texts[0]), token_counter=len).explanation()
        assert counted.passages[-1].reason == "over the budget"
        assert counted.stop_reason == "budget"

        family = store.ask(question, 5, distinct_by=lambda d: d.text[:5]).explanation()
        reasons = {passage.id: passage.reason for passage in family.passages}
        assert reasons["1"] == "its parent was picked"
        assert family.stop_reason == "exhausted"


class TestOddDocuments:
    @pytest.mark.parametrize("metadata", [None, {}, {"title": 5}, {"title": ["a"]}, {"title": ""}])
    def test_titles_that_are_none(self, metadata: Any) -> None:
        store = Store([Doc(f"{title} and {text}", metadata) for title, text in PASSAGES[:20]])
        bare = Store([Doc(f"{title} and {text}") for title, text in PASSAGES[:20]])
        for question in QUESTIONS[:3]:
            assert store.ask(question).trace() == bare.ask(question).trace()

    def test_a_title_is_heard_and_not_added_to_the_text(self) -> None:
        store = Store(
            [Doc(f"part {i} of a text about things", {"title": f"entry{i}"}) for i in range(9)],
            np.ones((9, 96), dtype=np.float32),
        )
        found = documents_of(store.ask("entry7", 1))[0]
        assert found.metadata == {"title": "entry7"}
        assert found.text == "part 7 of a text about things"

    @pytest.mark.parametrize("scale", [1e-30, 1e-10, 1e10, 1e15])
    @pytest.mark.parametrize("rules", [{}, {"relevance": "vectors"}, {"kernel": "cosine"}], ids=str)
    def test_the_length_of_vectors_does_not_matter(self, scale: float, rules: Any) -> None:
        scaled = Store(REAL.documents[:80], REAL.vectors[:80] * np.float32(scale))
        plain = Store(REAL.documents[:80], REAL.vectors[:80])
        for question in QUESTIONS[:3]:
            one, other = plain.ask(question, 8, **rules), scaled.ask(question, 8, **rules)
            assert one.trace()["ids"] == other.trace()["ids"]
            np.testing.assert_allclose(
                Columns(one).gains, Columns(other).gains, rtol=1e-3, atol=1e-6
            )

    def test_vectors_that_are_not_finite_are_named_before_anything_is_chosen(self) -> None:
        vectors = REAL.vectors[:5].copy()
        vectors[2, 3] = np.nan
        hits = Hits(vectors, [*"abcde"], ["text"] * 5, [{}] * 5, document=Doc)
        with pytest.raises(
            ValueError, match=r"NaN or infinite values for 1 of 5 hits: ids \['c'\]"
        ):
            check_hits("Store", hits, 96)

    @pytest.mark.parametrize("rules", [{}, {"relevance": "vectors"}, {"kernel": "cosine"}], ids=str)
    @pytest.mark.parametrize("count", [0, 1, 2, 3])
    def test_fewer_than_asked_for(self, count: int, rules: Any) -> None:
        vectors = REAL.vectors[:count]
        retrieval = Store(REAL.documents[:count], vectors).ask(QUESTIONS[0], 2**40, **rules)
        assert len(documents_of(retrieval)) == count
        assert Columns(retrieval).stop_reason == "exhausted"
        assert len(retrieval.explanation().passages) == len(numbers_of(retrieval)) == count

    def test_ids_that_stand_there_twice_or_not_at_all(self) -> None:
        store = Store(REAL.documents[:4], REAL.vectors[:4])
        for ids in (["a", "a", "a", "a"], [None] * 4):
            retrieval = store.ask(QUESTIONS[0], 4, ids=ids)
            assert retrieval.trace()["ids"] == ids
            assert {d.text for d in documents_of(retrieval)} == {d.text for d in store.documents}
            assert [p.id for p in retrieval.explanation().passages] == ids

    @pytest.mark.parametrize("text", ["\ud800 broken", "\x00", "😀", "東京", "a" * 300_000, "("])
    def test_texts_of_any_kind(self, text: str) -> None:
        store = Store([Doc(text, {"title": text}), *REAL.documents[:5]], REAL.vectors[:6])
        for question in (text, QUESTIONS[0]):
            target = Target(REAL.vectors[0], question)
            assert len(documents_of(store.ask(question, 6, targets=[target]))) == 6

    def test_several_targets_some_without_text(self) -> None:
        targets = [
            Target(embedded(QUESTIONS[0]), QUESTIONS[0]),
            Target(embedded(QUESTIONS[1])),
            Target(embedded(QUESTIONS[2]), ""),
        ]
        for rules in EVERY_RULE:
            retrieval = REAL.ask(QUESTIONS[0], 6, targets=targets, **rules)
            numbers = numbers_of(retrieval)
            assert len(numbers) == 6
            assert retrieval.explanation().targets == 3
            left = Columns(retrieval).uncertainty
            assert left is not None
            about_answer = retrieval.rules.chosen_objective != "undirected"
            if rules != {"kernel": "linear"}:
                assert left[0] == pytest.approx(3 if about_answer else 1)
            assert (np.diff(left) <= 1e-6).all()

    def test_parents_of_any_kind(self) -> None:
        parents = [None, [1], [1], {"a": 1}, np.float64(2), "x", "x", None]
        store = Store(
            [Doc(f"text {i} on its own {i * i}", {"p": p}) for i, p in enumerate(parents)]
        )
        found = store.ask("text", 8, distinct_by=lambda d: d.metadata["p"])
        assert len(found.picks) == 6
        assert len(found.explanation().chosen) == 6


def test_a_thousand_questions_write_to_nobodys_documents() -> None:
    """All documents stay as they are, and nothing grows beyond the bound of the cache."""
    documents = [Doc(text, {"title": title, "list": [1]}) for title, text in PASSAGES[:50]]
    store = Store(documents)
    before, vectors = copy.deepcopy(documents), store.vectors.copy()
    store.ask(QUESTIONS[0])
    held, kept = TERMS._size, len(TERMS)
    for i in range(1000):
        rules = EVERY_RULE[i % 10] if i % 10 else {}
        retrieval = store.ask(f"{QUESTIONS[i % len(QUESTIONS)]} {i}", 4, fetch=50, **rules)
        assert len(numbers_of(retrieval)) == 4
        if i % 50 == 0:
            retrieval.explanation()
    assert documents == before
    np.testing.assert_array_equal(store.vectors, vectors)
    assert (TERMS._size, len(TERMS)) == (held, kept)  # of 50 texts; questions are not kept
    assert TERMS._size <= TERMS.limit


def test_the_same_question_gets_the_same_answer() -> None:
    for rules in EVERY_RULE:
        one, other = (numbers_of(REAL.ask(QUESTIONS[4], **rules)) for _ in range(2))
        assert one == other


def test_a_passage_picked_again_is_explained_where_it_was_picked_first() -> None:
    retrieval = REAL.ask(QUESTIONS[0], 12, kernel="cosine", replacement=True, lambda_=50.0)
    picks = Columns(retrieval).positions.tolist()
    assert len(set(picks)) < 12
    chosen = retrieval.explanation().chosen
    assert [passage.rank for passage in chosen] == [picks.index(i) for i in dict.fromkeys(picks)]
    assert len(documents_of(retrieval)) == len(numbers_of(retrieval)) == 12


def test_blank_texts_among_others_come_last() -> None:
    texts = ["", "one text", " \n", "another text", "\u3000"]
    store = Store([Doc(text) for text in texts], np.ones((5, 96), dtype=np.float32))
    choice = Columns(store.ask("text", 5))
    assert {*choice.positions[:2].tolist()} == {1, 3}
    assert choice.gains[2:].tolist() == [0, 0, 0]
    assert (np.diff(choice.scores) < 0).all()
    assert choice.scores[-1] >= 0


@pytest.mark.parametrize("counted", [None, -1, float("nan"), float("inf"), "5", [1]])
@pytest.mark.parametrize("rules", [{}, {"relevance": "vectors"}], ids=str)
def test_a_counter_that_counts_nothing(counted: Any, rules: Any) -> None:
    with pytest.raises(ValueError, match="token_counter must give a number of tokens; got"):
        REAL.ask(QUESTIONS[0], max_tokens=50, token_counter=lambda text: counted, **rules)


@pytest.mark.parametrize(
    "kernel", ["linear", "cosine", SharedNoise(), "relevance", PHRASES], ids=str
)
@pytest.mark.parametrize("min_gain", [1.5, 100.0, 1e6])
def test_more_than_anything_can_gain(kernel: Any, min_gain: float) -> None:
    found = REAL.ask(
        QUESTIONS[0], kernel=kernel, objective="undirected", lambda_=0.1, min_gain=min_gain
    )
    assert found.picks == ()
    assert found.stop_reason == "min_gain"
