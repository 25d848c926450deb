"""Random calls of `select`, sensible and not: each agrees with brute force, or says what is wrong.

All 7,000 of them with a count by outcome: python tests/selection/test_select_fuzz.py
"""

from __future__ import annotations

import re
import sys
import time
import warnings
from collections import Counter
from pathlib import Path

import pytest

if __name__ == "__main__":  # as pytest sets it up
    sys.path += [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

from fuzz_calls import Call, random_call
from fuzz_check import check_answer
from fuzz_nonsense import spoilt_call

from sift_retrievers import select

ALL, FAST = 7000, 300
SPOILT = 0.35
"""Of the calls."""


def outcome(seed: int) -> str:
    """ "agrees" or "refused"; raises an AssertionError for all else."""
    if seed % 100 < 100 * SPOILT:
        call, name = spoilt_call(seed)
        return refusal(call, name)
    call = random_call(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        chosen = select(call.queries, call.candidates, call.k, **call.options)
    check_answer(call, chosen)
    return "agrees"


def refusal(call: Call, name: str) -> str:
    """The call is refused with a message that names the argument."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            chosen = select(call.queries, call.candidates, call.k, **call.options)
    except (ValueError, TypeError, ImportError) as error:
        message = str(error)
        words = {"queries": r"quer(y|ies)", "ids": r"\bids\b"}.get(name, rf"\b{name}\b")
        assert re.search(words, message), f"the message does not name {name}: {message}"
        return f"refused: {type(error).__name__}"
    raise AssertionError(f"{name} makes no sense, and was taken: {chosen}")


def check_seeds(seeds: range) -> Counter[str]:
    counts: Counter[str] = Counter()
    for seed in seeds:
        try:
            counts[outcome(seed)] += 1
        except Exception as failure:
            raise AssertionError(f"seed {seed}: {type(failure).__name__}: {failure}") from failure
    return counts


@pytest.mark.parametrize("start", range(0, FAST, 50))
def test_three_hundred_calls(start: int) -> None:
    check_seeds(range(start, start + 50))


@pytest.mark.slow
@pytest.mark.parametrize("start", range(0, ALL, 500))
def test_seven_thousand_calls(start: int) -> None:
    check_seeds(range(start, start + 500))


def main(seeds: range = range(ALL)) -> None:
    begun, counts = time.perf_counter(), Counter[str]()
    for seed in seeds:
        try:
            counts[outcome(seed)] += 1
        except Exception as failure:
            counts[f"WRONG: {type(failure).__name__}"] += 1
            print(f"seed {seed}: {type(failure).__name__}: {failure}")
    print(f"{len(seeds)} calls in {time.perf_counter() - begun:.0f} s: {dict(counts)}")


if __name__ == "__main__":
    main()
