"""The titles of documents, from their metadata."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from sift_retrievers.retrieval.hits import Hits

TITLE_KEYS: Final = ("title", "Title", "document_title", "heading", "section")
"""Metadata keys under which a title is looked for; the first that is present counts."""
_HEADERS: Final = tuple(f"Header {level}" for level in range(1, 7))  # of Markdown splitters

TitleKeys: TypeAlias = str | Sequence[str] | None
TitleOf: TypeAlias = TitleKeys | Callable[[Any], str | None]
Metadata: TypeAlias = Mapping[str, Any] | None


def titles_of(hits: Hits[Any], given: TitleOf) -> list[str | None]:
    """The titles of n hits; None for one that has none.

    Args:
        hits: n.
        given: a metadata key, several whose values are joined (title and section, say), or a
            function of the document; None: the first of the usual keys, and the headers that
            Markdown splitters write.

    Raises:
        ValueError: for keys that are no strings.
    """
    if callable(given):
        return [_text(given(hits.document(i))) for i in range(len(hits))]
    return title_reader(given)(hits.metadata)


def title_reader(given: TitleKeys) -> Callable[[Sequence[Metadata]], list[str | None]]:
    """A function from the metadata of n documents to their titles.

    Args:
        given: as for `titles_of`, but no function.

    Raises:
        ValueError: for keys that are no strings.
    """
    if given is None:
        return _usual_titles
    keys = [given] if isinstance(given, str) or not isinstance(given, Sequence) else [*given]
    if not all(isinstance(key, str) for key in keys):
        raise ValueError(
            f"title must be a metadata key, several, or a function of the document; got {given!r}"
        )
    return lambda found: [
        _joined([(metadata or {}).get(key) for key in keys]) for metadata in found
    ]


def _usual_titles(found: Sequence[Metadata]) -> list[str | None]:
    # Under the key that most documents have, then under the others.
    first = [metadata.get("title") if metadata else None for metadata in found]
    titles = [" ".join(title.split()) if type(title) is str else None for title in first]
    return [
        title or (_usual(metadata) if metadata else None)
        for title, metadata in zip(titles, found, strict=True)
    ]


def _usual(metadata: Mapping[str, Any]) -> str | None:
    for key in TITLE_KEYS:
        title = _text(metadata.get(key))
        if title is not None:
            return title
    return _joined([metadata.get(key) for key in _HEADERS])


def _joined(values: Sequence[Any]) -> str | None:
    return " ".join(text for text in map(_text, values) if text) or None


def _text(value: Any) -> str | None:
    """A title on one line; None for anything but a non-blank string."""
    return " ".join(value.split()) or None if isinstance(value, str) else None
