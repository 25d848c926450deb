"""Which models can be tuned, and how they read passages."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from tiny_models import CONFIGS, PASSAGES, QUERY, logits, tiny, tokenizer
from tuner_state import EAGER, State

import torch  # isort: skip
from transformers import AutoModelForCausalLM, AutoTokenizer  # isort: skip

from sift_retrievers.finetune import PoisonedError, TestTimeTuner
from sift_retrievers.finetune.fingerprint import fingerprint


@pytest.mark.parametrize("kind", CONFIGS)
def test_gradient_checkpointing_trains_the_same_and_keeps_less(kind: str) -> None:
    kept: list[int] = []

    def losses(checkpointing: bool) -> tuple[float, ...]:
        model = tiny(kind)
        model.train()  # checkpointing must not turn dropout on
        tuner = TestTimeTuner(model, tokenizer(), gradient_checkpointing=checkpointing, **EAGER)
        kept.append(0)

        def count(tensor: torch.Tensor) -> torch.Tensor:
            kept[-1] += tensor.numel()
            return tensor

        with (
            torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor),
            tuner.session(QUERY, PASSAGES) as session,
        ):
            assert session.report is not None
        assert all(module.training for module in model.modules())
        assert not any("forward" in module.__dict__ for module in model.modules())
        return session.report.losses

    assert losses(True) == pytest.approx(losses(False), rel=1e-6)
    assert kept[0] < 0.8 * kept[1]


def test_gradient_checkpointing_needs_layers_that_have_it() -> None:
    with pytest.raises(ValueError, match="Linear has no layers that support it"):
        TestTimeTuner(torch.nn.Linear(2, 2), tokenizer(), gradient_checkpointing=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_from_pretrained_with_a_device_map(tmp_path: Path, dtype: torch.dtype) -> None:
    tiny().save_pretrained(tmp_path)
    tokenizer().save_pretrained(tmp_path)
    model = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=dtype, device_map={"": "cpu"})
    tuner = TestTimeTuner(model, AutoTokenizer.from_pretrained(tmp_path), verify="full", **EAGER)
    state, base = State(tuner), logits(model)
    with tuner.session(QUERY, PASSAGES) as session:
        assert not torch.equal(logits(model), base)
        assert session.report is not None
        assert session.report.steps == 5
    state.check()


def test_quantised_models_are_refused() -> None:
    model = tiny()
    model.is_loaded_in_4bit = True
    with pytest.raises(ValueError, match="quantised models are not supported"):
        TestTimeTuner(model, tokenizer())


def test_passages_longer_than_the_model_can_read_are_cut() -> None:
    model = tiny("GPT2")  # 128 positions
    tuner = TestTimeTuner(model, tokenizer(), query_as_context=True)
    state = State(tuner)
    with tuner.session(QUERY * 50, [" ".join(PASSAGES * 50)]) as session:
        assert session.report is not None
        assert session.report.tokens == 64  # the context takes the other half
    state.check()


def test_passages_without_a_token_to_predict_are_no_steps() -> None:
    tuner = TestTimeTuner(tiny(), tokenizer())
    with tuner.request() as session:
        report = session.tune(QUERY, ["", PASSAGES[0], "a", PASSAGES[1]], ids=[*"abcd"])
    assert report.passage_ids == ("d", "b")


def test_fingerprints_of_tensors_with_more_elements_than_float32_can_count() -> None:
    model = torch.nn.Module()
    model.register_buffer("large", torch.zeros(38_597_376, dtype=torch.uint8))
    before = fingerprint(model, (), full=False)
    assert before.difference(fingerprint(model, (), full=False)) is None
    raw = model.get_buffer("large").numpy()  # torch does not count writes to this
    raw[-1] = 1
    changed = before.difference(fingerprint(model, (), full=False))
    assert changed == "the checksum of the tensors changed"


class Slow:
    """A model whose `generate` goes on until it is asked to end."""

    def __init__(self, model: Any) -> None:
        self.model, self.begun, self.rounds = model, threading.Event(), 0

    def generate(self, ids: torch.Tensor, *_: Any, stopping_criteria: Any, **__: Any) -> None:
        while not stopping_criteria(ids, None).all():
            self.rounds += 1
            self.begun.set()
            time.sleep(0.001)


def test_a_request_waits_for_a_generation_in_another_thread() -> None:
    model = tiny()
    tuner = TestTimeTuner(model, tokenizer(), **EAGER)
    slow = Slow(model)
    model.generate = slow.generate
    state = State(tuner)
    with tuner.session(QUERY, PASSAGES[:1]):
        thread = threading.Thread(target=model.generate, args=(torch.zeros(2, 3),))
        thread.start()
        assert slow.begun.wait(10)
    assert not thread.is_alive() or thread.join(1) is None
    assert slow.rounds > 0
    assert model.generate == slow.generate
    state.check()


def test_a_generation_that_never_ends_poisons_the_tuner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sift_retrievers.finetune.model_guard.GENERATION_SECONDS", 0.05)
    model = tiny()
    tuner = TestTimeTuner(model, tokenizer(), **EAGER)
    base, over, begun = logits(model), threading.Event(), threading.Event()

    def generate(*_: Any, **__: Any) -> None:
        begun.set()
        over.wait(30)

    model.generate = generate

    def leave_one_running() -> None:
        with tuner.session(QUERY, PASSAGES):
            threading.Thread(target=model.generate).start()
            begun.wait(10)

    with pytest.raises(PoisonedError, match="did not end"):
        leave_one_running()
    over.set()
    assert torch.equal(logits(model), base)
    assert not tuner._lock.held
    with pytest.raises(PoisonedError), tuner.session(QUERY, []):
        pass


def test_training_in_a_thread_that_nobody_waits_for_ends_with_its_request() -> None:
    tuner = TestTimeTuner(tiny(), tokenizer(), **EAGER)
    state = State(tuner)
    with tuner.request() as session:
        thread = threading.Thread(target=lambda: session.tune(QUERY, PASSAGES * 10))
        thread.start()
        while not session._training.locked():
            time.sleep(0.001)
    assert session.report is not None
    assert session.report.stopped == "cancelled"
    thread.join()
    state.check()
