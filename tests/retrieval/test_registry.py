"""`ReaderRegistry`: the reader of a store by its class, its bases, or another package's word."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from sift_retrievers.retrieval import Hits, StoredVector, StoreReader
from sift_retrievers.retrieval.registry import ReaderRegistry
from sift_retrievers.retrieval.stores import check_search_kwargs


class Base:
    def search(self) -> None: ...


class Middle(Base):
    pass


class Own(Middle):
    def search(self) -> None: ...


Base.__module__ = Own.__module__ = "package.inner"


class Reader(StoreReader[Any]):
    def search(self, query: Any, fetch_k: int, *, filter: Any = None) -> Hits[Any]:
        raise NotImplementedError


class Lookup(StoreReader[Any]):
    def vectors_by_id(self, ids: Any) -> dict[str, StoredVector]:
        return {name: StoredVector([1.0], "text") for name in ids}


class Both(Reader, Lookup):
    pass


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> ReaderRegistry:
    module = ModuleType("stand_in")
    module.Both = Both  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "stand_in", module)
    return ReaderRegistry({"package.Base": "stand_in:Both"}, lambda name: name == "search")


def test_along_the_bases(registry: ReaderRegistry) -> None:
    assert registry.find(Base(), "search") is Both
    assert registry.find(Middle(), "search") is Both
    assert registry.find(Own(), "search") is None  # its own search would be bypassed
    assert registry.find(Own(), "vectors_by_id") is Both  # which bypasses no search
    assert registry.find(object(), "search") is None
    registry.register("Own")(Reader)
    assert registry.find(Own(), "search") is Reader
    assert registry.find(Own(), "vectors_by_id") is Both
    registry.register(Base)(Lookup)
    assert registry.find(Middle(), "vectors_by_id") is Lookup
    assert registry.find(Middle(), "search") is None
    assert registry.names() == ["Base", "Own"]
    assert registry.names("vectors_by_id") == ["Base"]


def test_a_class_of_that_name_in_another_package_is_not_known(registry: ReaderRegistry) -> None:
    other = type("Base", (), {"__module__": "elsewhere"})
    assert registry.find(other(), "search") is None


def test_another_package_brings_its_reader(
    registry: ReaderRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    point = EntryPoint("elsewhere.Store", "stand_in:Both", "sift_retrievers.stores")
    wrong = EntryPoint("elsewhere.Wrong", "stand_in:__name__", "sift_retrievers.stores")
    asked: list[str] = []

    def points(group: str) -> list[EntryPoint]:
        asked.append(group)
        return [point, wrong]

    monkeypatch.setattr("sift_retrievers.retrieval.registry.entry_points", points)
    store = type("Store", (), {"__module__": "elsewhere.inner"})
    assert registry.find(Base(), "search") is Both
    assert asked == []  # only an unknown class is worth the search
    for _ in range(2):
        assert registry.find(store(), "search") is Both
    assert asked == ["sift_retrievers.stores"]
    with pytest.raises(TypeError, match=r"entry point 'elsewhere.Wrong'.* must name a subclass"):
        registry.find(type("Wrong", (), {"__module__": "elsewhere"})(), "search")


@pytest.mark.parametrize("stores", [(), (5,), (Base, None)])
def test_what_is_no_store(registry: ReaderRegistry, stores: Any) -> None:
    with pytest.raises(TypeError, match="register takes the store classes"):
        registry.register(*stores)


@pytest.mark.parametrize("reader", [len, 5, Base, Reader(None)])
def test_what_is_no_reader(registry: ReaderRegistry, reader: Any) -> None:
    with pytest.raises(TypeError, match="a reader is a subclass of StoreReader"):
        registry.register(Base)(reader)


def test_arguments_of_the_search() -> None:
    check_search_kwargs(Reader(Base()), {})
    check_search_kwargs(Reader(Base()), {"filter": 1})
    with pytest.raises(
        TypeError, match=r"search_kwargs of Base may hold \['filter'\]; got \['where"
    ):
        check_search_kwargs(Reader(Base()), {"where": 1, "filter": 2})


def test_what_a_reader_can() -> None:
    assert (Reader.can("search"), Reader.can("vectors_by_id")) == (True, False)
    assert (Lookup.can("search"), Lookup.can("vectors_by_id")) == (False, True)
    assert not Reader(None).searches_async
    with pytest.raises(NotImplementedError):
        Lookup(None).search(np.ones(1, dtype=np.float32), 1)


def test_a_name_may_say_of_which_package_the_class_is() -> None:
    registry = ReaderRegistry({}, lambda name: name == "search")
    registry.register("another.Base")(Lookup)
    assert registry.find(Base(), "vectors_by_id") is None
    registry.register("package.Base")(Lookup)
    assert registry.find(Base(), "vectors_by_id") is Lookup


def test_an_empty_name_is_no_store() -> None:
    with pytest.raises(TypeError, match="register takes the store classes"):
        ReaderRegistry({}, lambda _: False).register("")
