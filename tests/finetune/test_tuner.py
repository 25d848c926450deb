"""`TestTimeTuner`: tuned inside a session, untouched outside, whatever happens."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from tiny_models import CONFIGS, PASSAGES, QUERY, logits, passage_loss, sha256, tiny, tokenizer

import torch  # isort: skip
from peft import LoraConfig  # isort: skip

from sift_retrievers import select
from sift_retrievers.finetune import (
    BaseChangedError,
    Budget,
    PoisonedError,
    QueueTimeoutError,
    TestTimeTuner,
    TuningError,
)

EAGER: dict[str, Any] = {"learning_rate": 1e-2}


@pytest.fixture
def model() -> Any:
    return tiny()


class State:
    """All that a request must leave as it was."""

    def __init__(self, tuner: TestTimeTuner) -> None:
        self.tuner, self.model = tuner, tuner.model
        self.before = self.now()

    def now(self) -> Any:
        adapter = self.tuner._slot.ids
        return (
            sha256(self.model, adapter),
            [(n, p.requires_grad) for n, p in self.model.named_parameters()],
            [(n, m.training) for n, m in self.model.named_modules()],
            torch.get_rng_state().tolist(),
            [p.grad is None for p in self.model.parameters()],
            sum(float(x.lora_B["sift"].weight.abs().sum()) for x in self.tuner._slot.layers),
            self.tuner._gate.held,
        )

    def check(self) -> None:
        assert self.now() == self.before


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kind", CONFIGS)
def test_tuned_inside_and_bit_identical_outside(kind: str, dtype: torch.dtype) -> None:
    model = tiny(kind, dtype)
    untouched = sha256(model)
    tuner = TestTimeTuner(model, tokenizer(), verify="full", **EAGER)
    assert sha256(model, tuner._slot.ids) == untouched  # also with the adapter in it
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
    assert {parameter.dtype for parameter in tuner._slot.parameters} == {torch.float32}


def selection(count: int = 5) -> Any:
    random = np.random.default_rng(0)
    pool = random.normal(size=(count, 8)).astype(np.float32)
    return select(pool.mean(axis=0), pool, count, lambda_=0.01)


def test_what_a_selection_says(model: Any) -> None:
    chosen = selection()
    with TestTimeTuner(model, tokenizer()).session(QUERY, PASSAGES, selection=chosen) as session:
        report = session.report
    assert report is not None
    sigma = np.sqrt(chosen.variance[0])
    np.testing.assert_allclose(report.sigma, sigma, rtol=1e-6)
    assert report.predicted_gain == pytest.approx(float(np.log(sigma[0] / sigma[-1])), rel=1e-5)


def test_the_alpha_rule_is_a_prefix(model: Any) -> None:
    chosen = selection()
    sigma = np.sqrt(chosen.variance[0])
    alpha = 1.01 / (3 * sigma[3])  # at n = 4 at the latest, if σ does not fall fast
    expected = next((n - 1 for n in range(1, 6) if sigma[n] > 1 / (alpha * n)), 5)
    tuner = TestTimeTuner(model, tokenizer(), alpha=float(alpha))
    with tuner.session(QUERY, PASSAGES, selection=chosen) as session:
        assert session.report is not None
        assert session.report.steps == max(1, expected)
        assert session.report.stopped == ("alpha" if expected < 5 else "passages")


def test_no_training_where_the_promise_is_too_small(model: Any) -> None:
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
def test_a_budget_is_a_success(model: Any, budget: Budget, stopped: str, steps: int) -> None:
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
        assert session.report.tokens == 4  # the first token has nothing before it
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


class BoomError(Exception):
    pass


def failing_at(model: Any, call: int, error: BaseException) -> Callable[[], None]:
    """Let the model's forward pass fail at a call; returns what mends it."""
    calls = 0
    before = model.forward

    def forward(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            raise error
        return before(*args, **kwargs)

    model.forward = forward

    def mend() -> None:
        model.__dict__.pop("forward")

    return mend


FAULTS = [BoomError("boom"), torch.OutOfMemoryError("CUDA out of memory (simulated)")]


@pytest.mark.parametrize("error", FAULTS)
def test_policy_raise(model: Any, error: Exception) -> None:
    tuner = TestTimeTuner(model, tokenizer(), on_error="raise", **EAGER)
    state = State(tuner)
    mend = failing_at(model, 3, error)
    with (
        pytest.raises(TuningError, match="training failed") as caught,
        tuner.session(QUERY, PASSAGES),
    ):
        raise AssertionError("not reached")
    mend()
    assert caught.value.__cause__ is error
    state.check()


@pytest.mark.parametrize("error", FAULTS)
@pytest.mark.parametrize("policy", ["base", "partial"])
def test_policies_base_and_partial(model: Any, policy: Any, error: Exception) -> None:
    tuner = TestTimeTuner(model, tokenizer(), on_error=policy, **EAGER)
    state, base = State(tuner), logits(model)
    with tuner.session(QUERY, PASSAGES[:2]):
        after_two = logits(model)
    mend = failing_at(model, 3, error)
    with tuner.session(QUERY, PASSAGES) as session:
        mend()
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
def test_what_is_raised_inside_a_session_comes_through(model: Any, error: BaseException) -> None:
    tuner = TestTimeTuner(model, tokenizer(), **EAGER)
    state = State(tuner)
    with pytest.raises(type(error)), tuner.session(QUERY, PASSAGES):
        raise error
    state.check()


def test_an_interrupt_between_steps(model: Any) -> None:
    tuner = TestTimeTuner(model, tokenizer(), on_error="partial", **EAGER)
    state = State(tuner)
    mend = failing_at(model, 3, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt), tuner.session(QUERY, PASSAGES):
        raise AssertionError("not reached")
    mend()
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


async def test_cancellation_while_training_waiting_and_answering(model: Any) -> None:
    tuner = TestTimeTuner(model, tokenizer(), budget=Budget(max_steps=None), **EAGER)
    state = State(tuner)

    async def ask(passages: list[str], seconds: float) -> None:
        async with tuner.asession(QUERY, passages):
            await asyncio.sleep(seconds)

    training = asyncio.ensure_future(ask(PASSAGES * 400, 0))
    await asyncio.sleep(0.1)
    assert tuner._gate.held
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
    assert not tuner._gate.held


def test_a_failed_reset_poisons_the_tuner(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tuner = TestTimeTuner(model, tokenizer())

    def fails() -> None:
        raise BoomError("no reset")

    monkeypatch.setattr(tuner._slot, "reset", fails)
    with pytest.raises(BoomError), tuner.session(QUERY, PASSAGES[:1]):
        pass
    with pytest.raises(PoisonedError, match=r"could not be reset.*no reset"), tuner.session("", []):
        pass
    assert not tuner._gate.held


def test_a_request_whose_passages_come_later(model: Any) -> None:
    tuner = TestTimeTuner(model, tokenizer(), **EAGER)
    base = logits(model)
    with tuner.request() as request:
        assert torch.equal(logits(model), base)
        report = request.tune(QUERY, PASSAGES[:2])
        assert not torch.equal(logits(model), base)
        assert request.report is report
        with pytest.raises(RuntimeError, match="a request is tuned once"):
            request.tune(QUERY, PASSAGES)
    with pytest.raises(RuntimeError, match="a request is tuned once, before it ends"):
        request.tune(QUERY, PASSAGES)
    assert torch.equal(logits(model), base)


@pytest.mark.parametrize(
    ("lora", "message"),
    [
        (LoraConfig(target_modules=["no_such_layer"]), "no_such_layer"),
        (LoraConfig(target_modules="all-linear", bias="all"), "trains the base's biases"),
        (LoraConfig(target_modules="all-linear", init_lora_weights="pissa"), "pissa"),
        (LoraConfig(target_modules="all-linear", modules_to_save=["lm_head"]), "modules_to_save"),
        (LoraConfig(target_modules="all-linear", use_dora=True), "use_dora"),
    ],
)
def test_a_wrong_lora_leaves_the_model_as_it_was(model: Any, lora: Any, message: str) -> None:
    before, names = sha256(model), [name for name, _ in model.named_modules()]
    with pytest.raises(ValueError, match=message):
        TestTimeTuner(model, tokenizer(), lora=lora)
    assert [name for name, _ in model.named_modules()] == names
    assert sha256(model) == before
    assert not hasattr(model, "peft_config")
    TestTimeTuner(model, tokenizer()).close()  # a right one works afterwards
    assert [name for name, _ in model.named_modules()] == names


def test_one_tuner_a_model(model: Any) -> None:
    first = TestTimeTuner(model, tokenizer())
    with pytest.raises(ValueError, match="has a tuner already"):
        TestTimeTuner(model, tokenizer())
    first.close()
    with pytest.raises(PoisonedError, match="the tuner was closed"), first.session(QUERY, []):
        pass
    TestTimeTuner(model, tokenizer())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"learning_rate": 0}, "learning_rate must be positive"),
        ({"alpha": -1.0}, "alpha must be positive"),
        ({"min_gain": 0.0}, "min_gain must be positive"),
        ({"on_error": "ignore"}, 'on_error must be "base", "partial" or "raise"'),
        ({"verify": "no"}, 'verify must be "quick", "full" or None'),
        ({"max_passage_tokens": 0}, "max_passage_tokens must be a whole number"),
        ({"queue_timeout": -1}, "queue_timeout must be positive"),
    ],
)
def test_settings_that_make_no_sense(model: Any, settings: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TestTimeTuner(model, tokenizer(), **settings)


def test_budgets_that_make_no_sense() -> None:
    for wrong in ({"max_steps": 0}, {"max_seconds": -1.0}, {"max_tokens": 0.5}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            Budget(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"passages": "one text"}, "passages must be a sequence of texts"),
        ({"passages": [1]}, "passages must be a sequence of texts"),
        ({"passages": PASSAGES[:2], "selection": selection()}, "2 picks, one a passage; got 1 q"),
    ],
)
def test_passages_that_are_none(model: Any, arguments: Any, message: str) -> None:
    tuner = TestTimeTuner(model, tokenizer())
    state = State(tuner)
    with pytest.raises((TypeError, ValueError), match=message), tuner.session(QUERY, **arguments):
        pass
    state.check()


def test_rules_need_a_selection(model: Any) -> None:
    tuner = TestTimeTuner(model, tokenizer(), alpha=0.5)
    with pytest.raises(ValueError, match="pass selection="), tuner.session(QUERY, PASSAGES):
        pass
