"""A FAISS index in a file, with the documents that LangChain or LlamaIndex keep beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import numpy as np

from sift_retrievers.cli.corpus import Corpus
from sift_retrievers.cli.problem import CommandError, needed
from sift_retrievers.cli.stores.options import ReadingOptions
from sift_retrievers.cli.stores.passages import Passage, passage_of
from sift_retrievers.cli.stores.pickles import StandIn, allowed, unpickled

EXACT: Final = ("IndexFlat", "IndexFlatL2", "IndexFlatIP", "IndexHNSWFlat", "IndexIVFFlat")
INNER_PRODUCT: Final = 0
NO_PASSAGE: Final = Passage(None, "", {})


def read_faiss(file: Path, options: ReadingOptions) -> Corpus:
    """The vectors of an index, and the documents of the files beside it.

    Documents come from NAME.pkl (langchain-community), docs.json (langchain-faiss-vectorstore), or
    index_store.json and docstore.json (LlamaIndex). With none of them there are vectors alone.

    Raises:
        CommandError: for an index that cannot return its vectors, or documents that cannot be read.
    """
    faiss = needed("faiss", "faiss-cpu", f"the index {file.name}")
    pickled, listed = file.with_suffix(".pkl"), file.parent / "docs.json"
    if pickled.is_file():
        allowed(options.allow_pickle, str(pickled))
    try:
        whole = faiss.read_index(str(file), faiss.IO_FLAG_READ_ONLY)  # owns the memory of its parts
    except RuntimeError as error:
        raise CommandError(f"{file} is no FAISS index: {_reason(error)}") from None
    index, numbers = _parts(faiss, whole)
    try:
        if hasattr(index, "make_direct_map"):
            index.make_direct_map()
        vectors = index.reconstruct_n(0, index.ntotal) if index.ntotal else np.empty((0, index.d))
    except RuntimeError as error:
        raise CommandError(
            f"the {type(index).__name__} in {file} cannot return its vectors: {_reason(error)}"
        ) from None
    if pickled.is_file():
        found = _of_pickle(pickled, options)
    elif listed.is_file():
        found = _of_list(listed, options)
    elif (file.parent / "docstore.json").is_file():
        found = _of_llama_index(file.parent)
    else:
        found = dict.fromkeys(numbers, NO_PASSAGE)
    rows = [(row, found[number]) for row, number in enumerate(numbers) if number in found]
    name = type(index).__name__
    return Corpus(
        source=f"the FAISS index {file.name}",
        ids=[passage.id for _, passage in rows],
        texts=[passage.text for _, passage in rows],
        metadata=[passage.metadata for _, passage in rows],
        vectors=np.asarray(vectors, dtype=np.float32)[[row for row, _ in rows]],
        metric="dot" if index.metric_type == INNER_PRODUCT else "l2",
        note=None if name in EXACT else f"as the {name} reconstructs them",
    )


def _parts(faiss: Any, index: Any) -> tuple[Any, list[int]]:
    """The index that holds the vectors, and the number of each of them."""
    index = faiss.downcast_index(index)
    if isinstance(index, faiss.IndexIDMap):
        numbers = faiss.vector_to_array(index.id_map).tolist()
        return faiss.downcast_index(index.index), numbers
    return index, [*range(index.ntotal)]


def _of_pickle(file: Path, options: ReadingOptions) -> dict[int, Passage]:
    value = unpickled(file.read_bytes(), str(file))
    try:
        docstore, names = value
        documents = docstore.fields["_dict"]
        found = {}
        for number, name in names.items():
            document = documents.get(name)
            if document is not None:  # else it was deleted
                assert isinstance(document, StandIn)
                fields = {k: document.fields.get(k) for k in ("page_content", "metadata")}
                found[int(number)] = passage_of(
                    fields, f"the document {name!r}", options.text_field, name=name
                )
        return found
    except (AssertionError, AttributeError, KeyError, TypeError, ValueError):
        raise CommandError(
            f"{file} holds no docstore and map of ids, as the FAISS of langchain-community saves"
        ) from None


def _of_list(file: Path, options: ReadingOptions) -> dict[int, Passage]:
    found = {}
    for i, row in enumerate(_json(file).get("docs") or []):
        place = f"document {i} of {file.name}"
        if not isinstance(row, dict) or not isinstance(row.get("faiss_idx"), int):
            raise CommandError(f"{place} has no number 'faiss_idx'; got {str(row)[:60]!r}")
        metadata = row.get("metadata") or {}
        name = metadata.pop("_id", None) if isinstance(metadata, dict) else None
        fields = {"page_content": row.get("page_content"), "metadata": metadata}
        found[row["faiss_idx"]] = passage_of(fields, place, options.text_field, name=name)
    return found


def _of_llama_index(folder: Path) -> dict[int, Passage]:
    nodes = llama_index_nodes(folder)
    numbers: dict[str, str] = {}
    if (folder / "index_store.json").is_file():
        kept = _json(folder / "index_store.json").get("index_store/data") or {}
        for structure in kept.values():
            data = structure.get("__data__") if isinstance(structure, dict) else None
            data = json.loads(data) if isinstance(data, str) else data
            numbers |= (data or {}).get("nodes_dict") or {}
    if not numbers:
        raise CommandError(f"{folder} has no index_store.json that names the vectors' nodes")
    return {int(n): nodes[node] for n, node in numbers.items() if node in nodes}


def llama_index_nodes(folder: Path) -> dict[str, Passage]:
    """The nodes of LlamaIndex' docstore.json by their ids."""
    kept = _json(folder / "docstore.json").get("docstore/data") or {}
    nodes = {}
    for name, entry in kept.items():
        data = entry.get("__data__") if isinstance(entry, dict) else None
        if not isinstance(data, dict):
            raise CommandError(f"the node {name!r} of docstore.json has no fields")
        resource = data.get("text_resource") or {}
        fields = {
            "text": data.get("text") or resource.get("text") or "",
            "metadata": data.get("metadata"),
        }
        nodes[name] = passage_of(fields, f"the node {name!r}", name=name)
    return nodes


def _json(file: Path) -> dict[str, Any]:
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CommandError(f"{file} cannot be read: {error}") from None
    if not isinstance(value, dict):
        raise CommandError(f"{file} must hold a JSON object; got {type(value).__name__}")
    return value


def _reason(error: Exception) -> str:
    """The last part of an error of faiss, without the place in its source."""
    return str(error).strip().splitlines()[-1].rpartition("Error: ")[2][:160] or "unknown"
