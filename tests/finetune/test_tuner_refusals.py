"""What a `TestTimeTuner` refuses, with an error that says why."""

from __future__ import annotations

from typing import Any

import pytest
from tiny_models import PASSAGES, QUERY, sha256, tiny, tokenizer
from tuner_state import State, selection

from peft import LoraConfig  # isort: skip

from sift_retrievers.finetune import (
    Budget,
    PoisonedError,
    TestTimeTuner,
)


@pytest.fixture
def model() -> Any:
    return tiny()


@pytest.mark.parametrize(
    ("lora", "message"),
    [
        (LoraConfig(target_modules=["no_such_layer"]), "no_such_layer"),
        (LoraConfig(target_modules="all-linear", bias="all"), "trains the base's biases"),
        (LoraConfig(target_modules="all-linear", init_lora_weights="pissa"), "pissa"),
        (LoraConfig(target_modules="all-linear", modules_to_save=["lm_head"]), "modules_to_save"),
        (LoraConfig(target_modules="all-linear", lora_bias=True), r"cannot reset.*lora_B.*bias"),
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


def test_a_model_has_one_tuner(model: Any) -> None:
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
def test_wrong_settings(model: Any, settings: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TestTimeTuner(model, tokenizer(), **settings)


def test_wrong_budgets() -> None:
    for wrong in ({"max_steps": 0}, {"max_seconds": -1.0}, {"max_tokens": 0.5}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            Budget(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"passages": "one text"}, "passages must be a sequence of texts"),
        ({"passages": [1]}, "passages must be a sequence of texts"),
        (
            {"passages": PASSAGES[:2], "selection": selection()},
            "2 picks, one for each passage",
        ),
    ],
)
def test_wrong_passages(model: Any, arguments: Any, message: str) -> None:
    tuner = TestTimeTuner(model, tokenizer())
    state = State(tuner)
    with pytest.raises((TypeError, ValueError), match=message), tuner.session(QUERY, **arguments):
        pass
    state.check()


def test_rules_need_a_selection(model: Any) -> None:
    tuner = TestTimeTuner(model, tokenizer(), alpha=0.5)
    with pytest.raises(ValueError, match="pass selection="), tuner.session(QUERY, PASSAGES):
        pass
