"""Texts with a title above them, without copying them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

Titled: TypeAlias = str | tuple[str, str]
"""A text, or its first line and the rest. Python keeps the hash of a string: a text that comes from
a store in memory again and again is found by it at once, a new string that begins with its title
would be hashed anew."""


def titled(texts: Sequence[str], titles: Sequence[str | None] | None) -> list[Titled]:
    """Each text with its title above it, unless it begins with that line; equal texts are equal."""
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
    found: list[Titled] = []
    for text, title in zip(texts, missing, strict=True):
        if title is None or "\n" in title:
            # The same text may stand elsewhere as a title and the rest.
            full = text if title is None else f"{title}\n{text}"
            line, end, rest = full.partition("\n")
            found.append((line, rest) if end and line in lines else full)
        else:
            found.append((title, text))
    return found


def begins_with_line(text: str, line: str) -> bool:
    """Whether a text begins with a line, and has another."""
    return text.startswith(line) and text[len(line) : len(line) + 1] == "\n"


def whole(text: Titled) -> str:
    """The text in one string."""
    return text if isinstance(text, str) else f"{text[0]}\n{text[1]}"
