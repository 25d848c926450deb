"""An exported folder is one that vLLM's filesystem resolver finds and its LoRA loader takes.

The rules are those of vLLM's sources: plugins/lora_resolvers/filesystem_resolver.py,
lora/peft_helper.py, lora/lora_model.py, lora/utils.py and config/lora.py. No server is started.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from peft import IA3Config, LoraConfig
from safetensors.torch import load_file
from tiny_models import PASSAGES, QUERY, tiny, tokenizer

from sift_retrievers.finetune import TestTimeTuner

BASE = "an-organisation/a-model"
DEFAULT_MAX_LORA_RANK = 16
# Linear layers of vLLM's Llama and Qwen2, under the names of transformers.
LINEAR = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}


def exported(kind: str, folder: Path, lora: Any = None, **options: Any) -> Path:
    with (
        TestTimeTuner(tiny(kind), tokenizer(), lora=lora) as tuner,
        tuner.session(QUERY, PASSAGES[:2]) as session,
    ):
        return session.export(folder, **options)


def resolves(folder: Path, name: str, base_model: str) -> bool:
    """Whether vLLM's filesystem resolver would load the adapter `name`."""
    path = folder / name / "adapter_config.json"
    if not path.exists():
        return False
    config = json.loads(path.read_text())
    return bool(config["peft_type"] == "LORA" and config["base_model_name_or_path"] == base_model)


def faults(path: Path, max_lora_rank: int = DEFAULT_MAX_LORA_RANK) -> list[str]:
    """Return what vLLM's loader would refuse, or compute otherwise than peft."""
    config = json.loads((path / "adapter_config.json").read_text())
    found = [f"no {key}" for key in ("r", "lora_alpha", "target_modules") if key not in config]
    for key in ("modules_to_save", "use_dora", "rank_pattern", "alpha_pattern", "lora_bias"):
        if config.get(key):
            found.append(key)
    if config.get("bias", "none") != "none":
        found.append("bias")
    if config.get("r", 0) > max_lora_rank:
        found.append("rank")
    for name, tensor in load_file(path / "adapter_model.safetensors").items():
        prefix, _, rest = name.partition("base_model.model.")
        module, _, kind = rest.removesuffix(".weight").rpartition(".")
        if prefix or not rest.endswith(".weight") or kind not in ("lora_A", "lora_B"):
            found.append(f"name {name}")
        elif module.rpartition(".")[2] not in LINEAR:
            found.append(f"module {module}")
        elif tensor.shape[0 if kind == "lora_A" else 1] != config["r"]:
            found.append(f"shape of {name}")
    return found


@pytest.mark.parametrize("kind", ["Llama", "Qwen2"])
@pytest.mark.parametrize("rslora", [False, True])
def test_vllm_takes_the_folder(kind: str, rslora: bool, tmp_path: Path) -> None:
    lora = LoraConfig(r=16, target_modules="all-linear", use_rslora=True) if rslora else None
    path = exported(kind, tmp_path, lora, base_model=BASE)
    assert path.parent == tmp_path
    assert resolves(tmp_path, path.name, BASE)
    assert not resolves(tmp_path, path.name, "another/model")
    assert faults(path) == []
    config = json.loads((path / "adapter_config.json").read_text())
    assert (config["r"], config["use_rslora"]) == ((16, True) if rslora else (8, False))
    layers, projections, factors = 2, 7, 2
    weights = load_file(path / "adapter_model.safetensors")
    assert len(weights) == layers * projections * factors
    assert {name.rpartition(".")[2] for name in config["target_modules"]} == LINEAR


def test_the_name_of_the_base_is_that_of_the_model_unless_given(tmp_path: Path) -> None:
    tiny().save_pretrained(tmp_path / "base")
    model = type(tiny()).from_pretrained(tmp_path / "base")
    with (
        TestTimeTuner(model, tokenizer()) as tuner,
        tuner.session(QUERY, PASSAGES[:1]) as session,
    ):
        plain, named = session.export(tmp_path), session.export(tmp_path, base_model=BASE)
    assert resolves(tmp_path, plain.name, str(tmp_path / "base"))
    assert resolves(tmp_path, named.name, BASE)


@pytest.mark.parametrize(
    ("lora", "fault"),
    [
        (LoraConfig(r=32, target_modules="all-linear"), "rank"),
        (LoraConfig(target_modules="all-linear", use_dora=True), "use_dora"),
        (LoraConfig(target_modules="all-linear", rank_pattern={"q_proj": 4}), "rank_pattern"),
        (LoraConfig(target_modules=["lm_head"]), "module lm_head"),
    ],
)
def test_what_the_page_says_vllm_does_not_take(lora: Any, fault: str, tmp_path: Path) -> None:
    found = faults(exported("Llama", tmp_path, lora))
    assert fault in found
    assert not any("base_layer" in text or "embed" in text for text in found)


def test_ia3_is_not_resolved(tmp_path: Path) -> None:
    config = IA3Config(target_modules=["k_proj", "v_proj"], feedforward_modules=[])
    path = exported("Llama", tmp_path, config, base_model=BASE)
    assert not resolves(tmp_path, path.name, BASE)
