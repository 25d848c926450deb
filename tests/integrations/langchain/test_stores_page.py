"""docs/stores.md says of every reader what the reader does."""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from langchain_sift.stores import StoreReader
from langchain_sift.stores.registry import READERS

PAGE = Path(__file__).parents[3] / "docs" / "stores.md"


def rows(heading: str) -> dict[str, list[str]]:
    """The cells of a table by the name in its first column."""
    section = PAGE.read_text(encoding="utf-8").split(f"## {heading}\n")[1].split("\n## ")[0]
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in section.splitlines()
        if line.startswith("| `")
    ]
    return {first.split("`")[1]: rest for first, *rest in cells}


ROWS = rows("LangChain")


def reader(name: str) -> type[StoreReader[Any]]:
    """The reader of the store that the page means, the first of two packages' of one name."""
    where = next(w for key, w in sorted(READERS._readers.items()) if key.endswith(f".{name}"))
    module, _, cls = where.partition(":")
    found: type[StoreReader[Any]] = getattr(import_module(module), cls)
    return found


def test_every_store_has_a_row() -> None:
    assert [*ROWS] == READERS.names()


@pytest.mark.parametrize("name", ROWS)
def test_filter_arguments(name: str) -> None:
    cls = reader(name)
    method = getattr(cls, "find", cls.search)  # of a reader that has two kinds of clients
    taken = [
        parameter.name
        for parameter in inspect.signature(method).parameters.values()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    ]
    cell = ROWS[name][1]
    named = [part for i, part in enumerate(cell.split("`")) if i % 2]
    assert {*named} <= {*taken, "query_points"}
    if "further" not in cell:
        assert {*taken} <= {*named}
    if not taken:
        assert cell.startswith("none")


@pytest.mark.parametrize("name", ROWS)
def test_async(name: str) -> None:
    says = ROWS[name][3] != "no"
    async_too = reader(name).searches_async is not StoreReader.searches_async
    if f"Async{name}" in ROWS:  # one reader for the synchronous and the asynchronous store
        assert async_too
        assert not says
    else:
        assert says == async_too


@pytest.mark.parametrize("name", ROWS)
def test_by_id(name: str) -> None:
    assert ROWS[name][4] == ("yes" if reader(name).can("vectors_by_id") else "no")


def test_the_stores_of_llama_index() -> None:
    registry = pytest.importorskip("llama_index.retrievers.sift.stores.registry")
    assert [*rows("LlamaIndex")] == registry.READERS.names()
