"""The title of a document, from its metadata."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

TITLE_KEYS: Final = ("title", "Title", "document_title", "heading", "section")
"""Metadata keys that a title is looked for under, the first that is there."""
_HEADERS: Final = tuple(f"Header {level}" for level in range(1, 7))  # of Markdown splitters
_USUAL: Final = frozenset({*TITLE_KEYS, *_HEADERS})

TitleOf: TypeAlias = str | Sequence[str] | Callable[[Any], str | None] | None


def title_of(given: TitleOf) -> Callable[[Any, Mapping[str, Any] | None], str | None]:
    """A function (document, its metadata) → title from what the user says of titles.

    Args:
        given: a metadata key, several whose values are joined (title and section, say), or a
            function of the document; None: the first of the usual keys, and the headers that
            Markdown splitters write.

    Returns:
        The function. It looks at the document itself only where `given` is one.

    Raises:
        ValueError: for keys that are no strings.
    """
    if callable(given):
        return lambda document, _: _text(given(document))
    if given is None:
        return _usual
    keys = [given] if isinstance(given, str) or not isinstance(given, Sequence) else [*given]
    if not all(isinstance(key, str) for key in keys):
        raise ValueError(
            f"title must be a metadata key, several, or a function of the document; got {given!r}"
        )
    return lambda _, metadata: _joined([(metadata or {}).get(key) for key in keys])


def _usual(_: Any, metadata: Mapping[str, Any] | None) -> str | None:
    if not metadata or _USUAL.isdisjoint(metadata):
        return None
    for key in TITLE_KEYS:
        value = metadata.get(key)
        if isinstance(value, str) and (found := " ".join(value.split())):
            return found
    return _joined([metadata.get(key) for key in _HEADERS])


def _joined(values: Sequence[Any]) -> str | None:
    return " ".join(text for text in map(_text, values) if text) or None


def _text(value: Any) -> str | None:
    """A title on one line; None for what is no text."""
    return " ".join(value.split()) or None if isinstance(value, str) else None
