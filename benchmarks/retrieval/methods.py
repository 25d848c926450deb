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

MOST = 20
CUTOFFS = (3, 5, 10, 20)

Setting = Mapping[str, float | str]
Pick = Callable[..., Picks]
PickOne = Callable[..., object]


@dataclass(frozen=True)
class Method:
    """A way of picking, with the settings that it is tried in."""

    name: str
    family: str
    """Whose it is: "nearest neighbour", "pyversity", "LangChain", … or "ours"."""
    pick: Pick
    """(candidates, k, **setting) → `[Q, k]`; every prefix is what it picks for a smaller k."""
    default: Setting
    """What a user gets who sets nothing."""
    grid: Mapping[str, tuple[float | str, ...]] = field(default_factory=dict)
    """Values tried of each parameter, all combinations."""
    limit: int = MOST
    """Most picks asked of it."""
    largest_pool: int | None = None
    """Not run on more candidates than this."""
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
    """A method for many queries from (query `[d]`, candidates `[K, d]`, k) → positions."""

    def pick(candidates: Candidates, k: int, **setting: float | str) -> Picks:
        picks = np.full((len(candidates.queries), k), -1, dtype=np.int16)
        for row, query, pool in zip(picks, candidates.queries, candidates.vectors, strict=True):
            chosen = np.asarray(pick_one(query, pool, k, **setting)).ravel()
            row[: len(chosen)] = chosen
        return picks

    return pick


class PickStore:
    """Picks that were made before, in a SQLite file: a rerun makes only what is new.

    A row is one method in one setting on one set of candidates, named by the candidates' vectors.
    """

    def __init__(self, folder: Path = CACHE) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.file = folder / "picks.sqlite"
        with closing(sqlite3.connect(self.file, timeout=60)) as database, database:
            database.execute("CREATE TABLE IF NOT EXISTS picks (key TEXT PRIMARY KEY, rows BLOB)")

    def picks(self, method: Method, setting: Setting, candidates: Candidates) -> Picks:
        """`[Q, limit]` picks of a method; made once, and checked."""
        what = [method.name, method.version, method.limit, sorted(setting.items())]
        name = hashlib.sha256(json.dumps([candidates.digest, *what]).encode()).hexdigest()
        k = min(method.limit, candidates.cosines.shape[1])
        with closing(sqlite3.connect(self.file, timeout=60)) as database:
            found = database.execute("SELECT rows FROM picks WHERE key = ?", (name,)).fetchone()
            if found:
                return np.frombuffer(found[0], dtype=np.int16).reshape(len(candidates.queries), k)
            picks = checked(method.pick(candidates, k, **setting), candidates, k)
            with database:
                row = (name, picks.tobytes())
                database.execute("INSERT OR REPLACE INTO picks VALUES (?, ?)", row)
        return picks


def checked(picks: Picks, candidates: Candidates, k: int) -> Picks:
    """Picks as they must be.

    Raises:
        ValueError: for another shape, a position outside of the candidates or one picked twice.
    """
    queries, size = candidates.cosines.shape
    found = np.ascontiguousarray(picks, dtype=np.int16)
    if found.shape != (queries, k):
        raise ValueError(f"picks must be [Q={queries}, k={k}]; got {found.shape}")
    if (found < -1).any() or (found >= size).any():
        raise ValueError(f"picks must be −1 to {size - 1}; got {found.min()} to {found.max()}")
    ordered = np.sort(found, axis=1)
    twice = (ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)
    if twice.any():
        raise ValueError(f"a candidate was picked twice for query {int(twice.any(1).argmax())}")
    return found


def prefix_holds(method: Method, setting: Setting, candidates: Candidates) -> Iterator[bool]:
    """For every cutoff below the method's limit: whether its picks are a prefix of the longest."""
    most = method.pick(candidates, method.limit, **setting)
    for k in CUTOFFS:
        if k < method.limit:
            yield bool((method.pick(candidates, k, **setting) == most[:, :k]).all())
