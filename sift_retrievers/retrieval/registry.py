"""Which reader reads which store: by package and class name, without importing any store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Final, TypeVar

from sift_retrievers.once import once
from sift_retrievers.retrieval.stores import StoreReader

ENTRY_POINTS: Final = "sift_retrievers.stores"
"""The group of entry points by which another package provides the reader of its store:
"langchain_mystore.MyStore" = "langchain_mystore.sift:MyStoreReader"."""

ReaderClass = type[StoreReader[Any]]
ReaderT = TypeVar("ReaderT", bound=ReaderClass)


class ReaderRegistry:
    """Readers of store classes and their subclasses.

    `find` goes through the class of a store and its bases, in method resolution order, and returns
    the first reader for one of them. If a class has several, a registered reader comes first, then
    the one that the registry began with, then that of another package's entry point.
    """

    def __init__(self, readers: Mapping[str, str], own_search: Callable[[str], bool]) -> None:
        """Begin with the readers that the integration provides.

        Args:
            readers: "package.ClassName" → "module:ClassName" of its reader, which is imported when
                the first such store is met. The package is the first part of the class's module,
                "langchain_chroma" say.
            own_search: whether a method of that name is a search. A subclass of a store that brings
                one is not read by the reader of a base class, which would bypass that search: it
                may hide some documents, say.
        """
        self._readers = dict(readers)
        self._given: dict[type | str, ReaderClass] = {}
        self._own_search = own_search

    def register(self, *stores: type | str) -> Callable[[ReaderT], ReaderT]:
        """Class decorator: registers a reader for stores of these classes and their subclasses.

        Args:
            *stores: classes, or their names: "MyStore", or "langchain_mystore.MyStore" where
                several packages have a class of that name.

        Raises:
            TypeError: if a store is neither a class nor a name, or the decorated class is not a
                subclass of `StoreReader`.
        """
        if not stores or not all(isinstance(store, type) or _is_name(store) for store in stores):
            raise TypeError(
                "register takes the store classes that the reader reads, or their names, as in "
                f'@register_reader("MyStore"); got {stores}'
            )

        def remember(reader: ReaderT) -> ReaderT:
            if not (isinstance(reader, type) and issubclass(reader, StoreReader)):
                raise TypeError(f"a reader is a subclass of StoreReader; got {reader!r}")
            for store in stores:
                self._given[store] = reader
            return reader

        return remember

    def find(self, store: object, method: str) -> ReaderClass | None:
        """The reader class of the nearest class of a store that has one, or None.

        Args:
            store: any.
            method: what the reader must define, "search" or "vectors_by_id". Looking up vectors
                by id bypasses no search, so a subclass with its own search is no obstacle.
        """
        for cls in type(store).__mro__:
            reader = self._reader_of(cls)
            if reader is not None and reader.can(method):
                return reader
            if method == "search" and any(self._own_search(name) for name in vars(cls)):
                return None
        return None

    def names(self, method: str | None = None) -> list[str]:
        """The names of all store classes that have a reader, or one that can do `method`.

        With a method all readers are imported.
        """
        given = {s if isinstance(s, str) else s.__name__: r for s, r in self._given.items()}
        known = {name.partition(".")[2]: where for name, where in self._readers.items()}
        if method is not None:
            known = {name: w for name, w in known.items() if _loaded(w).can(method)}
            given = {name: reader for name, reader in given.items() if reader.can(method)}
        return sorted({*given, *known})

    def _reader_of(self, cls: type) -> ReaderClass | None:
        name = f"{cls.__module__.partition('.')[0]}.{cls.__name__}"
        for key in (cls, name, cls.__name__):
            if key in self._given:
                return self._given[key]
        if name in self._readers:
            return _loaded(self._readers[name])
        if cls.__module__.partition(".")[0] in _NOT_STORES or name not in self._brought:
            return None
        reader = self._brought[name].load()
        if not (isinstance(reader, type) and issubclass(reader, StoreReader)):
            raise TypeError(
                f"the entry point {name!r} of {ENTRY_POINTS!r} must name a subclass of "
                f"StoreReader; got {reader!r}"
            )
        return reader

    @once
    def _brought(self) -> dict[str, Any]:
        """The entry points of other packages by name; read when an unknown class is met."""
        return {point.name: point for point in entry_points(group=ENTRY_POINTS)}


def _is_name(store: object) -> bool:
    return isinstance(store, str) and store != ""


_NOT_STORES: Final = frozenset({"builtins", "abc", "typing", "pydantic", "langchain_core"})


def _loaded(where: str) -> ReaderClass:
    module, _, name = where.partition(":")
    reader: ReaderClass = getattr(import_module(module), name)
    return reader
