"""peft's methods beside plain LoRA: the same promises, or a refusal that says why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from peft import IA3Config, LoHaConfig, LoraConfig, PeftModel
from tiny_models import CONFIGS, PASSAGES, QUERY, logits, passage_loss, sha256, tiny, tokenizer
from tuner_state import State

import torch  # isort: skip

from sift_retrievers.finetune import TestTimeTuner

FEED_FORWARD = {"GPT2": "mlp.c_proj", "Phi": "fc2"}
ATTENTION = {"GPT2": ["c_attn"]}


def config(method: str, kind: str) -> Any:
    if method == "ia3":
        ends = [FEED_FORWARD.get(kind, "down_proj")]
        inside = ATTENTION.get(kind, ["k_proj", "v_proj"])
        return IA3Config(
            target_modules=[*inside, *ends], feedforward_modules=ends, task_type="CAUSAL_LM"
        )
    if method == "dora-embedding":
        names = [{"GPT2": "wte"}.get(kind, "embed_tokens"), FEED_FORWARD.get(kind, "down_proj")]
        return LoraConfig(r=8, target_modules=names, use_dora=True)
    options = {"rslora": {"use_rslora": True}, "dora": {"use_dora": True}}[method]
    return LoraConfig(r=8, target_modules="all-linear", task_type="CAUSAL_LM", **options)


METHODS = [
    ("rslora", torch.float32),
    ("rslora", torch.bfloat16),
    ("ia3", torch.float32),
    ("ia3", torch.bfloat16),
    ("dora", torch.float32),
    ("dora", torch.bfloat16),
    ("dora-embedding", torch.bfloat16),
]


@pytest.mark.parametrize("kind", CONFIGS)
@pytest.mark.parametrize(("method", "dtype"), METHODS)
def test_base_before_training_and_after_it_bit_for_bit(
    kind: str, method: str, dtype: torch.dtype
) -> None:
    model = tiny(kind, dtype)
    untouched, base = sha256(model), logits(model)
    tuner = TestTimeTuner(
        model, tokenizer(), lora=config(method, kind), learning_rate=3e-2, verify="full"
    )
    state, slot = State(tuner), tuner._trainer.slot
    first = slot.weights()
    answers = []
    for passages in (PASSAGES[:3], PASSAGES[3:], PASSAGES[:3]):
        slot.enable()
        assert torch.equal(logits(model), base)  # the adapter is on, and nothing was trained
        slot.disable()
        with tuner.session(QUERY, passages):
            answers.append(logits(model))
            trained = slot.weights()
        assert torch.equal(logits(model), base)
        assert all(torch.equal(a, b) for a, b in zip(slot.weights(), first, strict=True))
        assert sum(not torch.equal(a, b) for a, b in zip(trained, first, strict=True)) > 0
        state.check()
    assert torch.equal(answers[0], answers[2])
    assert not torch.equal(answers[0], answers[1])
    assert not torch.equal(answers[0], base)
    tuner.close()
    assert sha256(model) == untouched


@pytest.mark.parametrize("method", ["rslora", "ia3", "dora"])
def test_training_lowers_the_loss_and_peft_loads_the_export(method: str, tmp_path: Path) -> None:
    model = tiny()
    before = passage_loss(model, PASSAGES[0])
    tuner = TestTimeTuner(model, tokenizer(), lora=config(method, "Llama"), learning_rate=3e-2)
    with tuner.session(QUERY, PASSAGES[:1] * 8) as session:
        assert passage_loss(model, PASSAGES[0]) < before - 0.01
        folder, tuned = session.export(tmp_path), logits(model)
    kind = json.loads((folder / "adapter_config.json").read_text())["peft_type"]
    assert kind == ("IA3" if method == "ia3" else "LORA")
    loaded = PeftModel.from_pretrained(tiny(), str(folder))
    torch.testing.assert_close(logits(loaded), tuned, rtol=0, atol=0)


def test_rslora_scales_by_the_root_of_the_rank() -> None:
    scalings = []
    for rslora in (False, True):
        lora = LoraConfig(r=16, lora_alpha=16, target_modules="all-linear", use_rslora=rslora)
        tuner = TestTimeTuner(tiny(), tokenizer(), lora=lora)
        scalings.append({layer.scaling["sift"] for layer in tuner._trainer.slot.layers})
    assert scalings == [{1.0}, {4.0}]


def test_every_tensor_is_trained() -> None:
    for method in ("ia3", "dora"):
        tuner = TestTimeTuner(tiny(), tokenizer(), lora=config(method, "Llama"), learning_rate=3e-2)
        first = tuner._trainer.slot.weights()
        with tuner.session(QUERY, PASSAGES):
            trained = tuner._trainer.slot.weights()
        assert not any(torch.equal(a, b) for a, b in zip(trained, first, strict=True))


@pytest.mark.parametrize(
    ("lora", "error", "message"),
    [
        (
            IA3Config(target_modules=["k_proj"], feedforward_modules=[], init_ia3_weights=False),
            ValueError,
            "init_ia3_weights=False",
        ),
        (
            IA3Config(
                target_modules=["k_proj"], feedforward_modules=[], modules_to_save=["lm_head"]
            ),
            ValueError,
            "modules_to_save",
        ),
        (
            LoHaConfig(target_modules=["k_proj"]),
            TypeError,
            "a peft.LoraConfig or a peft.IA3Config; got LoHaConfig",
        ),
    ],
)
def test_what_is_refused_leaves_the_model(lora: Any, error: type[Exception], message: str) -> None:
    model = tiny()
    before, names = sha256(model), [name for name, _ in model.named_modules()]
    with pytest.raises(error, match=message):
        TestTimeTuner(model, tokenizer(), lora=lora)
    assert [name for name, _ in model.named_modules()] == names
    assert sha256(model) == before
