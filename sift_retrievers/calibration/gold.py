"""The gold passages of a calibration: checked, and looked for among the candidates."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import Final, TypeAlias

from sift_retrievers.calibration.query_candidates import QueryCandidates
from sift_retrievers.evaluation import GoldAmong, Question, gold_among
from sift_retrievers.metrics import Judgements

FEW: Final = 0.5
"""Of the gold passages: if fewer are among the candidates, `calibrate` warns."""

Gold: TypeAlias = (
    Judgements | Question | Collection[Hashable] | Mapping[Hashable, Collection[Hashable]]
)
"""The passages that answer one query: their names, a mapping from names to facets, or a `Question`
with its gold passages. Passages that share a facet say the same."""


def gold_of(questions: Sequence[Question], gold: Sequence[Gold] | None) -> Sequence[Gold] | None:
    """The gold passages for `calibrate`: those given beside the questions, or the questions' own.

    Raises:
        ValueError: if there are both.
    """
    own = any(question.has_gold for question in questions)
    if own and gold is not None:
        raise ValueError(
            "the questions have gold passages of their own; expected gold=None, or texts alone, "
            "[q.text for q in questions]"
        )
    return questions if own else gold


def checked_gold(gold: Sequence[Gold], total: int) -> list[Judgements | Question]:
    """The gold passages of each query."""
    if len(gold) != total:
        raise ValueError(f"gold must be {total}, one entry a query; got {len(gold)}")
    without = [i for i, one in enumerate(gold) if isinstance(one, Question) and not one.has_gold]
    if without:
        raise ValueError(
            f"{len(without)} of {total} questions have no gold passages, the first is question "
            f"{without[0]}: leave them out, or give texts alone, [q.text for q in questions]"
        )
    found: list[Judgements | Question] = []
    for i, names in enumerate(gold):
        if isinstance(names, Judgements | Question):
            found.append(names)
        elif isinstance(names, str | bytes) or not isinstance(names, Collection) or not names:
            raise ValueError(
                f"gold of query {i} must be names of passages in a list or set, or a mapping from "
                f"names to facets, at least one; got {names!r}"
            )
        else:
            facets = names if isinstance(names, Mapping) else dict.fromkeys(names, ())
            found.append(Judgements(facets))
    return found


def judged_candidates(
    queries: Sequence[QueryCandidates], gold: Sequence[Judgements | Question]
) -> list[GoldAmong]:
    """The gold passages of each query among its candidates.

    Raises:
        ValueError: if there is none for any query: the names or texts are probably others.
    """
    judged = [_among(one, known) for one, known in zip(queries, gold, strict=True)]
    found, total = gold_found(judged)
    if found == 0:
        raise ValueError(_none_found(queries, gold[0]))
    if found < FEW * total:
        by_text = any(one.by_text for one in judged)
        how = " They are found by text: it must hold a candidate's, or be part of it." * by_text
        warnings.warn(
            f"only {found} of {total} gold passages are among the candidates, so no configuration "
            "can find the others: fetch more candidates, or look whether the store holds the "
            f"passages.{how}",
            stacklevel=3,
        )
    return judged


def _among(one: QueryCandidates, known: Judgements | Question) -> GoldAmong:
    if isinstance(known, Question):
        return gold_among(known, one.passages, one.texts)
    positions: dict[Hashable, Collection[Hashable]] = {
        i: known.of(name) for i, name in enumerate(one.passages) if name in known.facets
    }
    found = {name for name in one.passages if name in known.facets}
    missing = {
        ("not among them", name): facets
        for name, facets in known.facets.items()
        if name not in found
    }
    judgements = Judgements(positions | missing)
    return GoldAmong(judgements, len(found), len(known.facets), by_text=False)


def gold_found(judged: Sequence[GoldAmong]) -> tuple[int, int]:
    """How many gold passages are among the candidates, and how many there are."""
    return sum(one.found for one in judged), sum(one.total for one in judged)


def _none_found(queries: Sequence[QueryCandidates], first: Judgements | Question) -> str:
    """What may be wrong if no gold passage is among the candidates."""
    none = "none of the gold passages is among the candidates: "
    if isinstance(first, Question) and not first.gold:
        return (
            f"{none}no candidate holds a gold text or is part of one. The first gold text is "
            f"{first.gold_texts[0][:80]!r}; does the store hold it, and in this language?"
        )
    known = first.gold if isinstance(first, Question) else first.facets
    names = sorted({repr(name)[:80] for one in queries for name in one.passages})
    return (
        f"{none}do their names mean the same? Candidates are named {names[:3]}, gold passages "
        f"{sorted(repr(name)[:80] for name in known)[:3]}; a retriever's calibrate() takes the "
        "names from passage=..."
    )
