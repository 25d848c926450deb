"""The titles of documents, from their metadata or by a function."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from sift_retrievers.retrieval import Hits
from sift_retrievers.retrieval.titles import title_reader, titles_of


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
    assert title_reader(given)(metadata) == titles
    n = len(metadata)
    hits = Hits(np.eye(n, dtype=np.float32), [None] * n, [""] * n, metadata, str)
    assert titles_of(hits, given) == titles


def test_titles_by_a_function_take_the_documents() -> None:
    hits = Hits(
        np.eye(3, dtype=np.float32), [None] * 3, [""] * 3, [{}] * 3, [1, " a\nb ", ""].__getitem__
    )
    assert titles_of(hits, lambda document: document) == [None, "a b", None]


def test_keys_that_are_no_strings() -> None:
    with pytest.raises(ValueError, match="title must be a metadata key"):
        title_reader([1, 2])  # type: ignore[list-item]
