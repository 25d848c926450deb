"""`EmbeddingCache`: every text once, no text of another model, no more than its size."""

from __future__ import annotations

import asyncio
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import numpy as np
import pytest

from sift_retrievers.retrieval import EmbeddingCache
from sift_retrievers.retrieval.work import OnLoop


class Model:
    """A text's vector is its length and the model's number."""

    def __init__(self, number: float = 0) -> None:
        self.number = number
        self.calls: list[list[str]] = []

    def embed(self, texts: list[str]) -> list[list[float]]:
        self.calls.append(texts)
        return [[len(text), self.number] for text in texts]


def test_each_text_is_embedded_once_in_one_call() -> None:
    cache, model = EmbeddingCache(), Model()
    first = cache.embed(model, ["a", "bb", "a"], model.embed)
    assert first.tolist() == [[1, 0], [2, 0], [1, 0]]
    assert first.dtype == np.float32
    assert cache.embed(model, ["ccc", "bb"], model.embed).tolist() == [[3, 0], [2, 0]]
    assert model.calls == [["a", "bb"], ["ccc"]]


async def test_on_a_loop_by_the_models_own_call() -> None:
    cache, model = EmbeddingCache(), Model()

    async def own(texts: list[str]) -> list[list[float]]:
        await asyncio.sleep(0)
        return [[7.0] for _ in texts]

    rows = await cache.aembed(OnLoop(), model, ["a", "bb", "a", " "], model.embed, native=own)
    assert rows.tolist() == [[7], [7], [7], [0]]
    assert cache.embed(model, ["bb"], model.embed).tolist() == [[7]]
    assert model.calls == []
    await cache.aembed(OnLoop(), model, ["ccc"], model.embed)
    assert model.calls == [["ccc"]]
    hung = Event()
    with pytest.raises(TimeoutError, match="stage 'embed'"):
        await cache.aembed(OnLoop(0.05), model, ["d"], lambda texts: hung.wait(30))  # type: ignore[arg-type,return-value]
    hung.set()


def test_models_do_not_share_vectors() -> None:
    cache, one, two = EmbeddingCache(), Model(1), Model(2)
    assert cache.embed(one, ["a"], one.embed).tolist() == [[1, 1]]
    assert cache.embed(two, ["a"], two.embed).tolist() == [[1, 2]]
    assert cache.embed(one, ["a"], one.embed).tolist() == [[1, 1]]
    assert len(one.calls) == 1


def test_the_least_recently_used_goes_first() -> None:
    cache, model = EmbeddingCache(size=2), Model()
    for text in ("a", "b", "a", "c", "a", "b"):  # "c" drives out "b", not "a"
        cache.embed(model, [text], model.embed)
    assert len(cache) == 2
    assert model.calls == [["a"], ["b"], ["c"], ["b"]]


def test_more_texts_than_it_keeps() -> None:
    cache, model = EmbeddingCache(size=2), Model()
    rows = cache.embed(model, [*"abcdef"], model.embed)
    assert rows.shape == (6, 2)
    assert len(cache) == 2


def test_texts_that_are_blank() -> None:
    cache, model = EmbeddingCache(), Model(7)
    assert cache.embed(model, ["", "a", " \n"], model.embed).tolist() == [[0, 0], [1, 7], [0, 0]]
    assert cache.embed(model, ["", ""], model.embed).shape == (2, 0)
    assert model.calls == [["a"]]


def test_a_failure_leaves_it_as_it_was() -> None:
    cache, model = EmbeddingCache(), Model()
    with pytest.raises(ZeroDivisionError):
        cache.embed(model, ["a"], lambda texts: 1 // 0)
    with pytest.raises(ValueError, match=r"Model must give each of 2 texts one vector.*\(1, 1\)"):
        cache.embed(model, ["a", "b"], lambda texts: [[1.0]])
    assert len(cache) == 0


def test_what_is_returned_is_the_callers_own() -> None:
    cache, model = EmbeddingCache(), Model()
    cache.embed(model, ["a"], model.embed)[:] = 99
    assert cache.embed(model, ["a"], model.embed).tolist() == [[1, 0]]


def test_many_threads() -> None:
    cache, model = EmbeddingCache(size=5), Model()

    def ask(i: int) -> bool:
        texts = ["x" * (i % 7), "y" * (i % 11 + 1)]
        rows = cache.embed(model, texts, model.embed)
        return [row[0] for row in rows.tolist()] == [len(text) for text in texts]

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(ask, range(2000)))
    assert len(cache) <= 5


def test_a_pickled_cache_comes_back_empty() -> None:
    cache, model = EmbeddingCache(size=3), Model()
    cache.embed(model, ["a"], model.embed)
    again = pickle.loads(pickle.dumps(cache))
    assert (again.size, len(again)) == (3, 0)


@pytest.mark.parametrize("size", [0, -1, 2.5, True])
def test_a_size_that_is_none(size: int) -> None:
    with pytest.raises(ValueError, match="size must be a whole number of at least 1"):
        EmbeddingCache(size)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_process_forked_while_a_thread_is_in_the_cache() -> None:
    code = """
import os, threading
from sift_retrievers.retrieval import EmbeddingCache
from sift_retrievers.retrieval.work import OnLoop
cache = EmbeddingCache()
held, done = threading.Event(), threading.Event()
def hold():
    with cache._lock:
        held.set()
        done.wait()
threading.Thread(target=hold, daemon=True).start()
held.wait()
child = os.fork()
if child == 0:
    vectors = cache.embed("model", ["a"], lambda texts: [[1.0]])
    os._exit(7 if vectors.tolist() == [[1.0]] else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.strip() == "7"
