"""A JSONL file of texts, of vectors, or of both."""

from __future__ import annotations

import gzip
import json
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sift_retrievers.cli.corpus import Corpus
from sift_retrievers.cli.problem import CommandError
from sift_retrievers.cli.stores.options import ReadingOptions
from sift_retrievers.cli.stores.passages import TEXTS, VECTORS, passage_of, vectors_of

Embed = Callable[[list[str]], npt.NDArray[np.float32]]


def read_jsonl(file: Path, options: ReadingOptions, embed: Embed | None) -> Corpus:
    """The passages of a file, one a line.

    Args:
        file: a line is an object with a text, a vector, or both; a text; or a list of numbers.
        options: `text_field` and `vector_field`.
        embed: embeds the texts of a file without vectors; None: no model is known.

    Raises:
        CommandError: for a line that is none of these, or texts alone without a model.
    """
    passages, given, places, blank = [], [], [], 0
    for place, value in _lines(file):
        if isinstance(value, str):
            value = {"text": value}
        elif isinstance(value, list):
            value = {"vector": value}
        if not isinstance(value, dict):
            raise CommandError(
                f"{place} must be an object, a text or a list of numbers; got {str(value)[:60]!r}"
            )
        vector = _taken(value, options.vector_field, place)
        # A line may have no text at all where it has a vector.
        asked = options.text_field if vector is None or options.text_field in value else None
        passage = passage_of(value, place, asked)
        if vector is None and not passage.text.strip():
            if asked or any(name in value for name in TEXTS):
                blank += 1
                continue
            raise CommandError(
                f"{place} has neither a text nor a vector; its fields are {sorted(value)}; "
                "expected 'text' or 'vector', or --text-field"
            )
        passages.append(passage)
        given.append(vector)
        places.append(place)
    if blank:
        warnings.warn(f"{blank} lines of {file.name} with a blank text are left out", stacklevel=2)
    if any(vector is not None for vector in given):
        vectors = vectors_of(given, places)
    elif not passages:
        raise CommandError(f"{file.name} holds no passages")
    elif embed is None:
        raise CommandError(
            f"{file.name} holds texts without vectors; expected --embedding with a model to embed "
            "them: wordllama, or the name or folder of a sentence-transformers model"
        )
    else:
        vectors = embed([passage.text for passage in passages])
    return Corpus(
        source=file.name,
        ids=[passage.id for passage in passages],
        texts=[passage.text for passage in passages],
        metadata=[passage.metadata for passage in passages],
        vectors=vectors,
    )


def _lines(file: Path) -> Iterator[tuple[str, Any]]:
    try:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
                if not text.strip():
                    continue
                place = f"line {number} of {file.name}"
                try:
                    yield place, json.loads(text)
                except (ValueError, RecursionError) as error:
                    raise CommandError(f"{place} is no JSON: {error}") from None
    except UnicodeDecodeError as error:
        raise CommandError(f"{file.name} is no text in UTF-8: {error}") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise CommandError(f"{file.name} is no complete gzip file: {error}") from None


def _taken(value: dict[str, Any], field: str | None, place: str) -> Any:
    """The vector of a line, which is taken out of its fields; None if it has none."""
    if field is not None:
        if field not in value:
            raise CommandError(
                f"{place} has the fields {sorted(value)}; expected {field!r} of --vector-field"
            )
        return value.pop(field)
    name = next((name for name in VECTORS if isinstance(value.get(name), list)), None)
    return None if name is None else value.pop(name)
