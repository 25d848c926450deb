"""The rules that choose the passages to train on, and what a memory offers them for one text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.pretrained.jobs import View
from benchmarks.test_time import choosers
from benchmarks.test_time.choosers import Choice
from benchmarks.test_time.memory import COPIES, Candidates, Memory
from sift_retrievers import select
from sift_retrievers.retrieval import Hits, SelectionRules, Target, retrieve

LEARNING_RATE = 5e-4
"""The default of `TestTimeTuner`; recipes.py compares others."""
STEPS, SHOWN = 20, 5
LONG, SHORT = (1, 5, 10, 20), (1, 5, 10)
COMPARED = 10
"""Steps after which methods are compared."""
HALF = 0.5
"""The strength of the adapter that is tried beside the whole."""


@dataclass(frozen=True)
class Offer:
    """A text, and its nearest passages in a memory."""

    text: str
    candidates: Candidates
    memory: Sequence[str]
    """The texts that the candidates' origins count."""


@dataclass(frozen=True)
class Method:
    """A rule on a memory, and how its training is watched."""

    name: str
    choose: Callable[[Offer], Choice]
    copies: bool = False
    """Whether it chooses from the memory in which every passage is there several times."""
    watched: tuple[int, ...] = SHORT
    """Steps after which the text is predicted; the last ends training."""
    in_context: bool = False
    """Whether its first passages are also put in the context, with and without training."""
    before: int = 0
    """So many other passages stand before each one that is trained on."""
    last_first: bool = False
    """Whether its first passage is trained on last."""

    @property
    def label(self) -> str:
        """Name in tables and files."""
        return f"{self.name}, copies" if self.copies else self.name

    @property
    def views(self) -> tuple[View, ...]:
        """All that is predicted."""
        views = [View(steps) for steps in self.watched]
        if self.in_context:
            views += [View(COMPARED, SHOWN), View(COMPARED, 0, HALF), View(COMPARED, SHOWN, HALF)]
            if self.shows_contexts:
                views += [View(0, n) for n in range(SHOWN + 1)]
        return tuple(views)

    @property
    def shows_contexts(self) -> bool:
        """Whether one passage, two, … are shown without training; alike for all ways to train."""
        return self.in_context and not self.last_first


def every_passage_copied(memory: Memory) -> Memory:
    """Three further copies of every passage, next to it."""
    rows = np.repeat(np.arange(len(memory.origins)), 1 + COPIES)
    return Memory(memory.vectors[rows], memory.origins[rows])


def by_vectors(choose: Callable[[Candidates], Choice]) -> Callable[[Offer], Choice]:
    """A rule that reads no texts."""
    return lambda offer: choose(offer.candidates)


def without_repeats(lambda_: float) -> Callable[[Candidates], Choice]:
    """SIFT(λ′) that picks no candidate twice."""

    def choose(offered: Candidates) -> Choice:
        picked = select(offered.query, offered.vectors, STEPS, kernel="cosine", lambda_=lambda_)
        sigma = np.sqrt(picked.variance.astype(float))
        return Choice(tuple(offered.origins[picked.indices].tolist()), sigma=tuple(sigma.tolist()))

    return choose


def two_witnesses(offer: Offer) -> Choice:
    """What the retrievers return by default; from the first on again where they end early."""
    candidates = offer.candidates
    count = len(candidates.origins)
    hits = Hits(
        vectors=candidates.vectors,
        ids=[f"{row}" for row in range(count)],
        texts=[offer.memory[origin] for origin in candidates.origins],
        metadata=[None] * count,
        document=lambda i: i,
    )
    target = Target(candidates.query, offer.text)
    picks = retrieve(offer.text, [target], hits, STEPS, SelectionRules()).picks
    origins = [int(candidates.origins[pick.position]) for pick in picks]
    return Choice(tuple(np.resize(origins, STEPS).tolist()))


LAMBDAS = (0.01, 0.1, 1.0)
SIFT_LAMBDA = 0.1
"""The tuner's own λ′."""

RANDOM = Method("random passages", by_vectors(choosers.at_random))
NEAREST = Method(
    "nearest neighbours", by_vectors(choosers.nearest_neighbours), watched=LONG, in_context=True
)
SIFT_BY_LAMBDA = {
    value: Method(f"SIFT, λ′ = {value:g}", by_vectors(choosers.sift(value))) for value in LAMBDAS
}
SIFT = Method(
    SIFT_BY_LAMBDA[SIFT_LAMBDA].name,
    SIFT_BY_LAMBDA[SIFT_LAMBDA].choose,
    watched=tuple(range(1, STEPS + 1)),  # the α rule may stop after any
    in_context=True,
)
SIFT_ONCE = Method(f"{SIFT.name}, without repeats", by_vectors(without_repeats(SIFT_LAMBDA)))
WITNESSES = Method("two witnesses", two_witnesses, watched=LONG, in_context=True)
WITNESSES_LAST = Method(
    f"{WITNESSES.name}, the first one last",
    two_witnesses,
    watched=(COMPARED,),
    in_context=True,
    last_first=True,
)
WITNESSES_AFTER = Method(
    f"{WITNESSES.name}, the first one last, each after another",
    two_witnesses,
    watched=(COMPARED,),
    in_context=True,
    before=1,
    last_first=True,
)
"""Passages are trained on as they are shown: after others."""
NEAREST_COPIES = Method(NEAREST.name, NEAREST.choose, copies=True)
SIFT_COPIES = Method(SIFT.name, SIFT.choose, copies=True)
WITNESSES_COPIES = Method(WITNESSES.name, two_witnesses, copies=True)

METHODS = (
    NEAREST,
    SIFT,
    WITNESSES,
    WITNESSES_LAST,
    WITNESSES_AFTER,
    *(method for value, method in SIFT_BY_LAMBDA.items() if value != SIFT_LAMBDA),
    SIFT_ONCE,
    RANDOM,
    NEAREST_COPIES,
    SIFT_COPIES,
    WITNESSES_COPIES,
)
