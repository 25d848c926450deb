"""The base model is bit-identical after a request, whatever fails in it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tiny_models import PASSAGES, QUERY, logits, tiny, tokenizer
from tuner_state import EAGER, State

import torch  # isort: skip

from sift_retrievers.finetune import (
    BaseChangedError,
    Budget,
    PoisonedError,
    QueueTimeoutError,
    TestTimeTuner,
    TuningError,
)


@pytest.fixture
def model() -> Any:
    return tiny()


class BoomError(Exception):
    pass


def failing_at(model: Any, call: int, error: BaseException) -> Callable[[], None]:
    """Make a call of the model's forward pass fail; return a function that undoes this."""
    calls = 0
    before = model.forward

    def forward(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            raise error
        return before(*args, **kwargs)

    model.forward = forward

    def restore() -> None:
        model.__dict__.pop("forward")

    return restore


FAULTS = [BoomError("boom"), torch.OutOfMemoryError("CUDA out of memory (simulated)")]


@pytest.mark.parametrize("error", FAULTS)
def test_policy_raise(model: Any, error: Exception) -> None:
    tuner = TestTimeTuner(model, tokenizer(), on_error="raise", **EAGER)
    state = State(tuner)
    restore = failing_at(model, 3, error)
    with (
        pytest.raises(TuningError, match="training failed") as caught,
        tuner.session(QUERY, PASSAGES),
    ):
        raise AssertionError("not reached")
    restore()
    assert caught.value.__cause__ is error
    state.check()


@pytest.mark.parametrize("error", FAULTS)
@pytest.mark.parametrize("policy", ["base", "partial"])
def test_policies_base_and_partial(model: Any, policy: Any, error: Exception) -> None:
    tuner = TestTimeTuner(model, tokenizer(), on_error=policy, **EAGER)
    state, base = State(tuner), logits(model)
    with tuner.session(QUERY, PASSAGES[:2]):
        after_two = logits(model)
    restore = failing_at(model, 3, error)
    with tuner.session(QUERY, PASSAGES) as session:
        restore()
        assert session.report is not None
        assert (session.report.stopped, session.report.steps) == ("error", 2)
        assert type(error).__name__ in str(session.report.error)
        assert torch.equal(logits(model), base if policy == "base" else after_two)
    state.check()


def test_a_loss_that_is_not_finite_makes_no_step(model: Any) -> None:
    tuner = TestTimeTuner(model, tokenizer(), on_error="base")
    state = State(tuner)
    before = model.forward

    def nan(*args: Any, **kwargs: Any) -> Any:
        output = before(*args, **kwargs)
        if output.loss is not None:
            output.loss = output.loss * torch.nan
        return output

    model.forward = nan
    with tuner.session(QUERY, PASSAGES) as session:
        assert session.report is not None
        assert "NonFiniteLossError" in str(session.report.error)
        assert session.report.steps == 0
    model.__dict__.pop("forward")
    state.check()


@pytest.mark.parametrize("error", [BoomError(), KeyboardInterrupt(), GeneratorExit()])
def test_errors_inside_a_session_propagate(model: Any, error: BaseException) -> None:
    tuner = TestTimeTuner(model, tokenizer(), **EAGER)
    state = State(tuner)
    with pytest.raises(type(error)), tuner.session(QUERY, PASSAGES):
        raise error
    state.check()


def test_an_interrupt_between_steps(model: Any) -> None:
    tuner = TestTimeTuner(model, tokenizer(), on_error="partial", **EAGER)
    state = State(tuner)
    restore = failing_at(model, 3, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt), tuner.session(QUERY, PASSAGES):
        raise AssertionError("not reached")
    restore()
    state.check()


def test_a_stream_dropped_half_way(model: Any) -> None:
    tuner = TestTimeTuner(model, tokenizer(), **EAGER)
    state = State(tuner)

    def stream() -> Iterator[int]:
        with tuner.session(QUERY, PASSAGES):
            yield from range(10)

    tokens = stream()
    assert next(tokens) == 0
    del tokens
    state.check()


async def test_cancellation_while_training_waiting_and_answering(model: Any) -> None:
    tuner = TestTimeTuner(model, tokenizer(), budget=Budget(max_steps=None), **EAGER)
    state = State(tuner)

    async def ask(passages: list[str], seconds: float) -> None:
        async with tuner.asession(QUERY, passages):
            await asyncio.sleep(seconds)

    training = asyncio.ensure_future(ask(PASSAGES * 400, 0))
    await asyncio.sleep(0.1)
    assert tuner._lock.held
    waiting = asyncio.ensure_future(ask(PASSAGES, 0))
    await asyncio.sleep(0.01)
    for task in (waiting, training):
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    state.check()
    answering = asyncio.ensure_future(ask(PASSAGES[:1], 60))
    await asyncio.sleep(0.3)
    answering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await answering
    state.check()


def test_a_timeout_in_the_queue(model: Any) -> None:
    tuner = TestTimeTuner(model, tokenizer(), queue_timeout=0.05)
    state = State(tuner)
    with tuner.session(QUERY, PASSAGES[:1]):
        found: list[BaseException] = []

        def other() -> None:
            try:
                with tuner.session(QUERY, PASSAGES):
                    raise AssertionError("not reached")
            except BaseException as error:
                found.append(error)

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        assert isinstance(found[0], QueueTimeoutError)
    state.check()


@pytest.mark.parametrize("verify", ["quick", "full"])
def test_a_base_that_somebody_writes_to_poisons_the_tuner(model: Any, verify: Any) -> None:
    tuner = TestTimeTuner(model, tokenizer(), verify=verify)
    with (
        pytest.raises(BaseChangedError, match="1 tensors were written to"),
        tuner.session(QUERY, PASSAGES[:1]),
        torch.no_grad(),
    ):
        model.get_input_embeddings().weight[0, 0] += 1
    with pytest.raises(PoisonedError, match="the base model changed"), tuner.session(QUERY, []):
        raise AssertionError("not reached")
    assert not tuner._lock.held


def test_a_failed_reset_poisons_the_tuner(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tuner = TestTimeTuner(model, tokenizer())

    def fails() -> None:
        raise BoomError("no reset")

    monkeypatch.setattr(tuner._trainer.slot, "reset", fails)
    with pytest.raises(BoomError), tuner.session(QUERY, PASSAGES[:1]):
        pass
    with pytest.raises(PoisonedError, match=r"could not be reset.*no reset"), tuner.session("", []):
        pass
    assert not tuner._lock.held
