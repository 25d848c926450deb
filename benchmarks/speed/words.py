"""Time of what the words cost: reading passages, hearing the witnesses, picking.

    python benchmarks/speed/words.py   # half a minute; writes benchmarks/speed/results/words.md

Random words, so that nothing is cached by chance; one thread. "Naive" counts terms with Python's
`re` and `Counter`, as one would write it at first.
"""

from __future__ import annotations

import random
import re
import statistics
import string
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.common.machine import machine
from sift_retrievers.coverage import cover
from sift_retrievers.witnesses import PassageTexts, TermCache, Witnesses, coverage_of, join

RESULTS = Path(__file__).parent / "results" / "words.md"
ROUNDS = 40


def passages(count: int, characters: int, seed: int) -> list[str]:
    draw = random.Random(seed)
    letters = string.ascii_lowercase
    words = ["".join(draw.choices(letters, k=draw.randint(2, 11))) for _ in range(4000)]
    return [" ".join(draw.choices(words, k=characters // 4))[:characters] for _ in range(count)]


def naive(texts: list[str]) -> list[Counter[str]]:
    found = []
    for text in texts:
        words = re.findall(r"\w+", text.lower())
        grams = [f"_{word}_"[i : i + 4] for word in words for i in range(len(word) - 1)]
        found.append(Counter(words) + Counter(grams))
    return found


def median(task: Callable[[], object]) -> float:
    """Milliseconds."""
    taken = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        task()
        taken.append(time.perf_counter() - start)
    return 1e3 * statistics.median(taken)


def row(count: int, characters: int) -> str:
    texts = passages(count, characters, seed=count)
    question = "What did " + " ".join(texts[0].split()[3:11]) + "?"
    cosines = np.random.default_rng(0).random((1, count))
    cache = TermCache(2**30)
    read = PassageTexts.read(texts, cache=cache)
    relevance = join(cosines, [question], read, Witnesses())
    assert relevance.words is not None
    said = relevance.words.said

    def chosen() -> object:
        found = coverage_of(read, said, level=relevance.chance)
        return cover(found, relevance.total, 10)

    times = [
        median(lambda: naive(texts)),
        median(lambda: PassageTexts.read(texts)),
        median(lambda: PassageTexts.read(texts, cache=cache)),
        median(lambda: join(cosines, [question], read, Witnesses())),
        median(chosen),
    ]
    return f"| {count} × {characters:,} | {' | '.join(f'{one:.2f}' for one in times)} |"


def main() -> None:
    lines = [
        "# What the words cost",
        "",
        f"`python benchmarks/speed/words.py` on {machine()}. Median milliseconds of {ROUNDS}.",
        "Reading is done once a passage, while its terms are kept (64 MiB); the rest once a",
        "question.",
        "",
        "| passages × characters | naive reading | reading | reading, terms kept | relevance by "
        "all witnesses | phrases and ten picks |",
        "|" + "---|" * 6,
        *(row(count, size) for count, size in ((100, 400), (100, 800), (200, 800), (100, 3000))),
        row(1, 1_000_000),
        "",
        "Of a passage of a megabyte the first 100,000 characters are read.",
        "",
    ]
    RESULTS.write_text("\n".join(lines), encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
