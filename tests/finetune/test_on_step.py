"""`on_step`: progress of training, and a way to end it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from tiny_chain import QUESTIONS, pipeline, rag, retriever_for
from tiny_models import PASSAGES, QUERY, logits, tiny, tokenizer
from tuner_state import EAGER, State, selection

import torch  # isort: skip
from transformers import TrainerCallback, TrainerControl, TrainerState  # isort: skip

from langchain_sift.finetune import transformers_model, wrap
from sift_retrievers.finetune import Budget, TestTimeTuner, TrainingStep, TuningError


def test_every_step_is_reported_once_and_changes_nothing() -> None:
    steps: list[TrainingStep] = []
    plain = TestTimeTuner(tiny(), tokenizer(), **EAGER)
    tuner = TestTimeTuner(tiny(), tokenizer(), on_step=steps.append, **EAGER)
    state = State(tuner)
    passages = [PASSAGES[0], "", *PASSAGES[1:3]]  # the empty one is no step
    with plain.request() as session:
        session.tune(QUERY, passages)
        expected = logits(plain.model)
    with tuner.request() as session:
        report = session.tune(QUERY, passages, ids=[*"abcd"])
        assert torch.equal(logits(tuner.model), expected)
    assert [(s.step, s.steps, s.position, s.passage_id) for s in steps] == [
        (1, 4, 0, "a"),
        (2, 4, 2, "c"),
        (3, 4, 3, "d"),
    ]
    assert tuple(step.loss for step in steps) == report.losses
    assert (steps[-1].tokens, steps[-1].seconds) == (report.tokens, report.seconds)
    assert 0 < steps[0].seconds < steps[1].seconds
    assert 0 < steps[0].tokens < steps[1].tokens
    with pytest.raises(dataclasses.FrozenInstanceError):
        steps[0].loss = 0.0  # type: ignore[misc]
    state.check()


def test_true_ends_training_with_what_was_trained() -> None:
    plain = TestTimeTuner(tiny(), tokenizer(), **EAGER)
    with plain.session(QUERY, PASSAGES[:2]):
        after_two = logits(plain.model)
    tuner = TestTimeTuner(
        tiny(), tokenizer(), on_step=lambda s: s.step == 2, cache_bytes=10**8, **EAGER
    )
    state = State(tuner)
    with tuner.session(QUERY, PASSAGES) as session:
        assert session.report is not None
        assert (session.report.stopped, session.report.steps) == ("callback", 2)
        assert session.report.error is None
        assert torch.equal(logits(tuner.model), after_two)
    assert len(tuner.cache) == 0  # another call of on_step might have gone on
    state.check()


@pytest.mark.parametrize("policy", ["base", "partial", "raise"])
def test_an_exception_is_an_error_of_training(policy: Any) -> None:
    def fails(step: TrainingStep) -> None:
        if step.step == 2:
            raise LookupError("no such dashboard")

    tuner = TestTimeTuner(tiny(), tokenizer(), on_step=fails, on_error=policy, **EAGER)
    state, base = State(tuner), logits(tuner.model)
    plain = TestTimeTuner(tiny(), tokenizer(), **EAGER)
    with plain.session(QUERY, PASSAGES[:2]):
        after_two = logits(plain.model)
    if policy == "raise":
        with (
            pytest.raises(TuningError, match="no such dashboard") as caught,
            tuner.session(QUERY, PASSAGES),
        ):
            raise AssertionError("not reached")
        assert isinstance(caught.value.__cause__, LookupError)
    else:
        with tuner.session(QUERY, PASSAGES) as session:
            assert session.report is not None
            assert (session.report.stopped, session.report.steps) == ("error", 2)
            expected = base if policy == "base" else after_two
            assert torch.equal(logits(tuner.model), expected)
    state.check()


def test_the_number_of_steps_follows_the_budget_and_the_plan() -> None:
    steps: list[TrainingStep] = []
    tuner = TestTimeTuner(tiny(), tokenizer(), on_step=steps.append, budget=Budget(max_steps=3))
    with tuner.session(QUERY, PASSAGES):
        pass
    assert [(s.step, s.steps) for s in steps] == [(1, 3), (2, 3), (3, 3)]
    steps.clear()
    tuner = TestTimeTuner(tiny(), tokenizer(), on_step=steps.append, alpha=1.2)
    with tuner.session(QUERY, PASSAGES, selection=selection()) as session:
        assert session.report is not None
    assert [s.steps for s in steps] == [session.report.steps] * session.report.steps
    assert 0 < session.report.steps < 5


async def test_in_a_chain_with_the_ids_of_the_store() -> None:
    llm = pipeline(tiny())
    steps: list[TrainingStep] = []
    tuner = TestTimeTuner(
        *transformers_model(llm), on_step=steps.append, budget=Budget(max_steps=2), **EAGER
    )
    tuned = wrap(tuner, rag(retriever_for(tuner), llm))
    assert tuned.invoke(QUESTIONS[0]) == await tuned.ainvoke(QUESTIONS[0])
    assert [(s.step, s.steps) for s in steps] == [(1, 2), (2, 2)] * 2
    assert {s.passage_id for s in steps} <= {f"p{i}" for i in range(5)}


def test_a_callback_of_transformers_in_a_function() -> None:
    class Stops(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            control.should_training_stop = state.global_step == 3

    callback, state, control = Stops(), TrainerState(), TrainerControl()

    def on_step(step: TrainingStep) -> bool:
        state.global_step = step.step
        callback.on_step_end(None, state, control)
        return control.should_training_stop

    tuner = TestTimeTuner(tiny(), tokenizer(), on_step=on_step)
    with tuner.session(QUERY, PASSAGES) as session:
        assert session.report is not None
        assert (session.report.stopped, session.report.steps) == ("callback", 3)
    with pytest.raises(TypeError, match="must be a function of a TrainingStep; got Stops"):
        TestTimeTuner(tiny(), tokenizer(), on_step=Stops())  # type: ignore[arg-type]
