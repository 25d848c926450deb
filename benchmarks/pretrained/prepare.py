"""From the data sets to the inputs: texts with their choices, questions with their passages."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from benchmarks.common.embeddings import Vectors, embed
from benchmarks.common.models import Embedder
from benchmarks.pretrained.inputs import CONTEXTS, Inputs, Question, TextItem, shortened
from benchmarks.pretrained.methods import COMPARED, METHODS, Offer, every_passage_copied
from benchmarks.pretrained.model import LONGEST
from benchmarks.retrieval.answers import TOKENS
from benchmarks.retrieval.sets import POOL
from benchmarks.test_time.corpus import (
    SEED,
    Reader,
    Text,
    domains,
    load,
    sequences,
    split,
    spread,
)
from benchmarks.test_time.dataset import MINILM_LONGEST, minilm_tokenizer, without_copies
from benchmarks.test_time.memory import Memory, candidates

SETS = ("hotpotqa", "musique")
MEMORY_PER_DOMAIN = 240
TEXTS_PER_DOMAIN, DEVELOPMENT_PER_DOMAIN = 6, 2
PIECES_PER_DOMAIN = 120
"""Of the training split; each is cut into several passages."""
HELD_OUT_PIECES_PER_DOMAIN = 24
QUESTIONS = 100
"""Of each half of a set, at most."""

Item = TypeVar("Item")


def prepare(
    tokenizer: Any,
    embedder: Embedder,
    folder: Path,
    *,
    sets: Sequence[str] = SETS,
    per_domain: int = MEMORY_PER_DOMAIN,
) -> tuple[Inputs, Mapping[str, Vectors]]:
    """Read the data sets, embed what is not in the cache, and choose.

    Args:
        tokenizer: of the language model, of transformers.
        embedder: of passages and texts.
        folder: of the caches.
        sets: of questions.
        per_domain: passages of the memory, at most.

    Returns:
        The inputs, and the vectors of unit length: of the "memory" `[M, d]`, and of the "texts" and
        "development" texts.

    Raises:
        MissingDataError: if SIFT_DATA is not set or something is missing there.
    """
    memory, texts, development = _texts(tokenizer, per_domain)

    def vectors(some: Sequence[Text], title: str) -> Vectors:
        contents = [text.text for text in some]
        version, encode = embedder.version, embedder.encode
        return embed(contents, encode=encode, model=version, folder=folder, title=title)

    found = {
        "memory": vectors(memory, "memory"),
        "texts": vectors(texts, "texts"),
        "development": vectors(development, "development texts"),
    }
    passages = tuple(text.text for text in memory)
    once = Memory(found["memory"], np.arange(len(memory)))
    questions = _questions(tokenizer, embedder, folder, sets)
    inputs = Inputs(
        passages,
        _with_choices(texts, found["texts"], once, passages, folder),
        questions[True],
        _with_choices(development, found["development"], once, passages, folder),
        questions[False],
    )
    return inputs, found


def _texts(tokenizer: Any, per_domain: int) -> tuple[list[Text], list[Text], list[Text]]:
    """The memory, the texts to predict, and others for development.

    No parent of the memory is one of theirs. Development texts may share a parent with texts to
    predict: some domains hold out the end of a single book.
    """
    readers = [
        Reader(tokenizer.backend_tokenizer, LONGEST - 1),
        Reader(minilm_tokenizer(), MINILM_LONGEST),
    ]
    splits = [split(load(domain)) for domain in domains()]
    train = [piece for one in splits for piece in one.train]
    held_out = [piece for one in splits for piece in one.held_out]
    memory = spread(sequences(spread(train, PIECES_PER_DOMAIN), readers), per_domain)
    able = sequences(spread(held_out, HELD_OUT_PIECES_PER_DOMAIN), readers)
    own = list(dict.fromkeys(without_copies(able, train)))
    texts = spread(own, TEXTS_PER_DOMAIN)
    taken = set(texts)
    rest = [text for text in own if text not in taken]
    return memory, in_turn(texts), in_turn(spread(rest, DEVELOPMENT_PER_DOMAIN, seed=SEED + 1))


def in_turn(texts: Sequence[Text]) -> list[Text]:
    """One text of every domain, then the next of every domain, …; the domains in random order."""
    names = sorted({text.domain for text in texts})
    random.Random(SEED).shuffle(names)
    columns = [[text for text in texts if text.domain == name] for name in names]
    return _one_by_one(columns)


def _one_by_one(columns: Sequence[Sequence[Item]]) -> list[Item]:
    rounds = zip_longest(*columns)
    return [item for one in rounds for item in one if item is not None]


def _with_choices(
    texts: Sequence[Text],
    queries: Vectors,
    memory: Memory,
    passages: Sequence[str],
    folder: Path,
) -> tuple[TextItem, ...]:
    """The texts, with what each method chooses from the memory, or from that with copies."""
    contents = [text.text for text in texts]
    memories = {False: memory, True: every_passage_copied(memory)}
    offered = {
        copies: candidates(contents, queries, one, folder) for copies, one in memories.items()
    }
    return tuple(
        TextItem(
            text.text,
            text.domain,
            {
                method.label: shortened(
                    method.choose(Offer(text.text, offered[method.copies][n], passages))
                )
                for method in METHODS
            },
        )
        for n, text in enumerate(texts)
    )


def _questions(
    tokenizer: Any, embedder: Embedder, folder: Path, sets: Sequence[str]
) -> dict[bool, tuple[Question, ...]]:
    """Questions of the reported halves of the sets (True) and of the others (False).

    They are in random order, the sets by turns.
    """
    # Not needed where prepared inputs are read, and they import every peer.
    from benchmarks.retrieval.language_model import Exam, exam_of
    from benchmarks.retrieval.methods import PickStore
    from benchmarks.retrieval.ours import THE_DEFAULT, VERSION_0_1
    from benchmarks.retrieval.peers import NEAREST_NEIGHBOURS
    from benchmarks.retrieval.sets import load_sets

    methods = (NEAREST_NEIGHBOURS, VERSION_0_1, THE_DEFAULT)
    store = PickStore(folder)

    def column(name: str, exam: Exam) -> list[Question]:
        found = zip(*(exam.contexts[method.name] for method in methods), strict=True)
        return [
            Question(
                name,
                question,
                answers,
                {
                    way: tuple(_cut(tokenizer, text) for text in texts)
                    for way, texts in zip(CONTEXTS, by_way, strict=True)
                },
            )
            for question, answers, by_way in zip(exam.questions, exam.answers, found, strict=True)
        ]

    columns: dict[bool, list[list[Question]]] = {True: [], False: []}
    for one in load_sets(sets, ["plain"], embedder, folder=folder).candidates:
        for reported, some in columns.items():
            exam = exam_of(
                one.nearest(POOL),
                methods,
                store,
                QUESTIONS,
                passages=COMPARED,
                reported=reported,
            )
            some.append(column(one.name, exam))
    return {reported: tuple(_evenly_many(some)) for reported, some in columns.items()}


def _evenly_many(columns: Sequence[Sequence[Item]]) -> list[Item]:
    """As many of every column, by turns."""
    fewest = min(map(len, columns))
    return _one_by_one([column[:fewest] for column in columns])


def _cut(tokenizer: Any, text: str) -> str:
    """The beginning of a passage, as long as `benchmarks/retrieval/answers.py` shows it."""
    offsets = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    ends = [end for _, end in offsets["offset_mapping"]]
    return text if len(ends) <= TOKENS else text[: ends[TOKENS - 1]]
