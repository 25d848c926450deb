"""A folder of Chroma's persistent client."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any, Final

import numpy as np

from sift_retrievers.cli.corpus import Corpus
from sift_retrievers.cli.problem import CommandError, needed
from sift_retrievers.cli.stores.options import ReadingOptions, one_of
from sift_retrievers.cli.stores.passages import passage_of

PAGE: Final = 2_000  # rows that are read at a time
METRICS: Final = {"cosine": "cosine", "ip": "dot", "l2": "l2"}
DEFAULT_MODEL: Final = "sentence-transformers/all-MiniLM-L6-v2 (Chroma's default)"


def read_chroma(folder: Path, options: ReadingOptions) -> Corpus:
    """All rows of a collection.

    Chroma's client writes to a folder when it opens it, so a copy is opened.

    Raises:
        CommandError: without chromadb, for an unknown collection, or a folder that it cannot open.
    """
    chromadb = needed("chromadb", "chromadb", "a Chroma folder")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as copy:
        where = Path(copy) / "store"
        try:
            shutil.copytree(folder, where)
            settings = chromadb.config.Settings(anonymized_telemetry=False)
            client = chromadb.PersistentClient(str(where), settings=settings)
        except Exception as error:  # chromadb's own errors have no common class
            raise CommandError(f"{folder} cannot be opened by chromadb: {error}") from None
        try:
            return _read(client, options)
        finally:
            close = getattr(client, "close", None)
            if close is not None:
                close()


def _read(client: Any, options: ReadingOptions) -> Corpus:
    names = [one if isinstance(one, str) else one.name for one in client.list_collections()]
    asked = one_of(names, options.collection, "collections", "--collection")
    collection = client.get_collection(asked, embedding_function=None)
    passages, parts = [], []
    for start in range(0, collection.count(), PAGE):
        rows = collection.get(
            limit=PAGE, offset=start, include=["embeddings", "documents", "metadatas"]
        )
        parts.append(np.asarray(rows["embeddings"], dtype=np.float32))
        for name, text, metadata in zip(
            rows["ids"], rows["documents"], rows["metadatas"], strict=True
        ):
            # Chroma keeps text and metadata apart: a metadata key "text" is no text.
            fields = {"document": text or "", "metadata": metadata or {}}
            if options.text_field is not None:
                fields = {**(metadata or {})}
            passages.append(passage_of(fields, f"the row {name!r}", options.text_field, name=name))
    return Corpus(
        source=f"the Chroma collection {asked}",
        ids=[passage.id for passage in passages],
        texts=[passage.text for passage in passages],
        metadata=[passage.metadata for passage in passages],
        vectors=np.concatenate(parts) if parts else np.empty((0, 0), dtype=np.float32),
        metric=METRICS.get(_space(collection), "l2"),
        model=_model(collection),
    )


def _space(collection: Any) -> str:
    configuration = getattr(collection, "configuration", None) or {}
    hnsw = configuration.get("hnsw") or configuration.get("spann") or {}
    return str(hnsw.get("space") or (collection.metadata or {}).get("hnsw:space") or "l2")


def _model(collection: Any) -> str | None:
    """The model that the collection names; LangChain and LlamaIndex write none that they use."""
    try:
        function = (collection.configuration_json or {}).get("embedding_function") or {}
    except (AttributeError, TypeError):
        return None
    config = function.get("config") or {}
    named = config.get("model_name")
    if function.get("name") == "default":
        return DEFAULT_MODEL
    return str(named) if named else None
