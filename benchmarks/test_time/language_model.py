"""The language model of the experiment: a GPT-2 trained from scratch on the training split."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers.processors import TemplateProcessing
from tqdm import tqdm
from transformers import AutoModelForCausalLM, AutoTokenizer

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
from small_language_model import END, POSITIONS, train_model, train_tokenizer

from benchmarks.common.embeddings import CACHE
from benchmarks.test_time.settings import Setting

LONGEST = POSITIONS - 1
"""Tokens of a text that the model reads at once, after the one of beginning."""
FINISHED = "pretraining.json"
VERSION = 1  # of how a model is trained; a model of another version is not used


def new_tokenizer(texts: Sequence[str], vocabulary: int) -> Any:
    """A byte-level BPE tokenizer that puts a token of beginning before each text.

    With it every token of a text is predicted from something, the first one, too.
    """
    tokenizer = train_tokenizer(texts, vocabulary)
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single=f"{END} $A", special_tokens=[(END, tokenizer.bos_token_id)]
    )
    return tokenizer


def pretrained(
    setting: Setting, tokenizer: Any, texts: Sequence[str], folder: Path = CACHE
) -> Path:
    """The folder of the model, trained in bfloat16 with weights in float32.

    It is trained once: the folder's name depends on what it was trained on and how. Training that
    is broken off starts again.
    """
    at = folder / f"test-time-{_key(setting, tokenizer, texts)}"
    if not (at / FINISHED).is_file():
        start = time.perf_counter()
        model = train_model(
            tokenizer,
            texts,
            _progress,
            epochs=setting.epochs,
            batch=setting.batch,
            width=setting.width,
            layers=setting.layers,
            device=setting.device,
            bfloat16=True,
        )
        minutes = (time.perf_counter() - start) / 60
        model.to("cpu").save_pretrained(at)
        tokenizer.save_pretrained(at)
        (at / FINISHED).write_text(json.dumps({"minutes": minutes}))
    return at


def minutes(folder: Path) -> float:
    """How long training the model in a folder took."""
    return float(json.loads((folder / FINISHED).read_text())["minutes"])


def load(folder: Path, device: str = "cpu") -> tuple[Any, Any]:
    """Model, in float32, and tokenizer."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return model.to(device).eval(), AutoTokenizer.from_pretrained(folder)


def _progress(steps: Iterable[int]) -> Iterable[int]:
    return tqdm(steps, desc="pretraining", mininterval=5)


def _key(setting: Setting, tokenizer: Any, texts: Sequence[str]) -> str:
    how = (VERSION, setting.vocabulary, setting.width, setting.layers, setting.epochs)
    digest = hashlib.sha256(repr((*how, setting.batch, setting.device)).encode())
    for text in (tokenizer.backend_tokenizer.to_str(), *texts):
        digest.update(text.encode())
    return digest.hexdigest()[:16]
