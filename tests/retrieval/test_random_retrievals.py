"""Random stores, questions and rules: whatever they are, the numbers keep their promises."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from documents_in_memory import EVERY_RULE, Columns, Doc, Store, documents_of, numbers_of
from real_texts import real_texts

from sift_retrievers.retrieval import Retrieval, Target

pytestmark = pytest.mark.usefixtures("road")

PASSAGES, QUESTIONS = real_texts()
SIGNS = [*"abcdefg  \n(_é東京はภาษาไทย한국مُحשלוהिन्दी❤️😀\u00ad\u200b\u200f\x00\ud800"]


def random_text(random: np.random.Generator) -> str:
    kind = random.integers(0, 6)
    if kind == 0:
        return PASSAGES[random.integers(0, 300)][1]
    if kind < 4:
        return ["", " \n", "the same text"][kind - 1]
    return "".join(random.choice(SIGNS, size=random.integers(0, 60)))


def random_retrieval(seed: int) -> Retrieval[Doc]:
    """Blank texts, copies, vectors that are zero, tiny or large, and any rules together."""
    random = np.random.default_rng(seed)

    def maybe(chance: float) -> bool:
        return bool(random.random() < chance)

    count = int(random.choice([0, 1, 2, 3, 8, 30]))
    metadata = [None, {}, {"title": 3}, {"title": random_text(random)}]
    documents = [Doc(random_text(random), metadata[random.integers(0, 4)]) for _ in range(count)]
    vectors = random.normal(size=(count, 5)).astype(np.float32)
    if count:
        vectors[random.random(count) < 0.2] = 0
        vectors[random.random(count) < 0.3] = vectors[0]
        vectors *= np.float32(10.0 ** random.choice([0, 0, 0, -20, -30, 15]))
    texts = [None, random_text(random), QUESTIONS[random.integers(0, 90)]]
    targets = [
        Target(random.normal(size=5).astype(np.float32), texts[random.integers(0, 3)])
        for _ in range(random.integers(1, 4))
    ]
    rules: dict[str, Any] = dict(EVERY_RULE[random.integers(0, len(EVERY_RULE))])
    if "linear" in str(rules.get("kernel")).lower() and count and abs(vectors).max() > 1e9:
        vectors /= np.float32(1e15)  # without numba, its recursion overflows there
    once = "replacement" not in rules
    if maybe(0.3):
        rules["min_gain"] = float(10 ** random.uniform(-4, 3))
    if once and maybe(0.3):
        rules["min_novelty"] = float(random.random())
    if maybe(0.2):
        rules["min_chance"] = float(random.random() * 0.3)
    if maybe(0.3):
        rules["alpha"] = float(10 ** random.uniform(-2, 1))
    if maybe(0.3):
        rules["score_threshold"] = float(random.uniform(-1, 1))
    if maybe(0.3):
        rules |= {"max_tokens": int(random.integers(1, 300)), "token_counter": len}
    if maybe(0.3):
        rules["lambda_"] = float(10 ** random.uniform(-9, 6))
    if once and maybe(0.3):
        rules["distinct_by"] = lambda document: len(document.text) % 3
    if maybe(0.3):
        rules["scores"] = random.normal(size=count) * 10.0 ** random.integers(-9, 20)
    k = int(random.integers(1, 40))
    return Store(documents, vectors).ask(targets[0].text or "", k, targets=targets, **rules)


def check(retrieval: Retrieval[Doc]) -> None:
    numbers, rules = numbers_of(retrieval), retrieval.rules
    choice = Columns(retrieval)
    assert len(numbers) == len(choice.positions) == len(documents_of(retrieval)) <= retrieval.k
    assert (choice.stop_reason == "k") == (len(numbers) == retrieval.k)
    assert (np.diff(choice.scores) < 0).all()
    for shares in (choice.scores, choice.novelty):
        assert ((shares >= 0) & (shares <= 1)).all()
    assert np.isfinite(choice.gains).all()
    assert (choice.gains >= 0).all()
    if choice.uncertainty is not None:
        most = choice.uncertainty[0]
        assert len(choice.uncertainty) == len(choice.positions) + 1
        assert (np.diff(choice.uncertainty) <= 1e-6 * most).all()
        assert (choice.uncertainty >= -1e-6 * most).all()
    if rules.min_novelty is not None:
        assert (choice.novelty >= rules.min_novelty).all()
    if rules.min_gain is not None:
        assert (choice.gains >= rules.min_gain * (1 - 1e-4) - 1e-6).all()
    if rules.max_tokens is not None:
        assert sum(len(d.text) for d in documents_of(retrieval)) <= rules.max_tokens
    if not rules.replacement:
        assert len({*choice.positions.tolist()}) == len(choice.positions)
    explained = retrieval.explanation()
    assert len(explained.passages) == len(retrieval.hits)
    ranks = [passage.rank for passage in explained.chosen]
    assert ranks == sorted(ranks)  # type: ignore[type-var]
    for passage in explained.passages:
        gains = (passage.gain_alone, passage.gain_left, passage.information_gain)
        assert all(gain is None or 0 <= gain < np.inf for gain in gains)
    assert str(explained)


@pytest.mark.parametrize("block", range(6))
@pytest.mark.filterwarnings("error")
def test_three_thousand_retrievals(block: int) -> None:
    for seed in range(500 * block, 500 * (block + 1)):
        try:
            check(random_retrieval(seed))
        except Exception as failure:
            raise AssertionError(f"seed {seed}: {failure!r}") from failure
