"""Small random language models with a tokenizer of their own, and what they compute."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any

import pytest

transformers = pytest.importorskip("transformers")
pytest.importorskip("peft")

import torch  # noqa: E402
from tokenizers import Tokenizer, models, pre_tokenizers, trainers  # noqa: E402
from torch import nn  # noqa: E402

PASSAGES = [
    "The rebellion began in the garrison town in the spring.",
    "The company ruled the land until it was dissolved by the crown.",
    "A mountain in the northern part of the lake district.",
    "The district lies in the county of the north.",
    "Queen and parliament took over what the company had held.",
]
QUERY = "Who ruled the land after the rebellion?"

SMALL: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
}
CONFIGS: dict[str, Any] = {
    "GPT2": lambda v: transformers.GPT2Config(
        vocab_size=v,
        n_positions=128,
        n_embd=32,
        n_layer=2,
        n_head=4,
        bos_token_id=0,
        eos_token_id=0,
    ),
    "Llama": lambda v: transformers.LlamaConfig(
        vocab_size=v, num_key_value_heads=2, pad_token_id=None, **SMALL
    ),
    "Qwen2": lambda v: transformers.Qwen2Config(vocab_size=v, num_key_value_heads=2, **SMALL),
    "Phi": lambda v: transformers.PhiConfig(
        vocab_size=v, bos_token_id=0, eos_token_id=0, pad_token_id=0, **SMALL
    ),
}


@cache
def tokenizer() -> Any:
    trained = Tokenizer(models.BPE(unk_token="[UNK]"))
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=["[UNK]"], show_progress=False)
    trained.train_from_iterator([*PASSAGES, QUERY] * 10, trainer)
    return transformers.PreTrainedTokenizerFast(tokenizer_object=trained, unk_token="[UNK]")


def tiny(kind: str = "Llama", dtype: torch.dtype = torch.float32) -> Any:
    torch.manual_seed(0)
    config = CONFIGS[kind](len(tokenizer()))
    model = transformers.AutoModelForCausalLM.from_config(config)
    return model.to(dtype).eval()


def logits(model: nn.Module) -> torch.Tensor:
    ids = torch.tensor([tokenizer()(QUERY)["input_ids"]])
    with torch.no_grad():
        computed: torch.Tensor = model(input_ids=ids).logits
    return computed


def sha256(model: nn.Module, without: set[int] | None = None) -> str:
    """Of all tensors but the adapter's, by value, in the order in which the model holds them."""
    digest = hashlib.sha256()
    for tensor in [*model.parameters(), *model.buffers()]:
        if id(tensor) not in (without or set()):
            digest.update(tensor.detach().contiguous().view(torch.uint8).numpy().tobytes())
    digest.update(logits(model).float().numpy().tobytes())
    return digest.hexdigest()


def passage_loss(model: nn.Module, passage: str) -> float:
    ids = torch.tensor([tokenizer()(passage)["input_ids"]])
    with torch.no_grad():
        return float(model(input_ids=ids, labels=ids).loss)
