"""Relevance of a question's candidates by vectors and words, standing in for the library's.

ρ = z(cos) + 0.7 z(BM25 of 4-grams) + 0.7 z(BM25 of words) + 0.3 z(idf of the word pairs that
occur) + 0.3 z(share of the title's 4-grams that the question has), each standardised over the
candidates, ρ divided by its standard deviation. Document frequencies are counted among the
candidates, copies once. Terms are 64-bit hashes, of all candidates at once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from benchmarks.retrieval.candidates import Candidates

VERSION = 1
"""Raised when the values change, so that picks that depend on them are made again."""

Values = npt.NDArray[np.float64]
Hashes = npt.NDArray[np.uint64]
Owners = npt.NDArray[np.int64]
Terms = tuple[Hashes, Owners]
"""Hashes, and the text that each one is of."""

U = np.uint64
MIX = tuple(
    map(U, (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5))
)
WEIGHTS = (0.7, 0.7, 0.3)
TITLE_WEIGHT = 0.3
K1, B = 2.0, 0.75


def relevance(
    question: str, texts: Sequence[str], cosines: npt.ArrayLike, titles: Sequence[str]
) -> Values:
    """`[K]` relevance of the candidates, of standard deviation 1 (0 where all are the same).

    Args:
        question: its text.
        texts: K, title and text of each candidate.
        cosines: `[K]` to the question.
        titles: K, empty where there is none.
    """
    count = len(texts)
    once = np.unique(np.array(texts, dtype=object), return_index=True)[1]
    total = z(np.asarray(cosines, dtype=np.float64))
    asked, found = terms([question]), terms(texts)
    for n, weight in enumerate(WEIGHTS):
        hashes, owners = found[n]
        lengths = np.bincount(owners, minlength=count).astype(np.float64)
        pairs = n == 2  # presence times idf, no counts and no lengths
        k1, b = (1e-9, 0.0) if pairs else (K1, B)
        total += weight * z(bm25(asked[n][0], hashes, owners, lengths, once, k1, b))
    total += TITLE_WEIGHT * z(title_share(asked[0][0], titles))
    rho: Values = total / max(float(total.std()), 1e-9)
    return rho


@lru_cache(maxsize=1)
def relevances(candidates: Candidates) -> Values:
    """`[Q, K]` relevance of all candidates of all questions."""
    return np.stack(
        [
            relevance(query.text, candidates.texts(n), candidates.cosines[n], candidates.titles(n))
            for n, query in enumerate(candidates.asked)
        ]
    )


def terms(texts: Sequence[str]) -> tuple[Terms, Terms, Terms]:
    """4-grams inside words, words, and pairs of neighbouring words of all texts."""
    marked = "\n".join("_" + re.sub(r"\W+", "_", text.lower()) + "_" for text in texts) + "\n"
    c = np.frombuffer(marked.encode("utf-32-le", "surrogatepass"), np.uint32).astype(U)
    gap, end = c == U(95), c == U(10)
    text_of = np.cumsum(end) - end
    inner = ~(gap | end)
    with np.errstate(over="ignore"):
        grams = ((c[:-3] * MIX[0]) ^ (c[1:-2] * MIX[1])) * MIX[2] + (
            (c[2:-1] * MIX[3]) ^ (c[3:] * MIX[0])
        ) * MIX[1]
        whole = inner[1:-2] & inner[2:-1] & ~end[:-3] & ~end[3:]
        start = np.flatnonzero(inner & ~np.r_[False, inner[:-1]])
        words = _words(c, inner, start)
        owner = text_of[start]
        pairs = words[:-1] * MIX[1] ^ words[1:] * MIX[0]
    same = owner[1:] == owner[:-1]
    return (grams[whole], text_of[:-3][whole]), (words, owner), (pairs[same], owner[1:][same])


def _words(c: Hashes, inner: npt.NDArray[np.bool_], start: Owners) -> Hashes:
    """A hash a word, from its characters and their places in it."""
    if not len(start):
        return np.zeros(0, U)
    place = np.arange(len(c), dtype=np.int64)
    place[start[0] :] -= np.repeat(start, np.diff(np.r_[start, len(c)]))
    power = (place.astype(U) * U(2) + U(1)) * MIX[0]
    power ^= power >> U(29)
    power *= MIX[1]
    mixed = np.where(inner, (c + MIX[3]) * (power | U(1)), U(0))
    words: Hashes = np.add.reduceat(mixed, start)
    return (words ^ (words >> U(31))) * MIX[2]


def bm25(
    asked: Hashes,
    hashes: Hashes,
    owners: Owners,
    lengths: Values,
    once: Owners,
    k1: float,
    b: float,
) -> Values:
    """`[K]` BM25 of the asked terms; document frequencies over the texts `once`."""
    count, asked = len(lengths), np.unique(asked)
    if not len(asked) or not len(hashes):
        return np.zeros(count)
    where = np.searchsorted(asked, hashes).clip(max=len(asked) - 1)
    hit = asked[where] == hashes
    cell = owners[hit] * len(asked) + where[hit]
    f = np.bincount(cell, minlength=count * len(asked)).reshape(count, -1).astype(np.float64)
    df = (f[once] > 0).sum(axis=0)
    idf = np.log(1 + (len(once) - df + 0.5) / (df + 0.5))
    norm = k1 * (1 - b + b * lengths[:, None] / max(float(lengths.mean()), 1e-9))
    scores: Values = (idf * f * (k1 + 1) / (f + norm)).sum(axis=1)
    return scores


def title_share(asked: Hashes, titles: Sequence[str]) -> Values:
    """`[K]` share of a title's 4-grams that the question has."""
    grams, owners = terms(titles)[0]
    held = np.bincount(owners, np.isin(grams, asked), len(titles))
    shares: Values = held / np.maximum(np.bincount(owners, minlength=len(titles)), 1)
    return shares


def z(values: Values) -> Values:
    """Standardised; 0 where all are the same."""
    standard: Values = (values - values.mean()) / max(float(values.std()), 1e-9)
    return standard
