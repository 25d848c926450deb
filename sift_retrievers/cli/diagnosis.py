"""`diagnosed`: what `sift doctor` finds in a corpus."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from sift_retrievers.cli.asked import Asked, Task
from sift_retrievers.cli.comparison import cutoffs_of, interval_dict
from sift_retrievers.cli.corpus import Corpus
from sift_retrievers.cli.held_out import FEWEST, Setting, best_setting
from sift_retrievers.cli.methods import SIFT, SIMILARITY, picks_of
from sift_retrievers.cli.problem import CommandError
from sift_retrievers.cli.progress import progress
from sift_retrievers.cli.repetition import Copies, Repetition
from sift_retrievers.cli.signals import Agreement, Spread, agreement_of, spread_of
from sift_retrievers.metrics import Interval, mean_interval, paired_comparison
from sift_retrievers.retrieval import SelectionRules
from sift_retrievers.retrieval.titles import title_reader

LOOKED_AT: Final = 1_000
"""Passages of which near-copies are looked for."""
MADE: Final = 100
"""Questions that are made from passages where the user gives none."""
LONGEST: Final = 30  # words of a question that is made

_END: Final = re.compile(r"(?<=[.!?])\s|(?<=[。！？])|\n")


@dataclass(frozen=True)
class Diagnosis:
    """What was found."""

    corpus: Corpus
    questions: int
    made: bool
    """Whether the questions were made from passages, since the user gave none."""
    with_gold: int
    k: int
    cutoffs: tuple[int, ...]
    copies: Copies
    spread: Spread
    agreement: Agreement | None
    """None where there are no texts or no questions in words."""
    repeated_nearest: Interval
    """Share of similarity search's first k passages that repeat an earlier one."""
    repeated_sift: Interval
    repeated_difference: Interval
    """SIFT's share minus similarity search's."""
    setting: Setting | None
    """None with fewer than 20 questions with gold passages."""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        setting = self.setting
        return {
            "source": self.corpus.source,
            "passages": len(self.corpus),
            "dimension": self.corpus.dim,
            "passages_with_text": sum(bool(text.strip()) for text in self.corpus.texts),
            "vectors": self.corpus.note,
            "metric": self.corpus.metric,
            "copies": vars(self.copies),
            "questions": self.questions,
            "questions_made_from_passages": self.made,
            "questions_with_gold": self.with_gold,
            "k": self.k,
            "cosines": vars(self.spread),
            "agreement": None if self.agreement is None else vars(self.agreement),
            "repeated": {
                SIMILARITY: interval_dict(self.repeated_nearest),
                SIFT: interval_dict(self.repeated_sift),
                "difference": interval_dict(self.repeated_difference),
            },
            "coverage": setting
            and {
                "cutoffs": [*self.cutoffs],
                "questions": setting.questions,
                SIMILARITY: setting.similarity,
                "setting": setting.coverage,
                "difference": interval_dict(setting.difference),
                "held_out": setting.chosen,
            },
        }


def diagnosed(corpus: Corpus, tasks: Sequence[Task], made: bool, k: int) -> Diagnosis:
    """Look at a corpus.

    Args:
        corpus: at least two passages.
        tasks: the questions with their candidates, at least two.
        made: whether the questions were made by `made_questions`.
        k: passages that a question is answered from.

    Raises:
        CommandError: for fewer than two passages or questions.
    """
    if len(corpus) < 3:
        raise CommandError(
            f"{corpus.source} holds {len(corpus)} passages; expected at least 3: with fewer there "
            "is nothing to choose"
        )
    if len(tasks) < 2:
        raise CommandError(f"got {len(tasks)} question; expected at least two, for the intervals")
    repetition = Repetition(corpus)
    rules = SelectionRules()
    nearest: list[float] = []
    ours: list[float] = []
    for task in progress(tasks, "questions"):
        for method, shares in ((SIMILARITY, nearest), (SIFT, ours)):
            picks = picks_of(method, task, k, rules)
            shares.append(repetition.repeated(task.positions[picks].tolist()))
    judged = [task for task in tasks if task.gold is not None]
    cutoffs = cutoffs_of(k)
    return Diagnosis(
        corpus=corpus,
        questions=len(tasks),
        made=made,
        with_gold=len(judged),
        k=k,
        cutoffs=cutoffs,
        copies=repetition.copies(LOOKED_AT),
        spread=spread_of(tasks, k),
        agreement=agreement_of(tasks, k),
        repeated_nearest=mean_interval(nearest),
        repeated_sift=mean_interval(ours),
        repeated_difference=paired_comparison(ours, nearest).difference,
        setting=best_setting(judged, cutoffs) if len(judged) >= FEWEST else None,
    )


def made_questions(corpus: Corpus, most: int = MADE) -> list[Asked]:
    """Questions made from passages chosen at random: the title, or the first sentence.

    The vector is that of the passage, so no embedding model is needed; the passage itself is no
    candidate. Such questions find what is alike; they do not tell what answers a user.
    """
    titles = title_reader(None)(corpus.metadata)
    with_text = [i for i, text in enumerate(corpus.texts) if text.strip() or titles[i]]
    pool = np.array(with_text if with_text else range(len(corpus)))
    sample = np.random.default_rng(0).permutation(pool)[:most]
    return [
        Asked(
            corpus.vectors[i],
            titles[i] or _first_sentence(corpus.texts[i]) if with_text else None,
            without=i,
        )
        for i in sample.tolist()
    ]


def _first_sentence(text: str) -> str | None:
    first = next((part for part in _END.split(text.strip()) if part and part.strip()), "")
    return " ".join(first.split()[:LONGEST])[:300] or None
