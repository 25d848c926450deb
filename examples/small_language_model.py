"""A small GPT-2 with a tokenizer of its own, trained in a minute or two: no model hub needed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

END = "<|endoftext|>"
POSITIONS = 256


def train_tokenizer(texts: Sequence[str], vocabulary: int = 4096) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer, as GPT-2 has one."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=vocabulary,
            special_tokens=[END],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=END, bos_token=END, pad_token=END
    )


def train_model(
    tokenizer: PreTrainedTokenizerFast,
    texts: Sequence[str],
    progress: Callable[[Iterable[int]], Iterable[int]],
    *,
    epochs: int = 4,
    batch: int = 16,
    width: int = 192,
    layers: int = 4,
    learning_rate: float = 2e-3,
    device: str = "cpu",
    bfloat16: bool = False,
) -> GPT2LMHeadModel:
    """Train on the texts, cut to what the model can read; `progress` wraps the range of steps.

    With `bfloat16` products are computed in it and weights kept in float32, which is faster on
    processors that have instructions for it.
    """
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=POSITIONS,
        n_embd=width,
        n_layer=layers,
        n_head=width // 48,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = GPT2LMHeadModel(config).to(device)
    rows = [tokenizer(text + END)["input_ids"][:POSITIONS] for text in texts]
    order = batches(rows, batch, epochs)
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, len(order))
    for step in progress(range(len(order))):
        batch_of_rows = padded([rows[i] for i in order[step]], tokenizer.pad_token_id)
        with torch.autocast(device, torch.bfloat16, enabled=bfloat16):
            loss = model(**{name: ids.to(device) for name, ids in batch_of_rows.items()}).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
    return model.eval()


def batches(rows: Sequence[Sequence[int]], size: int, epochs: int) -> list[list[int]]:
    """Positions of rows of like length, in random order."""
    chosen: list[list[int]] = []
    draw = random.Random(0)
    for _ in range(epochs):
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]) + draw.random())
        groups = [order[start : start + size] for start in range(0, len(order), size)]
        draw.shuffle(groups)
        chosen += groups
    return chosen


def padded(rows: Sequence[Sequence[int]], pad: int) -> dict[str, Any]:
    """The arguments of one forward pass over rows of different lengths."""
    length = max(map(len, rows))
    ids = torch.full((len(rows), length), pad)
    mask = torch.zeros_like(ids)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
        mask[i, : len(row)] = 1
    return {"input_ids": ids, "attention_mask": mask, "labels": ids.masked_fill(mask == 0, -100)}


@torch.no_grad()
def loss_of(model: Any, tokenizer: Any, texts: Sequence[str]) -> float:
    """Nats a token of the texts, each read by itself."""
    nats, tokens = 0.0, 0
    for text in texts:
        ids = torch.tensor([tokenizer(text)["input_ids"][:POSITIONS]])
        nats += float(model(input_ids=ids, labels=ids).loss) * (ids.shape[1] - 1)
        tokens += ids.shape[1] - 1
    return nats / tokens
