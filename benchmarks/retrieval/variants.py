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


def duplicates(
    corpus: RetrievalSet, share: float = 1 / 3, copies: int = 3, seed: int = SEED
) -> RetrievalSet:
    """The corpus, and `copies` near-duplicates of a `share` of its passages, drawn by `seed`.

    The copies of a passage differ from it and from each other (`near_duplicates`), have its facets,
    and stand at the end. Ids are `<passage>~<number>`. The edits of a passage depend on its id and
    the seed alone.
    """
    chosen = random.Random(seed).sample(corpus.passages, int(len(corpus.passages) * share))
    made = list(corpus.passages)
    for passage in chosen:
        draw = random.Random(f"{seed}:{passage.id}")
        texts = {passage.text: None}
        while len(texts) <= copies:
            texts[near_duplicate(passage.text, draw)] = None
        made += [
            replace(passage, id=f"{passage.id}~{number}", text=text)
            for number, text in enumerate(texts)
            if number > 0
        ]
    return _variant(corpus, "duplicates", made)


VARIANTS: dict[str, Callable[[RetrievalSet], RetrievalSet]] = {
    "plain": plain,
    "duplicates": duplicates,
    "windows": windows,
}


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
