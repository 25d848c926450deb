"""Chroma and Qdrant: texts are read after the choice, in a second call to the store."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from corpus import Corpus
from store_cases import CASES

from langchain_sift import SIFTRetriever


@pytest.fixture(params=["Chroma", "Qdrant"])
def second(request: pytest.FixtureRequest, corpus: Corpus) -> tuple[Any, Any, str]:
    """The store, and where its second call is."""
    store = CASES[request.param].filled(corpus)
    if request.param == "Chroma":
        return store, store._collection, "get"
    return store, store.client, "retrieve"


def test_a_failure_there_names_the_store(
    second: tuple[Any, Any, str], corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, place, name = second

    def fails(*args: Any, **kwargs: Any) -> None:
        raise ConnectionError("lost")

    monkeypatch.setattr(place, name, fails)
    with pytest.raises(ConnectionError, match="lost") as caught:
        SIFTRetriever(store).invoke(corpus.queries[0])
    assert caught.value.__notes__ == [f"while SIFT read 4 passages from {type(store).__name__}"]


async def test_it_does_not_block_the_loop(
    second: tuple[Any, Any, str], corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, place, name = second
    quick = getattr(place, name)

    def slow(*args: Any, **kwargs: Any) -> Any:
        time.sleep(0.3)
        return quick(*args, **kwargs)

    monkeypatch.setattr(place, name, slow)
    beats = 0

    async def heartbeat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0.01)
            beats += 1

    pulse = asyncio.create_task(heartbeat())
    retriever = SIFTRetriever(store)
    assert len(await retriever.ainvoke(corpus.queries[0])) == 4
    pulse.cancel()
    assert beats >= 5
    assert retriever.explain(corpus.queries[0]).seconds["select"] >= 0.3


@pytest.mark.parametrize("rule", [{}, {"distinct_by": lambda d: d.metadata["number"]}])
def test_a_passage_deleted_meanwhile_is_not_chosen(
    second: tuple[Any, Any, str], corpus: Corpus, monkeypatch: pytest.MonkeyPatch, rule: Any
) -> None:
    store, place, name = second
    retriever = SIFTRetriever(store, lambda_=0.3, **rule)
    first = retriever.invoke(corpus.queries[0])[0].id
    before = getattr(place, name)

    def deletes(*args: Any, **kwargs: Any) -> Any:
        monkeypatch.setattr(place, name, before)
        store.delete(ids=[first])
        return before(*args, **kwargs)

    monkeypatch.setattr(place, name, deletes)
    found = retriever.invoke(corpus.queries[0])
    assert first not in [document.id for document in found]
    assert [document.metadata["sift"]["rank"] for document in found] == [0, 1, 2, 3]
    assert [d.id for d in found] == [d.id for d in retriever.invoke(corpus.queries[0])]


def test_only_what_is_chosen_is_read(
    second: tuple[Any, Any, str], corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, place, name = second
    before, asked = getattr(place, name), []

    def records(*args: Any, **kwargs: Any) -> Any:
        asked.append(kwargs.get("ids") or args[1])
        return before(*args, **kwargs)

    monkeypatch.setattr(place, name, records)
    found = SIFTRetriever(store).invoke(corpus.queries[0])
    assert [sorted(ids) for ids in asked] == [sorted(str(d.id) for d in found)]
    asked.clear()
    SIFTRetriever(store, distinct_by="parity").invoke(corpus.queries[0])
    assert [len(ids) for ids in asked] == [60]  # a rule looks at all, once


@pytest.mark.parametrize("name", ["Qdrant", "Qdrant L2", "Qdrant inner product, named vector"])
def test_vectors_through_the_client_as_a_server_sends_them(
    name: str, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In local mode the adapter reads the client's own array; a server's come as lists."""
    pytest.importorskip("langchain_qdrant")
    retriever = SIFTRetriever(CASES[name].filled(corpus))
    want = [retriever.invoke(query) for query in corpus.queries]
    monkeypatch.setattr("langchain_sift.stores.qdrant._local_collection", lambda store: None)
    found = [retriever.invoke(query) for query in corpus.queries]
    assert [[d.id for d in one] for one in found] == [[d.id for d in one] for one in want]
    assert found[0][0].metadata["sift"]["similarity"] == pytest.approx(
        want[0][0].metadata["sift"]["similarity"]
    )
