"""`retrieve`: what is not as its docstring says is refused, and the message names the fault."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sift_retrievers.retrieval import Hits, Retrieval, SelectionRules, Target, retrieve
from sift_retrievers.retrieval.hits import no_hits

RANDOM = np.random.default_rng(7)
VECTORS = RANDOM.normal(size=(6, 8)).astype(np.float32)
QUERY = RANDOM.normal(size=8).astype(np.float32)
BOTH = pytest.mark.parametrize("relevance", [None, "vectors"])


def hits(**parts: Any) -> Hits[int]:
    usual: dict[str, Any] = {
        "vectors": VECTORS,
        "ids": [str(i) for i in range(6)],
        "texts": [f"word{i} and common text" for i in range(6)],
        "metadata": [{"source": i % 2} for i in range(6)],
        "document": int,
    }
    return Hits(**(usual | parts))


def ask(
    relevance: Any = None,
    *,
    k: Any = 3,
    targets: Any = None,
    given: Any = None,
    rules: Any = None,
) -> Retrieval[int]:
    targets = [Target(QUERY, "common text word3")] if targets is None else targets
    rules = SelectionRules(relevance=relevance) if rules is None else rules
    return retrieve("word3", targets, hits() if given is None else given, k, rules)


@BOTH
@pytest.mark.parametrize("k", [0, -1, 2.5, True, "3", None])
def test_k_that_is_no_number_of_passages(relevance: Any, k: Any) -> None:
    with pytest.raises(ValueError, match="k must be a whole number of at least 1"):
        ask(relevance, k=k)


@BOTH
@pytest.mark.parametrize(("k", "chosen"), [(np.int64(2), 2), (2**70, 6)])
def test_k_of_any_kind_and_size(relevance: Any, k: Any, chosen: int) -> None:
    found = ask(relevance, k=k)
    assert len(found.picks) == chosen
    assert found.stop_reason == ("k" if chosen == 2 else "exhausted")


@BOTH
@pytest.mark.parametrize(
    ("targets", "error", "message"),
    [
        ([], ValueError, "at least one Target"),
        ([QUERY], TypeError, "must be Target objects"),
        (["a question"], TypeError, "must be Target objects"),
        ([Target([1.0] * 8)], TypeError, "with a numpy array"),  # type: ignore[arg-type]
        ([Target(QUERY, 5)], TypeError, "a string or None"),  # type: ignore[arg-type]
        ([Target(QUERY[None])], ValueError, r"vectors \[d\], of one length; got shapes \[\(1, 8\)"),
        ([Target(QUERY), Target(QUERY[:3])], ValueError, "of one length"),
        ([Target(QUERY[:3])], ValueError, r"shape \(8,\), but .* dimension 3"),
        ([Target(QUERY * np.float32("nan"))], ValueError, "vectors of targets must be finite"),
        ([Target(QUERY * np.float32("inf"))], ValueError, "vectors of targets must be finite"),
    ],
)
def test_targets(relevance: Any, targets: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        ask(relevance, targets=targets)


@BOTH
@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ("hits", TypeError, "hits must be Hits; got str"),
        (hits(vectors=VECTORS.tolist()), TypeError, "in an array of floats"),
        (hits(vectors=np.ones((6, 8), dtype=int)), TypeError, "in an array of floats"),
        (
            hits(vectors=VECTORS[:, :3]),
            ValueError,
            r"shape \(3,\), but .* dimension 8",
        ),
        (hits(vectors=VECTORS * np.float32("nan")), ValueError, "vectors of hits must be finite"),
        (hits(vectors=VECTORS * np.float32("inf")), ValueError, "vectors of hits must be finite"),
        (hits(ids=["a"]), ValueError, "6 vectors and 1 ids"),
        (hits(texts=["a"] * 7), ValueError, "6 vectors and 7 texts"),
        (hits(metadata=[{}]), ValueError, "6 vectors and 1 metadata"),
        (hits(texts=["a"] * 5 + [None]), TypeError, r"strings as texts.*NoneType"),
        (hits(texts=[b"a"] * 6), TypeError, r"strings as texts.*bytes"),
    ],
)
def test_hits(relevance: Any, given: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        ask(relevance, given=given)


@pytest.mark.parametrize("rules", [{}, "vectors"])
def test_rules(rules: Any) -> None:
    with pytest.raises(TypeError, match="rules must be SelectionRules"):
        ask(rules=rules)


def test_a_count_of_tokens_that_no_float_holds() -> None:
    rules = SelectionRules(max_tokens=5, token_counter=lambda _: 10**400)
    with pytest.raises(ValueError, match="token_counter must give a number of tokens"):
        ask(rules=rules)


@BOTH
def test_half_precision_has_the_cosines_of_its_values(relevance: Any) -> None:
    half = VECTORS.astype(np.float16)
    rows = half.astype(np.float64)
    found = ask(relevance, given=hits(vectors=half), k=6)
    cosine = rows @ QUERY / np.linalg.norm(rows, axis=1) / np.linalg.norm(QUERY.astype(np.float64))
    for one in found.picks:
        assert one.similarity == pytest.approx(cosine[one.position], abs=1e-7)


@BOTH
def test_no_hits(relevance: Any) -> None:
    found = ask(relevance, given=no_hits(8))
    assert (found.picks, found.stop_reason) == ((), "exhausted")
