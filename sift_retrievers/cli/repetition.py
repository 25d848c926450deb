"""Which passages repeat others: by their texts, or by their vectors where there are no texts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from sift_retrievers.cli.corpus import Corpus

REPEATS: Final = 0.5
"""A passage repeats another if more than this share of its word triples stands in the other."""
NEAR_COPY: Final = 0.8
"""And is a near-copy, or a part, of it from this share on."""
SAME_VECTOR: Final = 0.95
"""The cosine that counts as both where there are no texts."""

# Words; scripts without spaces count by character.
_WORDS: Final = re.compile(
    "[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
    "|[^\\W\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+"
)


@dataclass(frozen=True)
class Copies:
    """How many passages are copies of others."""

    exact: int
    """Passages whose words are those of an earlier one, in the whole corpus."""
    near: float
    """Share of passages of which at least 80 % stands in another."""
    low: float
    high: float
    """The 95 % interval of that share."""
    looked_at: int
    """Passages that were looked at for it."""


class Repetition:
    """Compares the passages of a corpus."""

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus
        self._triples = lru_cache(maxsize=20_000)(self._read)

    def share(self, later: int, earlier: int) -> float:
        """The share of the later passage's word triples that stand in the earlier one, 0…1.

        Where one of the two has no text: 1 for a cosine of at least `SAME_VECTOR`, else 0.
        """
        a, b = self._triples(later), self._triples(earlier)
        if not a or not b:
            x, y = self.corpus.vectors[later], self.corpus.vectors[earlier]
            lengths = float(np.linalg.norm(x)) * float(np.linalg.norm(y))
            return float(lengths > 0 and float(x @ y) >= SAME_VECTOR * lengths)
        return len(a & b) / len(a)

    def repeated(self, picks: Sequence[int]) -> float:
        """The share of a list of passages that repeat an earlier one of it, 0…1."""
        found = [
            any(self.share(one, before) > REPEATS for before in picks[:i])
            for i, one in enumerate(picks)
        ]
        return sum(found) / len(found) if found else 0.0

    def copies(self, most: int, neighbours: int = 10) -> Copies:
        """Count copies in the corpus.

        Args:
            most: passages that are looked at for near-copies, chosen at random.
            neighbours: the nearest of each, with which it is compared.
        """
        corpus = self.corpus
        n = len(corpus)
        seen: set[object] = set()
        for i in range(n):
            words = " ".join(_words(corpus.texts[i]))
            seen.add(words or corpus.vectors[i].tobytes())
        sample = np.random.default_rng(0).permutation(n)[:most]
        near = 0
        for i in sample.tolist():
            others = corpus.nearest(corpus.vectors[i], neighbours, without=i).tolist()
            near += any(self.share(i, other) >= NEAR_COPY for other in others)
        low, high = wilson(near, len(sample)) if len(sample) < n else (near / n, near / n)
        return Copies(n - len(seen), near / len(sample), low, high, len(sample))

    def _read(self, i: int) -> frozenset[int]:
        words = _words(self.corpus.texts[i])
        if len(words) < 3:
            return frozenset([hash(tuple(words))]) if words else frozenset()
        return frozenset(map(hash, zip(words, words[1:], words[2:], strict=False)))


def wilson(successes: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share, n ≥ 1."""
    z = 1.96
    p = successes / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * float(np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def _words(text: str) -> list[str]:
    return _WORDS.findall(text.casefold())
