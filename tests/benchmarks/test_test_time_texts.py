"""What the experiment of test-time fine-tuning reads: splits, sequences, choices."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from benchmarks.test_time.choosers import (
    at_random,
    nearest_again,
    nearest_neighbours,
    sift,
    uncertainty_sampling,
)
from benchmarks.test_time.corpus import (
    SHORTEST,
    Reader,
    Text,
    sequences,
    split,
    spread,
)
from benchmarks.test_time.dataset import without_copies
from benchmarks.test_time.memory import COPIES, STEPS, Candidates, Memory, candidates


def pieces(parents: dict[str, int], domain: str = "law") -> list[Text]:
    return [Text(f"{name} {i}", domain, name) for name, n in parents.items() for i in range(n)]


def test_no_parent_is_on_both_sides_and_enough_is_held_out() -> None:
    texts = pieces({f"book {i}": 1 + i % 4 for i in range(40)})
    parts = split(texts, share=0.2)
    assert {t.parent for t in parts.train}.isdisjoint(t.parent for t in parts.held_out)
    assert sorted(parts.train + parts.held_out, key=str) == sorted(texts, key=str)
    assert 0.2 * len(texts) <= len(parts.held_out) < 0.2 * len(texts) + 4
    assert split(texts, share=0.2) == parts


def test_a_single_book_loses_its_end_and_the_piece_before_it() -> None:
    texts = pieces({"book": 20})
    parts = split(texts, share=0.1)
    assert parts.held_out == tuple(texts[18:])
    assert parts.train == tuple(texts[:17])


def words(longest: int) -> Reader:
    tokenizer = Tokenizer(models.WordLevel({"": 0}, unk_token=""))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return Reader(tokenizer, longest)


def letters(longest: int) -> Reader:
    tokenizer = Tokenizer(models.BPE(unk_token="?", vocab={"?": 0}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return Reader(tokenizer, longest)


@pytest.mark.parametrize("limits", [(40, 1000), (200, 170), (33, 170)])
def test_sequences_are_seen_whole_by_every_reader_and_lose_nothing(limits: tuple[int, int]) -> None:
    drawn = np.random.default_rng(3)
    text = "".join(
        "x" * drawn.integers(1, 9) + drawn.choice([" ", "\n\n", "  "]) for _ in range(900)
    )
    readers = [words(limits[0]), letters(limits[1])]
    found = sequences([Text(text, "law", "a")], readers)
    for sequence in found:
        assert all(len(r.starts(sequence.text)) <= r.longest for r in readers)
    joined = "".join(re.sub(r"\s", "", sequence.text) for sequence in found)
    whole = re.sub(r"\s", "", text)
    assert whole.startswith(joined)  # a short rest may be left out
    assert len(whole) - len(joined) <= 9 * SHORTEST


def test_a_word_longer_than_a_reader_sees_is_cut() -> None:
    found = sequences([Text("y" * 500, "code", "a")], [letters(100)])
    assert "".join(s.text for s in found) == "y" * 500
    assert max(len(s.text) for s in found) <= 100


def unit(rows: int, d: int = 16, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((rows, d)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture
def memory() -> Memory:
    return Memory(unit(300), np.arange(300))


@pytest.fixture
def offered(memory: Memory, tmp_path_factory: pytest.TempPathFactory) -> Candidates:
    folder = tmp_path_factory.mktemp("pools")
    return candidates(["a document"], unit(1, seed=1), memory, folder)[0]


def test_nearest_neighbours_are_the_most_similar_texts(memory: Memory, offered: Candidates) -> None:
    cosines = memory.vectors @ offered.query
    assert list(nearest_neighbours(offered).origins) == np.argsort(-cosines)[:STEPS].tolist()
    assert set(nearest_again(offered).origins) == {int(cosines.argmax())}


def test_a_memory_with_copies_offers_texts_again(
    memory: Memory, offered: Candidates, tmp_path: Path
) -> None:
    copies = memory.duplicated()
    counts = np.bincount(copies.origins)
    assert sorted(set(counts)) == [1, 1 + COPIES]
    assert (counts > 1).sum() == 100
    np.testing.assert_array_equal(copies.vectors, memory.vectors[copies.origins])
    (again,) = candidates(["a document"], offered.query[None], copies, tmp_path)
    assert len(again.texts) == 300
    np.testing.assert_array_equal(again.vectors, memory.vectors[again.origins])
    order = np.argsort(-(memory.vectors @ offered.query))
    expected = [text for text in order for _ in range(counts[text])][:STEPS]
    assert list(nearest_neighbours(again).origins) == expected


def test_half_of_a_memory_is_drawn_from_alone(memory: Memory, tmp_path: Path) -> None:
    half = memory.halved()
    assert len(set(half.origins.tolist())) == 150
    np.testing.assert_array_equal(half.vectors, memory.vectors[half.origins])
    (offered,) = candidates(["a document"], unit(1, seed=1), half, tmp_path)
    for choose in (nearest_neighbours, at_random):
        assert set(choose(offered).origins) <= set(half.origins.tolist())


def test_a_memory_that_is_too_small_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"at least 50 texts; got 49"):
        candidates(["a"], unit(1), Memory(unit(49), np.arange(49)).duplicated(), tmp_path)


def test_random_passages_are_those_of_the_document(offered: Candidates) -> None:
    chosen = at_random(offered)
    assert chosen == at_random(offered)
    assert len(set(chosen.origins)) == STEPS
    assert set(chosen.origins) - set(offered.origins.tolist())  # of the whole memory
    assert at_random(replace(offered, seed=offered.seed + 1)) != chosen
    assert at_random(replace(offered, query=offered.query + 1e-7)) == chosen


@pytest.mark.parametrize("lambda_", [0.01, 1.0])
def test_sift_leaves_less_uncertainty_than_nearest_neighbours(
    offered: Candidates, lambda_: float
) -> None:
    chosen = sift(lambda_)(offered)
    assert len(chosen.sigma) == STEPS + 1
    gram = offered.vectors.astype(float) @ offered.vectors.T.astype(float)
    cosines = offered.vectors.astype(float) @ offered.query.astype(float)
    rows = {int(origin): i for i, origin in enumerate(offered.origins)}

    def left(origins: tuple[int, ...]) -> float:
        at = [rows[origin] for origin in origins]
        inside = gram[np.ix_(at, at)] + lambda_ * np.eye(len(at))
        return float(1 - cosines[at] @ np.linalg.solve(inside, cosines[at]))

    assert chosen.sigma[-1] ** 2 == pytest.approx(left(chosen.origins), abs=1e-4)
    assert left(chosen.origins) <= left(nearest_neighbours(offered).origins) + 1e-6


def test_uncertainty_sampling_takes_what_it_knows_least_whatever_the_document(
    offered: Candidates,
) -> None:
    chosen = uncertainty_sampling(offered)
    assert (
        uncertainty_sampling(replace(offered, query=unit(1, seed=9)[0])).origins == chosen.origins
    )
    rows = {int(origin): i for i, origin in enumerate(offered.origins)}
    gram = offered.vectors.astype(float) @ offered.vectors.T.astype(float)
    known: list[int] = []
    for origin in chosen.origins[:25]:
        inside = gram[np.ix_(known, known)] + 0.01 * np.eye(len(known))
        left = gram.diagonal() - (gram[known] * np.linalg.solve(inside, gram[known])).sum(axis=0)
        assert left[rows[origin]] == pytest.approx(left.max(), abs=1e-5)
        known.append(rows[origin])


def test_documents_come_from_as_many_parents_as_there_are() -> None:
    texts = pieces({"a": 10, "b": 2, "c": 10}) + pieces({"d": 9}, "code")
    drawn = spread(texts, 7)
    counts = Counter(text.parent for text in drawn)
    assert counts == {"a": counts["a"], "b": 2, "c": 5 - counts["a"], "d": 7}
    assert counts["a"] in (2, 3)
    assert len(set(drawn)) == 14


def test_what_mostly_stands_in_the_training_split_is_left_out() -> None:
    words = [f"word{i}" for i in range(60)]
    train = Text(" ".join(words), "law", "a")
    copied = Text(" ".join([*words[5:40], "and", "nothing", "new"]), "law", "b")
    own = Text(" ".join([*words[:14], *(f"own{i}" for i in range(20))]), "law", "c")
    short = Text("word1 word2", "law", "d")
    assert without_copies([copied, own, short], [train]) == [own, short]
