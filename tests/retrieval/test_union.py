"""The hits of several searches as one."""

from __future__ import annotations

import numpy as np

from sift_retrievers.retrieval import Hits
from sift_retrievers.retrieval.hits import no_hits
from sift_retrievers.retrieval.union import union


def hits(*rows: tuple[str | None, list[float], str]) -> Hits[str]:
    texts = [text for _, _, text in rows]
    vectors = np.array([vector for _, vector, _ in rows], dtype=np.float32)
    metadata = [{"text": text} for text in texts]
    return Hits(vectors, [name for name, _, _ in rows], texts, metadata, texts.__getitem__)


def texts(found: Hits[str]) -> list[str]:
    """The texts, which belong to the documents and the metadata of the same hits."""
    documents = [found.document(i) for i in range(len(found))]
    assert documents == [*found.texts] == [(m or {})["text"] for m in found.metadata]
    return documents


def test_union_takes_in_turn_and_nothing_twice() -> None:
    one = hits(("a", [1, 0], "A"), ("b", [0, 1], "B"), ("c", [1, 1], "C"))
    two = hits(("d", [2, 0], "D"), ("a", [1, 0], "A"))
    both = union([one, two])
    assert [*both.ids] == ["a", "d", "b", "c"]
    assert texts(both) == ["A", "D", "B", "C"]
    assert both.vectors.tolist() == [[1, 0], [2, 0], [0, 1], [1, 1]]


def test_union_keeps_chunks_that_share_an_id() -> None:
    chunks = hits(("x", [1, 0], "first"), ("x", [0, 1], "second"), ("x", [1, 0], "first"))
    assert texts(union([chunks])) == ["first", "second"]


def test_distinct_texts_with_one_vector_and_no_id_stay_apart() -> None:
    """A model that truncates embeds the sections of a document alike."""
    sections = hits(*((None, [1, 0], f"section {i}") for i in range(5)))
    assert texts(union([sections])) == [f"section {i}" for i in range(5)]
    more = hits((None, [1, 0], "section 1"), (None, [1, 0], "section 9"))
    assert len(union([sections, more])) == 6


def test_union_goes_by_id_where_each_has_its_own() -> None:
    one = hits(("a", [1, 0], "same"), ("b", [1, 0], "same"))
    two = hits(("b", [1, 1e-7], "same"))  # the bits of a vector may differ between searches
    assert [*union([one, two]).ids] == ["a", "b"]
    assert union([one]) is one


def test_union_of_nothing() -> None:
    assert len(union([no_hits(3), no_hits(3)])) == 0
    assert union([no_hits(3), no_hits(3)]).vectors.shape == (0, 3)
    assert texts(union([no_hits(2), hits(("a", [1, 0], "A"))])) == ["A"]
