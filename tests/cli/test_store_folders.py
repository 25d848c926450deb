"""Folders of all stores are read as they were written, and are never changed."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_facts import Command, Facts, facts
from stores_on_disk import (
    COLLECTION,
    WRITERS,
    as_json,
    chroma_client,
    contents,
    langchain_documents,
    langchain_model,
    written,
)

from sift_retrievers.cli.problem import CommandError
from sift_retrievers.cli.stores import ReadingOptions, read_corpus
from sift_retrievers.cli.stores.pickles import unpickled


@pytest.fixture
def small() -> Facts:
    """Few passages, since some stores take long to write one."""
    return facts(topics=8, copies=4)


@pytest.mark.parametrize("name", WRITERS)
def test_a_folder_is_read_as_it_was_written_and_not_changed(
    name: str, small: Facts, tmp_path: Path, sift: Command
) -> None:
    folder = written(name, small, tmp_path / "store")
    before = contents(folder)
    corpus = read_corpus(folder, ReadingOptions(allow_pickle=True))
    order = [small.texts.index(text) for text in corpus.texts]
    assert sorted(order) == [*range(len(small.texts))]
    cosine = ("LlamaIndex" in name and "Qdrant" in name) or name == "Qdrant, LangChain"
    expected = small.vectors[order]
    if cosine:  # Qdrant may keep them at unit length
        unit = lambda x: x / np.linalg.norm(x, axis=1, keepdims=True)  # noqa: E731
        np.testing.assert_allclose(unit(corpus.vectors), unit(expected), atol=1e-6)
    else:
        np.testing.assert_allclose(corpus.vectors, expected, rtol=1e-6)
    for position, metadata in zip(order, corpus.metadata, strict=True):
        assert metadata["topic"] == small.metadata[position]["topic"]
        assert not any(key.startswith("_node") for key in metadata)
    if "Qdrant" not in name:  # whose ids are numbers or UUIDs
        assert [*corpus.ids] == [small.ids[i] for i in order]
    assert None not in corpus.ids
    asked = small.questions[5]["vector"]
    found = sift("select", folder, "--vector", as_json(asked), "--allow-pickle", "--json")
    assert found.code == 0
    assert small.metadata[small.texts.index(found.json["passages"][0]["text"])] == {"topic": 5}
    assert sift("doctor", folder, "-k", 3, "--allow-pickle").code == 0
    assert contents(folder) == before


def test_the_nearest_are_those_of_the_stores_metric(small: Facts, tmp_path: Path) -> None:
    faiss = pytest.importorskip("faiss")
    query = small.vectors[3] * 2
    for kind, expected in [(faiss.IndexFlatL2, "l2"), (faiss.IndexFlatIP, "dot")]:
        index = kind(16)
        index.add(small.vectors)
        faiss.write_index(index, str(tmp_path / "i.faiss"))
        corpus = read_corpus(tmp_path / "i.faiss", ReadingOptions())
        assert corpus.metric == expected
        _, labels = index.search(query[None], 10)
        assert corpus.nearest(query, 10).tolist() == labels[0].tolist()
        without = corpus.nearest(query, 9, without=int(labels[0][2])).tolist()
        assert without == [*labels[0][:2], *labels[0][3:]]
    inverted = faiss.index_factory(16, "IVF4,PQ4x4")
    inverted.train(small.vectors)
    inverted.add(small.vectors)
    faiss.write_index(inverted, str(tmp_path / "i.faiss"))
    corpus = read_corpus(tmp_path / "i.faiss", ReadingOptions())
    assert corpus.note == "as the IndexIVFPQ reconstructs them"
    assert len(corpus) == len(small.texts)


def test_pickles_are_read_only_where_the_user_allows_it(
    refused: Callable[..., str], small: Facts, tmp_path: Path
) -> None:
    for name in ("FAISS, LangChain", "Qdrant"):
        folder = written(name, small, tmp_path / name)
        line = refused("doctor", folder)
        assert "pickles, which can run code of whoever wrote them" in line
        assert "--allow-pickle" in line


class Attack:
    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return Path.touch, (self.file,)


def test_no_code_of_a_pickle_runs_even_then(
    refused: Callable[..., str], small: Facts, tmp_path: Path
) -> None:
    folder = written("FAISS, LangChain", small, tmp_path / "store")
    target = tmp_path / "attacked"
    (folder / "index.pkl").write_bytes(pickle.dumps(({}, Attack(target))))
    line = refused("doctor", folder, "--allow-pickle")
    assert "index.pkl cannot be read: it holds a pathlib.Path" in line
    assert not target.exists()
    for data in (b"", b"nonsense", pickle.dumps(eval), pickle.dumps([np.load])):
        with pytest.raises(CommandError, match="cannot be read"):
            unpickled(data, "it")
    (folder / "index.pkl").write_bytes(pickle.dumps([1, 2, 3]))
    assert "holds no docstore" in refused("doctor", folder, "--allow-pickle")


def test_metadata_of_the_usual_kinds_come_out_of_a_pickle(small: Facts, tmp_path: Path) -> None:
    from datetime import UTC, date, datetime
    from decimal import Decimal
    from uuid import uuid4

    community = pytest.importorskip("langchain_community.vectorstores")
    odd = {"day": date(2026, 1, 2), "at": datetime(2026, 1, 2, tzinfo=UTC), "n": np.float32(2)}
    odd |= {"id": uuid4(), "price": Decimal("1.5"), "tags": {"a"}, "v": np.arange(3)}
    documents = langchain_documents(small)[:3]
    for document in documents:
        document.metadata = dict(odd)
    store = community.FAISS.from_documents(documents, langchain_model(small))
    store.delete(["p1"])
    store.save_local(str(tmp_path))
    corpus = read_corpus(tmp_path, ReadingOptions(allow_pickle=True))
    assert corpus.ids == ["p0", "p2"]
    np.testing.assert_array_equal(corpus.vectors, small.vectors[[0, 2]])
    assert corpus.metadata[1]["day"] == date(2026, 1, 2)
    assert corpus.metadata[1]["v"].tolist() == [0, 1, 2]


def test_several_collections_must_be_told_apart(
    refused: Callable[..., str], sift: Command, small: Facts, tmp_path: Path
) -> None:
    chromadb = pytest.importorskip("chromadb")
    chroma_client(small, tmp_path)
    client = chromadb.PersistentClient(str(tmp_path))
    client.create_collection("other", metadata={"hnsw:space": "cosine"})
    assert "['facts', 'other']; expected one of them by --collection" in refused("doctor", tmp_path)
    assert "'no' is no collections" in refused("doctor", tmp_path, "--collection", "no")
    assert "other holds no passages" in refused("doctor", tmp_path, "--collection", "other")
    assert sift("doctor", tmp_path, "--collection", COLLECTION, "-k", 3).code == 0
    line = refused("select", tmp_path, "x", "--collection", COLLECTION)
    assert "--embedding" in line
    assert "all-MiniLM-L6-v2 (Chroma's default)" in line


def test_named_vectors_of_qdrant(refused: Callable[..., str], small: Facts, tmp_path: Path) -> None:
    package = pytest.importorskip("qdrant_client")
    models = package.models
    client = package.QdrantClient(path=str(tmp_path))
    size = models.VectorParams(size=16, distance=models.Distance.DOT)
    short = models.VectorParams(size=2, distance=models.Distance.COSINE)
    client.create_collection(
        "c",
        vectors_config={"big": size, "small": short},
        sparse_vectors_config={"words": models.SparseVectorParams()},
    )
    sparse = models.SparseVector(indices=[1], values=[2.0])
    client.upsert(
        "c",
        [
            models.PointStruct(
                id=i, vector={"big": v, "small": [1, 2], "words": sparse}, payload={"body": t}
            )
            for i, (t, v) in enumerate(zip(small.texts, small.vectors.tolist(), strict=True))
        ],
    )
    client.close()
    line = refused("doctor", tmp_path, "--allow-pickle")
    assert "['big', 'small']; expected one of them by --vector-field" in line
    corpus = read_corpus(tmp_path, ReadingOptions(None, "body", "big", True))
    assert (corpus.metric, corpus.dim, [*corpus.texts]) == ("dot", 16, small.texts)


def test_folders_that_are_no_store(refused: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "collections").mkdir()
    assert "storage of a Qdrant server" in refused("doctor", tmp_path)
    for name, data, message in [
        ("chroma.sqlite3", b"nothing", "cannot be opened by chromadb"),
        ("meta.json", b"[]", "names no collections"),
        ("index.faiss", b"nothing", "is no FAISS index"),
        ("default__vector_store.json", b"{}", "holds no embedding_dict"),
    ]:
        folder = tmp_path / name.partition(".")[0]
        folder.mkdir()
        (folder / name).write_bytes(data)
        assert message in refused("doctor", folder), name


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 3 of c.jsonl is no JSON"),
        ("3", "must be an object, a text or a list of numbers; got '3'"),
        ('{"title": "x"}', "has neither a text nor a vector; its fields are ['title']"),
        ('{"text": "x"}', "line 3 of c.jsonl has no vector, though others have one"),
        ('{"text": "x", "vector": [1]}', "vector of dimension 1; the first one has 2"),
        ('{"text": "x", "vector": ["a", 1]}', "a vector must be numbers"),
        ('{"text": "x", "vector": [NaN, 1]}', "1 of 3 vectors with NaN or infinite values"),
        ('{"text": 3, "vector": [1, 1]}', "'text' must be a text; got '3'"),
    ],
)
def test_odd_lines_of_a_jsonl(
    refused: Callable[..., str], tmp_path: Path, line: str, message: str
) -> None:
    file = tmp_path / "c.jsonl"
    good = '{"text": "x", "vector": [1, 2]}\n'
    file.write_text(f"{good}{good}{line}\n")
    assert message in refused("doctor", file)


def test_fields_of_a_jsonl_may_have_other_names(tmp_path: Path) -> None:
    file = tmp_path / "c.jsonl"
    rows = [{"body": "a", "dense": [1, 2], "metadata": {"page": 1}, "_id": 7}] * 2
    file.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(map(json.dumps, rows)).encode())
    corpus = read_corpus(file, ReadingOptions(None, "body", "dense"))
    assert corpus.texts == ["a", "a"]
    assert corpus.ids == ["7", "7"]
    assert corpus.metadata[0] == {"page": 1}
    with pytest.raises(CommandError, match=r"expected 'no' of --text-field"):
        read_corpus(file, ReadingOptions(None, "no"))
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(CommandError, match="no text in UTF-8"):
        read_corpus(file, ReadingOptions())
    zipped = tmp_path / "c.jsonl.gz"
    zipped.write_bytes(b"no gzip")
    with pytest.raises(CommandError, match="no complete gzip file"):
        read_corpus(zipped, ReadingOptions())


def test_lines_with_a_blank_text_are_left_out(tmp_path: Path) -> None:
    file = tmp_path / "c.jsonl"
    file.write_text('{"text": "a"}\n{"text": " "}\n{"text": null}\n"b"\n')
    with pytest.warns(UserWarning, match="2 lines of c.jsonl with a blank text are left out"):
        corpus = read_corpus(
            file, ReadingOptions(), lambda texts: np.ones((len(texts), 2), np.float32)
        )
    assert corpus.texts == ["a", "b"]
