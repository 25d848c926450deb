"""`verdict_of`: the one sentence of `sift doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sift_retrievers.calibration.configuration import NEAREST
from sift_retrievers.cli.diagnosis import Diagnosis
from sift_retrievers.cli.held_out import FEWEST, Setting
from sift_retrievers.metrics import Interval

SMALLEST: Final = 0.02
"""Share of passages that repeat others: a smaller change is not worth a change of retriever."""


@dataclass(frozen=True)
class Verdict:
    """What to do."""

    stay: bool
    """Whether to stay with similarity search."""
    arguments: dict[str, Any]
    """Of `SIFTRetriever(vectorstore, …)`, if not."""
    sentence: str
    """One sentence for people, with the expected difference and how sure it is."""


def verdict_of(found: Diagnosis) -> Verdict:
    """Stay with similarity search, or a setting.

    With at least 20 questions with gold passages, coverage decides: the lower end of the 95%
    interval of its difference must lie above 0. Otherwise repetition decides: the share of
    passages that repeat an earlier one must fall by at least 2 points, and its interval lie below
    0.
    """
    if found.setting is not None:
        return _by_gold(found, found.setting)
    change = found.repeated_difference
    nearest, ours = found.repeated_nearest.mean, found.repeated_sift.mean
    questions = _questions(found)
    if change.high < 0 and change.mean <= -SMALLEST:
        return Verdict(
            False,
            {},
            f"Try SIFTRetriever(vectorstore): {nearest:.0%} of the first {found.k} passages of "
            f"similarity search repeat an earlier one, and {ours:.0%} of those of SIFT, "
            f"{_points(change)}, over {questions}; whether the answers gain by it, only "
            f"{FEWEST} or more questions with gold passages can tell.",
        )
    return Verdict(
        True,
        {},
        f"Stay with similarity search, a gain cannot be shown: {nearest:.1%} of its first "
        f"{found.k} passages repeat an earlier one, and {ours:.1%} of those of "
        f"SIFTRetriever(vectorstore), {_points(change)}, over {questions}; whether it finds other "
        f"evidence, only {FEWEST} or more questions with gold passages can tell.",
    )


def _by_gold(found: Diagnosis, setting: Setting) -> Verdict:
    change, arguments = setting.difference, setting.configuration.arguments
    sizes = _listed([str(size) for size in found.cutoffs])
    over = f"over {setting.questions} questions" + (
        ", each measured with settings chosen by other questions" if setting.chosen else ""
    )
    measure = (
        f"the share of the gold evidence in the first {sizes} passages is {setting.coverage:.3f} "
        f"in place of {setting.similarity:.3f}, {_difference(change)}, {over}"
    )
    if change.low > 0 and setting.configuration != NEAREST:
        return Verdict(False, arguments, f"Use {call_of(arguments)}: {measure}.")
    if change.high < 0:
        why = "SIFT finds less here"
    elif change.low == change.high == 0:
        why = "nothing that was tried finds more"
    else:
        why = "a gain cannot be shown"
    return Verdict(True, {}, f"Stay with similarity search, {why}: {measure}.")


def call_of(arguments: dict[str, Any]) -> str:
    """The call of the retriever with these arguments."""
    given = "".join(f", {name}={value!r}" for name, value in arguments.items())
    return f"SIFTRetriever(vectorstore{given})"


def _questions(found: Diagnosis) -> str:
    if found.made:
        return f"{found.questions} questions made from passages"
    known = f", {found.with_gold} of them with gold passages" if found.with_gold else ""
    return f"{found.questions} questions{known}"


def _difference(change: Interval) -> str:
    return f"{change.mean:+.3f} (95%: {change.low:+.3f} to {change.high:+.3f})"


def _points(change: Interval) -> str:
    mean, low, high = (100 * value for value in (change.mean, change.low, change.high))
    return f"{mean:+.1f} points (95%: {low:+.1f} to {high:+.1f})"


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
