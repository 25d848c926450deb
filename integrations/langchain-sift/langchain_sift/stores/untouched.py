"""`is_untouched`: whether a method may be replaced by a faster equivalent in a reader."""

from __future__ import annotations

from typing import Any


def is_untouched(thing: Any, method: str, home: str) -> bool:
    """Whether calling a method of an object runs the unmodified code of its package.

    False for a subclass or a proxy, which may add a filter, for example. Also False if another
    function was put in place of the method, on the object or on the class, as tracing tools do.

    Args:
        thing: the object.
        method: the name of the method.
        home: the package that defines the class and the method.
    """
    cls = type(thing)
    found = getattr(cls, method, None)
    own = f"{cls.__module__}.".startswith(f"{home}.")
    from_home = f"{getattr(found, '__module__', '')}.".startswith(f"{home}.")
    wrapped = hasattr(found, "__wrapped__") or method in getattr(thing, "__dict__", {})
    return own and from_home and type(found).__name__ == "function" and not wrapped
