"""A store that no reader knows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from corpus import Corpus, TableEmbeddings
from langchain_core.documents import Document
from langchain_core.vectorstores import VectorStore
from store_cases import CASES

from langchain_sift.stores.reembedding import _warned
from langchain_sift.stores.registry import READERS


class Foreign(VectorStore):
    """A store that nobody has a reader for: it searches by text and returns texts."""

    def __init__(self, corpus: Corpus) -> None:
        self.inner = CASES["InMemory"].filled(corpus)
        self.model = CountingEmbeddings(corpus.embeddings.table)
        self.asked: list[tuple[str, int, dict[str, Any]]] = []

    @property
    def embeddings(self) -> Any:
        return self.model

    def similarity_search(self, query: str, k: int = 4, **kwargs: Any) -> list[Document]:
        self.asked.append((query, k, kwargs))
        found: list[Document] = self.inner.similarity_search(query, k)
        return found

    @classmethod
    def from_texts(cls, *args: Any, **kwargs: Any) -> Any:
        return cls(*args)


class CountingEmbeddings(TableEmbeddings):
    def __init__(self, table: Any) -> None:
        super().__init__(table)
        self.calls: list[list[str]] = []

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.calls.append(texts)
        return super().embed_documents(texts)


@contextmanager
def as_in_a_new_process() -> Iterator[None]:
    """Without the warnings that were given and the readers that tests have registered."""
    _warned.clear()
    given = dict(READERS._given)
    yield
    READERS._given = given


def ids(documents: list[Document]) -> list[str | None]:
    return [document.id for document in documents]
