"""The compiled functions, if they were built; without them numpy does the same work.

The extension is optional: wheels contain it, and a build from source compiles it if there is a C
compiler. `SIFT_RETRIEVERS_COMPILED=0` in the environment switches it off.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final

REVISION: Final = 3
"""Of the functions' arguments. A module that was built from other sources is not used."""


def _load() -> Any:
    if os.environ.get("SIFT_RETRIEVERS_COMPILED", "1") == "0":
        return None
    try:
        native = import_module("sift_retrievers._native")
    except ImportError:
        return None
    return native if getattr(native, "REVISION", None) == REVISION else None


_module: Any = _load()


def compiled() -> Any:
    """The module of the compiled functions, or None."""
    return _module


@contextmanager
def switched_off() -> Iterator[None]:
    """Without the compiled functions, in all threads of the process: for tests and comparisons."""
    global _module
    module, _module = _module, None
    try:
        yield
    finally:
        _module = module
