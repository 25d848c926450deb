"""`Asked`: a question with its vector, and the candidates that a corpus has for it."""

from __future__ import annotations

import json
import warnings
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sift_retrievers.cli.corpus import Corpus
from sift_retrievers.cli.embedding import Embedder
from sift_retrievers.cli.problem import CommandError
from sift_retrievers.evaluation import GoldAmong, Question, gold_among, read_questions
from sift_retrievers.retrieval import Hits, Target

Vectors = npt.NDArray[np.float32]
VECTORS: Final = ("vector", "embedding")
"""Fields of a questions file that hold the vector of a question."""
FEW: Final = 0.5
"""Of the gold passages: if fewer are among the candidates, there is a warning."""
SHOWN: Final = 60  # characters of a name or a text in an error


@dataclass(frozen=True)
class Asked:
    """A question and its vector."""

    vector: Vectors
    """`[d]`."""
    text: str | None
    """None: the question is only a vector."""
    question: Question | None = None
    """With its gold passages, if it comes from a file."""
    without: int | None = None
    """A position of the corpus that is no candidate: the question was made from that passage."""

    @property
    def target(self) -> Target:
        """For `retrieve`."""
        return Target(self.vector, self.text)


@dataclass(frozen=True)
class Task:
    """A question with its candidates."""

    asked: Asked
    positions: npt.NDArray[np.intp]
    """`[n]` of the candidates in the corpus, nearest first."""
    hits: Hits[int]
    gold: GoldAmong | None
    """The gold passages among the candidates; None if none are known."""


def asked_one(
    text: str | None, vector: str | None, corpus: Corpus, embedder: Embedder | None
) -> Asked:
    """The question of the command line.

    Args:
        text: of the question; None or blank: there is none.
        vector: a JSON list of numbers, or the path of a file that holds one; None: the text is
            embedded.
        corpus: that is asked.
        embedder: the model; None: none was named.

    Raises:
        CommandError: for neither text nor vector, or a text that cannot be embedded.
    """
    text = text if text and text.strip() else None
    if vector is not None:
        return Asked(_finite(_json_vector(vector), "--vector"), text)
    if text is None:
        raise CommandError("expected a question that is not blank, or --vector; got neither")
    if embedder is None:
        raise CommandError(no_model(corpus))
    return Asked(embedder.queries([text])[0], text)


def asked_of_file(path: Path, corpus: Corpus, embedder: Embedder | None) -> list[Asked]:
    """The questions of a file, with the vectors that it holds, else embedded.

    Raises:
        CommandError: for a file that cannot be read, or questions without vectors and no model.
    """
    try:
        questions = read_questions(path)
    except (OSError, ValueError) as error:
        raise CommandError(f"--questions: {error}") from None
    given = [next((q.extra[k] for k in VECTORS if k in q.extra), None) for q in questions]
    missing = [i for i, vector in enumerate(given) if vector is None]
    if missing and len(missing) < len(given):
        raise CommandError(
            f"{len(missing)} of {len(given)} questions of {path.name} have no vector, the first is "
            f"question {missing[0] + 1}; expected one for all of them, or for none"
        )
    if not missing:
        vectors = [
            _finite(vector, f"the vector of question {i} of {path.name}")
            for i, vector in enumerate(given, 1)
        ]
    elif embedder is None:
        raise CommandError(no_model(corpus, path.name))
    else:
        vectors = [*embedder.queries([question.text for question in questions])]
    return [Asked(v, q.text, q) for v, q in zip(vectors, questions, strict=True)]


def tasks_of(
    corpus: Corpus, asked: Sequence[Asked], fetch_k: int, passage: str | None = None
) -> list[Task]:
    """The candidates of each question, and the gold passages among them.

    Args:
        corpus: with at least two passages.
        asked: the questions.
        fetch_k: candidates of each.
        passage: the metadata key by which gold passages are named; None: the id.

    Raises:
        CommandError: if gold passages are known, but none is among the candidates.
    """
    tasks = []
    for one in asked:
        positions = corpus.nearest(one.vector, fetch_k, one.without)
        hits = corpus.hits(positions)
        gold = None
        if one.question is not None and one.question.has_gold:
            gold = gold_among(one.question, _names(hits, passage), hits.texts)
        tasks.append(Task(one, positions, hits, gold))
    _check_gold(tasks, passage)
    return tasks


def no_model(corpus: Corpus, what: str = "the question") -> str:
    """The error where a text must be embedded and no model was named."""
    filled = f"{corpus.source} was filled by {corpus.model}; " if corpus.model else ""
    return (
        f"{what} must be embedded by the model that filled the store: {filled}expected --embedding "
        "with wordllama, or the name or folder of a sentence-transformers model; or vectors of the "
        f"questions, of dimension {corpus.dim}"
    )


def _check_gold(tasks: Sequence[Task], passage: str | None) -> None:
    judged = [task for task in tasks if task.gold is not None]
    if not judged:
        return
    found = sum(task.gold.found for task in judged if task.gold)
    total = sum(task.gold.total for task in judged if task.gold)
    if found == 0:
        first = judged[0]
        question = first.asked.question
        assert question is not None
        names, expected = (
            [f"{one}"[:SHOWN] for one in some[:3]]
            for some in (_names(first.hits, passage), [*question.gold] or [*question.gold_texts])
        )
        raise CommandError(
            f"none of the {total} gold passages is among the candidates: candidates are named "
            f"{names}, gold passages {expected}; is another metadata key meant (--passage)? Texts "
            "go under gold_texts, names under gold"
        )
    if found < FEW * total:
        warnings.warn(
            f"only {found} of {total} gold passages are among the candidates, so no method can "
            "find the others: raise --fetch-k, or look whether the store holds them",
            stacklevel=2,
        )


def _names(hits: Hits[int], passage: str | None) -> list[Hashable]:
    if passage is None:
        return [*hits.ids]
    names: list[Hashable] = []
    for metadata in hits.metadata:
        if metadata is None or passage not in metadata:
            raise CommandError(
                f"--passage {passage!r} is no metadata key of all passages; one has "
                f"{sorted(metadata or {})}"
            )
        names.append(str(metadata[passage]))
    return names


def _json_vector(given: str) -> Any:
    try:
        text = given if given.lstrip().startswith("[") else Path(given).read_text("utf-8")
        return json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise CommandError(
            f"--vector must be a JSON list of numbers, or a file that holds one: {error}"
        ) from None


def _finite(values: Any, name: str) -> Vectors:
    try:
        vector = np.asarray(json.loads(values) if isinstance(values, str) else values, np.float32)
    except (TypeError, ValueError, OverflowError, RecursionError):
        vector = np.empty((0, 0), np.float32)
    if vector.ndim != 1 or len(vector) == 0 or not np.isfinite(vector).all():
        raise CommandError(f"{name} must be a list of finite numbers; got {str(values)[:60]!r}")
    return vector
