"""What a method is, and how its picks are made and kept."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from types import MappingProxyType

import numpy as np

from benchmarks.common.embeddings import CACHE
from benchmarks.retrieval.candidates import Candidates, Picks

MOST = 20  # picks that any command looks at

Setting = Mapping[str, float | str]
Pick = Callable[..., Picks]
PickOne = Callable[..., object]

NEAREST, PEER, MIXED = "nearest neighbours", "peer", "peer with our relevance"
PARTS, OURS = "a part of ours", "ours"
"""Families of methods."""


@dataclass(frozen=True)
class Method:
    """A way of picking, with the settings that it is tried in."""

    name: str
    family: str
    pick: Pick
    """(candidates, k, **setting) → `[Q, k]` rows of the corpus; every prefix is what it picks for
    a smaller k. It may look at vectors, texts and titles, of the candidates or of the corpus."""
    default: Setting
    """What a user gets who sets nothing."""
    grid: Mapping[str, tuple[float | str, ...]] = field(default_factory=dict)
    """Values tried of each parameter, all combinations."""
    slow: bool = False
    """Only run where it is asked for."""
    version: int = 1
    """Raised when the method changes, so that kept picks are made again."""

    def settings(self) -> list[Setting]:
        """The default and the grid, none twice."""
        names = list(self.grid)
        grid = [dict(zip(names, values, strict=True)) for values in product(*self.grid.values())]
        found: dict[str, Setting] = {}
        for setting in [self.default, *(grid if names else [])]:
            found.setdefault(label(setting), MappingProxyType(dict(setting)))
        return list(found.values())


def label(setting: Setting) -> str:
    """A setting as one line: "diversity 0.5"; "–" for none."""
    return ", ".join(f"{name} {value}" for name, value in sorted(setting.items())) or "–"


def one_by_one(pick_one: PickOne) -> Pick:
    """A method for many questions from (query `[d]`, candidates `[K, d]`, k) → positions."""

    def pick(candidates: Candidates, k: int, **setting: float | str) -> Picks:
        positions = np.full((len(candidates.queries), k), -1, dtype=np.int64)
        for row, query, pool in zip(positions, candidates.queries, candidates.vectors, strict=True):
            chosen = np.asarray(pick_one(query, pool, k, **setting)).ravel()
            row[: len(chosen)] = chosen
        return candidates.rows_at(positions)

    return pick


def picks_asked(candidates: Candidates) -> int:
    """How many picks the measures of a variant look at."""
    return min(max(candidates.cutoffs), int(candidates.rows.shape[1]))


class PickStore:
    """Picks that were made before, in a SQLite file: a rerun makes only what is new.

    A row is one method in one setting on one set of candidates, named by `Candidates.digest`.
    """

    def __init__(self, folder: Path = CACHE) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.file = folder / "picks.sqlite"
        with closing(sqlite3.connect(self.file, timeout=60)) as database, database:
            database.execute("CREATE TABLE IF NOT EXISTS rows (key TEXT PRIMARY KEY, picks BLOB)")

    def picks(self, method: Method, setting: Setting, candidates: Candidates) -> Picks:
        """`[Q, k]` picks of a method; made once, and checked."""
        k = picks_asked(candidates)
        what = [method.name, method.version, k, sorted(setting.items())]
        name = hashlib.sha256(json.dumps([candidates.digest, *what]).encode()).hexdigest()
        with closing(sqlite3.connect(self.file, timeout=60)) as database:
            found = database.execute("SELECT picks FROM rows WHERE key = ?", (name,)).fetchone()
            if found:
                return np.frombuffer(found[0], dtype=np.int32).reshape(len(candidates.asked), k)
            picks = checked(method.pick(candidates, k, **setting), candidates, k)
            with database:
                row = (name, picks.tobytes())
                database.execute("INSERT OR REPLACE INTO rows VALUES (?, ?)", row)
        return picks


def checked(picks: Picks, candidates: Candidates, k: int) -> Picks:
    """Picks as they must be.

    Raises:
        ValueError: for another shape, a row outside of the corpus or one picked twice.
    """
    queries, size = len(candidates.asked), len(candidates.store.passages)
    found = np.ascontiguousarray(picks, dtype=np.int32)
    if found.shape != (queries, k):
        raise ValueError(f"picks must be [Q={queries}, k={k}]; got {found.shape}")
    if (found < -1).any() or (found >= size).any():
        raise ValueError(f"picks must be −1 to {size - 1}; got {found.min()} to {found.max()}")
    ordered = np.sort(found, axis=1)
    twice = (ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)
    if twice.any():
        raise ValueError(f"a passage was picked twice for query {int(twice.any(1).argmax())}")
    return found


def prefix_holds(method: Method, setting: Setting, candidates: Candidates) -> Iterator[bool]:
    """For several k below `MOST`: whether the picks are a prefix of the longest."""
    most = method.pick(candidates, MOST, **setting)
    for k in (3, 5, 10):
        yield bool((method.pick(candidates, k, **setting) == most[:, :k]).all())
