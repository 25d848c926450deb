"""The language model of the experiment: a GPT-2 trained from scratch on the training split."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm
from transformers import AutoModelForCausalLM, AutoTokenizer

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
from small_language_model import train_model

from benchmarks.common.embeddings import CACHE
from benchmarks.test_time.settings import Setting
from benchmarks.test_time.texts import Texts

DEPENDS_ON = ("vocabulary", "width", "layers", "epochs", "batch")
FINISHED = "pretraining.json"


def pretrained(
    setting: Setting, texts: Texts, device: str = "cpu", folder: Path = CACHE
) -> tuple[Path, float]:
    """The folder of the model, and the minutes that training it took.

    It is trained once: the folder's name depends on what it was trained on and how.
    """
    at = folder / f"test-time-{_key(setting, texts)}"
    if not (at / FINISHED).is_file():
        start = time.perf_counter()
        model = train_model(
            texts.tokenizer,
            [text.text for text in texts.train],
            _progress,
            epochs=setting.epochs,
            batch=setting.batch,
            width=setting.width,
            layers=setting.layers,
            device=device,
            bfloat16=True,
        )
        minutes = (time.perf_counter() - start) / 60
        model.to("cpu").save_pretrained(at)
        texts.tokenizer.save_pretrained(at)
        (at / FINISHED).write_text(json.dumps({"minutes": minutes}))
    return at, float(json.loads((at / FINISHED).read_text())["minutes"])


def load(folder: Path, device: str = "cpu") -> tuple[Any, Any]:
    """Model, in float32, and tokenizer."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return model.to(device).eval(), AutoTokenizer.from_pretrained(folder)


def _progress(steps: Iterable[int]) -> Iterable[int]:
    return tqdm(steps, desc="pretraining", mininterval=5)


def _key(setting: Setting, texts: Texts) -> str:
    how = {name: value for name, value in asdict(setting).items() if name in DEPENDS_ON}
    digest = hashlib.sha256(json.dumps(how).encode())
    digest.update(texts.tokenizer.backend_tokenizer.to_str().encode())
    for text in texts.train:
        digest.update(text.text.encode())
    return digest.hexdigest()[:16]
