"""A folder of Qdrant's local mode, `QdrantClient(path=…)`."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from sift_retrievers.cli.corpus import Corpus
from sift_retrievers.cli.problem import CommandError
from sift_retrievers.cli.stores.options import ReadingOptions, one_of
from sift_retrievers.cli.stores.passages import passage_of, vectors_of
from sift_retrievers.cli.stores.pickles import StandIn, allowed, unpickled

METRICS: Final = {"cosine": "cosine", "dot": "dot", "euclid": "l2"}


def read_qdrant(folder: Path, options: ReadingOptions) -> Corpus:
    """All points of a collection that have the vector.

    They are read from the SQLite file itself: Qdrant's client would write to the folder.

    Raises:
        CommandError: for an unknown collection or named vector, or points that cannot be read.
    """
    try:
        collections = json.loads((folder / "meta.json").read_bytes())["collections"]
        name = one_of([*collections], options.collection, "collections", "--collection")
        configured = collections[name].get("vectors") or {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise CommandError(f"{folder}/meta.json names no collections, as Qdrant does") from None
    named = "size" not in configured
    vector_name = ""
    if named:
        vector_name = one_of([*configured], options.vector_field, "named vectors", "--vector-field")
        configured = configured[vector_name]
    file = folder / "collection" / name / "storage.sqlite"
    allowed(options.allow_pickle, str(file))
    passages, vectors, places = [], [], []
    for point in _points(file):
        place = f"the point {point.get('id')!r}"
        vector = point.get("vector")
        if isinstance(vector, Mapping):
            vector = vector.get(vector_name)
        if vector is None or isinstance(vector, StandIn):
            continue
        payload = {**(point.get("payload") or {})}
        passages.append(passage_of(payload, place, options.text_field, name=point.get("id")))
        vectors.append(vector)
        places.append(place)
    return Corpus(
        source=f"the Qdrant collection {name}",
        ids=[passage.id for passage in passages],
        texts=[passage.text for passage in passages],
        metadata=[passage.metadata for passage in passages],
        vectors=vectors_of(vectors, places),
        metric=METRICS.get(str(configured.get("distance")).lower(), "cosine"),
    )


def _points(file: Path) -> list[Mapping[str, Any]]:
    """The points in the order in which they were written; of several with one id, the last."""
    try:
        connection = sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)
        try:
            rows = connection.execute("SELECT point FROM points ORDER BY rowid").fetchall()
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise CommandError(f"{file} cannot be read: {error}") from None
    found: dict[str, Mapping[str, Any]] = {}
    for (data,) in rows:
        point = unpickled(data, str(file))
        if not isinstance(point, StandIn) or "id" not in point.fields:
            raise CommandError(f"{file} holds a {type(point).__name__} in place of a point")
        found[str(point.fields["id"])] = point.fields
    return [*found.values()]
