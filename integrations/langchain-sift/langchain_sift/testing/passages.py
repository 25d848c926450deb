"""The documents of the tests, and an embedding model that gives each text its own vector."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Any, Final
from uuid import uuid4, uuid5

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings

Vectors = npt.NDArray[np.float32]
DIM: Final = 12


class TextEmbeddings(Embeddings):
    """Gives each text a random vector, always the same one, that is not of unit length."""

    def vector(self, text: str) -> Vectors:
        """`[d]`, of one text."""
        seed = int.from_bytes(sha256(text.encode()).digest()[:8], "big")
        random = np.random.default_rng(seed)
        return (random.normal(size=DIM) * random.uniform(0.5, 2.0)).astype(np.float32)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return [float(value) for value in self.vector(text)]


class Passages:
    """Documents with the texts "text 0", "text 1", …, and unique ids.

    The metadata are "number", and "parity", which is "even" or "odd".
    """

    def __init__(self, count: int = 40) -> None:
        """Make `count` documents."""
        self.embeddings = TextEmbeddings()
        self.query: Vectors = self.embeddings.vector("query")
        """`[d]`."""
        self._names = uuid4()
        self.documents = [self.document(number) for number in range(count)]

    def document(self, number: int) -> Document:
        """The document with a number; it need not be among `documents`."""
        metadata: dict[str, Any] = {"number": number, "parity": "odd" if number % 2 else "even"}
        return Document(id=self.id(number), page_content=f"text {number}", metadata=metadata)

    def id(self, number: int) -> str:
        """The id of a document. It is a UUID, because some stores accept nothing else."""
        return str(uuid5(self._names, str(number)))

    def vectors(self, numbers: Iterable[int]) -> Vectors:
        """`[n, d]` the vectors of n documents, as the model gives them."""
        rows = [self.embeddings.vector(f"text {number}") for number in numbers]
        return np.array(rows, dtype=np.float32).reshape(-1, DIM)


def ranked(query: Vectors, vectors: Vectors, metric: str) -> list[int]:
    """The positions of all vectors, nearest first.

    Args:
        query: `[d]`.
        vectors: `[n, d]`.
        metric: "cosine", "l2" or "ip" (inner product).
    """
    if metric == "l2":
        distances = np.square(vectors - query).sum(axis=1)
    else:
        distances = -(vectors @ query)
        if metric == "cosine":
            distances /= np.linalg.norm(vectors, axis=1)
    positions: list[int] = np.argsort(distances, kind="stable").tolist()
    return positions
