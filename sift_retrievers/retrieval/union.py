"""`union`: joins the hits of several searches of one store."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import accumulate, zip_longest
from typing import TypeVar

import numpy as np

from sift_retrievers.retrieval.hits import Hits

DocumentT = TypeVar("DocumentT")


def union(parts: Sequence[Hits[DocumentT]]) -> Hits[DocumentT]:
    """The hits of several searches, in turn from each, without repeated passages.

    Hits with the same id are the same passage, if every hit of a search has an id of its own.
    Otherwise id, text and vector must all be equal, so that chunks without ids, or with the id of
    their document, are not joined.
    """
    named = all(None not in part.ids and len(set(part.ids)) == len(part) for part in parts)
    if len(parts) == 1 and named:
        return parts[0]
    keys: list[Sequence[Hashable]] = []
    for part in parts:
        vectors = (vector.tobytes() for vector in part.vectors)
        keys.append(part.ids if named else [*zip(part.ids, part.texts, vectors, strict=True)])
    seen: set[Hashable] = set()
    origins: list[tuple[int, int]] = []  # of every hit that is kept: which search, and where in it
    for column in zip_longest(*([(p, i) for i in range(len(h))] for p, h in enumerate(parts))):
        for origin in column:
            if origin is not None and (key := keys[origin[0]][origin[1]]) not in seen:
                seen.add(key)
                origins.append(origin)

    def document(i: int) -> DocumentT:
        part, position = origins[i]
        return parts[part].document(position)

    starts = [0, *accumulate(len(part) for part in parts)]
    rows = [starts[part] + i for part, i in origins]
    return Hits(
        vectors=np.concatenate([part.vectors for part in parts])[rows],
        ids=[parts[p].ids[i] for p, i in origins],
        texts=[parts[p].texts[i] for p, i in origins],
        metadata=[parts[p].metadata[i] for p, i in origins],
        document=document,
        note=next((part.note for part in parts if part.note), None),
    )
