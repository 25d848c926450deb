"""Texts with a title as their first line, without copying the texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

TitledText: TypeAlias = str | tuple[str, str]
"""A text, or its first line and the rest of it.

As a key of a cache, the pair is faster than the joined string: Python keeps the hash of a string
object, so the text object that an in-memory store returns for every query is hashed only once."""


def with_titles(texts: Sequence[str], titles: Sequence[str | None] | None) -> list[TitledText]:
    """Each text with its title as the first line, unless that is its first line already.

    Two results are equal exactly if their full texts are.

    Args:
        texts: n.
        titles: n, None or "" for a text without a title; None: no text has one.
    """
    if titles is None:
        return [*texts]
    given = [title or "" for title in titles]
    plain = all(given) and "\n" not in "".join(given)
    if plain and not any(map(str.startswith, texts, given)):
        return [*zip(given, texts, strict=True)]
    missing = [
        title if title and not begins_with_line(text, title) else None
        for text, title in zip(texts, given, strict=True)
    ]
    lines = {*missing} - {None}
    if not lines:
        return [*texts]
    found: list[TitledText] = []
    for text, title in zip(texts, missing, strict=True):
        if title is None or "\n" in title:
            # The same full text may also come as a title and a text: split it the same way.
            full = text if title is None else f"{title}\n{text}"
            line, end, rest = full.partition("\n")
            found.append((line, rest) if end and line in lines else full)
        else:
            found.append((title, text))
    return found


def begins_with_line(text: str, line: str) -> bool:
    """Whether the first line of a text is this one, and is not the last."""
    return text.startswith(line) and text[len(line) : len(line) + 1] == "\n"


def full_text(text: TitledText) -> str:
    """The text as one string."""
    return text if isinstance(text, str) else f"{text[0]}\n{text[1]}"
