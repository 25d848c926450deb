"""The page makes the selection again as Python does, to the pick, in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chromium import Chromium
from documents_in_memory import REAL, Columns
from real_texts import real_texts
from test_random_retrievals import random_retrieval

from sift_retrievers import Cosine, Exponential, RelevanceWeighted, select
from sift_retrievers.retrieval import Retrieval
from sift_retrievers.witnesses import Witnesses

QUESTIONS = real_texts()[1]


def ask(question: str, k: int, fetch: int, words: float, noise: float, kernel: Any) -> Any:
    relevance = None if isinstance(kernel, Cosine) else Witnesses(words=words)
    return REAL.ask(question, k, fetch=fetch, relevance=relevance, kernel=kernel, lambda_=noise)


def check(got: dict[str, Any], want: Retrieval[Any]) -> None:
    columns = Columns(want)
    assert got["positions"] == columns.positions.tolist()
    assert got["reason"] == want.stop_reason
    assert got["chance"] == pytest.approx(want.chance)
    np.testing.assert_allclose(got["relevance"], want.candidates.relevance.total, atol=1e-9)
    np.testing.assert_allclose(got["gains"], columns.gains, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(got["novelty"], columns.novelty, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "kernel",
    ["phrases", RelevanceWeighted(), RelevanceWeighted(0.2, Exponential(5.0)), Cosine()],
    ids=["phrases", "relevance", "exponential", "cosine"],
)
def test_other_settings_give_the_picks_of_python(
    chromium: Chromium, tmp_path: Path, kernel: Any
) -> None:
    random = np.random.default_rng(7)
    for at in random.choice(len(QUESTIONS), 10, replace=False).tolist():
        question = QUESTIONS[at]
        first = ask(question, 4, 100, 1.0, 0.1, kernel)
        chromium.open(first.explanation().html(tmp_path / "page.html"))
        check(chromium.run("return siftPage.choose({})"), first)
        for _ in range(8):
            k, fetch = int(random.integers(1, 15)), int(random.integers(20, 101))
            words = float(random.choice([0.0, 0.25, 1.0, 3.0]))
            noise = float(10 ** random.uniform(-3, 2))
            given = {"k": k, "candidates": fetch, "words": words, "lambda": noise}
            if isinstance(kernel, Cosine):  # which has no slider for words
                del given["words"]
            got = chromium.run("return siftPage.choose(arguments[0])", given)
            check(got, ask(question, k, fetch, words, noise, kernel))
    assert chromium.messages() == []


def test_ten_questions_by_moving_the_sliders(chromium: Chromium, tmp_path: Path) -> None:
    values = "return [...Array(1 + +document.getElementById(`slider-${arguments[0]}`).max).keys()]"
    random = np.random.default_rng(3)
    for at in random.choice(len(QUESTIONS), 10, replace=False).tolist():
        question = QUESTIONS[at]
        chromium.open(REAL.ask(question, 4).explanation().html(tmp_path / "page.html"))
        for name in ("k", "lambda", "words", "candidates"):
            scale = chromium.run(values, name)
            chromium.slide(name, int(random.integers(len(scale) // 3, len(scale))))
        k, noise, words, fetch = chromium.run("return Object.values(siftPage.current())")[:4]
        want = ask(question, k, fetch, words, noise, "phrases")
        candidates = want.candidates
        assert candidates.coverage is not None
        by_select = select(
            want.targets[0].vector,
            want.hits.vectors,
            k,
            kernel=candidates.coverage,
            relevance=candidates.relevance.total,
            lambda_=noise,
            objective="undirected",
        )
        assert by_select.indices.tolist() == [pick.position for pick in want.picks]
        firsts = [one.text[:12] for one in want.picks]
        shown = [line.partition(" — ")[2][:12] for line in chromium.shown_picks()]
        assert shown == [" ".join(text.split()) for text in firsts] or shown == firsts
        assert len(shown) == len(want.picks)


@pytest.mark.filterwarnings("ignore:distinct_by has no effect")
def test_random_stores_and_rules(chromium: Chromium, tmp_path: Path) -> None:
    """Every kernel and rule; copies, blank texts and zero vectors among the candidates."""
    for seed in range(120):
        retrieval = random_retrieval(seed)
        # The page counts in float64, where tiny vectors are no zeros as they are in float32.
        if "Linear" in repr(retrieval.rules.chosen_kernel):
            continue
        chromium.open(retrieval.explanation().html(tmp_path / "page.html"))
        try:
            check(chromium.run("return siftPage.choose({})"), retrieval)
        except AssertionError as failure:
            raise AssertionError(f"seed {seed}: {failure}") from failure
        assert chromium.messages() == []


def test_reasons_and_gains_that_are_left(chromium: Chromium, tmp_path: Path) -> None:
    for rules in ({}, {"relevance": "vectors"}, {"kernel": "cosine"}, {"min_novelty": 0.7}):
        explanation = REAL.ask(QUESTIONS[5], 6, **rules).explanation()
        chromium.open(explanation.html(tmp_path / "page.html"))
        got = chromium.run("return siftPage.choose({})")
        inputs = explanation.to_dict(inputs=True)["inputs"]
        place = {candidate["id"]: i for i, candidate in enumerate(inputs["candidates"])}
        for passage in explanation.passages:
            at = place[passage.id]
            assert got["why"][at] == passage.reason
            assert got["alone"][at] == pytest.approx(passage.gain_alone, rel=1e-3, abs=1e-5)
            if passage.gain_left is not None:
                assert got["left"][at] == pytest.approx(passage.gain_left, rel=1e-3, abs=1e-5)


def test_mmr_is_that_of_langchain(chromium: Chromium, tmp_path: Path) -> None:
    utils = pytest.importorskip("langchain_core.vectorstores.utils")
    for question in QUESTIONS[:10]:
        retrieval = REAL.ask(question, 8)
        chromium.open(retrieval.explanation().html(tmp_path / "page.html"))
        for share in (0.0, 0.5, 0.9, 1.0):
            got = chromium.run("return siftPage.mmr({lambdaMult: arguments[0]})", share)
            want = utils.maximal_marginal_relevance(
                retrieval.targets[0].vector, [*retrieval.hits.vectors], lambda_mult=share, k=8
            )
            assert got == [*map(int, want)]
