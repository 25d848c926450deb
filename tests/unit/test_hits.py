"""Hits: vectors that come as lists, texts that come without documents, what is not finite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sift_retrievers.retrieval import (
    Hits,
    Retrieval,
    SelectionRules,
    Target,
    check_hits,
    stacked,
    titles_in,
    union,
)


@pytest.mark.parametrize("kind", [list, tuple, np.array, lambda row: [*map(np.float32, row)]])
def test_rows_of_any_kind_are_what_numpy_makes_of_them(kind: Any) -> None:
    generator = np.random.default_rng(0)
    rows = generator.standard_normal((6, 5)) * 10.0 ** generator.integers(-44, 37, (6, 5))
    found = stacked([kind(row.tolist()) for row in rows], [None] * 6, 5)
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(found, rows.astype(np.float32))
    found[0] = 0  # whoever gets the array may write into it


def test_numbers_that_floats_are_not() -> None:
    assert stacked([[1, True], [2, 0.5]], [None] * 2, 2).tolist() == [[1, 1], [2, 0.5]]
    assert np.isinf(stacked([[1e300, 0.0]], [None], 2)[0, 0])
    assert np.isnan(stacked([[float("nan"), 0.0]], [None], 2)[0, 0])
    with pytest.raises(ValueError, match="vectors that are no numbers: could not convert"):
        stacked([["one", 2.0]], [None], 2)


def test_large_numbers_are_finite() -> None:
    large = Hits(np.full((2, 3), 3e38, dtype=np.float32), ["a", "b"], str)
    check_hits("Store", large, 3)
    large.vectors[1, 1] = np.nan
    with pytest.raises(ValueError, match=r"for 1 of 2 hits: ids \['b'\]"):
        check_hits("Store", large, 3)


TEXTS = ["the cat sat", "the cat sat on it", "a dog ran home", "", "a bird sang at home"]


def told(*positions: int, asked: list[int] | None = None) -> Hits[dict[str, Any]]:
    """Hits that tell their texts and metadata; the documents built are counted in `asked`."""
    metadata = [{"title": f"title {i}"} if i % 2 else None for i in positions]

    def document(i: int) -> dict[str, Any]:
        if asked is not None:
            asked.append(positions[i])
        return {"text": TEXTS[positions[i]], "metadata": metadata[i], "number": positions[i]}

    return Hits(
        np.eye(5, dtype=np.float32)[[*positions]] + 0.5,
        [str(i) for i in positions],
        document,
        texts=[TEXTS[i] for i in positions],
        metadata=metadata,
    )


def retrieval(hits: Hits[dict[str, Any]], **options: Any) -> Retrieval[dict[str, Any]]:
    given: dict[str, Any] = {
        "title": lambda d: (d["metadata"] or {}).get("title"),
        "titles_in": titles_in(None),
        "metadata": lambda d: d["metadata"],
    }
    rules = SelectionRules(**options.pop("rules", {}))
    target = Target(np.ones(5, dtype=np.float32), "where is the dog")
    return Retrieval(
        "where is the dog", [target], hits, 2, rules, text=lambda d: d["text"], **given | options
    )


@pytest.mark.parametrize(
    ("rules", "options"),
    [
        ({}, {}),
        ({"max_tokens": 9, "token_counter": len}, {}),
        ({"relevance": lambda question, texts: [*map(len, texts)]}, {}),
        ({}, {"title": None}),
        ({}, {"titles_in": None}),
        ({}, {"parent": lambda d: d["number"] % 3}),
    ],
)
def test_texts_that_came_along_are_read_as_those_of_documents(
    rules: dict[str, Any], options: dict[str, Any]
) -> None:
    asked: list[int] = []
    hits = told(0, 1, 2, 3, 4, asked=asked)
    found = retrieval(hits, rules=rules, **options)
    chosen = [d["number"] for d in found.outcome.documents]
    if "parent" not in options and "titles_in" not in options:
        assert sorted(asked) == sorted(chosen)  # only they were built
    by_documents = retrieval(replace(hits, texts=None, metadata=None), rules=rules, **options)
    assert [d["number"] for d in by_documents.outcome.documents] == chosen
    assert by_documents.judged.total.tolist() == found.judged.total.tolist()
    assert by_documents.explanation() == replace(found.explanation(), seconds={})


def test_a_union_tells_what_all_of_its_parts_tell() -> None:
    both = union([told(0, 1, 2), told(2, 3, 4)])
    assert both.texts == [TEXTS[i] for i in (0, 2, 1, 3, 4)]
    assert both.metadata is not None
    assert [(m or {}).get("title") for m in both.metadata] == [
        None, None, "title 1", "title 3", None,
    ]  # fmt: skip
    silent = replace(told(3), texts=None, metadata=None)
    some = union([told(0, 1), silent])
    assert some.texts is None
    assert some.metadata is None
    assert [d["number"] for d in some.documents(range(3)) if d] == [0, 3, 1]


@pytest.mark.parametrize(
    ("given", "metadata", "titles"),
    [
        (None, [{"title": " a\n b "}, {"title": ""}, {"title": 3}, None, {}], ["a b"] + [None] * 4),
        (None, [{"title": " ", "heading": "h"}, {"Header 2": "x", "Header 1": "y"}], ["h", "y x"]),
        ("name", [{"name": "n", "title": "t"}, {"title": "t"}, None], ["n", None, None]),
        (["a", "b"], [{"b": "2", "a": "1"}, {"b": "2"}], ["1 2", "2"]),
    ],
)
def test_titles(given: Any, metadata: Sequence[Any], titles: list[str | None]) -> None:
    read = titles_in(given)
    assert read is not None
    assert read(metadata) == titles


def test_titles_by_a_function_take_the_documents() -> None:
    assert titles_in(str) is None
    with pytest.raises(ValueError, match="title must be a metadata key"):
        titles_in([1, 2])  # type: ignore[list-item]
