"""`read_corpus`: tells what a path holds, and reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sift_retrievers.cli.corpus import Corpus
from sift_retrievers.cli.problem import CommandError
from sift_retrievers.cli.stores.chroma_folder import read_chroma
from sift_retrievers.cli.stores.faiss_folder import read_faiss
from sift_retrievers.cli.stores.jsonl import Embed, read_jsonl
from sift_retrievers.cli.stores.lancedb_folder import read_lancedb
from sift_retrievers.cli.stores.llama_index_folder import read_llama_index
from sift_retrievers.cli.stores.options import ReadingOptions, one_of
from sift_retrievers.cli.stores.qdrant_folder import read_qdrant

EXPECTED: Final = (
    "expected a .jsonl or .jsonl.gz file, or the folder of a FAISS index, Chroma, LanceDB, local "
    "Qdrant or LlamaIndex"
)
SIMPLE: Final = "default__vector_store.json"


def read_corpus(path: Path, options: ReadingOptions, embed: Embed | None = None) -> Corpus:
    """All passages of a file or a persisted store.

    Args:
        path: a JSONL file, or the folder of a store.
        options: how to read it.
        embed: embeds texts that have no vectors; None: no model is known.

    Raises:
        CommandError: for anything that is not there or cannot be read, and where there are no
            passages.
    """
    if not path.exists():
        raise CommandError(f"there is no {path}; {EXPECTED}")
    try:
        corpus = _read(path, options, embed)
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror or error}") from None
    if len(corpus) == 0:
        raise CommandError(f"{corpus.source} holds no passages")
    return corpus


def _read(path: Path, options: ReadingOptions, embed: Embed | None) -> Corpus:
    if path.is_file():
        if path.name.endswith((".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")):
            return read_jsonl(path, options, embed)
        if path.suffix in (".faiss", ".index"):
            return read_faiss(path, options)
        raise CommandError(f"{path} is a file of an unknown kind; {EXPECTED}")
    if (path / "chroma.sqlite3").is_file():
        return read_chroma(path, options)
    if (path / "meta.json").is_file():
        return read_qdrant(path, options)
    if path.suffix == ".lance" and (path / "_versions").is_dir():
        return read_lancedb(path.parent, ReadingOptions(path.stem, *_rest(options)))
    if any(table.is_dir() for table in path.glob("*.lance")):
        return read_lancedb(path, options)
    if (path / SIMPLE).is_file():
        simple = (path / SIMPLE).open("rb").read(1) == b"{"
        return read_llama_index(path / SIMPLE) if simple else read_faiss(path / SIMPLE, options)
    indexes = {file.stem: file for file in sorted(path.glob("*.faiss"))}
    if indexes:
        name = one_of([*indexes], options.collection, "FAISS indexes", "--collection")
        return read_faiss(indexes[name], options)
    if (path / "collections").is_dir() or (path / "raft_state.json").is_file():
        raise CommandError(
            f"{path} is the storage of a Qdrant server, which only the server can read: expected "
            "a folder of Qdrant's local mode, or its points exported as JSONL"
        )
    found = sorted(file.name for file in path.iterdir())[:5]
    raise CommandError(f"{path} holds {found or 'nothing'}; {EXPECTED}")


def _rest(options: ReadingOptions) -> tuple[str | None, str | None, bool]:
    return options.text_field, options.vector_field, options.allow_pickle
