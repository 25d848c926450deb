"""Stores' asynchronous clients, on one event loop, on a second one, and where there is no other."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, ExitStack
from typing import Any

import async_cases
import pytest
import server_cases
import store_cases
from corpus import Corpus

from langchain_sift import SIFTRetriever
from langchain_sift.stores import reader_of
from langchain_sift.stores.client_reader import usable_here

pytestmark = pytest.mark.filterwarnings("ignore:.*langchain-community.*:DeprecationWarning")
ALONE = [
    name for name, case in async_cases.CASES.items() if case.options.get("synchronous") is False
]


@pytest.mark.parametrize("name", ALONE)
async def test_a_store_with_an_asynchronous_client_alone(name: str, corpus: Corpus) -> None:
    case = async_cases.CASES[name]
    pytest.importorskip(case.package)
    async with AsyncExitStack() as closing:
        retriever = SIFTRetriever(await case.build(corpus, closing), k=3)
        found = await retriever.ainvoke(corpus.queries[0])
        assert len(found) == 3
        assert all(d.page_content == f"text {d.metadata['number']}" for d in found)
        even = await retriever.ainvoke(corpus.queries[0], **case.filtered("even"))
        assert [d.metadata["number"] % 2 for d in even] == [0, 0, 0]
        with pytest.raises(TypeError, match="ainvoke"):
            retriever.invoke(corpus.queries[0])


def with_both_clients(name: str, corpus: Corpus, closing: ExitStack) -> Any:
    """A store that makes an asynchronous client of its own beside the synchronous one."""
    if name == "Milvus":
        return store_cases.CASES[name].filled(corpus)
    return server_cases.started(server_cases.CASES[name], corpus, closing)[0]


@pytest.mark.parametrize("name", ["Milvus", "OpenSearch"])
def test_a_second_event_loop(name: str, corpus: Corpus) -> None:
    """The client's connections belong to the first loop: on another, threads do the work."""
    with ExitStack() as closing:
        store = with_both_clients(name, corpus, closing)
        retriever, reader = SIFTRetriever(store), reader_of(store)

        async def answers() -> tuple[bool, list[Any]]:
            found = await retriever.ainvoke(corpus.queries[0])
            return reader.searches_async, [document.id for document in found]

        first, second = asyncio.run(answers()), asyncio.run(answers())
    assert [first[0], second[0]] == [True, False]
    assert first[1] == second[1]
    assert not reader.searches_async  # without a loop


@pytest.mark.parametrize("name", ["Milvus", "OpenSearch"])
def test_a_client_that_somebody_has_used_on_another_loop(name: str, corpus: Corpus) -> None:
    with ExitStack() as closing:
        store = with_both_clients(name, corpus, closing)
        asyncio.run(store.asimilarity_search(corpus.queries[0]))
        assert len(asyncio.run(SIFTRetriever(store).ainvoke(corpus.queries[0]))) == 4


async def test_a_client_belongs_to_the_loop_of_its_first_use() -> None:
    class Client:
        pass

    first, other = Client(), Client()
    assert usable_here(first)
    assert usable_here(first)

    def elsewhere(client: Any) -> bool:
        return asyncio.run(asked(client))

    assert not await asyncio.to_thread(elsewhere, first)
    assert await asyncio.to_thread(elsewhere, other)
    assert not usable_here(other)
    assert usable_here(other, bound_to=asyncio.get_running_loop())


async def asked(client: Any) -> bool:
    return usable_here(client)
