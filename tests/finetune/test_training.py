"""Gradient steps, and models and settings that a tuner refuses."""

from __future__ import annotations

import copy
import pickle
import time
from typing import Any

import numpy as np
import pytest
import transformers
from peft import LoraConfig
from tiny_chain import QUESTIONS, retriever_for
from tiny_models import PASSAGES, QUERY, SMALL, logits, tiny, tokenizer
from tuner_state import EAGER, State

import torch  # isort: skip

from sift_retrievers.finetune import Budget, TestTimeTuner


@pytest.fixture
def model() -> Any:
    return tiny()


def test_gradients_are_clipped(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tuner = TestTimeTuner(model, tokenizer())
    forward, norms = model.forward, []

    def steep(*args: Any, **kwargs: Any) -> Any:
        output = forward(*args, **kwargs)
        output.loss = 1e4 * output.loss
        return output

    step = torch.optim.AdamW.step

    def watched(optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        grads = [p.grad for p in optimizer.param_groups[0]["params"]]
        norms.append(float(torch.nn.utils.get_total_norm(grads)))
        return step(optimizer, *args, **kwargs)

    monkeypatch.setattr(torch.optim.AdamW, "step", watched)
    model.forward = steep
    with tuner.session(QUERY, PASSAGES):
        pass
    assert norms == pytest.approx([1.0] * 5, rel=1e-3)


def test_a_gradient_that_is_not_finite_makes_no_step(model: Any) -> None:
    tuner = TestTimeTuner(model, tokenizer(), on_error="partial")
    state, base = State(tuner), logits(model)
    forward = model.forward

    def nan_backwards(*args: Any, **kwargs: Any) -> Any:
        output = forward(*args, **kwargs)
        if output.loss is not None and output.loss.requires_grad:
            output.loss.register_hook(lambda gradient: gradient * torch.nan)
        return output

    model.forward = nan_backwards
    with tuner.session(QUERY, PASSAGES) as session:
        assert session.report is not None
        assert "gradient of passage 4" in str(session.report.error)
        assert session.report.steps == 0
        assert torch.equal(logits(model), base)
    del model.forward
    state.check()


def test_weights_of_an_interrupted_step_are_not_used(
    model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tuner = TestTimeTuner(model, tokenizer(), on_error="partial", **EAGER)
    state, base = State(tuner), logits(model)
    step = torch.optim.AdamW.step

    def breaks(optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        step(optimizer, *args, **kwargs)
        raise torch.OutOfMemoryError("half of the tensors were written")

    monkeypatch.setattr(torch.optim.AdamW, "step", breaks)
    with tuner.session(QUERY, PASSAGES):
        assert torch.equal(logits(model), base)
    state.check()


def test_seconds_are_checked_between_steps_tokenising_included(model: Any) -> None:
    class Slow:
        def __call__(self, text: str, **settings: Any) -> Any:
            time.sleep(0.03)
            return tokenizer()(text, **settings)

    tuner = TestTimeTuner(model, Slow(), budget=Budget(max_seconds=0.2))
    with tuner.session(QUERY, PASSAGES * 10) as session:
        assert session.report is not None
        assert session.report.stopped == "max_seconds"
        assert 1 <= session.report.steps < 10


ROPES: dict[str, dict[str, Any]] = {
    "dynamic": {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1e4},
    "longrope": {
        "rope_type": "longrope",
        "short_factor": [1.0] * 4,
        "long_factor": [2.0] * 4,
        "original_max_position_embeddings": 64,
        "rope_theta": 1e4,
    },
}


@pytest.mark.parametrize("rope", ROPES)
def test_models_that_recompute_their_rotary_frequencies(rope: str) -> None:
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=300, max_position_embeddings=64, rope_parameters=ROPES[rope], **SMALL
    )
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    tuner = TestTimeTuner(model, tokenizer(), verify="full", **EAGER)
    for length in (100, 20):
        with tuner.session(QUERY, PASSAGES[:2]), torch.no_grad():
            model(torch.randint(0, 300, (1, length)))


def test_sigma_of_several_targets_is_that_of_their_mean(model: Any) -> None:
    tuner = TestTimeTuner(model, tokenizer(), budget=Budget(max_steps=4), lambda_=0.1)
    with tuner.request() as session:
        retriever_for(tuner).invoke(QUESTIONS[0], targets=QUESTIONS[:3])
    assert session.report is not None
    assert session.report.sigma[0] == pytest.approx(1.0)
    assert np.all(np.diff(session.report.sigma) <= 1e-6)


def test_what_a_tuner_refuses(model: Any) -> None:
    with pytest.raises(ValueError, match=r"lora_dropout must be 0.*got 0\.1"):
        TestTimeTuner(
            model, tokenizer(), lora=LoraConfig(target_modules="all-linear", lora_dropout=0.1)
        )
    tuner = TestTimeTuner(model, tokenizer())
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(tuner)
    assert copy.deepcopy({"a": tuner})["a"] is tuner
    model.to(torch.bfloat16)
    with pytest.raises(RuntimeError, match="no longer in float32"), tuner.session(QUERY, PASSAGES):
        pass
    assert not tuner._lock.held


def test_a_tuner_as_a_context_leaves_the_model(model: Any) -> None:
    names = [*model.state_dict()]
    for _ in range(2):
        with TestTimeTuner(model, tokenizer()) as tuner, tuner.session(QUERY, PASSAGES[:1]):
            pass
        assert [*model.state_dict()] == names
