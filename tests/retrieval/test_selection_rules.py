"""`SelectionRules`: what is given wins, the rest follows the kernel, nonsense is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tensors import needs_torch

from sift_retrievers import Exponential, RelevanceWeighted
from sift_retrievers.kernels.names import resolve_kernel
from sift_retrievers.retrieval import SelectionRules
from sift_retrievers.retrieval.rules import PHRASES
from sift_retrievers.witnesses import Witnesses
from sift_retrievers.witnesses.relevance import NAMED_WITNESSES


@pytest.mark.parametrize(
    ("kernel", "objective", "lambda_"),
    [
        ("cosine", "variance", 3.0),
        ("linear", "variance", 3.0),
        ("exponential", "variance", 1.0),
        ("shared_noise", "variance", 20.0),
        (Exponential(24.0, 8.0), "variance", 1.0),
        ("relevance", "undirected", 0.2),
        (RelevanceWeighted(4.0, standardized=False), "undirected", 0.2),
        (PHRASES, "undirected", 0.1),
    ],
    ids=str,
)
def test_rules_follow_the_kernel(kernel: Any, objective: str, lambda_: float) -> None:
    rules = SelectionRules(kernel=kernel)
    assert rules.chosen_objective == objective
    assert rules.noise == lambda_
    heard = "vectors+words" if objective == "undirected" else "vectors"
    assert rules.witnesses == NAMED_WITNESSES[heard]
    if kernel != PHRASES:  # an object counts as its name does
        assert rules.chosen_kernel == resolve_kernel(kernel)
    assert (rules.lambda_, rules.objective) == (None, None)  # what nobody gave stays None


@pytest.mark.parametrize(
    ("relevance", "kernel", "lambda_"),
    [
        (None, PHRASES, 0.1),
        ("vectors+words", PHRASES, 0.1),
        ("words", PHRASES, 0.1),
        ("vectors", RelevanceWeighted(), 0.2),
        (Witnesses(words=0.1), PHRASES, 0.1),
        (Witnesses(words=0), RelevanceWeighted(), 0.2),
        (len, PHRASES, 0.1),
    ],
    ids=str,
)
def test_the_kernel_follows_the_relevance(relevance: Any, kernel: Any, lambda_: float) -> None:
    rules = SelectionRules(relevance=relevance)
    assert (rules.chosen_kernel, rules.noise, rules.chosen_objective) == (
        kernel,
        lambda_,
        "undirected",
    )
    assert rules.reads_texts == (kernel == PHRASES)
    repeated = SelectionRules(relevance=rules.witnesses, kernel=rules.chosen_kernel)
    assert repeated.settings() == rules.settings()


def test_what_phrases_cannot_do_brings_the_kernel_of_the_vectors() -> None:
    for given in ({"objective": "variance"}, {"objective": "entropy"}, {"replacement": True}):
        rules = SelectionRules(**given)  # type: ignore[arg-type]
        assert rules.chosen_kernel == RelevanceWeighted()
        assert rules.noise == 0.2
        with pytest.raises(ValueError, match="the kernel 'phrases'"):
            SelectionRules(kernel=PHRASES, **given)  # type: ignore[arg-type]
    assert SelectionRules(objective="undirected").chosen_kernel == PHRASES


def test_the_cosine_brings_what_sift_was_published_with() -> None:
    rules = SelectionRules(kernel="cosine")
    assert (rules.noise, rules.chosen_objective) == (3.0, "variance")
    assert not rules.reads_texts


def test_rules_that_are_given_win() -> None:
    given = SelectionRules(kernel="cosine", lambda_=0.7, objective="undirected")
    assert (given.noise, given.chosen_objective) == (0.7, "undirected")
    assert SelectionRules(lambda_=0.7).chosen_kernel == PHRASES
    assert SelectionRules(relevance="vectors", kernel=PHRASES).chosen_kernel == PHRASES
    assert replace(given, min_gain=0.1).noise == 0.7
    judge = Witnesses(words=0, scorer=len)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="relevance= goes with kernel="):
        SelectionRules(relevance=judge, kernel="cosine")  # it would not be heard


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"relevance": "words", "kernel": "cosine"}, "relevance= goes with kernel='phrases'"),
        ({"relevance": "bm25"}, "relevance must be one of"),
        ({"kernel": "nonsense"}, "kernel must be one of"),
        ({"objective": "nonsense"}, "objective must be one of"),
        ({"lambda_": 0}, "lambda_ must be positive"),
        ({"lambda_": "much"}, "lambda_ must be a positive number"),
        ({"alpha": -1}, "alpha must be positive"),
        ({"min_gain": np.nan}, "min_gain must be positive"),
        ({"min_novelty": 1.5}, "min_novelty must be from 0 to 1; got 1.5"),
        ({"min_novelty": "half"}, "min_novelty must be a number from 0 to 1; got 'half'"),
        ({"min_chance": -0.1}, "min_chance must be from 0 to 1"),
        ({"min_chance": np.nan}, "min_chance must be from 0 to 1"),
        ({"min_novelty": 0.1, "replacement": True}, "min_novelty and replacement do not go"),
        ({"max_tokens": 5}, "max_tokens and token_counter go together"),
        ({"token_counter": len}, "max_tokens and token_counter go together"),
        ({"max_tokens": 0, "token_counter": len}, "max_tokens must be a whole number"),
        ({"score_threshold": 1.5}, "between -1 and 1; got 1.5"),
        ({"score_threshold": "0.5"}, "between -1 and 1; got '0.5'"),
        ({"score_threshold": np.nan}, "between -1 and 1; got nan"),
        ({"title": 5}, "title must be a metadata key"),
        ({"distinct_by": 5}, "distinct_by must be a metadata key or a function"),
        pytest.param(
            {"device": "nonsense"}, "device must be one that torch has", marks=needs_torch
        ),
    ],
    ids=str,
)
def test_rules_that_make_no_sense(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SelectionRules(**given)


@pytest.mark.parametrize("given", [{"relevance": 5}, {"kernel": 5}, {"kernel": len}], ids=str)
def test_rules_of_another_kind(given: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        SelectionRules(**given)


@pytest.mark.parametrize("replacement", [1, "yes", None, []])
def test_replacement_is_true_or_false(replacement: Any) -> None:
    with pytest.raises(ValueError, match="replacement must be True or False"):
        SelectionRules(replacement=replacement)


def test_replacement_does_not_go_with_parents_that_are_picked_once() -> None:
    with pytest.raises(ValueError, match="distinct_by and replacement do not go together"):
        SelectionRules(kernel="cosine", replacement=True, distinct_by="source")


@pytest.mark.parametrize("name", ["lambda_", "alpha", "min_gain", "min_novelty", "min_chance"])
def test_a_number_that_no_float_holds(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be"):
        SelectionRules(**{name: 10**400})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["alpha", "min_gain", "min_novelty", "min_chance"])
def test_numbers_of_other_types_are_kept_as_floats(name: str) -> None:
    value = getattr(SelectionRules(**{name: "0.5"}), name)  # type: ignore[arg-type]
    assert type(value) is float
    assert value == 0.5
