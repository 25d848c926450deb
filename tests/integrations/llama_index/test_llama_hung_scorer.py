"""A scorer that hangs holds back nobody but those who use it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

from corpus import Corpus
from llama_index.core import VectorStoreIndex

from llama_index.retrievers.sift import SIFTRetriever
from sift_retrievers.threads import SIZE


async def test_more_hung_scorers_than_threads(simple: VectorStoreIndex, corpus: Corpus) -> None:
    released = threading.Event()

    def hung(question: str, texts: Sequence[str]) -> list[float]:
        released.wait(20)
        return [0.0] * len(texts)

    query = corpus.queries[0]
    stuck = SIFTRetriever(simple, relevance=hung)
    waiting = [asyncio.create_task(stuck.aretrieve(query)) for _ in range(SIZE + 10)]
    try:
        await asyncio.sleep(0.3)
        assert len(await asyncio.wait_for(SIFTRetriever(simple).aretrieve(query), 5)) == 4
        assert not any(task.done() for task in waiting)
    finally:
        released.set()
        await asyncio.gather(*waiting)
