"""The tables and sentences of the benchmark of a pretrained model, of figures made by hand."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.pretrained import tables, transfer
from benchmarks.pretrained.experiment import WAYS, Measured
from benchmarks.pretrained.findings import answer_findings, compared, text_findings
from benchmarks.pretrained.inputs import CONTEXTS, Inputs, Question, TextItem
from benchmarks.pretrained.jobs import Outcome, View
from benchmarks.pretrained.methods import (
    METHODS,
    NEAREST,
    RANDOM,
    SIFT,
    SIFT_BY_LAMBDA,
    STEPS,
    WITNESSES,
    Method,
)
from benchmarks.pretrained.report import as_json, page
from benchmarks.pretrained.settings import CPU
from benchmarks.pretrained.timing import Timing
from benchmarks.test_time.choosers import Choice

DOMAINS = ("law", "law", "law", "code", "code", "code")
SAVED = np.array([0.2, 0.3, 0.5, 0.7, 0.9, 1.0])  # bits by the last step on nearest neighbours
FACTORS = {WITNESSES.label: 1.5, SIFT.label: 0.5}
SIGMA = (0.9, 0.7, 0.5, 0.3, 0.2, 0.1)  # after all steps; the less, the more is saved


def outcome(method: Method, saved: float) -> Outcome:
    """Base 2 bits; training saves step by step, a passage in the context 0.1, both no more."""
    most = saved * FACTORS.get(method.label, 1.0)
    return Outcome(
        {
            view: 2 - max(most * view.strength * view.steps / STEPS, 0.1 * view.shown)
            for view in method.views
        },
        tuple(2.5 - 0.1 * step for step in range(max(method.watched))),
        (2.5 if method is not RANDOM else 2.0,) * max(method.watched),
        6.0,
    )


def answer(gain: float) -> Outcome:
    losses = {View(0): 9.0, View(0, 5): 9 - gain, View(10): 8.5, View(10, 5): 9.5 - gain}
    return Outcome(losses, (2.0, 2.2, 2.1), (2.0, 2.1, 2.0), 3.0)


def measured() -> Measured:
    texts = tuple(
        TextItem(
            f"text {n}",
            domain,
            {
                method.label: Choice(
                    tuple(range(STEPS)),
                    0.5,
                    tuple(float(v) for v in np.linspace(1, last, STEPS + 1)),
                )
                for method in METHODS
            },
        )
        for n, (domain, last) in enumerate(zip(DOMAINS, SIGMA, strict=True))
    )
    questions = tuple(
        Question(
            name, f"Question {n}?", ("so",), dict.fromkeys(CONTEXTS, ("because", "since", "so"))
        )
        for n, name in enumerate(["hotpotqa", "musique"] * 3)
    )
    return Measured(
        texts=texts,
        text_outcomes=tuple(
            {method.label: outcome(method, saved) for method in METHODS} for saved in SAVED
        ),
        questions=questions,
        answer_outcomes=tuple(
            {way.name: answer(1 + place + n / 10) for place, way in enumerate(WAYS)}
            for n in range(6)
        ),
        process_minutes=12.0,
    )


def cells(table: str, start: str) -> list[str]:
    [line] = [line for line in table.splitlines() if line.startswith(f"| {start} |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_curves_by_hand() -> None:
    table = tables.curve_table(measured())
    assert cells(table, "base")[1:5] == ["2.000"] * 4
    nearest = cells(table, NEAREST.label)
    assert nearest[1:5] == ["1.970", "1.850", "1.700", "1.400"]
    assert nearest[5].startswith("-0.300 [-0.")
    assert nearest[6:] == ["", "0%"]
    assert cells(table, WITNESSES.label)[6].startswith("-0.150 [")


def test_contexts_by_hand() -> None:
    nearest = cells(tables.context_table(measured()), NEAREST.label)
    assert nearest[1:6] == ["1.900", "1.800", "1.700", "1.600", "1.500"]
    assert nearest[6] == "-0.500 [-0.500, -0.500]"
    assert nearest[7].startswith("-0.200 [")
    assert nearest[8] == "0%"


def test_both_by_hand() -> None:
    table = tables.both_table(measured())
    nearest = cells(table, NEAREST.label)
    assert nearest[1:4] == ["1.700", "1.500", "+0.000 [+0.000, +0.000]"]
    assert nearest[4:7] == ["1.850", "1.500", "+0.000 [+0.000, +0.000]"]
    assert cells(table, "two witnesses, the first one last")[7] == "0%, 0%"


def test_answers_by_hand() -> None:
    every = np.ones(6, dtype=np.bool_)
    table = tables.answer_table(measured(), every)
    assert cells(table, "(none)")[1] == "9.00"
    similarity = cells(table, CONTEXTS[0])
    assert similarity[1:4] == ["7.75", "8.50", "8.25"]
    assert similarity[4].startswith("-1.25 [")
    assert similarity[6] == "+0.50 [+0.50, +0.50]"
    assert similarity[7] == "0%, 0%, 0%"


def test_a_gain_that_was_predicted_is_found() -> None:
    one = measured()
    predicted = tables.predicted_gain(one, SIFT)
    assert (np.diff(predicted) > 0).all()
    assert tables.rank_correlation(predicted, SAVED).startswith("+1.00 [")
    assert tables.rank_correlation(predicted, -SAVED).startswith("-1.00 [")
    assert tables.rank_correlation(predicted, np.ones(6)) == "–"
    assert cells(tables.correlation_table(one), SIFT.label)[1].startswith("+1.00")
    assert set(SIFT_BY_LAMBDA) == {0.01, 0.1, 1.0}


def test_the_check_is_the_tuners() -> None:
    """Steps lose 2.5, 2.4, … nats, the base 2.5, or 2.0 on random passages."""
    one = measured()
    table = transfer.check_table(one)
    assert cells(table, NEAREST.label)[1:5] == ["+0.250", "0%", "1.700", "1.700"]
    assert cells(table, RANDOM.label)[1:5] == ["-0.250", "100%", "1.700", "2.000"]
    assert cells(table, RANDOM.label)[5:7] == ["0%", "0%"]
    answers = cells(transfer.answer_check_table(one), CONTEXTS[0])
    assert answers[1:7] == ["-0.100", "100%", "8.50", "9.00", "0%", "0%"]
    assert answers[7:] == ["8.25", "7.75", "100%", "0%"]


def test_copies_and_too_few_passages_are_not_judged() -> None:
    done = Outcome({}, (2.0, 9.0, 3.0, 3.0), (2.0, 2.0, 2.5, 2.5), 1.0)
    assert transfer.checked(done, ["a", "a", "b", "c"]) == (-0.5, True)
    assert transfer.checked(done, ["a", "a", "b", "b"]) == (-0.5, False)
    assert np.isnan(transfer.checked(done, ["a"] * 4)[0])


def test_steps_in_proportion_are_compared_at_equal_compute() -> None:
    row = cells(transfer.proportion_table(measured()), "0.1")
    assert row[1:3] == ["20.0", "100%"]
    assert row[5] == "+0.000 [+0.000, +0.000]"
    told = cells(transfer.predictor_table(measured()), "½ log σ_0²/σ_10²")
    assert told[2].startswith("+1.00")


def test_equal_values_share_their_rank() -> None:
    assert tables._ranks(np.array([3.0, 1.0, 3.0, 2.0])).tolist() == [2.5, 0.0, 2.5, 1.0]


def test_steps_between_two_whole_numbers_are_their_mean() -> None:
    curve = np.array([[2.0, 2.0], [1.0, 0.0]])
    assert tables.fixed_steps(curve, 0.25).tolist() == [1.75, 1.5]
    assert tables.fixed_steps(curve, 1.0).tolist() == [1.0, 0.0]


def test_adaptive_steps_are_compared_at_equal_compute() -> None:
    rows = tables.adaptive_table(measured()).splitlines()[2:]
    assert len(rows) == len(tables.ALPHAS)
    for row in rows:
        _, mean, _, adaptive, _, _ = (cell.strip() for cell in row.strip("|").split("|"))
        assert 1 <= float(mean) <= STEPS
        assert 1.4 < float(adaptive) <= 2.0


@pytest.mark.parametrize(
    ("shift", "said"), [(-1.0, "is better than"), (1.0, "is worse than"), (0.0, "No difference")]
)
def test_a_sentence_claims_what_the_interval_allows(shift: float, said: str) -> None:
    noise = np.random.default_rng(0).normal(size=40)
    noise -= noise.mean()
    sentence = compared("Training", noise + shift, "nothing", np.zeros(40), "bits", 3)
    assert said in sentence
    assert ("by 1.000 bits" in sentence) == (shift != 0)


def test_of_few_values_nothing_is_claimed() -> None:
    five = compared("SIFT", np.arange(1.0, 6.0), "nothing", np.zeros(5), "bits", 3)
    assert five.startswith("No difference between SIFT and nothing is shown")
    six = compared("SIFT", np.arange(1.0, 7.0), "nothing", np.zeros(6), "bits", 3)
    assert six.startswith("SIFT is worse than nothing by 3.500 bits")


def test_the_page_holds_everything() -> None:
    one = measured()
    inputs = Inputs(("a", "b"), one.texts, one.questions, one.texts[:2], one.questions)
    text = page(one, Timing(12.0, 13.0, 10.0, 200.0, 3), inputs, CPU, "a model")
    for part in (
        "# Test-time fine-tuning of a model",
        "1.20 times as long",
        "(1.30 times)",
        "6 held-out ones of 2 domains",
        "6 of hotpotqa, musique",
        "learning rate 0.0005",
        "hotpotqa, 3 questions:",
        "Training 10 steps on the nearest neighbours is better than no training by 0.300",
        "Training and context together is worse than the context alone by 0.50 nats",
    ):
        assert part in text, part
    assert "Left out" not in text
    fewer = replace(one, texts=one.texts[:5], text_outcomes=one.text_outcomes[:5])
    late = page(fewer, Timing(12.0, 13.0, 10.0, 200.0, 3), inputs, CPU, "a model")
    assert "- Left out: 1 texts that were not complete after 37 minutes." in late
    assert len(text_findings(one)) == 12
    assert len(answer_findings(one)) == 6
    found = json.loads(as_json(one))
    assert len(found["texts"]) == 6
    assert [10, 0, 1.0, 1.9] in found["texts"][0][NEAREST.label]["views"]
    assert found["texts"][0][NEAREST.label]["step losses"][:2] == [2.5, 2.4]
