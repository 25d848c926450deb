"""Reads the pickles of LangChain's FAISS folders and of Qdrant's local mode.

A pickle names the functions that are called to build its objects, so a pickle by an attacker runs
the attacker's code when it is loaded. The reader here builds stand-ins for the documents and
points, and the plain values of a short list; it calls nothing else. A user must still allow it.
"""

from __future__ import annotations

import io
import pickle
from typing import Any, Final

from sift_retrievers.cli.problem import CommandError

VALUES: Final = frozenset(
    {
        ("builtins", "set"),
        ("builtins", "frozenset"),
        ("builtins", "complex"),
        ("collections", "OrderedDict"),
        ("datetime", "date"),
        ("datetime", "datetime"),
        ("datetime", "time"),
        ("datetime", "timedelta"),
        ("datetime", "timezone"),
        ("decimal", "Decimal"),
        ("uuid", "UUID"),
        ("uuid", "SafeUUID"),
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        ("numpy.core.multiarray", "scalar"),
        ("numpy.core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "scalar"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy._core.numeric", "_frombuffer"),
    }
)
STAND_INS: Final = {
    "Document": ("langchain", "langchain_core", "langchain_community"),
    "InMemoryDocstore": ("langchain", "langchain_community"),
    "PointStruct": ("qdrant_client",),
    "SparseVector": ("qdrant_client",),
}


class StandIn:
    """In place of an object of another package: its attributes."""

    def __setstate__(self, state: Any) -> None:
        # A pydantic model keeps its fields one level deeper.
        fields = state.get("__dict__", state) if isinstance(state, dict) else None
        if not isinstance(fields, dict):
            raise pickle.UnpicklingError(f"unexpected state of type {type(state).__name__}")
        self.fields = fields


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if module.partition(".")[0] in STAND_INS.get(name, ()):
            return StandIn
        if (module, name) in VALUES:
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"it holds a {module}.{name}, which sift does not build")


def allowed(allow: bool, place: str) -> None:
    """Check that the user allows pickles.

    Raises:
        CommandError: if not.
    """
    if not allow:
        raise CommandError(
            f"{place} holds pickles, which can run code of whoever wrote them: if that is you, or "
            "somebody you trust, repeat the command with --allow-pickle"
        )


def unpickled(data: bytes, place: str) -> Any:
    """The value of a pickle.

    Raises:
        CommandError: for one that is damaged or holds anything that is not on the list.
    """
    try:
        return _Reader(io.BytesIO(data)).load()
    except Exception as error:  # a damaged pickle can raise nearly anything
        raise CommandError(f"{place} cannot be read: {error}") from None
