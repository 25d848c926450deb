"""Filters and names that become SQL mean what they say, whatever they hold."""

from __future__ import annotations

from typing import Any

import pytest
from corpus import Corpus
from reading import hits_in
from store_cases import community, lancedb

from langchain_sift.stores.lance_table import condition
from langchain_sift.stores.sql import identifier, literal

INJECTIONS = ["A' OR '1'='1", "A' OR TRUE --", "A\\' OR 1=1", "'", '"', "A'; DROP TABLE t; --", "`"]


@pytest.fixture
def corpus() -> Corpus:
    found = Corpus()
    for i, metadata in enumerate(found.metadatas):
        metadata |= {"tenant": "AB"[i % 2], "odd name": i % 3 == 0, "back`tick": i / 2}
        metadata["quoted"] = INJECTIONS[i % len(INJECTIONS)]
    return found


@pytest.mark.parametrize("value", INJECTIONS)
def test_a_value_stays_a_value(value: str, corpus: Corpus) -> None:
    store = lancedb(corpus)
    query = corpus.query_vector()
    assert len(hits_in(store, query, 60, filter={"metadata.tenant": value})) == 0
    found = hits_in(store, query, 60, filter={"metadata.quoted": value})
    assert {metadata["quoted"] for metadata in found.metadata} == {value}


@pytest.mark.parametrize(
    ("filter", "passing"),
    [
        ({"metadata.tenant": "A"}, lambda m: m["tenant"] == "A"),
        ({"metadata.number": 7}, lambda m: m["number"] == 7),
        ({"metadata.odd name": True}, lambda m: m["odd name"]),
        ({"metadata.back`tick": 3.5}, lambda m: m["number"] == 7),
        ({"metadata.tenant": "B", "metadata.number": 7}, lambda m: m["number"] == 7),
        ({"metadata.tenant": "A", "metadata.number": 7}, lambda m: False),
        ({"metadata.tenant": None}, lambda m: False),
        ({}, lambda m: True),
    ],
)
def test_a_dict_filters(filter: dict[str, Any], passing: Any, corpus: Corpus) -> None:
    found = hits_in(lancedb(corpus), corpus.query_vector(), 60, filter=filter)
    expected = [m["number"] for m in corpus.metadatas if passing(m)]
    assert sorted(metadata["number"] for metadata in found.metadata) == expected


@pytest.mark.parametrize("name", ["metadata.tenant = 'A' OR '1'", "metadata.none", "x` = x.`x"])
def test_a_name_stays_a_name(name: str, corpus: Corpus) -> None:
    with pytest.raises(Exception, match=r"(?i)no field named|not found|does not exist"):
        hits_in(lancedb(corpus), corpus.query_vector(), 60, filter={name: "1"})


def test_what_is_neither_sql_nor_a_dict() -> None:
    assert condition("metadata.tenant = 'A'") == "metadata.tenant = 'A'"
    with pytest.raises(TypeError, match=r"filter of LanceDB must be .* got list"):
        condition(["a"])
    with pytest.raises(TypeError, match=r"with a text, a number or a truth value; got list"):
        condition({"a": ["b"]})
    with pytest.raises(ValueError, match="finite numbers; got nan"):
        literal(float("nan"))


def test_quotes() -> None:
    assert literal("it's") == "'it''s'"
    assert identifier('a "b"') == '"a ""b"""'
    assert identifier("a`b", "`") == "`a``b`"


def test_columns_of_duckdb_with_unusual_names(corpus: Corpus) -> None:
    duckdb = pytest.importorskip("duckdb")
    connection = duckdb.connect(":memory:")
    connection.execute(
        'CREATE TABLE embeddings ("the ""id""" VARCHAR, "a text" VARCHAR, "order" FLOAT[], '
        "metadata VARCHAR)"
    )
    keys = {"id_key": 'the "id"', "text_key": "a text", "vector_key": "order"}
    store = _without_a_table_of_its_own(community("DuckDB"))(
        connection=connection, embedding=corpus.embeddings, **keys
    )
    for row in zip(corpus.ids, corpus.texts, corpus.vectors.tolist(), strict=True):
        connection.execute("INSERT INTO embeddings VALUES (?, ?, ?, NULL)", row)
    hits = hits_in(store, corpus.query_vector(), 5)
    assert len(hits) == 5
    for name, text in zip(hits.ids, hits.texts, strict=True):
        assert text == corpus.texts[corpus.ids.index(str(name))]


def _without_a_table_of_its_own(store: Any) -> Any:
    """The store's own statement does not quote the names."""

    class Given(store):  # type: ignore[misc]
        def _ensure_table(self) -> None:
            pass

    return Given
