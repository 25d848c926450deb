"""Which adapter reads which store: by package and class name, without importing any store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any, Generic, TypeVar

AdapterT = TypeVar("AdapterT", bound=Callable[..., Any])


class AdapterRegistry(Generic[AdapterT]):
    """Adapters of store classes and their subclasses.

    A store is matched along the bases of its class, the nearest first.
    """

    def __init__(self, modules: Mapping[str, str], own_search: Callable[[str], bool]) -> None:
        """Begin with the adapters that come with the package.

        Args:
            modules: "package.ClassName" → the module that defines its adapter, as `fetch`; imported
                when the first such store is met. The package is the first part of the class's
                module, "langchain_chroma" say.
            own_search: whether a method of that name is a search. A subclass that brings one is not
                matched by a base's adapter: reading the vectors would bypass what its search does
                (it may hide some documents, say).
        """
        self._modules = dict(modules)
        self._given: dict[type | str, AdapterT] = {}
        self._own_search = own_search

    def register(self, *stores: type | str) -> Callable[[AdapterT], AdapterT]:
        """Decorator: the adapter of these classes (or class names) and of their subclasses.

        Takes precedence over the adapters that come with the package.
        """
        if not stores or not all(isinstance(store, type | str) for store in stores):
            raise TypeError(
                "register takes the store classes that the adapter reads, or their names, as in "
                f'@register("MyStore"); got {stores}'
            )

        def remember(adapter: AdapterT) -> AdapterT:
            if not callable(adapter):
                raise TypeError(f"an adapter is a callable; got {type(adapter).__name__}")
            for store in stores:
                self._given[store] = adapter
            return adapter

        return remember

    def find(self, store: object) -> AdapterT | None:
        """The adapter of the nearest class of the store that has one, or None."""
        for cls in type(store).__mro__:
            given = self._given.get(cls, self._given.get(cls.__name__))
            if given is not None:
                return given
            module = self._module_of(cls)
            if module is not None:
                adapter: AdapterT = module.fetch
                return adapter
            if any(self._own_search(name) for name in vars(cls)):
                return None
        return None

    def part(self, store: object, name: str) -> Any:
        """Something else that the module of the store's adapter defines, or None.

        What belongs to a base belongs to all subclasses: looking up a vector by its id bypasses no
        search.
        """
        modules = (self._module_of(cls) for cls in type(store).__mro__)
        return next((getattr(m, name, None) for m in modules if m is not None), None)

    def names(self) -> list[str]:
        """The names of all classes that have an adapter."""
        given = (store if isinstance(store, str) else store.__name__ for store in self._given)
        return sorted({*given, *(name.partition(".")[2] for name in self._modules)})

    def names_with(self, part: str) -> list[str]:
        """The names of the classes whose adapter's module defines `part`."""
        return sorted(
            {
                name.partition(".")[2]
                for name, module in self._modules.items()
                if hasattr(import_module(module), part)
            }
        )

    def _module_of(self, cls: type) -> ModuleType | None:
        name = self._modules.get(f"{cls.__module__.partition('.')[0]}.{cls.__name__}")
        return None if name is None else import_module(name)
