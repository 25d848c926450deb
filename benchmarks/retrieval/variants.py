"""The same corpus as stores come to hold it: as it is, cut into chunks, or with near-duplicates."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace

from benchmarks.retrieval.data import SEED, Passage, Query, RetrievalSet
from benchmarks.retrieval.near_duplicates import near_duplicate
from benchmarks.retrieval.sentences import sentences
from sift_retrievers.metrics import Judgements


def plain(corpus: RetrievalSet) -> RetrievalSet:
    """The corpus as it is."""
    return corpus


def windows(corpus: RetrievalSet, size: int = 3) -> RetrievalSet:
    """Every passage cut into overlapping windows of `size` sentences with stride one.

    What is cut is the title with the text below it, as a text splitter gets a document: the title
    stands in the first window only. A window has the facets of its passage: a fact counts as found
    when any window of its passage is. A passage of at most `size` sentences is one window. Ids are
    `<passage>#<first sentence>`.
    """
    made = []
    for passage in corpus.passages:
        parts = sentences(passage.content)
        for start in range(max(1, len(parts) - size + 1)):
            text = " ".join(parts[start : start + size])
            made.append(replace(passage, id=f"{passage.id}#{start}", text=text, title=""))
    return _variant(corpus, "windows", made)


def copies(
    corpus: RetrievalSet, share: float = 1 / 3, number: int = 3, seed: int = SEED
) -> RetrievalSet:
    """The corpus, and a `share` of its passages, drawn by `seed`, `number` times more.

    As stores hold them where one document was added several times: the text, and so the vector, is
    the same, the id is another. They stand at the end. Ids are `<passage>~<number>`.
    """
    made = list(corpus.passages)
    for passage in _drawn(corpus, share, seed):
        made += [replace(passage, id=f"{passage.id}~{n + 1}") for n in range(number)]
    return _variant(corpus, "copies", made)


def changed(
    corpus: RetrievalSet, share: float = 1 / 3, number: int = 3, seed: int = SEED
) -> RetrievalSet:
    """The corpus, and `number` near-duplicates of a `share` of its passages, drawn by `seed`.

    The near-duplicates of a passage differ from it and from each other (`near_duplicates`), have
    its facets, and stand at the end. Ids are `<passage>~<number>`. The edits of a passage depend on
    its id and the seed alone.
    """
    made = list(corpus.passages)
    for passage in _drawn(corpus, share, seed):
        draw = random.Random(f"{seed}:{passage.id}")
        texts = {passage.text: None}
        while len(texts) <= number:
            texts[near_duplicate(passage.text, draw)] = None
        made += [
            replace(passage, id=f"{passage.id}~{n}", text=text)
            for n, text in enumerate(texts)
            if n > 0
        ]
    return _variant(corpus, "changed", made)


VARIANTS: dict[str, Callable[[RetrievalSet], RetrievalSet]] = {
    "plain": plain,
    "copies": copies,
    "changed": changed,
    "windows": windows,
}
CUTOFFS: dict[str, tuple[int, ...]] = {
    "plain": (3, 5, 10),
    "copies": (3, 5, 10),
    "changed": (3, 5, 10),
    "windows": (3, 5, 10, 20),
}
"""Numbers of passages at which evidence is counted; windows are short, so that more are taken."""


def _drawn(corpus: RetrievalSet, share: float, seed: int) -> list[Passage]:
    return random.Random(seed).sample(corpus.passages, int(len(corpus.passages) * share))


def _variant(corpus: RetrievalSet, name: str, passages: Iterable[Passage]) -> RetrievalSet:
    """A set of these passages, each judged as its parent is."""
    made = tuple(passages)
    children: dict[str, list[str]] = defaultdict(list)
    for passage in made:
        children[passage.parent].append(passage.id)

    def judged(query: Query) -> Query:
        facets = {
            child: query.judgements.of(document)
            for document in query.judgements.facets
            for child in children[str(document)]
        }
        return replace(query, judgements=Judgements(facets))

    return RetrievalSet(corpus.name, name, made, tuple(map(judged, corpus.queries)))
