"""Whether a client's method is the package's own: only then may an adapter go a shorter way."""

from __future__ import annotations

from typing import Any


def is_untouched(thing: Any, method: str, home: str) -> bool:
    """Whether calling a method of an object runs the code of the package, and nothing else.

    Not so for a subclass or a proxy that adds a filter, say, and not where somebody has put
    another function in its place, on the object or on the class, as guards and tracers do.

    Args:
        thing: the object.
        method: its name.
        home: the package that the class and the method come from.
    """
    cls = type(thing)
    found = getattr(cls, method, None)
    own = f"{cls.__module__}.".startswith(f"{home}.")
    from_home = f"{getattr(found, '__module__', '')}.".startswith(f"{home}.")
    wrapped = hasattr(found, "__wrapped__") or method in getattr(thing, "__dict__", {})
    return own and from_home and type(found).__name__ == "function" and not wrapped
