"""Embeddings by all-MiniLM-L6-v2, each text once: what was embedded before comes from a file.

The cache is a SQLite file, one row a text, keyed by the text and the model. Texts are committed a
few hundred at a time, so a run that is killed loses less than a minute, and texts that several
variants of a corpus share are embedded once.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm  # type: ignore[import-untyped]

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
from minilm import SHA256, bundled_minilm

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Vectors = npt.NDArray[np.float32]
Encoder = Callable[[list[str]], npt.NDArray[Any]]

CACHE = Path(__file__).parents[2] / ".cache" / "benchmarks"
MODEL = f"all-MiniLM-L6-v2 {SHA256}"
DIM = 384
CHUNK, BATCH = 512, 32


@cache
def _model() -> SentenceTransformer:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # the weights are in a package
    from sentence_transformers import SentenceTransformer  # reads the variable when imported

    device = "cuda" if torch.cuda.is_available() else "cpu"
    return SentenceTransformer(str(bundled_minilm()), device=device)


def minilm(texts: list[str]) -> npt.NDArray[Any]:
    """Vectors of unit length from the packaged model: `[n, 384]`; it reads 256 tokens of a text."""
    return _model().encode(
        texts, batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False
    )


def embed(
    texts: Sequence[str],
    *,
    encode: Encoder = minilm,
    model: str = MODEL,
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
    keys = [hashlib.sha256(f"{model}\0{text}".encode()).digest() for text in texts]
    folder.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(folder / "embeddings.sqlite", timeout=60)) as database:
        database.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB)")
        wanted = dict(zip(keys, texts, strict=True))
        have = {key for (key,) in database.execute("SELECT key FROM vectors")}
        # Longest first: what the progress bar expects is then too much rather than too little.
        missing = sorted((k for k in wanted if k not in have), key=lambda k: -len(wanted[k]))
        with tqdm(total=len(missing), desc=title, disable=not missing, mininterval=5) as bar:
            for start in range(0, len(missing), CHUNK):
                chunk = missing[start : start + CHUNK]
                vectors = _checked(encode([wanted[key] for key in chunk]), len(chunk))
                rows = [(k, v.tobytes()) for k, v in zip(chunk, vectors, strict=True)]
                with database:
                    database.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)
                bar.update(len(chunk))
        return _read(database, keys)


def _checked(vectors: npt.NDArray[Any], count: int) -> Vectors:
    found = np.asarray(vectors, dtype=np.float32)
    if found.ndim != 2 or len(found) != count:
        raise ValueError(f"encode must return [{count}, d] for {count} texts; got {found.shape}")
    lengths = np.linalg.norm(found, axis=1)
    if not np.allclose(lengths, 1, atol=1e-4):
        wrong = float(lengths[np.abs(lengths - 1).argmax()])
        raise ValueError(f"encode must return vectors of length 1; got one of length {wrong}")
    return found


def _read(database: sqlite3.Connection, keys: list[bytes]) -> Vectors:
    """Rows of the cache in the order of the keys."""
    if not keys:
        return np.empty((0, DIM), dtype=np.float32)
    rows: dict[bytes, bytes] = {}
    distinct, step = list(dict.fromkeys(keys)), 500
    for start in range(0, len(distinct), step):
        some = distinct[start : start + step]
        marks = ",".join("?" * len(some))
        rows.update(
            database.execute(f"SELECT key, vector FROM vectors WHERE key IN ({marks})", some)
        )
    flat = np.frombuffer(b"".join(rows[key] for key in keys), dtype=np.float32)
    return flat.reshape(len(keys), -1).copy()
