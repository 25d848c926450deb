"""How likely the gold answer is to a language model that has read what a retriever returned.

Figures are in nats: −log p of all tokens of the answer together, after a plain prompt (passages,
question, "Answer:"). Lower is better. Of several gold answers the likeliest counts.

Every figure is kept in a SQLite file under the model, the prompt and the answer. A run that is
killed goes on where it was, and the same passages in the same order are read once.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from benchmarks.common.data_folder import MissingDataError, data_folder, json_lines
from benchmarks.common.embeddings import CACHE
from benchmarks.retrieval.data import LAYOUT
from sift_retrievers.metrics import Comparison, Interval, mean_interval, paired_comparison

PASSAGES = 5
TOKENS = 160
NO_CONTEXT, GOLD = "no context", "gold passages"

Values = npt.NDArray[np.float64]
Ask = tuple[str, str]
"""A prompt and an answer."""


class Reader(Protocol):
    """A language model that says how likely an answer is: `benchmarks.common.gemma.reader()`."""

    name: str
    """What it is, for the cache: other weights or another precision need another name."""

    def cut(self, text: str, tokens: int) -> str:
        """The beginning of the text, at most so many tokens long."""
        ...

    def nats(self, asks: Sequence[Ask]) -> Iterator[float]:
        """−log p of each answer after its prompt, in order, one at a time."""
        ...


@dataclass(frozen=True)
class Job:
    """A question, what a retriever returned for it, best first, and its gold answers."""

    question: str
    passages: tuple[str, ...]
    answers: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.answers or not all(answer.strip() for answer in self.answers):
            raise ValueError(
                f"a question needs answers that are not empty; got {self.answers!r} for "
                f"{self.question!r}"
            )


def prompt_of(question: str, passages: Iterable[str]) -> str:
    """What the model reads before the answer, which comes after a space."""
    return "\n\n".join([*passages, f"Question: {question}\nAnswer:"])


def answer_nats(
    jobs: Sequence[Job],
    reader: Reader,
    *,
    passages: int = PASSAGES,
    tokens: int = TOKENS,
    folder: Path = CACHE,
    title: str = "reading",
) -> Values:
    """−log p of the gold answer of each job, the likeliest of several: `[n]`, nats.

    Args:
        jobs: the same job may come several times.
        reader: the language model.
        passages: so many of a job's passages are shown, the first ones, in their order.
        tokens: so many of each passage, by the reader's own count.
        folder: where the cache lies; made if it is not there.
        title: stands before the progress bar.

    Raises:
        ValueError: if the reader returns a number that is not finite.
    """
    wanted = [
        [
            (prompt_of(job.question, [reader.cut(text, tokens) for text in shown]), answer.strip())
            for answer in job.answers
        ]
        for job, shown in ((job, job.passages[:passages]) for job in jobs)
    ]
    asks = sorted({ask for job in wanted for ask in job})  # what begins alike stands together
    folder.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(folder / "answers.sqlite", timeout=60)) as database:
        database.execute("CREATE TABLE IF NOT EXISTS answers (key BLOB PRIMARY KEY, nats REAL)")
        keys = {ask: _key(reader.name, ask) for ask in asks}
        have = dict(database.execute("SELECT key, nats FROM answers"))
        missing = [ask for ask in asks if keys[ask] not in have]
        bar = tqdm(missing, desc=title, disable=not missing, mininterval=5)
        for ask, nats in zip(bar, reader.nats(missing), strict=True):
            if not np.isfinite(nats):
                raise ValueError(f"{reader.name} returned {nats} nats for {ask[1]!r}")
            have[keys[ask]] = nats
            with database:
                database.execute("INSERT OR REPLACE INTO answers VALUES (?, ?)", (keys[ask], nats))
    return np.array([min(have[keys[ask]] for ask in job) for job in wanted], dtype=np.float64)


def _key(model: str, ask: Ask) -> bytes:
    return hashlib.sha256("\0".join((model, *ask)).encode()).digest()


@dataclass(frozen=True)
class Row:
    """One method on all questions."""

    method: str
    nats: Values
    """`[n]`, one for each question."""
    mean: Interval
    difference: Comparison | None
    """Minus the last method, question by question; below 0 speaks for this method. None for the
    last method itself."""


@dataclass(frozen=True)
class Table:
    """All methods on the same questions, in nats of the gold answer (lower is better)."""

    rows: tuple[Row, ...]
    last: str
    """The method that the others are compared with."""
    reader: str

    def __str__(self) -> str:
        """In Markdown."""
        head = f"| method | nats of the answer | − {self.last} | p |"
        return "\n".join([head, "|---|---|---|---|", *map(_line, self.rows)])


def _line(row: Row) -> str:
    m = row.mean
    cells = [row.method, f"{m.mean:.2f} [{m.low:.2f}, {m.high:.2f}]", "–", "–"]
    if row.difference is not None:
        d = row.difference.difference
        cells[2:] = [
            f"{d.mean:+.2f} [{d.low:+.2f}, {d.high:+.2f}]",
            f"{row.difference.p_value:.2g}",
        ]
    return f"| {' | '.join(cells)} |"


def compare(
    questions: Sequence[str],
    answers: Sequence[Sequence[str]],
    contexts: Mapping[str, Sequence[Sequence[str]]],
    *,
    reader: Reader,
    gold: Sequence[Sequence[str]] | None = None,
    no_context: bool = True,
    passages: int = PASSAGES,
    tokens: int = TOKENS,
    folder: Path = CACHE,
    title: str = "reading",
) -> Table:
    """Methods compared by how likely the gold answer is after what they returned.

    Args:
        questions: `[n]`, n ≥ 2.
        answers: the gold answers of each question, at least one.
        contexts: method → the texts that it returned for each question, best first. The last
            method is what the others are compared with.
        reader: the language model.
        gold: the gold passages of each question, for a row of their own; of more than `passages`
            the first.
        no_context: whether there is a row without any passage.
        passages: so many passages are shown.
        tokens: so many of each passage.
        folder: where the cache lies.
        title: stands before the progress bar.

    Raises:
        ValueError: if there is no method, something has another length than the questions, a
            method is called like one of the added rows, or a question has no answer.
    """
    given = {"answers": answers, **contexts, **({} if gold is None else {GOLD: gold})}
    for name, values in given.items():
        if isinstance(values, str) or len(values) != len(questions):
            raise ValueError(
                f"expected one entry for each of {len(questions)} questions in {name!r}; got "
                f"{len(values)}"
            )
    taken = {NO_CONTEXT, GOLD} & set(contexts)
    if taken or not contexts:
        raise ValueError(f"contexts must hold methods, not called {NO_CONTEXT!r} or {GOLD!r}")
    shown: dict[str, Sequence[Sequence[str]]] = {}
    if no_context:
        shown[NO_CONTEXT] = [()] * len(questions)
    shown.update(contexts)
    if gold is not None:
        shown[GOLD] = gold
    jobs = [
        Job(question, _texts(picked), _texts(right))
        for picks in shown.values()
        for question, picked, right in zip(questions, picks, answers, strict=True)
    ]
    found = answer_nats(
        jobs, reader, passages=passages, tokens=tokens, folder=folder, title=title
    ).reshape(len(shown), len(questions))
    nats = dict(zip(shown, found, strict=True))
    last = list(contexts)[-1]
    return Table(
        tuple(
            Row(
                name,
                values,
                mean_interval(values),
                None if name == last else paired_comparison(values, nats[last]),
            )
            for name, values in nats.items()
        ),
        last,
        reader.name,
    )


def _texts(texts: Sequence[str]) -> tuple[str, ...]:
    if isinstance(texts, str):
        raise ValueError(f"expected a list of texts for each question; got {texts[:100]!r}")
    return tuple(texts)


def answers_of(name: str) -> dict[str, tuple[str, ...]]:
    """Query id → its gold answers, of a set that has them: hotpotqa, musique, ramdocs, squad_dev.

    Queries without an answer are left out. The answers of ramdocs are different valid ones, those
    of the other sets are spellings of one.

    Raises:
        MissingDataError: if SIFT_DATA is not set, or the set is not there or has no answers.
    """
    file = data_folder(LAYOUT) / name / "queries.jsonl.gz"
    if not file.is_file():
        raise MissingDataError(f"Not found: {file}.\n\n{LAYOUT}")
    found: dict[str, tuple[str, ...]] = {}
    for row in json_lines(file, ("id", "text")):
        given = row.get("answer") or ()
        texts = (given,) if isinstance(given, str) else tuple(given)
        if kept := tuple(dict.fromkeys(text.strip() for text in texts if text.strip())):
            found[row["id"]] = kept
    if not found:
        raise MissingDataError(f"{file} holds no answers ({{id, text, answer}}).")
    return found
