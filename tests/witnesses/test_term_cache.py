"""`TermCache` returns what reading returns, stays within its limit, and is safe for threads."""

from __future__ import annotations

from threading import Barrier, Thread

import numpy as np

from sift_retrievers.witnesses.reading import read_blocks
from sift_retrievers.witnesses.term_cache import TermCache

DIFFERENT = [
    "the quick brown fox",
    "Müller Straße",
    "東京都は日本の首都です。",
    "\n\n  \t",
    "\ud800",
]


def test_the_cache_gives_what_reading_does_and_keeps_it() -> None:
    texts = [*DIFFERENT, *DIFFERENT[:3]]
    cache = TermCache()
    for _ in range(2):
        assert cache.blocks(texts) == read_blocks(texts)
    assert len(cache) == len(DIFFERENT)
    assert cache.blocks([DIFFERENT[0]])[0] is cache.blocks([DIFFERENT[0]])[0]


def test_the_cache_is_bounded_in_bytes_and_forgets_the_oldest() -> None:
    cache = TermCache(100_000)
    texts = [f"number {i} " * 50 for i in range(100)]
    for text in texts:
        cache.blocks([texts[0], text])  # the first is used again and again
        held = sum(len(block) + 4 * len(text) for text, block in cache._kept.items())
        assert held <= 100_000
    assert texts[0] in cache._kept
    assert texts[-1] in cache._kept
    assert texts[1] not in cache._kept
    assert 1 < len(cache) < 30
    huge = "another word " * 5_000
    assert cache.blocks([huge]) == read_blocks([huge])
    assert len(cache) == 0  # the text is too large for the cache
    assert cache._size == 0


def test_the_cache_is_shared_by_threads() -> None:
    texts = [f"text {i} of some words {i * 7}" for i in range(300)]
    expected = read_blocks(texts)
    cache = TermCache(60_000)
    ready = Barrier(8)
    wrong: list[int] = []

    def work(seed: int) -> None:
        random = np.random.default_rng(seed)
        ready.wait()
        for _ in range(60):
            some = random.integers(0, len(texts), size=20).tolist()
            found = cache.blocks([texts[i] for i in some])
            wrong.extend(i for i, block in zip(some, found, strict=True) if block != expected[i])

    threads = [Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert cache._size <= 60_000
    cache.blocks(texts)
    cache.limit = 0
    cache.blocks([])
    assert cache._size == len(cache) == 0  # the count of bytes is exact
