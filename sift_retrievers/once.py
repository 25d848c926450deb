"""`once`: an attribute that is computed at its first use, without a lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

T = TypeVar("T")


class once(Generic[T]):  # noqa: N801  # used as a decorator, like `property`
    """As `functools.cached_property`, which in Python 3.11 holds one lock for all instances.

    With that lock, retrievals in different threads would wait for each other, and a process forked
    while another thread holds it would wait for ever. Here two threads may compute the value twice.
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
        instance.__dict__[self.name] = value  # Python looks here first from now on
        return value
