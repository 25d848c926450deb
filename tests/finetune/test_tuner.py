"""`TestTimeTuner`: the model is tuned inside a session and unchanged outside."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from tiny_models import CONFIGS, PASSAGES, QUERY, logits, passage_loss, sha256, tiny, tokenizer
from tuner_state import EAGER, State, selection

import torch  # isort: skip

from sift_retrievers.finetune import (
    Budget,
    TestTimeTuner,
)


@pytest.fixture
def model() -> Any:
    return tiny()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kind", CONFIGS)
def test_tuned_inside_and_bit_identical_outside(kind: str, dtype: torch.dtype) -> None:
    model = tiny(kind, dtype)
    untouched = sha256(model)
    tuner = TestTimeTuner(model, tokenizer(), verify="full", **EAGER)
    assert sha256(model, tuner._trainer.slot.ids) == untouched  # also with the adapter in it
    state, base = State(tuner), logits(model)
    before = passage_loss(model, PASSAGES[0])
    with tuner.session(QUERY, PASSAGES[:1] * 6) as session:
        assert not torch.equal(logits(model), base)
        assert passage_loss(model, PASSAGES[0]) < before
        report = session.report
    assert report.stopped == "passages"
    assert report.steps == 6
    assert report.losses[-1] < report.losses[0]
    assert report.losses[0] == pytest.approx(before, rel=2e-2)
    state.check()
    assert torch.equal(logits(model), base)
    tuner.close()
    assert sha256(model) == untouched


@pytest.mark.parametrize("kind", CONFIGS)
def test_generation_inside_and_outside(kind: str) -> None:
    model = tiny(kind)
    tuner = TestTimeTuner(model, tokenizer(), **EAGER)
    ids = torch.tensor([tokenizer()(QUERY)["input_ids"]])
    mask = torch.ones_like(ids)

    def generate() -> list[int]:
        out = model.generate(input_ids=ids, attention_mask=mask, max_new_tokens=12, do_sample=False)
        return [int(token) for token in out[0]]

    base, passages = generate(), PASSAGES[:1] * 8
    with tuner.session(QUERY, passages):
        tuned = generate()
    assert tuned != base
    assert generate() == base
    with tuner.session(QUERY, passages):
        assert generate() == tuned


def test_requests_do_not_learn_from_each_other(model: Any) -> None:
    tuner = TestTimeTuner(model, tokenizer(), **EAGER)

    def answer(passages: list[str]) -> torch.Tensor:
        with tuner.session(QUERY, passages):
            return logits(model)

    first = answer(PASSAGES[:3])
    assert not torch.equal(answer(PASSAGES[3:]), first)
    assert torch.equal(answer(PASSAGES[:3]), first)


def test_the_order_of_passages_counts_and_repeats_are_steps(model: Any) -> None:
    tuner = TestTimeTuner(model, tokenizer(), **EAGER)
    with tuner.session(QUERY, [*PASSAGES, PASSAGES[0]]) as session:
        assert session.report is not None
        assert session.report.steps == 6
        forward = logits(model)
    with tuner.session(QUERY, [PASSAGES[0], *PASSAGES[::-1]]):
        assert not torch.equal(logits(model), forward)


def test_the_base_may_be_in_training_and_ask_for_gradients(model: Any) -> None:
    model.train()
    for i, parameter in enumerate(model.parameters()):
        parameter.requires_grad_(i % 2 == 0)
    tuner = TestTimeTuner(model, tokenizer(), **EAGER)
    state = State(tuner)
    with tuner.session(QUERY, PASSAGES):
        pass
    state.check()


def test_inside_inference_mode(model: Any) -> None:
    with torch.inference_mode():
        tuner = TestTimeTuner(model, tokenizer(), **EAGER)
        base = logits(model)
        with tuner.session(QUERY, PASSAGES) as session:
            assert session.report is not None
            assert session.report.steps == 5
        assert torch.equal(logits(model), base)
        with pytest.raises(ValueError, match=r"were made in torch\.inference_mode"):
            TestTimeTuner(tiny(), tokenizer())


def test_adapters_are_in_fp32_on_a_bf16_base() -> None:
    tuner = TestTimeTuner(tiny(dtype=torch.bfloat16), tokenizer())
    assert {parameter.dtype for parameter in tuner._trainer.slot.parameters} == {torch.float32}


def test_the_report_shows_the_uncertainty_of_the_selection(model: Any) -> None:
    chosen = selection()
    with TestTimeTuner(model, tokenizer()).session(QUERY, PASSAGES, selection=chosen) as session:
        report = session.report
    assert report is not None
    sigma = np.sqrt(chosen.variance)
    np.testing.assert_allclose(report.sigma, sigma, rtol=1e-6)
    assert report.predicted_gain == pytest.approx(float(np.log(sigma[0] / sigma[-1])), rel=1e-5)


def test_the_alpha_rule_is_a_prefix(model: Any) -> None:
    chosen = selection()
    sigma = np.sqrt(chosen.variance)
    alpha = 1.01 / (3 * sigma[3])  # at n = 4 at the latest, if σ does not fall fast
    expected = next((n - 1 for n in range(1, 6) if sigma[n] > 1 / (alpha * n)), 5)
    tuner = TestTimeTuner(model, tokenizer(), alpha=float(alpha))
    with tuner.session(QUERY, PASSAGES, selection=chosen) as session:
        assert session.report is not None
        assert session.report.steps == max(1, expected)
        assert session.report.stopped == ("alpha" if expected < 5 else "passages")


def test_nothing_is_trained_if_the_predicted_gain_is_too_small(model: Any) -> None:
    base = logits(model)
    tuner = TestTimeTuner(model, tokenizer(), min_gain=1e6)
    with tuner.session(QUERY, PASSAGES, selection=selection()) as session:
        assert session.report is not None
        assert (session.report.stopped, session.report.steps) == ("min_gain", 0)
        assert torch.equal(logits(model), base)


@pytest.mark.parametrize(
    ("budget", "stopped", "steps"),
    [
        (Budget(max_steps=2), "max_steps", 2),
        (Budget(max_tokens=10), "max_tokens", 1),
        (Budget(max_steps=None, max_seconds=1e-9), "max_seconds", 0),
        (Budget(max_steps=5), "passages", 5),
    ],
)
def test_a_budget_ends_training_without_an_error(
    model: Any, budget: Budget, stopped: str, steps: int
) -> None:
    tuner = TestTimeTuner(model, tokenizer(), budget=budget)
    state = State(tuner)
    with tuner.session(QUERY, PASSAGES) as session:
        assert session.report is not None
        assert (session.report.stopped, session.report.steps) == (stopped, steps)
    state.check()


def test_long_passages_are_cut_and_the_query_is_context_only(model: Any) -> None:
    tuner = TestTimeTuner(model, tokenizer(), max_passage_tokens=5)
    with tuner.session(QUERY, PASSAGES[:1]) as session:
        assert session.report is not None
        assert session.report.tokens == 4  # nothing predicts the first token
    tuner.close()
    reading = TestTimeTuner(model, tokenizer(), max_passage_tokens=5, query_as_context=True)
    with reading.session(QUERY, PASSAGES[:1]) as session:
        assert session.report is not None
        assert session.report.tokens == 5


def test_an_empty_selection(model: Any) -> None:
    tuner = TestTimeTuner(model, tokenizer())
    state, base = State(tuner), logits(model)
    with tuner.session(QUERY, []) as session:
        assert session.report is not None
        assert (session.report.stopped, session.report.steps) == ("empty", 0)
        assert torch.equal(logits(model), base)
    state.check()


async def test_async_gives_the_same(model: Any) -> None:
    tuner = TestTimeTuner(model, tokenizer(), **EAGER)
    with tuner.session(QUERY, PASSAGES) as session:
        want, report = logits(model), session.report
    state = State(tuner)
    async with tuner.asession(QUERY, PASSAGES) as session:
        assert torch.equal(logits(model), want)
        assert session.report is not None
        assert report is not None
        assert session.report.losses == report.losses
    state.check()


def test_threads_get_the_serial_answers(model: Any) -> None:
    tuner = TestTimeTuner(model, tokenizer(), **EAGER)

    def answer(i: int) -> torch.Tensor:
        with tuner.session(QUERY, PASSAGES[i % 5 :][:2]):
            return logits(model)

    serial = [answer(i) for i in range(5)]
    wrong: list[int] = []

    def work(start: int) -> None:
        for i in range(start, start + 25):
            if not torch.equal(answer(i), serial[i % 5]):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_many_sessions_leave_nothing_behind(model: Any) -> None:
    tuner = TestTimeTuner(model, tokenizer())
    state, modules = State(tuner), len([*model.modules()])
    for i in range(100):
        with tuner.session(QUERY, PASSAGES[i % 5 :][:1]):
            pass
    assert len([*model.modules()]) == modules
    state.check()


def test_a_request_whose_passages_come_later(model: Any) -> None:
    tuner = TestTimeTuner(model, tokenizer(), **EAGER)
    base = logits(model)
    with tuner.request() as session:
        assert torch.equal(logits(model), base)
        report = session.tune(QUERY, PASSAGES[:2])
        assert not torch.equal(logits(model), base)
        assert session.report is report
        with pytest.raises(RuntimeError, match="a session trains once"):
            session.tune(QUERY, PASSAGES)
    with pytest.raises(RuntimeError, match="a session trains once, before it ends"):
        session.tune(QUERY, PASSAGES)
    assert torch.equal(logits(model), base)
