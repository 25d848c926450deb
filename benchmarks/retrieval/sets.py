"""The sets that a command measures: those that are there, and what is missing of the others."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.common.data_folder import MissingDataError, data_folder
from benchmarks.common.embeddings import CACHE
from benchmarks.common.models import MODELS, Embedder
from benchmarks.retrieval.candidates import Candidates
from benchmarks.retrieval.data import LAYOUT, SOURCES
from benchmarks.retrieval.prepare import prepare
from benchmarks.retrieval.variants import VARIANTS

POOL = 100  # candidates unless another number is asked for
RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Loaded:
    """Sets with the candidates of their questions, as many as are stored."""

    candidates: tuple[Candidates, ...]
    missing: dict[tuple[str, str], str]
    """(set, variant) → why it was not measured."""
    model: str
    """Name of the embedding model."""


class NotEmbeddedError(Exception):
    """Texts of a set are not in the cache of embeddings."""


def refuse(texts: list[str]) -> Any:
    """An encoder for those who want only what was embedded before."""
    raise NotEmbeddedError(f"{len(texts)} or more texts are not embedded")


def parser(description: str, **defaults: Any) -> argparse.ArgumentParser:
    """The options that all commands on the retrieval sets share, with some other defaults."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--model", choices=[*MODELS], default="wordllama", help="of embeddings")
    options.add_argument("--sets", nargs="+", choices=[*SOURCES], default=[*SOURCES])
    options.add_argument("--variants", nargs="+", choices=[*VARIANTS], default=[*VARIANTS])
    options.add_argument("--candidates", type=int, default=POOL, help="a question; at most 200")
    options.add_argument("--results", type=Path, default=RESULTS, help="folder to write to")
    options.add_argument(
        "--embedded", action="store_true", help="leave out what is not embedded yet"
    )
    options.set_defaults(**defaults)
    return options


def load_sets(
    names: Sequence[str], variants: Iterable[str], embedder: Embedder, *, folder: Path = CACHE
) -> Loaded:
    """Sets in the variants, variant by variant; what is not there is noted and passed over.

    Raises:
        MissingDataError: if SIFT_DATA does not name a folder, or none of the sets is in it.
    """
    data_folder(LAYOUT)
    found: list[Candidates] = []
    missing: dict[tuple[str, str], str] = {}
    for variant in variants:
        for name in names:
            try:
                found.append(prepare(name, variant, embedder, folder=folder))
            except MissingDataError:
                missing[name, variant] = "files not found"
            except NotEmbeddedError:
                missing[name, variant] = "not embedded yet"
    if not found:
        reasons = "; ".join(f"{n}, {v}: {why}" for (n, v), why in missing.items())
        raise MissingDataError(f"No set to measure ({reasons}).\n\n{LAYOUT}")
    return Loaded(tuple(found), missing, embedder.name)


def load_chosen(
    chosen: argparse.Namespace, embedder: Embedder | None = None, *, folder: Path = CACHE
) -> Loaded | None:
    """The sets that a command's arguments name; None, once it was explained, if there are none.

    `embedder` stands in for the model that the arguments name.
    """
    model = embedder or MODELS[chosen.model]()
    if chosen.embedded:
        model = replace(model, encode=refuse)
    try:
        return load_sets(chosen.sets, chosen.variants, model, folder=folder)
    except MissingDataError as error:
        print(error, file=sys.stderr)
        return None


def not_measured(missing: dict[tuple[str, str], str], sets: Iterable[str]) -> str:
    """A line for a page: what was asked for and not there, and the sets that were not asked for."""
    parts = [f"{name}, {variant} ({why})" for (name, variant), why in missing.items()]
    parts += [f"{name} (not asked for)" for name in SOURCES if name not in set(sets)]
    return f"Not measured: {'; '.join(parts)}." if parts else ""


def save_page(file: Path, lines: Iterable[str]) -> None:
    """Write the lines into a file, in a folder that is made if it is not there, and say so."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines))
    print(f"written to {file}")
