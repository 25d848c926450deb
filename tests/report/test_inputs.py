"""What a page is made from: marked texts, near-copies, places in two dimensions, package data."""

from __future__ import annotations

import tomllib
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import pytest
from both_roads import road
from real_texts import real_texts
from test_random_retrievals import random_text

from sift_retrievers.report.layout import principal_places
from sift_retrievers.report.marked import marked_texts
from sift_retrievers.report.page import SCRIPTS
from sift_retrievers.report.phrase_numbers import near_copies, phrase_numbers, run_lengths
from sift_retrievers.report.word_terms import naming_passages, terms_found
from sift_retrievers.witnesses.mentions import BEST, mentions
from sift_retrievers.witnesses.texts import PassageTexts
from sift_retrievers.witnesses.words import score_words

ROOT = Path(__file__).parents[2]
PASSAGES, QUESTIONS = real_texts()

__all__ = ["road"]


def marked(text: str, question: str) -> list[str]:
    (parts,) = marked_texts([text], [question])
    assert "".join(part for part, _ in parts) == text
    return [part for part, level in parts if level > 0]


def test_words_are_marked_as_they_are_compared() -> None:
    assert marked("Müller's pump, the PUMP", "the muller pump?") == [
        "Müller",
        "pump",
        "the",
        "PUMP",
    ]
    assert marked("die Pumpe", "the pump") == []
    assert marked("東京は日本の首都", "日本の首都はどこ") == ["日本の首都"]
    assert marked("soft\u00adhyphen", "softhyphen") == ["soft\u00adhyphen"]
    assert marked("", "word") == []
    assert marked("word", "") == []
    assert marked("a\ud800b word\x00", "word") == ["word"]


def test_rarer_words_have_a_higher_level() -> None:
    texts = ["the pump of the house", "the valve", "the tank", "the wall"]
    levels = dict(marked_texts(texts, ["the pump"])[0])
    assert levels["pump"] == 3
    assert levels["the"] == 1


@pytest.mark.usefixtures("road")
def test_random_texts_stay_whole() -> None:
    random = np.random.default_rng(0)
    texts = [random_text(random) for _ in range(300)]
    for parts, text in zip(marked_texts(texts, [*QUESTIONS[:3], None]), texts, strict=True):
        assert "".join(part for part, _ in parts) == text[:4_000]


@pytest.mark.usefixtures("road")
def test_terms_are_those_that_the_scores_count() -> None:
    texts = [text for _, text in PASSAGES[:60]] + ["", "東京"]
    read = PassageTexts.read(texts)
    found, scores = terms_found(QUESTIONS[0], read), score_words(QUESTIONS[0], texts)
    for i in range(len(texts)):
        assert (len(found["words"]["found"][i]) > 0) == (scores.words[i] > 0)
        assert (len(found["grams"]["found"][i]) > 0) == (scores.grams[i] > 0)
        assert (len(found["pairs"]["found"][i]) > 0) == (scores.pairs[i] > 0)


@pytest.mark.usefixtures("road")
def test_names_are_found_where_mentions_are() -> None:
    titles, texts = zip(*PASSAGES[:150], strict=True)
    read = PassageTexts.read(texts, titles)
    named = naming_passages(read)
    for seed in range(20):
        relevance = np.random.default_rng(seed).normal(size=len(texts))
        best = {*np.argsort(-relevance)[:BEST].tolist()}
        want = mentions(read, relevance)
        for i, where in enumerate(named):
            assert (want[i] > 0) == bool(best & {*where})


def copies(texts: list[str], cosine: float = 0.5) -> list[int]:
    read = PassageTexts.read(texts)
    phrases = phrase_numbers(read)
    ends = np.cumsum(read.arrays.phrase_counts)[:-1]
    distinct = [len(np.unique(one)) for one in np.split(read.arrays.phrases, ends)]
    pairs = np.full((len(texts), len(texts)), cosine, np.float32)
    return near_copies(phrases, distinct, pairs)


def test_near_copies_stand_with_the_first() -> None:
    text, other = PASSAGES[0][1], PASSAGES[40][1]
    assert copies([text, other, text + " One more line.", text, other.upper()]) == [0, 1, 0, 0, 1]
    assert copies([text, other, PASSAGES[80][1]]) == [0, 1, 2]
    assert copies(["", "", text], cosine=1.0) == [0, 0, 2]
    assert copies(["", ""], cosine=0.5) == [0, 1]
    assert copies([]) == []


def test_runs_of_phrases_of_one_passage_are_short() -> None:
    assert run_lengths(np.array([0, 0, 0, 5, 6, 0])) == [-3, 5, 6, -1]
    assert run_lengths(np.array([], dtype=np.intp)) == []


@pytest.mark.parametrize("shape", [(0, 5), (1, 5), (2, 1), (3, 400), (400, 3)])
def test_places_are_finite_and_keep_distances_in_two_dimensions(shape: tuple[int, int]) -> None:
    vectors = np.random.default_rng(0).normal(size=shape)
    vectors[:, 2:] = 0
    places, asked, share = principal_places(vectors, vectors[:1] if shape[0] else np.ones((1, 5)))
    assert places.shape == (shape[0], 2)
    assert np.isfinite(places).all()
    assert asked.shape == (1, 2)
    if shape[0] > 1:
        far = np.linalg.norm(vectors[0] - vectors[-1])
        assert np.linalg.norm(places[0] - places[-1]) == pytest.approx(far)
        assert share == pytest.approx(1.0)


def test_the_wheel_takes_every_file_of_the_page() -> None:
    folder = ROOT / "sift_retrievers" / "report" / "assets"
    assert {*SCRIPTS} == {file.name for file in folder.glob("*.js")}
    with (ROOT / "pyproject.toml").open("rb") as file:
        patterns = tomllib.load(file)["tool"]["setuptools"]["package-data"]["sift_retrievers"]
    for file in folder.iterdir():
        name = file.relative_to(ROOT / "sift_retrievers").as_posix()
        assert any(fnmatch(name, pattern) for pattern in patterns), name
