"""The folder of LlamaIndex' own simple vector store: vectors as JSON, nodes in docstore.json."""

from __future__ import annotations

import json
from pathlib import Path

from sift_retrievers.cli.corpus import Corpus
from sift_retrievers.cli.problem import CommandError
from sift_retrievers.cli.stores.faiss_folder import NO_PASSAGE, llama_index_nodes
from sift_retrievers.cli.stores.passages import vectors_of


def read_llama_index(file: Path) -> Corpus:
    """The nodes of a folder that `index.storage_context.persist(folder)` wrote.

    Args:
        file: its default__vector_store.json.
    """
    try:
        kept = json.loads(file.read_bytes())["embedding_dict"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise CommandError(f"{file} holds no embedding_dict, as LlamaIndex writes it") from None
    docstore = file.parent / "docstore.json"
    nodes = llama_index_nodes(file.parent) if docstore.is_file() else {}
    names = [*kept]
    passages = [nodes.get(name, NO_PASSAGE) for name in names]
    return Corpus(
        source=f"the LlamaIndex folder {file.parent.name}",
        ids=names,
        texts=[passage.text for passage in passages],
        metadata=[passage.metadata for passage in passages],
        vectors=vectors_of([kept[name] for name in names], [f"the node {n!r}" for n in names]),
    )
