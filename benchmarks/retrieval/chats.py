"""Dialogues as memories of agents hold them: every utterance alone, and overlapping windows."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.common.data_folder import MissingDataError, data_folder, json_lines
from benchmarks.common.embeddings import Vectors, embed
from benchmarks.common.models import Embedder
from benchmarks.retrieval.candidates import Candidates, Store
from benchmarks.retrieval.data import SEED, Passage, Query
from benchmarks.retrieval.pools import search
from sift_retrievers.metrics import Judgements

NAME = "irc_ubuntu"
QUESTIONS, SHORTEST = 200, 6
WINDOW = 5
LAYOUT = f"SIFT_DATA must name a folder with lm_domains/{NAME}.jsonl.gz, {{id, parent, text}}."
_LINE = re.compile(r"\[\d\d:\d\d\] <[^>]*> (.*\S)")

Spans = tuple[frozenset[int], ...]
"""Of each passage of a store, the numbers of the utterances that it covers."""


@dataclass(frozen=True)
class Dialogue:
    """What is stored of one dialogue, and what is asked."""

    passages: tuple[Passage, ...]
    spans: Spans
    questions: tuple[str, ...]


def read_dialogues() -> list[list[str]]:
    """The utterances of each dialogue in their order, without times and names.

    Raises:
        MissingDataError: if SIFT_DATA is not set or the file is missing.
    """
    file = data_folder(LAYOUT) / "lm_domains" / f"{NAME}.jsonl.gz"
    if not file.is_file():
        raise MissingDataError(f"Not found: {file}.\n\n{LAYOUT}")
    pieces = [piece["text"].splitlines() for piece in json_lines(file, ("id", "text"))]
    return [[said[1] for said in map(_LINE.fullmatch, lines) if said] for lines in pieces]


def is_question(utterance: str) -> bool:
    return utterance.endswith("?") and len(utterance.split()) >= SHORTEST


def make(dialogues: Sequence[Sequence[str]], count: int = QUESTIONS) -> list[Dialogue]:
    """Draw `count` questions, take them out, and store what is left, alone and in windows.

    Dialogues without a question that was drawn are left out.
    """
    places = [
        (d, i) for d, said in enumerate(dialogues) for i, u in enumerate(said) if is_question(u)
    ]
    drawn: dict[int, set[int]] = defaultdict(set)
    for d, i in random.Random(SEED).sample(places, min(count, len(places))):
        drawn[d].add(i)
    made = []
    for d, taken in sorted(drawn.items()):
        left = [u for i, u in enumerate(dialogues[d]) if i not in taken]
        stored = [
            (f"{d}#{i}+{size}", range(i, i + size))
            for size in (1, WINDOW)
            for i in range(len(left) - size + 1)
        ]
        made.append(
            Dialogue(
                passages=tuple(
                    Passage(name, "\n".join(left[i] for i in span), "", parent=name)
                    for name, span in stored
                ),
                spans=tuple(frozenset(span) for _, span in stored),
                questions=tuple(dialogues[d][i] for i in sorted(taken)),
            )
        )
    return made


def candidates_of(
    dialogues: Sequence[Dialogue], embedder: Embedder, size: int, folder: Path
) -> list[Candidates]:
    """The nearest passages of each question in its dialogue."""

    def vectors(texts: Sequence[str], what: str) -> Vectors:
        return embed(
            texts,
            encode=embedder.encode,
            model=embedder.version,
            folder=folder,
            title=f"dialogues: {what}",
        )

    embedded = vectors([p.content for d in dialogues for p in d.passages], "passages")
    asked = vectors([q for d in dialogues for q in d.questions], "questions")
    found = []
    for dialogue in dialogues:
        count, questions = len(dialogue.passages), dialogue.questions
        passages, embedded = embedded[:count], embedded[count:]
        queries, asked = asked[: len(questions)], asked[len(questions) :]
        pools = search(queries, passages, min(size, count))
        nothing = Judgements({"unknown": []})
        found.append(
            Candidates(
                NAME,
                "plain",
                Store(dialogue.passages, passages),
                tuple(Query(str(n), text, nothing) for n, text in enumerate(questions)),
                queries,
                pools.positions,
                pools.cosines,
            )
        )
    return found
