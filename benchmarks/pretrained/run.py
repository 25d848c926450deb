"""What test-time fine-tuning is worth to a real pretrained model: Gemma 3 270M.

    SIFT_DATA=<folder> python benchmarks/pretrained/run.py     # 40 minutes on two CPU cores

Which passages to train on (nearest neighbours, SIFT, the retrievers' default), how many steps, and
whether to put the passages into the context instead or as well: bits per byte of held-out texts of
`lm_domains`, and nats of the gold answers of hotpotqa and musique. Writes results/<preset>.md.

Every finished job is kept in `.cache/`: the command can be stopped at any time and goes on where it
was, and with more --texts or --questions it only does what is new. After --minutes no job is begun,
and what is complete is reported.

For one H100, where the data sets are not:

    SIFT_DATA=<folder> python benchmarks/pretrained/run.py --preset h100 --prepare FOLDER
    python benchmarks/pretrained/run.py --preset h100 --prepared FOLDER --model MODEL   # there

The first writes texts, embeddings, choices and questions, and the list of the model's files. The
second needs that folder, the model's folder, numpy, torch, transformers, peft and tqdm; nothing is
installed or built. It keeps what it did in FOLDER and ends within eight minutes.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.common.data_folder import MissingDataError
from benchmarks.common.embeddings import CACHE
from benchmarks.common.gemma import NAME, gemma_folder
from benchmarks.pretrained import inputs as prepared
from benchmarks.pretrained.experiment import NothingMeasuredError, measure
from benchmarks.pretrained.inputs import Inputs
from benchmarks.pretrained.jobs import Site
from benchmarks.pretrained.methods import NEAREST
from benchmarks.pretrained.model import files_of
from benchmarks.pretrained.report import as_json, page
from benchmarks.pretrained.settings import PRESETS, Setting
from benchmarks.pretrained.timing import timing_of

if TYPE_CHECKING:
    from benchmarks.common.models import Embedder

RESULTS = Path(__file__).parent / "results"
MODEL_FILES = "model-files.json"


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        description="Fine-tuning of a pretrained model, at test time."
    )
    options.add_argument("--preset", choices=[*PRESETS], default="cpu")
    for name in ("texts", "questions", "workers", "threads"):
        options.add_argument(f"--{name}", type=int, help="in place of the preset's")
    options.add_argument("--minutes", type=float, help="after them no job is begun")
    options.add_argument("--device", choices=["cpu", "cuda"])
    options.add_argument("--dtype", choices=["float32", "bfloat16"])
    options.add_argument("--model", type=Path, help=f"a folder of transformers; else {NAME}")
    options.add_argument("--prepare", type=Path, metavar="FOLDER", help="write inputs, then end")
    options.add_argument("--prepared", type=Path, metavar="FOLDER", help="read inputs from there")
    options.add_argument("--results", type=Path, default=RESULTS, help="folder to write to")
    return options


def setting_of(chosen: argparse.Namespace) -> Setting:
    """The preset with the options that were given."""
    names = ("texts", "questions", "workers", "threads", "minutes")
    given = {name: getattr(chosen, name) for name in (*names, "device", "dtype")}
    changed = {name: value for name, value in given.items() if value is not None}
    return replace(PRESETS[chosen.preset], **changed)


def make_inputs(
    model: Path, embedder: Embedder | None, cache: Path, folder: Path | None = None
) -> Inputs:
    """Make the inputs from the data sets; with `folder`, write them there with their vectors."""
    from transformers import AutoTokenizer

    from benchmarks.common.models import MODELS
    from benchmarks.pretrained.prepare import prepare  # imports every peer

    tokenizer = AutoTokenizer.from_pretrained(model)
    found, vectors = prepare(tokenizer, embedder or MODELS["minilm"](), cache)
    if folder is not None:
        prepared.save(found, folder)
        np.savez(folder / "embeddings.npz", **vectors)
        files = json.dumps(files_of(model), indent=1)
        (folder / MODEL_FILES).write_text(files, encoding="utf-8")
    return found


def check_model(model: Path, folder: Path) -> None:
    """Compare the model with that which the inputs were prepared for.

    Files that differ are told: another version of transformers writes them in another way.

    Raises:
        MissingDataError: if a file is missing.
    """
    wanted = json.loads((folder / MODEL_FILES).read_text(encoding="utf-8"))
    have = files_of(model)
    missing = [name for name in wanted if name not in have]
    if missing:
        raise MissingDataError(f"{model} lacks the files {missing}")
    differ = [name for name, digest in wanted.items() if have[name] != digest]
    if differ:
        print(f"Not the files that were prepared for: {differ}", file=sys.stderr)


def carry_out(chosen: argparse.Namespace, embedder: Embedder | None, cache: Path) -> int:
    setting = setting_of(chosen)
    end = time.monotonic() + 60 * setting.minutes
    model = chosen.model or gemma_folder(cache)
    if chosen.prepare is not None:
        made = make_inputs(model, embedder, cache, chosen.prepare)
        print(f"{len(made.texts)} texts and {len(made.questions)} questions: {chosen.prepare}")
        return 0
    if setting.device == "cuda" and not torch.cuda.is_available():
        print("--device cuda needs a GPU; there is none here", file=sys.stderr)
        return 2
    if chosen.prepared is not None:
        check_model(model, chosen.prepared)
        found = prepared.read(chosen.prepared)
    else:
        found = make_inputs(model, embedder, cache)
    found = found.first(setting.texts, setting.questions)
    site = Site(model, setting, chosen.prepared or cache / "pretrained")
    nearest = found.texts[0].choices[NEAREST.label].origins
    timing = timing_of(site, [found.memory[origin] for origin in nearest])
    measured = measure(site, found, lambda: time.monotonic() >= end)
    text = page(measured, timing, found, setting, model.name)
    chosen.results.mkdir(parents=True, exist_ok=True)
    (chosen.results / f"{setting.name}.md").write_text(text, encoding="utf-8")
    (chosen.results / f"{setting.name}.json").write_text(as_json(measured), encoding="utf-8")
    print(text)
    return 0


def main(
    arguments: list[str] | None = None, *, embedder: Embedder | None = None, cache: Path = CACHE
) -> int:
    try:
        return carry_out(parser().parse_args(arguments), embedder, cache)
    except (MissingDataError, NothingMeasuredError) as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
