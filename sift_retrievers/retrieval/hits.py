"""`Hits`: the nearest documents of a query, with the vectors that the store holds for them."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, zip_longest
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T")
DocumentT = TypeVar("DocumentT")


@dataclass(frozen=True)
class Hits(Generic[DocumentT]):
    """The n nearest documents of one query, nearest first, with their vectors."""

    vectors: npt.NDArray[np.float32]
    """`[n, d]` vectors as the store holds them."""
    ids: Sequence[str | None]
    """The n ids under which the store knows them; None where it has none."""
    document: Callable[[int], DocumentT]
    """The document of hit i. May be the store's own object: a retriever copies what it returns, and
    builds only the documents that it needs."""
    note: str | None = None
    """In what the vectors differ from those that the embedding model gave, if they do: scaled to
    unit length, quantised, embedded again."""
    load: Callable[[Sequence[int]], Sequence[DocumentT | None]] | None = None
    """The documents of some hits in one call, for a store that hands over vectors without them;
    None for one that is gone since. Where it is given, `document` is for a single one."""
    texts: Sequence[str] | None = None
    """The n texts, for a store whose search hands them over: they are read without a look at the
    documents, of which only the chosen are built."""
    metadata: Sequence[Mapping[str, Any] | None] | None = None
    """The same of the n metadata; nobody writes into them."""

    def __len__(self) -> int:
        return len(self.vectors)

    def documents(self, positions: Sequence[int]) -> list[DocumentT | None]:
        """The documents of some hits; None for one that is gone from the store since."""
        if len(positions) == 0:  # which some stores refuse to look up
            return []
        if self.load is not None:
            return [*self.load(positions)]
        return [self.document(i) for i in positions]


def no_hits(dim: int) -> Hits[Any]:
    """What a search that finds nothing returns."""

    def none(i: int) -> Any:
        raise IndexError(f"there are no hits; asked for hit {i}")

    return Hits(vectors=np.empty((0, dim), dtype=np.float32), ids=(), document=none)


def one_of(
    load: Callable[[Sequence[int]], Sequence[DocumentT | None]],
) -> Callable[[int], DocumentT]:
    """`Hits.document` in terms of `Hits.load`."""

    def document(i: int) -> DocumentT:
        (found,) = load([i])
        if found is None:
            raise LookupError(f"hit {i} is gone from the store")
        return found

    return document


def stacked(vectors: Sequence[Any], ids: Sequence[str | None], dim: int) -> npt.NDArray[np.float32]:
    """One array `[n, d]` of n vectors, each an array or a list, or None where the store has none.

    Raises:
        ValueError: if vectors are missing, or differ in length; the message says which.
    """
    missing = [i for i, vector in enumerate(vectors) if vector is None or len(vector) == 0]
    if missing:
        raise ValueError(
            f"{len(missing)} of {len(vectors)} hits came without a vector: {_named(ids, missing)}"
        )
    if not vectors:
        return np.empty((0, dim), dtype=np.float32)
    packed = _packed(vectors)
    if packed is not None:
        return packed
    try:
        return np.asarray(vectors, dtype=np.float32)
    except ValueError as error:  # of unequal lengths
        odd = [i for i, vector in enumerate(vectors) if len(vector) != dim]
        if not odd:
            raise ValueError(f"hits came with vectors that are no numbers: {error}") from error
        raise ValueError(
            f"{len(odd)} of {len(vectors)} hits came with a vector that does not have the query's "
            f"dimension {dim}: {_named(ids, odd)}"
        ) from error


def _packed(vectors: Sequence[Any]) -> npt.NDArray[np.float32] | None:
    """The array of n lists of floats; None for what else it may be.

    As `numpy.asarray` does it, at a third of its time: most stores hand over lists.
    """
    width = len(vectors[0])
    if not all(type(vector) is list and len(vector) == width for vector in vectors):
        return None
    pack = struct.Struct(f"{width}f").pack
    try:
        rows = bytearray().join([pack(*vector) for vector in vectors])
    except struct.error:  # something that is no number
        return None
    return np.frombuffer(rows, dtype=np.float32).reshape(len(vectors), width)


def check_hits(store: str, hits: Hits[Any], dim: int) -> None:
    """Check what an adapter returned.

    Raises:
        ValueError: if the vectors are not finite numbers of the query's dimension, one an id.
    """
    if len(hits) == 0:
        return
    if hits.vectors.shape != (len(hits), dim):
        raise ValueError(
            f"{store} holds vectors of shape {hits.vectors.shape[1:]}, but the query's embedding "
            f"has dimension {dim}: is `embedding` the model that filled the store?"
        )
    if len(hits.ids) != len(hits):
        raise ValueError(
            f"the adapter of {store} returned {len(hits)} vectors and {len(hits.ids)} ids"
        )
    with np.errstate(over="ignore", invalid="ignore"):
        squares = float(np.vecdot(hits.vectors, hits.vectors).sum())
    if math.isfinite(squares):
        return
    wrong = np.flatnonzero(~np.isfinite(hits.vectors).all(axis=1)).tolist()
    if wrong:  # else they are merely large
        raise ValueError(
            f"{store} holds vectors with NaN or infinite values for {len(wrong)} of {len(hits)} "
            f"hits: {_named(hits.ids, wrong)}"
        )


def union(
    parts: Sequence[Hits[DocumentT]], text: Callable[[DocumentT], str] | None = None
) -> Hits[DocumentT]:
    """The hits of several searches of one store, in turn from each, and no passage twice.

    A passage is known by its id where every hit of every search has one of its own. Else by its id
    and its text, so that chunks that share an id, or have none, stay apart; without `text`, by its
    id and its vector.
    """
    named = all(None not in part.ids and len(set(part.ids)) == len(part) for part in parts)
    if len(parts) == 1 and named:
        return parts[0]
    keys: list[Sequence[Hashable]] = []
    for part in parts:
        if named:
            keys.append(part.ids)
        elif part.texts is not None:
            keys.append([*zip(part.ids, part.texts, strict=True)])
        elif text is not None:
            found = part.documents(range(len(part)))
            said = [None if document is None else text(document) for document in found]
            keys.append([*zip(part.ids, said, strict=True)])
        else:
            keys.append([(i, v.tobytes()) for i, v in zip(part.ids, part.vectors, strict=True)])
    seen: set[Hashable] = set()
    origins: list[tuple[int, int]] = []
    for column in zip_longest(*([(p, i) for i in range(len(h))] for p, h in enumerate(parts))):
        for origin in column:
            if origin is None:
                continue
            part_number, i = origin
            key = keys[part_number][i]
            if key not in seen:
                seen.add(key)
                origins.append(origin)

    def document(i: int) -> DocumentT:
        part, position = origins[i]
        return parts[part].document(position)

    starts = [0, *accumulate(len(part) for part in parts)]

    def load(positions: Sequence[int]) -> list[DocumentT | None]:
        found: dict[int, DocumentT | None] = {}
        for part, hits in enumerate(parts):
            own = [i for i in positions if origins[i][0] == part]
            found |= zip(own, hits.documents([origins[i][1] for i in own]), strict=True)
        return [found[i] for i in positions]

    return Hits(
        vectors=np.concatenate([part.vectors for part in parts])[
            [starts[part] + i for part, i in origins]
        ],
        ids=[parts[p].ids[i] for p, i in origins],
        document=document,
        note=next((part.note for part in parts if part.note), None),
        load=load,
        texts=_in_order([part.texts for part in parts], origins),
        metadata=_in_order([part.metadata for part in parts], origins),
    )


def _in_order(
    parts: Sequence[Sequence[T] | None], origins: Sequence[tuple[int, int]]
) -> list[T] | None:
    """What the parts hold of the hits that were kept; None where one of them does not tell."""
    known = [part for part in parts if part is not None]
    return [known[p][i] for p, i in origins] if len(known) == len(parts) else None


def _named(ids: Sequence[str | None], positions: Sequence[int], most: int = 5) -> str:
    """The ids at some positions, for a message."""
    names = [ids[i] if i < len(ids) else None for i in positions[:most]]
    if all(name is None for name in names):
        return f"the hits at positions {[*positions[:most]]}" + _more(positions, most)
    return f"ids {names}" + _more(positions, most)


def _more(positions: Sequence[int], most: int) -> str:
    return f" and {len(positions) - most} more" if len(positions) > most else ""
