"""The paper's experiment in small: which passages to fine-tune on before one text is predicted.

    SIFT_DATA=<folder> python benchmarks/test_time/run.py                  # two CPU cores
    SIFT_DATA=<folder> python benchmarks/test_time/run.py --setting gpu    # one data-centre GPU

Trains a GPT-2 from scratch on the training split of `lm_domains`, then fine-tunes it for each
held-out document on what every rule chooses from the memory, and writes results/<setting>.md with
pictures. Embeddings, the model and every fine-tuning are kept in `.cache/`: the command can be
stopped at any time and goes on where it was, except within pretraining. Without SIFT_DATA it says
what it expects and ends with exit code 2.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.common.data_folder import MissingDataError
from benchmarks.common.embeddings import CACHE, Encoder, Vectors, embed
from benchmarks.common.models import MODEL, minilm
from benchmarks.test_time import plots
from benchmarks.test_time.corpus import Text
from benchmarks.test_time.dataset import Dataset, read_dataset
from benchmarks.test_time.experiment import Measured, Offer, measure
from benchmarks.test_time.jobs import Site
from benchmarks.test_time.language_model import pretrained
from benchmarks.test_time.memory import VARIANTS, Memory, candidates
from benchmarks.test_time.report import About, as_json, page
from benchmarks.test_time.settings import SETTINGS, Setting

RESULTS = Path(__file__).parent / "results"


def offers(
    dataset: Dataset, *, encode: Encoder = minilm, model: str = MODEL, folder: Path = CACHE
) -> tuple[Offer, Offer]:
    """What the memory offers the documents for validation, and those of the experiment."""

    def vectors(texts: Sequence[Text], title: str) -> Vectors:
        contents = [text.text for text in texts]
        return embed(contents, encode=encode, model=model, folder=folder, title=title)

    memory = Memory(vectors(dataset.train, "memory"), np.arange(len(dataset.train)))
    memories = {kind: vary(memory) for kind, vary in VARIANTS.items()}

    def offer(documents: tuple[Text, ...], title: str) -> Offer:
        texts, queries = [document.text for document in documents], vectors(documents, title)
        offered = {kind: candidates(texts, queries, one, folder) for kind, one in memories.items()}
        return Offer(documents, offered)

    return offer(dataset.validation, "validation"), offer(dataset.documents, "documents")


def carry_out(
    setting: Setting, *, encode: Encoder = minilm, model: str = MODEL, folder: Path = CACHE
) -> tuple[Measured, About]:
    """Everything that a setting measures.

    Raises:
        MissingDataError: if SIFT_DATA is not set or holds none of the domains.
    """
    dataset = read_dataset(setting)
    at = pretrained(setting, dataset.tokenizer, [text.text for text in dataset.train], folder)
    validation, offered = offers(dataset, encode=encode, model=model, folder=folder)
    memory = tuple(text.text for text in dataset.train)
    site = Site(at, memory, setting.device, setting.workers)
    measured = measure(setting, site, validation, offered)
    return measured, About.of(setting, dataset, at)


def main(arguments: list[str] | None = None) -> int:
    options = argparse.ArgumentParser(description="Test-time fine-tuning, rule by rule.")
    options.add_argument("--setting", choices=[*SETTINGS], default="small")
    options.add_argument("--results", type=Path, default=RESULTS, help="folder to write to")
    chosen = options.parse_args(arguments)
    setting = SETTINGS[chosen.setting]
    if setting.device == "cuda" and not torch.cuda.is_available():
        print(f"--setting {setting.name} needs a GPU; there is none here", file=sys.stderr)
        return 2
    try:
        measured, about = carry_out(setting)
    except MissingDataError as error:
        print(error, file=sys.stderr)
        return 2
    chosen.results.mkdir(parents=True, exist_ok=True)
    (chosen.results / f"{setting.name}.json").write_text(as_json(measured), encoding="utf-8")
    text = page(measured, about)
    (chosen.results / f"{setting.name}.md").write_text(text, encoding="utf-8")
    plots.draw(measured, chosen.results, setting.name)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
