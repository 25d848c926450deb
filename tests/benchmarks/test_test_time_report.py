"""The tables of the experiment of test-time fine-tuning, of figures made by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from benchmarks.test_time.choosers import (
    METHODS,
    NEAREST,
    NEAREST_COPIES,
    SIFT_COPIES,
    Choice,
    Method,
)
from benchmarks.test_time.corpus import Text
from benchmarks.test_time.experiment import ADAPTIVE, BY_WAY, Measured, Offer
from benchmarks.test_time.jobs import Outcome
from benchmarks.test_time.memory import STEPS, Candidates, Kind
from benchmarks.test_time.tables import (
    adaptive_table,
    choice_table,
    correlation_table,
    curve_table,
    domain_table,
    noise_table,
)

DOMAINS = ("law", "law", "code", "code")
SAVED = np.array([0.2, 0.4, 0.6, 0.8])
FACTORS = {ADAPTIVE.label: 1.5, NEAREST_COPIES.label: 0.5, SIFT_COPIES[0.01].label: 0.75}
SIGMA = (0.5, 0.5, 0.01, 0.01)


def measured(sigma: Sequence[float] = SIGMA) -> Measured:
    """Base 2 bits; nearest neighbours save SAVED, others FACTORS of it, step by step."""
    return Measured(
        documents=tuple(Text(f"text {i}", domain, "a") for i, domain in enumerate(DOMAINS)),
        choices={
            method.label: [
                Choice(tuple(range(i, i + STEPS)), 0.5, (1.0,) + (s,) * STEPS)
                for i, s in enumerate(sigma)
            ]
            for method in METHODS
        },
        outcomes={
            (way, method.label): [
                Outcome(
                    {
                        n: 2 - saved * FACTORS.get(method.label, 1.0) * n / STEPS
                        for n in range(STEPS + 1)
                    },
                    1.0,
                )
                for saved in SAVED
            ]
            for way, methods in BY_WAY.items()
            for method in methods
        },
        learning_rates={"full": 1e-3, "LoRA": 1e-2},
        sweep={},
        validation=2,
        process_minutes=1.0,
    )


def row(table: str, *starts: str) -> list[str]:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    (found,) = [cells for cells in rows if tuple(cells[: len(starts)]) == starts]
    return found


def test_curves_and_differences_to_the_rival_in_the_same_memory() -> None:
    table = curve_table(measured(), "full", METHODS)
    assert row(table, "base")[-4] == "2.0000"
    nearest = row(table, NEAREST.label)
    assert nearest[-4:] == ["1.5000", "75.0%", "", ""]
    assert nearest[4] == "1.9000"  # after 10 of 50 steps
    assert row(table, ADAPTIVE.label)[-4:-2] == ["1.2500", "62.5%"]
    assert row(table, ADAPTIVE.label)[-2].startswith("-0.0500 [")  # after 10 steps
    assert row(table, ADAPTIVE.label)[-1].startswith("-0.2500 [")
    assert row(table, SIFT_COPIES[0.01].label)[-1].startswith("-0.1250 [")  # to nearest with copies
    assert row(table, NEAREST_COPIES.label)[-1].startswith("+0.2500 [")


def test_noise_against_the_papers() -> None:
    table = noise_table(measured())
    assert row(table, "full", "SIFT(0.1)")[2].startswith("+0.0500 [")  # less SIFT(0.01)
    assert row(table, "LoRA", "SIFT(0.1), duplicates")[3].startswith("-0.1250 [")


def test_domains() -> None:
    assert row(domain_table(measured()), "law")[1:5] == ["2", "2.000", "1.700", "1.550"]
    assert row(domain_table(measured()), "code")[-2:] == ["-0.350", "2"]


def test_choices_are_counted() -> None:
    assert row(choice_table(measured()), ADAPTIVE.label)[1:] == ["50.0", "50.0", "0.500"]


def test_uncertainty_that_falls_with_the_gain() -> None:
    cells = row(correlation_table(measured((0.4, 0.3, 0.2, 0.1))), "full", f"σ_{STEPS}")
    assert cells[2].startswith("-1.00 [")
    assert cells[3].startswith("-0.80 [")  # ties, once the means are off
    over, within = row(correlation_table(measured((0.1, 0.2, 0.01, 0.02))), "LoRA", "σ_10")[2:]
    assert over.startswith("-0.60 [")
    assert within.startswith("+")


def test_the_rule_against_the_same_steps_for_all() -> None:
    # σ = 0.5 > 1/(0.2 n) first at n = 11: 10 steps; σ = 0.01: all 50. The mean is 30.
    alpha, mean, span, adaptive, fixed, difference = row(adaptive_table(measured()), "0.2")
    assert (alpha, mean, span) == ("0.2", "30.0", "10–50")
    expected = 2 - 1.5 * SAVED * np.array([10, 10, 50, 50]) / STEPS
    assert adaptive == f"{expected.mean():.4f}"
    assert fixed == f"{(2 - 1.5 * SAVED * 30 / STEPS).mean():.4f}"
    assert difference.startswith(f"{expected.mean() - (2 - 1.5 * SAVED * 0.6).mean():+.4f} [")


@pytest.mark.parametrize("steps", [10.0, 10.25])
def test_between_two_numbers_of_steps_both_count(steps: float) -> None:
    curved = measured()
    for one, saved in zip(curved.outcomes["full", ADAPTIVE.label], SAVED, strict=True):
        one.curve.update({10: 2 - saved, 11: 2 - 2 * saved})
    np.testing.assert_allclose(curved.fixed(steps), 2 - SAVED * (1 + (steps - 10)))


def test_methods_choose_from_their_memory() -> None:
    seen: list[Kind] = []

    def watching(kind: Kind) -> Candidates:
        number = [*Kind].index(kind)
        vectors, text = np.ones((1, 2), np.float32), np.array([0])
        return Candidates(vectors[0], vectors, text, text, seed=number)

    def choose(offered: Candidates) -> Choice:
        seen.append([*Kind][offered.seed])
        return Choice((0,))

    offer = Offer((Text("a", "law", "a"),), {kind: [watching(kind)] for kind in Kind})
    rule: Callable[[Candidates], Choice] = choose
    for kind in Kind:
        offer.choices(Method("rule", rule, memory=kind))
    assert seen == [*Kind]
