"""How the scores of all witnesses are combined, and what happens where one has none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from real_texts import real_texts

from sift_retrievers.retrieval.cosines import cosines
from sift_retrievers.witnesses import Relevance, Witnesses, score_words
from sift_retrievers.witnesses.mentions import mentions
from sift_retrievers.witnesses.relevance import NAMED_WITNESSES, combine_witnesses
from sift_retrievers.witnesses.standardized import standardized
from sift_retrievers.witnesses.texts import PassageTexts

TEXTS = [
    "Osmium is the densest metal",
    "Iron is a common metal",
    "Paris is the capital of France",
    "A recipe for bread",
    "The densest element is osmium, iron is not",
]
QUESTION = "Which metal is the densest?"
COSINE = np.array([0.7, 0.6, 0.2, 0.1, 0.65])
READ = PassageTexts.read(TEXTS)


def heard(witnesses: Witnesses, scores: Any = None, cosine: Any = COSINE) -> Relevance:
    return combine_witnesses([cosine], [QUESTION], READ, witnesses, scores)


def z(values: Any) -> Any:
    values = np.asarray(values, dtype=np.float64)
    return (values - values.mean()) / values.std()


def test_the_sum_is_that_of_the_docstring() -> None:
    judged = np.array([3.0, 1.0, 0.0, 2.0, 7.0])
    for vectors, words, scores in [(1, 1, 2), (1, 0.5, 0), (0.3, 2, 1), (0, 1, 0), (1, 0, 3)]:
        found = heard(Witnesses(vectors, words, scores, scorer=len), judged)  # type: ignore[arg-type]
        said = score_words(QUESTION, TEXTS)
        lexical = (
            0.7 * z(said.grams)
            + 0.7 * z(said.words)
            + 0.3 * z(said.pairs)
            + 0.3 * z(said.head_grams)
            + 0.3 * z(said.head_words)
        )
        rho = z(vectors * z(COSINE) + scores * z(judged) + words * lexical)
        np.testing.assert_allclose(found.total, rho, rtol=1e-9)  # no passage is mentioned
        np.testing.assert_array_equal(found.scores_by_witness["score"], judged)
        np.testing.assert_array_equal(found.scores_by_witness["cosine"], COSINE)
        assert ("words" in found.scores_by_witness) == (words > 0) == (found.words is not None)


def test_vectors_alone_are_the_cosine() -> None:
    for passages in (READ, None):
        found = combine_witnesses([COSINE], [QUESTION], passages, NAMED_WITNESSES["vectors"])
        np.testing.assert_allclose(found.total, z(COSINE))
        assert [*found.scores_by_witness] == ["cosine"]


def test_without_texts_relevance_is_that_of_the_vectors() -> None:
    for questions, passages in [([QUESTION], None), ([None], READ)]:
        for witnesses in (NAMED_WITNESSES["words"], NAMED_WITNESSES["vectors+words"]):
            found = combine_witnesses([COSINE], questions, passages, witnesses)
            np.testing.assert_allclose(found.total, z(COSINE))
            assert found.words is None


@pytest.mark.parametrize("level", [0.0, 0.73, -5.0, 1e20])
def test_a_score_that_is_the_same_for_all_has_no_influence(level: float) -> None:
    silent = np.full(5, level)
    witnesses = Witnesses(scorer=len)  # type: ignore[arg-type]
    expected = heard(Witnesses()).total
    np.testing.assert_array_equal(heard(witnesses, silent).total, expected)
    rounded = silent * (1 + 1e-15 * np.arange(5))
    np.testing.assert_array_equal(heard(witnesses, rounded).total, expected)
    words_alone = heard(Witnesses(vectors=0)).total
    np.testing.assert_allclose(heard(Witnesses(), cosine=np.full(5, 0.4)).total, words_alone)
    assert not heard(Witnesses(words=0), cosine=np.full(5, 0.4)).total.any()


def test_a_question_without_words_has_the_relevance_of_the_vectors() -> None:
    for question in ("", "?!", "😀❤️", "zebra quux"):
        found = combine_witnesses([COSINE], [question], READ, Witnesses())
        np.testing.assert_allclose(found.total, z(COSINE))


@pytest.mark.parametrize(("scale", "shift"), [(1e20, 0), (1e-8, 0), (1, 1e6), (1e3, -1e6), (1, -7)])
def test_the_scale_of_a_scorer_does_not_matter(scale: float, shift: float) -> None:
    random = np.random.default_rng(0)
    texts = PassageTexts.read([f"text number {i}" for i in range(50)])
    cosine, judged = random.normal(size=50), random.normal(size=50)
    witnesses = Witnesses(scorer=len)  # type: ignore[arg-type]
    plain = combine_witnesses([cosine], ["text 7"], texts, witnesses, judged)
    other = combine_witnesses([cosine], ["text 7"], texts, witnesses, judged * scale + shift)
    spread = 1e-9 if abs(shift) < 1e3 * scale else 1e-9 * abs(shift) / scale
    np.testing.assert_allclose(other.total, plain.total, atol=max(spread, 1e-9))


def test_scores_of_a_reranker_can_be_the_only_witness() -> None:
    alone = Witnesses(vectors=0, words=0)
    scores = np.array([0.0, 3.0, 1.0, 0.0, 2.0])
    np.testing.assert_allclose(heard(alone, scores).total, z(scores))
    # Without its scores, relevance is that of the vectors.
    np.testing.assert_allclose(heard(alone).total, z(COSINE))


def test_standardized() -> None:
    assert standardized(np.empty(0)).shape == (0,)
    for values in ([5.0], [0.0, 0.0], [0.3, np.nextafter(0.3, 1)], [1e308, 1e308]):
        assert not standardized(np.array(values)).any()
    for values in ([1.0, 2.0], [1e-300, 2e-300], [1e308, -1e308], [0, 0, 1.0]):
        found = standardized(np.array(values))
        assert found.mean() == pytest.approx(0, abs=1e-12)
        assert found.std() == pytest.approx(1)


class TestSeveralTargets:
    def test_a_passage_counts_for_the_target_that_it_suits_best(self) -> None:
        rows = np.array([COSINE, COSINE[::-1]])
        questions = [QUESTION, "capital of France"]
        one, two = (
            combine_witnesses([row], [text], READ, Witnesses())
            for row, text in zip(rows, questions, strict=True)
        )
        both = combine_witnesses(rows, questions, READ, Witnesses())
        np.testing.assert_array_equal(both.total, np.maximum(one.total, two.total))
        np.testing.assert_array_equal(both.scores_by_witness["cosine"], rows.max(axis=0))
        for i in range(5):
            better = one if one.total[i] >= two.total[i] else two
            assert both.scores_by_witness["grams"][i] == better.scores_by_witness["grams"][i]
        assert both.chance == max(one.chance, two.chance)
        assert both.words is not None
        assert one.words is not None
        assert two.words is not None
        np.testing.assert_array_equal(
            both.words.word_weights, np.maximum(one.words.word_weights, two.words.word_weights)
        )

    def test_one_without_text_has_its_cosine_alone(self) -> None:
        rows = np.array([COSINE, COSINE[::-1]])
        spoken = combine_witnesses(rows[:1], [QUESTION], READ, Witnesses())
        both = combine_witnesses(rows, [QUESTION, None], READ, Witnesses())
        np.testing.assert_allclose(both.total, np.maximum(spoken.total, z(COSINE[::-1])))
        assert both.words is not None
        assert combine_witnesses(rows, [None, None], READ, Witnesses()).words is None

    @pytest.mark.parametrize("count", [2, 64, 200])
    def test_there_may_be_many(self, count: int) -> None:
        rows = np.tile(COSINE, (count, 1))
        found = combine_witnesses(rows, [QUESTION] * count, READ, Witnesses())
        np.testing.assert_allclose(found.total, heard(Witnesses()).total)

    def test_of_no_passages(self) -> None:
        for count in (1, 3):
            found = combine_witnesses(np.empty((count, 0)), [None] * count, None, Witnesses())
            assert found.total.shape == found.scores_by_witness["cosine"].shape == (0,)
            assert found.chance == 0


class TestMentions:
    texts = (
        "The Silent River\nis a film from 1962, directed by Anna Kowalska in Kraków.",
        "Anna Kowalska\nwas born in Łódź and studied medicine before.",
        "Rivers of Poland\nThe Vistula is the longest of them.",
        "Jan Nowak\nwas born in Gdańsk.",
        "Film directors\nare people who direct films.",
    )
    titles = (None, "Łódź", "Poland", "Anna Kowalska", "Bread")

    def test_a_question_of_two_steps(self) -> None:
        """The second passage has no word of the question but "was", "born", "the" at best."""
        cosine = [[0.6, 0.2, 0.45, 0.35, 0.4]]
        question = "Where did the director of The Silent River grow up?"
        passages = PassageTexts.read(self.texts)
        found = combine_witnesses(cosine, [question], passages, Witnesses())
        assert found.total.argmax() == 0
        assert found.scores_by_witness["mention"][1] == pytest.approx(
            1
        )  # mentioned by the most relevant passage alone
        assert not found.scores_by_witness["mention"][[0, 2, 3, 4]].any()
        deaf = combine_witnesses(cosine, [question], passages, Witnesses(words=0))
        assert found.total[1] > found.total[3]
        assert deaf.total[1] < deaf.total[3]

    def test_what_counts_by_hand(self) -> None:
        texts = ["of Marie Curie and Nowa Łódź", "Marie Curie", "with MARIE CURIE", "Lodz", "else"]
        titles = [None, "Marie Curie", "Paris city", "nowa łódź", "Marie Curie Skłodowska"]
        passages = PassageTexts.read(texts, titles)
        rho = np.array([1.0, 0.5, 0.2, 0.0, -1.0])
        named = mentions(passages, rho)
        # By passages 0, 2 and 4 (as the beginning of its title); the best of them counts.
        np.testing.assert_allclose(named, [0, 1 / np.sqrt(3), 0, 1, 0])

    def test_names_do_not_reach_across_two_passages(self) -> None:
        texts = ["ends with Marie", "Curie begins", "Marie Curie\nwas a physicist"]
        assert not mentions(PassageTexts.read(texts), np.array([3.0, 2.0, 1.0])).any()

    def test_a_passage_does_not_mention_itself_or_its_namesake(self) -> None:
        texts = ["Marie Curie\npart one of Marie Curie", "Marie Curie\npart two on Marie Curie"]
        assert not mentions(PassageTexts.read(texts), np.array([1.0, 0.0])).any()

    def test_only_mentions_by_the_ten_best_count(self) -> None:
        texts = ["nothing to see"] * 10 + ["on Marie Curie", "Marie Curie\nwas a physicist"]
        rho = np.arange(12.0)[::-1].copy()
        assert not mentions(PassageTexts.read(texts), rho).any()
        rho[10] = 50
        assert mentions(PassageTexts.read(texts), rho)[11] == 1

    @pytest.mark.parametrize("texts", [[], [""], ["a"], ["", "...", "a b"], ["東京タワー\n塔", ""]])
    def test_texts_that_hold_little(self, texts: list[str]) -> None:
        assert not mentions(PassageTexts.read(texts), np.zeros(len(texts))).any()

    def test_in_scripts_without_spaces(self) -> None:
        texts = ["彼は東京タワーで働く", "東京タワー\nは塔である"]
        assert mentions(PassageTexts.read(texts), np.array([1.0, 0.0])).tolist() == [0, 1]

    def test_the_weight_of_words_bounds_that_of_mentions(self) -> None:
        passages = PassageTexts.read(self.texts)
        row, question = [[0.6, 0.2, 0.45, 0.35, 0.4]], "director of The Silent River?"
        for weight in (0.1, 1.0, 5.0):
            found = combine_witnesses(row, [question], passages, Witnesses(words=weight))
            total = found.total - 2 * min(weight, 1) * found.scores_by_witness["mention"]
            assert total.std() == pytest.approx(1)


class TestChance:
    def test_it_is_a_chance(self) -> None:
        random = np.random.default_rng(0)
        for seed in range(100):
            count = 1 + seed % 7
            cosine = random.uniform(-1, 1, size=(1 + seed % 2, count))
            texts = PassageTexts.read([f"{random.integers(9)} metal" for _ in range(count)])
            for passages, asked in [(texts, "7 metal"), (texts, None), (None, "x")]:
                for witnesses in (
                    Witnesses(),
                    NAMED_WITNESSES["vectors"],
                    NAMED_WITNESSES["words"],
                ):
                    found = combine_witnesses(cosine, [asked] * len(cosine), passages, witnesses)
                    assert 0 <= found.chance <= 1
                    assert found.probably_missing == (found.chance < 0.25)

    def test_nonsense_has_nearly_none_and_a_question_with_its_words_has(self) -> None:
        passages, questions = real_texts()
        texts = [text for _, text in passages[:100]]
        titles = [title for title, _ in passages[:100]]
        read = PassageTexts.read(texts, titles)
        random = np.random.default_rng(0)
        far, near = random.uniform(-0.1, 0.15, size=100), random.uniform(0.2, 0.4, size=100)
        near[3] = 0.75
        nonsense = combine_witnesses([far], ["xqzv blorp wuggle fnord"], read, Witnesses())
        asked = combine_witnesses([near], [f"{titles[3]}: {texts[3][:60]}?"], read, Witnesses())
        assert nonsense.chance < 0.05
        assert nonsense.probably_missing
        assert asked.chance > 0.6
        assert combine_witnesses([near], [questions[0]], read, Witnesses()).chance > nonsense.chance

    def test_it_falls_when_the_evidence_is_taken_out(self) -> None:
        whole = heard(Witnesses())
        rest = [1, 2, 3]
        less = combine_witnesses(
            [COSINE[rest]], [QUESTION], PassageTexts.read([TEXTS[i] for i in rest]), Witnesses()
        )
        assert less.chance < whole.chance


def test_relevance_keeps_the_scores_of_each_witness() -> None:
    found = heard(Witnesses())
    assert replace(found, chance=0.1).probably_missing
    np.testing.assert_allclose(
        cosines(np.eye(2, dtype=np.float32), np.ones((1, 2), dtype=np.float32)), np.sqrt(0.5)
    )
