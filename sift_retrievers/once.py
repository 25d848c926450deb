"""`once`: an attribute that is computed when it is first asked for, without a lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

T = TypeVar("T")


class once(Generic[T]):  # noqa: N801  # used as a decorator, like `property`
    """As `functools.cached_property`, which in Python 3.11 holds one lock for all instances.

    Under that lock retrievals of different threads would wait for each other, and a process that is
    forked while a thread holds it would wait for ever.
    """

    def __init__(self, compute: Callable[[Any], T]) -> None:
        """Compute by this method."""
        self.compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> Self | T:
        if instance is None:
            return self
        value = self.compute(instance)
        instance.__dict__[self.name] = value  # found there from now on, before this is asked
        return value
