"""Training ahead: errors harm neither the model nor the other requests."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from typing import Any

import pytest
from test_train_ahead import REQUESTS, in_session, tuner_of
from test_tuner_faults import BoomError, failing_at
from tiny_chain import QUESTIONS
from tiny_models import PASSAGES, QUERY, tiny, tokenizer
from tuned_chain import Bench
from tuner_state import EAGER, State

import torch  # isort: skip

from sift_retrievers.finetune import (
    BaseChangedError,
    Budget,
    PoisonedError,
    TestTimeTuner,
    TrainingStep,
    TuningError,
)

BAD = "Zebras quarrel."
WITH_BAD: list[Any] = [REQUESTS[0], (QUERY, [PASSAGES[0], BAD, PASSAGES[1]]), REQUESTS[1]]


def spoiling(model: Any, spoil: Callable[[torch.Tensor, int], None]) -> None:
    """Call `spoil` with the logits and the row of each sequence that is the passage BAD."""
    forward, bad = model.forward, tokenizer()(BAD)["input_ids"]

    def spoiled(*args: Any, **kwargs: Any) -> Any:
        output = forward(*args, **kwargs)
        output.logits = output.logits.clone()
        for row, ids in enumerate(kwargs["input_ids"].tolist()):
            if ids[: len(bad)] == bad:
                spoil(output.logits, row)
        return output

    model.forward = spoiled


def nan_loss(logits: torch.Tensor, row: int) -> None:
    logits[row] = torch.nan


def nan_gradient(logits: torch.Tensor, row: int) -> None:
    def spoil(gradient: torch.Tensor) -> torch.Tensor:
        gradient = gradient.clone()
        gradient[row] = torch.inf
        return gradient

    logits.register_hook(spoil)


def check_restored(tuner: TestTimeTuner, state: State) -> None:
    state.check()
    assert not any(layer._forward_hooks for layer in tuner._trainer.slot.layers)


@pytest.mark.parametrize(
    ("spoil", "message"), [(nan_loss, "the loss of passage 1 is nan"), (nan_gradient, "gradient")]
)
def test_a_request_that_diverges_does_not_harm_the_others(spoil: Any, message: str) -> None:
    tuner, serial = tuner_of(tiny()), tuner_of(tiny())
    state = State(tuner)
    spoiling(tuner.model, spoil)
    reports = tuner.train_ahead(WITH_BAD)
    del tuner.model.forward
    check_restored(tuner, state)
    assert [report.stopped for report in reports] == ["passages", "error", "passages"]
    assert message in str(reports[1].error)
    assert reports[1].steps == 1
    assert len(tuner.cache) == 2
    for request in (WITH_BAD[0], WITH_BAD[2]):
        restored, weights, _ = in_session(tuner, request)
        assert restored.from_cache
        for a, b in zip(weights, in_session(serial, request)[1], strict=True):
            assert float((a - b).norm() / b.norm()) < 1e-4


@pytest.mark.parametrize("error", [BoomError("boom"), torch.OutOfMemoryError("simulated")])
def test_an_error_of_the_batch(error: Exception) -> None:
    tuner = tuner_of(tiny())
    state = State(tuner)
    restore = failing_at(tuner.model, 3, error)
    requests: list[Any] = [REQUESTS[0], (QUERY, PASSAGES[:2])]
    with pytest.raises(TuningError, match="training failed") as caught:
        tuner.train_ahead(requests)
    restore()
    assert caught.value.__cause__ is error
    check_restored(tuner, state)
    assert not in_session(tuner, requests[0])[0].from_cache
    assert not in_session(tuner_of(tiny()), requests[1])[0].from_cache
    assert in_session(tuner, requests[1])[0].from_cache  # it was complete after two steps


def test_an_error_of_a_batch_is_reported_if_the_base_is_to_answer() -> None:
    tuner = tuner_of(tiny(), on_error="base")
    state = State(tuner)
    restore = failing_at(tuner.model, 1, BoomError("boom"))
    reports = tuner.train_ahead(REQUESTS[:3], batch_size=2)  # the second batch is trained
    restore()
    check_restored(tuner, state)
    assert sorted(report.stopped for report in reports) == ["error", "error", "passages"]
    assert len(tuner.cache) == 1


def test_an_interrupt_leaves_nothing_behind() -> None:
    tuner = tuner_of(tiny())
    state = State(tuner)
    restore = failing_at(tuner.model, 2, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        tuner.train_ahead(REQUESTS)
    restore()
    check_restored(tuner, state)
    assert len(tuner.cache) == 0
    assert all(report.error is None for report in tuner.train_ahead(REQUESTS))


def test_a_base_that_changes_meanwhile_is_noticed() -> None:
    def change(step: TrainingStep) -> None:
        with torch.no_grad():
            tuner.model.get_input_embeddings().weight[1, 1] += 1e-3  # type: ignore[operator]

    tuner = tuner_of(tiny(), on_step=change)
    with pytest.raises(BaseChangedError):
        tuner.train_ahead(REQUESTS)
    with pytest.raises(PoisonedError):
        tuner.train_ahead(REQUESTS)


def test_limits_and_callbacks_end_trainings_that_are_then_not_cached() -> None:
    tuner = tuner_of(tiny(), budget=Budget(max_seconds=1e-9))
    assert {report.stopped for report in tuner.train_ahead(REQUESTS)} == {"max_seconds"}
    assert len(tuner.cache) == 0
    ended = tuner_of(tiny(), on_step=lambda step: step.step == 4)
    reports = ended.train_ahead(REQUESTS)
    assert [(r.stopped, r.steps) for r in reports] == [
        ("callback", 4),
        ("passages", 3),
        ("passages", 1),
        ("callback", 4),
    ]
    assert len(ended.cache) == 2

    def fails(step: TrainingStep) -> None:
        if step.step == 2:
            raise BoomError

    reports = tuner_of(tiny(), on_step=fails).train_ahead(REQUESTS)
    assert [report.stopped for report in reports] == ["error", "error", "passages", "error"]


def test_a_model_whose_layers_get_no_sequences_is_refused() -> None:
    tuner = tuner_of(tiny())
    state = State(tuner)
    layer = tuner._trainer.slot.layers[0]
    forward = layer.forward
    layer.forward = lambda x: forward(x.flatten(0, 1)).view(*x.shape[:-1], -1)
    handle = layer.register_forward_pre_hook(lambda _, inputs: (inputs[0].flatten(0, 1)[None],))
    with pytest.raises(TuningError, match="cannot be trained side by side in this model"):
        tuner.train_ahead(REQUESTS)
    handle.remove()
    del layer.forward
    check_restored(tuner, state)


async def test_asynchronously_and_cancelled() -> None:
    tuner = TestTimeTuner(
        tiny(), tokenizer(), cache_bytes=10**8, budget=Budget(max_steps=None), **EAGER
    )
    state = State(tuner)
    reports = await tuner.atrain_ahead(REQUESTS)
    assert [report.losses for report in reports] == [
        pytest.approx(report.losses, rel=1e-4) for report in tuner_of(tiny()).train_ahead(REQUESTS)
    ]
    check_restored(tuner, state)
    endless: list[Any] = [(QUERY, PASSAGES * 2000), (QUERY, PASSAGES * 1000)]
    task = asyncio.ensure_future(tuner.atrain_ahead(endless))
    await asyncio.sleep(1.5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 20)
    check_restored(tuner, state)
    assert len(tuner.cache) == len(REQUESTS)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_loop_that_is_closed_frees_the_model() -> None:
    tuner = tuner_of(tiny(), budget=Budget(max_steps=None), queue_timeout=30.0)
    state = State(tuner)
    loop = asyncio.new_event_loop()
    task = loop.create_task(tuner.atrain_ahead([(QUERY, PASSAGES * 2000)]))
    loop.run_until_complete(asyncio.sleep(1.5))
    assert tuner._lock.held
    loop.close()
    assert not in_session(tuner, REQUESTS[0])[0].from_cache
    check_restored(tuner, state)
    assert not task.done()
    del task
    gc.collect()  # what Python says of the task that was left open belongs to this test


def test_inside_inference_mode() -> None:
    tuner = tuner_of(tiny())
    with torch.inference_mode():
        reports = tuner.train_ahead(REQUESTS)
    assert [report.error for report in reports] == [None] * len(REQUESTS)
    assert [report.losses for report in reports] == [
        report.losses for report in tuner_of(tiny()).train_ahead(REQUESTS)
    ]


@pytest.mark.parametrize("lambda_", [None, 0.1])
def test_a_wrapped_chain_restores_what_was_trained_ahead(lambda_: float | None) -> None:
    alone = Bench(lambda_=lambda_)
    expected = alone.tuned.batch(QUESTIONS)
    bench = Bench(lambda_=lambda_, cache_bytes=10**8)
    requests = [bench.retriever.training_request(question) for question in QUESTIONS]
    assert [selection is None for _, _, selection in requests] == [lambda_ is None] * len(QUESTIONS)
    bench.state.check()
    assert not any(report.error for report in bench.tuner.train_ahead(requests))
    assert bench.tuned.batch(QUESTIONS) == expected
    assert [report.from_cache for report in bench.reports] == [True] * len(QUESTIONS)
    bench.state.check()
    with pytest.raises(ValueError, match="set fine_tune=tuner"):
        bench.retriever.model_copy(update={"fine_tune": None}).training_request(QUESTIONS[0])
