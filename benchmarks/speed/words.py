"""Time of what the words cost: reading passages, hearing the witnesses, picking by phrases.

    python benchmarks/speed/words.py   # a minute; writes benchmarks/speed/results/words.md

Random words; one thread. The compiled functions and numpy take turns. "Naive" is what one would
write at first: `re` and `Counter`, BM25 of words and 4-grams, and ten picks by the share of new
phrases.
"""

from __future__ import annotations

import argparse
import math
import random
import re
import string
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.common.machine import machine
from benchmarks.speed.batches import ROADS
from benchmarks.speed.turns import Task, median, of_tasks
from sift_retrievers.coverage import cover
from sift_retrievers.witnesses import Witnesses
from sift_retrievers.witnesses.phrases import coverage_from_terms
from sift_retrievers.witnesses.relevance import combine_witnesses
from sift_retrievers.witnesses.term_cache import TermCache
from sift_retrievers.witnesses.texts import PassageTexts

RESULTS = Path(__file__).parent / "results" / "words.md"
NAIVE_ROUNDS = 3
WHOLE = "all, nothing kept"
LETTERS = {
    "ASCII": string.ascii_lowercase,
    "accents": string.ascii_lowercase * 2 + "éüñ",
    "Japanese": "".join(map(chr, [*range(0x3041, 0x3094), *range(0x4E00, 0x4F00)])),
}


def passages(count: int, characters: int, letters: str) -> list[str]:
    draw = random.Random(count)
    words = ["".join(draw.choices(letters, k=draw.randint(2, 11))) for _ in range(4000)]
    return [" ".join(draw.choices(words, k=characters // 4))[:characters] for _ in range(count)]


def naive_terms(text: str) -> tuple[Counter[str], set[tuple[str, ...]]]:
    """Words and 4-grams, counted, and phrases."""
    words = re.findall(r"\w+", text.lower())
    grams = [f"_{word}_"[i : i + 4] for word in words for i in range(len(word) - 1)]
    return Counter(words) + Counter(grams), {*zip(words, words[1:], words[2:], strict=False)}


def naive(question: str, texts: list[str], k: int = 10) -> list[int]:
    asked, _ = naive_terms(question)
    found = [naive_terms(text) for text in texts]
    sizes = [sum(counts.values()) for counts, _ in found]
    mean = sum(sizes) / len(sizes)
    scores = [0.0] * len(texts)
    for term in asked:
        df = sum(term in counts for counts, _ in found)
        weight = math.log(1 + (len(texts) - df + 0.5) / (df + 0.5))
        for i, (counts, _) in enumerate(found):
            norm = 2 * (0.25 + 0.75 * sizes[i] / mean)
            scores[i] += weight * counts[term] * 3 / (counts[term] + norm)
    picks: list[int] = []
    read: set[tuple[str, ...]] = set()
    for _ in range(min(k, len(texts))):
        rest = [i for i in range(len(texts)) if i not in picks]
        new = {i: len(found[i][1] - read) / max(len(found[i][1]), 1) for i in rest}
        picks.append(max(rest, key=lambda i: scores[i] * new[i]))
        read |= found[picks[-1]][1]
    return picks


def tasks_for(count: int, characters: int, letters: str) -> dict[str, Callable[[], object]]:
    """Each step by itself, and all of them."""
    texts = passages(count, characters, letters)
    titles = [" ".join(text.split()[:2]) for text in texts]
    question = "What did " + " ".join(texts[0].split()[3:11]) + "?"
    cosines = np.random.default_rng(0).random((1, count))
    cache = TermCache(2**30)

    def ask(read: PassageTexts) -> object:
        heard = combine_witnesses(cosines, [question], read, Witnesses())
        said = None if heard.words is None else heard.words.word_weights
        return cover(coverage_from_terms(read, said, level=heard.chance), heard.total, 10)

    read = PassageTexts.read(texts, titles, cache=cache)
    heard = combine_witnesses(cosines, [question], read, Witnesses())
    said = None if heard.words is None else heard.words.word_weights
    phrases = coverage_from_terms(read, said, level=heard.chance)
    return {
        "reading": lambda: PassageTexts.read(texts, titles),
        WHOLE: lambda: ask(PassageTexts.read(texts, titles)),
        "finding kept terms": lambda: PassageTexts.read(texts, titles, cache=cache),
        "relevance": lambda: combine_witnesses(
            cosines, [question], PassageTexts(read.blocks, read.first_of_equal), Witnesses()
        ),
        "phrases": lambda: coverage_from_terms(read, said, level=heard.chance),
        "ten picks": lambda: cover(phrases, heard.total, 10),
        "all, terms kept": lambda: ask(PassageTexts.read(texts, titles, cache=cache)),
    }


def naive_time(count: int, characters: int, letters: str) -> float:
    """Milliseconds."""
    texts = passages(count, characters, letters)
    question = "What did " + " ".join(texts[0].split()[3:11]) + "?"
    taken = []
    for _ in range(NAIVE_ROUNDS):
        start = time.perf_counter()
        naive(question, texts)
        taken.append(time.perf_counter() - start)
    return median(taken)


def rows(count: int, characters: int, script: str, rounds: int) -> list[str]:
    steps = tasks_for(count, characters, LETTERS[script])
    tasks: dict[str, Task] = {
        f"{road} {step}": (task, enter)
        for road, enter in ROADS.items()
        for step, task in steps.items()
    }
    times = of_tasks(tasks, rounds)
    size = f"{count} × {characters:,}, {script}"
    by_hand = naive_time(count, characters, LETTERS[script])
    cells = [f"{by_hand:.1f}" if step == WHOLE else "" for step in steps]
    found = [f"| {size} | naive | " + " | ".join(cells) + " |"]
    for road in ROADS:
        cells = [f"{median(times[f'{road} {step}']):.3f}" for step in steps]
        found.append(f"| {size} | {road} | " + " | ".join(cells) + " |")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=60)
    rounds = parser.parse_args().rounds
    steps = [*tasks_for(1, 80, LETTERS["ASCII"])]
    lines = [
        "# What the words cost",
        "",
        f"`python benchmarks/speed/words.py` on {machine()}.",
        f"Median milliseconds of {rounds}, all columns and both roads taking turns. Every passage "
        "has a title.",
        '"All" is reading, hearing the witnesses, and ten picks by phrases; the terms of a passage '
        "are kept (64 MiB),",
        "so that it is read once.",
        "",
        f"| passages × characters | road | {' | '.join(steps)} |",
        "|" + "---|" * (len(steps) + 2),
    ]
    for count, characters, script in (
        (100, 400, "ASCII"),
        (100, 800, "ASCII"),
        (200, 800, "ASCII"),
        (100, 3000, "ASCII"),
        (100, 800, "accents"),
        (100, 800, "Japanese"),
        (1, 1_000_000, "ASCII"),
    ):
        lines += rows(count, characters, script, rounds)
    lines += ["", "Of a passage of a megabyte the first 100,000 characters are read.", ""]
    RESULTS.write_text("\n".join(lines), encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
