"""The compiled functions for texts under AddressSanitizer and UndefinedBehaviorSanitizer.

    python tests/native/fuzz_words.py --seconds 60

Builds the extension module with both sanitizers (`fuzz.py`) and calls its functions with random
texts, whose terms and scores must be those of numpy, and with random nonsense: blocks that were cut
or written over, buffers of other lengths, sizes from anywhere, infinities and NaN. They must answer
or raise. A read or write beside a buffer ends the process with the sanitizers' report.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from fuzz import build, load, with_sanitizers

sys.path.insert(0, str(Path(__file__).parents[1] / "witnesses"))
from random_texts import random_passage, random_text

from sift_retrievers.acceleration import switched_off
from sift_retrievers.witnesses.characters import TABLE, UTF_32, fold, table_entries
from sift_retrievers.witnesses.mentions import mentions
from sift_retrievers.witnesses.phrases import BASE_WEIGHT, coverage_from_terms
from sift_retrievers.witnesses.texts import PassageTexts
from sift_retrievers.witnesses.words import read_question, score_terms

SIZES = (0, 1, 2, 3, 7, 8, 9, 2**16, 2**31, 2**32, 2**61, 2**62, 2**63 - 1, 2**63, 2**64 - 1)
EXTREMES = (0.0, -0.0, 1e-320, 1e-30, 1.0, -1.0, 1e20, 1e300, np.inf, -np.inf, np.nan)


def ready(text: str) -> str | bytes:
    """As the compiled function wants it."""
    if text.isascii():
        return text
    encoded = fold(text).encode(UTF_32, "surrogatepass")
    table_entries(np.frombuffer(encoded, dtype=np.uint32))
    return encoded


def checked(module: Any, random: np.random.Generator) -> tuple[bytes, PassageTexts, np.ndarray]:
    """A question and passages, after all that is computed from them was found right."""
    draw = random_text if random.random() < 0.5 else random_passage
    texts = [draw(random, 60) for _ in range(random.integers(0, 12))]
    texts += texts[: random.integers(0, 3)]
    question = draw(random, 20)
    with switched_off():
        passages, asked = PassageTexts.read(texts), read_question(question)
        assert module.read_terms([*map(ready, texts)], TABLE) == [*passages.blocks]
        heard = score_terms(asked, passages)
        relevance = random.normal(size=len(texts))
        named = mentions(passages, relevance)
        phrases = coverage_from_terms(passages, heard.word_weights, level=1.0)
    scores, word_weights = map(
        np.frombuffer, module.score_terms(asked, passages.blocks, passages.first_of_equal)
    )
    np.testing.assert_allclose(scores.reshape(7, len(texts))[1], heard.words, rtol=1e-12)
    np.testing.assert_allclose(word_weights, heard.word_weights, rtol=1e-12)
    found = np.frombuffer(module.mentions(passages.blocks, relevance, 10))
    np.testing.assert_allclose(found, named, rtol=1e-12)
    units, _, weights = module.phrases(passages.blocks, word_weights, BASE_WEIGHT)
    assert bytes(units) == phrases.units.tobytes()
    np.testing.assert_allclose(np.frombuffer(weights), phrases.weights, rtol=1e-12)
    return asked, passages, relevance


def spoilt(block: bytes, random: np.random.Generator) -> Any:
    """A block that may be one, or not."""
    numbers = np.frombuffer(block, dtype=np.uint64).copy()
    kind = random.integers(0, 7)
    if kind == 0:
        return block[: random.integers(0, len(block) + 1)]
    if kind == 1:
        return block + bytes(int(random.integers(0, 20)))
    if kind == 2:
        return (None, "text", 5, bytearray(block), b"", [block])[random.integers(0, 6)]
    if kind == 3:
        numbers[random.integers(0, 8)] = SIZES[random.integers(0, len(SIZES))]
    elif kind == 4:
        at = random.integers(0, 8, size=2)
        numbers[at] = numbers[at[::-1]]
    elif kind == 5 and len(numbers) > 8:  # terms from anywhere
        numbers[8:] = random.integers(0, 5, size=len(numbers) - 8)
    else:  # counts that fit, and their sum wraps around
        wrap = np.array([0, 2**63, 2**64 - 1], dtype=np.uint64)
        numbers[:3] += wrap[random.integers(0, 3, size=3)]
    return numbers.tobytes()


def resized(values: Any, random: np.random.Generator) -> Any:
    """Numbers that may be as many as wanted, some of them extreme."""
    array = np.array(values, dtype=np.float64)
    if len(array) > 0:
        some = random.integers(0, len(array), size=3)
        array[some] = random.choice(EXTREMES, size=3)
    cuts = (array, array[:-1], np.append(array, 1.0), array.tobytes()[:-3], None, "text", array)
    return cuts[random.integers(0, len(cuts))]


def cover_arguments(random: np.random.Generator) -> list[Any]:
    count = int(random.integers(0, 9))
    lengths = random.integers(0, 6, size=count).astype(np.intp)
    units = random.integers(0, 20, size=lengths.sum()).astype(np.uint64)
    arguments: list[Any] = [
        units,
        lengths,
        random.random(len(units)) if random.random() < 0.5 else None,
        random.random(count),
        random.random(count) < 0.7 if random.random() < 0.5 else None,
        random.random(count) if random.random() < 0.5 else None,
        random.integers(0, 4, size=count) if random.random() < 0.5 else None,
        int(random.integers(0, 12)),
        *random.choice(EXTREMES, size=4).tolist(),
    ]
    for _ in range(random.integers(0, 3)):
        at = int(random.integers(0, 12))
        if at == 1 and count > 0:
            arguments[1] = lengths.copy()
            wild = (-1, 2**62, 2**63 - 1, -(2**63), 0, 7)
            arguments[1][random.integers(0, count)] = wild[random.integers(0, 6)]
        elif at < 7:
            arguments[at] = resized(random.random(count), random)
        else:
            arguments[at] = (*SIZES, -1, 0.5, None)[random.integers(0, len(SIZES) + 3)]
    return arguments


def nonsense(module: Any, random: np.random.Generator, known: Any) -> Any:
    """One call whose arguments may fit or not."""
    asked, passages, relevance = known
    blocks: Any = [
        spoilt(block, random) if random.random() < 0.1 else block for block in passages.blocks
    ]
    size = SIZES[random.integers(0, len(SIZES))]
    which = random.integers(0, 6)
    if which == 0:
        texts: list[Any] = [random_text(random, 50) for _ in range(3)]
        texts = [text if random.random() < 0.2 else ready(text) for text in texts]
        texts.append((b"abc", b"\xff" * 8, None, 5, random.bytes(40))[random.integers(0, 5)])
        table: Any = random.integers(0, 256, size=0x110000, dtype=np.uint8)
        table = table if random.random() < 0.8 else table[: random.integers(0, len(table))]
        return module.read_terms(texts, table)
    if which == 1:
        once = random.bytes(len(blocks) + int(random.integers(-1, 2)) * (random.random() < 0.2))
        return module.score_terms(spoilt(asked, random), blocks, once)
    if which == 2:
        return module.mentions(blocks, resized(relevance, random), size)
    if which == 3:
        said = np.zeros(sum(np.frombuffer(block, np.uint64)[0] for block in passages.blocks))
        return module.phrases(blocks, resized(said, random), random.choice(EXTREMES))
    if which == 4:
        values = resized(relevance, random)
        rows = (1, 2, size)[random.integers(0, 3)]
        return module.standardized(values, rows, (len(relevance), size)[rows == size], 1e-7)
    return module.cover(*cover_arguments(random))


def attack(module: Any, seconds: float, seed: int) -> None:
    start, rounds, answered, refused = time.monotonic(), 0, 0, 0
    while time.monotonic() < start + seconds:
        random = np.random.default_rng(seed + rounds)
        known = checked(module, random)
        rounds += 1
        for _ in range(50):
            try:
                nonsense(module, random, known)
            except (ValueError, TypeError, OverflowError, MemoryError):
                refused += 1
            else:
                answered += 1
    print(f"{rounds} rounds checked; of other calls {answered} answered, {refused} refused")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--module", type=Path, help="a build with sanitizers: attack it, here")
    arguments = parser.parse_args()
    if arguments.module is not None:
        attack(load(arguments.module), arguments.seconds, arguments.seed)
        return
    environment = with_sanitizers()
    with tempfile.TemporaryDirectory() as folder:
        module = build(Path(folder), portable=False)
        command = [sys.executable, __file__, "--module", str(module)]
        command += ["--seconds", str(arguments.seconds), "--seed", str(arguments.seed)]
        subprocess.run(command, env=environment, check=True)


if __name__ == "__main__":
    main()
