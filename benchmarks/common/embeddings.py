"""Embeddings that are kept: each text once, what was embedded before comes from a file.

The cache is a SQLite file, one row a text, keyed by the text and the model. Texts are committed a
few hundred at a time, so a run that is killed loses less than a minute, and texts that several
variants of a corpus share are embedded once.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

Vectors = npt.NDArray[np.float32]
Encoder = Callable[[list[str]], npt.NDArray[Any]]
"""Texts → `[n, d]` of unit length."""

CACHE = Path(__file__).parents[2] / ".cache" / "benchmarks"
CHUNK = 512
_ASKED = 500  # keys in one query to the file


def embed(
    texts: Sequence[str],
    *,
    encode: Encoder,
    model: str,
    folder: Path = CACHE,
    title: str = "embedding",
) -> Vectors:
    """Vectors of the texts, in their order: `[n, d]` float32 of unit length.

    Args:
        texts: what to embed; the same text may come several times.
        encode: texts → `[n, d]`; called with texts of similar length, for little padding.
        model: what `encode` is, for the cache: other weights need another name.
        folder: where the cache lies; made if it is not there.
        title: stands before the progress bar.

    Raises:
        ValueError: if `encode` returns another number of vectors than texts, or vectors that are
            not of unit length.
    """
    if not texts:
        return np.empty((0, 0), dtype=np.float32)
    keys = [hashlib.sha256(f"{model}\0{text}".encode()).digest() for text in texts]
    wanted = dict(zip(keys, texts, strict=True))
    folder.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(folder / "embeddings.sqlite", timeout=60)) as database:
        database.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB)")
        found = _read(database, [*wanted])
        # Longest first: what the progress bar expects is then too much rather than too little.
        missing = sorted((k for k in wanted if k not in found), key=lambda k: -len(wanted[k]))
        with tqdm(total=len(missing), desc=title, disable=not missing, mininterval=5) as bar:
            for start in range(0, len(missing), CHUNK):
                chunk = missing[start : start + CHUNK]
                vectors = _checked(encode([wanted[key] for key in chunk]), len(chunk))
                rows = {k: v.tobytes() for k, v in zip(chunk, vectors, strict=True)}
                with database:
                    database.executemany(
                        "INSERT OR REPLACE INTO vectors VALUES (?, ?)", [*rows.items()]
                    )
                found.update(rows)
                bar.update(len(chunk))
    flat = np.frombuffer(b"".join(found[key] for key in keys), dtype=np.float32)
    return flat.reshape(len(keys), -1).copy()


def _checked(vectors: npt.NDArray[Any], count: int) -> Vectors:
    found = np.asarray(vectors, dtype=np.float32)
    if found.ndim != 2 or len(found) != count:
        raise ValueError(f"encode must return [{count}, d] for {count} texts; got {found.shape}")
    lengths = np.linalg.norm(found, axis=1)
    if not np.allclose(lengths, 1, atol=1e-4):
        wrong = float(lengths[np.abs(lengths - 1).argmax()])
        raise ValueError(f"encode must return vectors of length 1; got one of length {wrong}")
    return found


def _read(database: sqlite3.Connection, keys: list[bytes]) -> dict[bytes, bytes]:
    """What the file has of the keys."""
    rows: dict[bytes, bytes] = {}
    for start in range(0, len(keys), _ASKED):
        some = keys[start : start + _ASKED]
        marks = ",".join("?" * len(some))
        rows.update(
            database.execute(f"SELECT key, vector FROM vectors WHERE key IN ({marks})", some)
        )
    return rows
