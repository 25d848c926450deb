"""The sets that a command measures: those that are there, and what is missing of the others."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.common.data_folder import MissingDataError, data_folder
from benchmarks.common.embeddings import CACHE, MODEL, Encoder, minilm
from benchmarks.retrieval.candidates import Candidates, candidates_of
from benchmarks.retrieval.data import LAYOUT
from benchmarks.retrieval.prepare import Prepared, prepare


@dataclass(frozen=True)
class Loaded:
    """Sets with the candidates of their queries."""

    candidates: tuple[Candidates, ...]
    sizes: dict[tuple[str, str], int]
    """(set, variant) → passages in the corpus."""
    missing: dict[tuple[str, str], str]
    """(set, variant) → why it was not measured."""


class NotEmbeddedError(Exception):
    """Texts of a set are not in the cache of embeddings."""


def refuse(texts: list[str]) -> Any:
    """An encoder for those who want only what was embedded before."""
    raise NotEmbeddedError(f"{len(texts)} or more texts are not embedded")


def load_sets(
    names: Sequence[str],
    variants: Iterable[str],
    *,
    encode: Encoder = minilm,
    model: str = MODEL,
    folder: Path = CACHE,
) -> Loaded:
    """Sets in the variants, variant by variant; what is not there is noted and passed over.

    Raises:
        MissingDataError: if SIFT_DATA does not name a folder, or none of the sets is in it.
    """
    data_folder(LAYOUT)
    found, sizes, missing = [], {}, {}
    for variant in variants:
        for name in names:
            try:
                prepared: Prepared = prepare(
                    name, variant, encode=encode, model=model, folder=folder
                )
            except MissingDataError:
                missing[name, variant] = "files not found"
            except NotEmbeddedError:
                missing[name, variant] = "not embedded yet"
            else:
                found.append(candidates_of(prepared))
                sizes[name, variant] = len(prepared.corpus.passages)
    if not found:
        reasons = "; ".join(f"{n}, {v}: {why}" for (n, v), why in missing.items())
        raise MissingDataError(f"No set to measure ({reasons}).\n\n{LAYOUT}")
    return Loaded(tuple(found), sizes, missing)


def load_chosen(
    chosen: argparse.Namespace, *, encode: Encoder, model: str, folder: Path
) -> Loaded | None:
    """The sets that a command's arguments name; None, once it was explained, if there are none."""
    try:
        return load_sets(
            chosen.sets,
            chosen.variants,
            encode=refuse if chosen.embedded else encode,
            model=model,
            folder=folder,
        )
    except MissingDataError as error:
        print(error, file=sys.stderr)
        return None
