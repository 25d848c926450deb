"""`Source`: what every subcommand is given about the store and the model, and reading both."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sift_retrievers.cli.corpus import Corpus
from sift_retrievers.cli.embedding import Embedder, embedder
from sift_retrievers.cli.stores import ReadingOptions, read_corpus


@dataclass(frozen=True)
class Source:
    """A store, and the embedding model if one was named."""

    store: Path
    options: ReadingOptions
    embedding: str | None

    def read(self) -> tuple[Corpus, Embedder | None]:
        """The passages and the model.

        Raises:
            CommandError: if one of them cannot be read.
        """
        model = None if self.embedding is None else embedder(self.embedding)
        embed = None if model is None else model.documents
        return read_corpus(self.store, self.options, embed), model
