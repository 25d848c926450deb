"""Values of fields as files hold them: lists written as text, documents, messages."""

from __future__ import annotations

import ast
import io
import json
import math
import tokenize
from collections.abc import Hashable, Iterable, Mapping
from typing import Any, Final

TEXT_KEYS: Final = ("page_content", "text", "content")
"""Where a document's text is, in the forms of LangChain, LlamaIndex and message blocks."""
USER: Final = ("human", "user", "HumanMessage")
"""How a message is marked that the user wrote."""


def is_absent(value: Any) -> bool:
    """Whether a file says nothing with this value: null, NaN, or text that is blank."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return True
    return isinstance(value, str) and not value.strip()


def parsed(value: Any) -> Any:
    """A value that was written as JSON, or as Python or numpy print it; anything else as it is."""
    if not isinstance(value, str) or value.strip()[:1] not in ("[", "{"):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        pass
    strings = _printed_strings(value.strip())
    if strings is not None:
        return strings
    try:
        return ast.literal_eval(value.strip())
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return value


def _printed_strings(text: str) -> list[str] | None:
    """The strings of a list, which numpy prints without commas; None if it is no such list."""
    try:
        tokens = [*tokenize.generate_tokens(io.StringIO(text).readline)]
    except (tokenize.TokenError, SyntaxError):
        return None
    layout = {tokenize.NEWLINE, tokenize.NL, tokenize.ENDMARKER}
    marks = [token for token in tokens if token.type not in layout]
    if [token.string for token in (*marks[:1], *marks[-1:])] != ["[", "]"]:
        return None
    inner = [token for token in marks[1:-1] if token.string != ","]
    if any(token.type != tokenize.STRING for token in inner):
        return None
    try:
        found = [ast.literal_eval(token.string) for token in inner]
    except (ValueError, SyntaxError):
        return None
    return found if all(isinstance(one, str) for one in found) else None


def listed(value: Any, separator: str | None = None) -> list[Any]:
    """The entries of a list, or of text that holds one; a single value is a list of one.

    Args:
        value: of a field.
        separator: of entries in text that is no list; None: such text is one entry.
    """
    value = parsed(value)
    if isinstance(value, str) and separator is not None:
        value = value.split(separator)
    entries = value if isinstance(value, list | tuple) else [value]
    return [entry for entry in entries if not is_absent(entry)]


def text_of(entry: Any) -> str | None:
    """The text of a string, or of a document or message in a mapping; None if there is none."""
    if isinstance(entry, str):
        return entry
    if not isinstance(entry, Mapping):
        return None
    for inside in ("kwargs", "data", "node"):  # LangChain's and LlamaIndex's serialized objects
        if isinstance(entry.get(inside), Mapping):
            return text_of(entry[inside])
    content = next((entry[key] for key in TEXT_KEYS if not is_absent(entry.get(key))), None)
    if isinstance(content, list):  # blocks of a message
        blocks = [block for block in map(text_of, content) if block is not None]
        return "\n".join(blocks) or None
    return content if isinstance(content, str) else None


def name_of(document: Mapping[Any, Any]) -> Hashable | None:
    """The id of a document in a mapping; None if it has none."""
    inner = document.get("kwargs")
    if isinstance(inner, Mapping):
        return name_of(inner)
    for key in ("id", "id_", "node_id", "doc_id", "_id"):
        found = document.get(key)
        if isinstance(found, str | int) and not is_absent(found):
            return found
    return None


def question_of(messages: Iterable[Any]) -> str:
    """The text of the one message that the user wrote.

    Raises:
        ValueError: if there is none, or more: the last one may not be understood alone.
    """
    asked = [text for text, by_user in map(_message, messages) if by_user and text]
    if len(asked) != 1:
        raise ValueError(
            f"a conversation with {len(asked)} messages of the user; expected a single question"
        )
    return asked[0]


def _message(entry: Any) -> tuple[str | None, bool]:
    """The text of a message, and whether the user wrote it."""
    if isinstance(entry, list | tuple) and len(entry) == 2:  # ("user", "Who …?")
        return text_of(entry[1]), entry[0] in USER
    if not isinstance(entry, Mapping):
        return None, False
    kind = entry.get("id")  # of LangChain's serialized objects: the path of the class
    marks = [entry.get("role"), entry.get("type"), *(kind if isinstance(kind, list) else ())]
    return text_of(entry), any(mark in USER for mark in marks)
