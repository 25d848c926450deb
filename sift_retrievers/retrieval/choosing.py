"""From hits to a choice: `select` on their vectors, with the rules that retrievers offer."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt

from sift_retrievers.kernels import RelevanceWeighted, resolve_kernel
from sift_retrievers.selection import Selection, SelectOptions, select_with_uncertainty
from sift_retrievers.stopping import StopReason

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Choice:
    """What was chosen from n hits, and what each pick was worth."""

    picks: npt.NDArray[np.int64]
    """`[N]` positions among the hits, in selection order."""
    gains: Float64
    """`[N]` nats; as `Selection.gains`."""
    variance: Float64 | None
    """`[N + 1]` σ²_0 … σ²_N: as `Selection.variance`, of "undirected" picks too; None if there were
    no candidates."""
    similarities: Float64
    """`[n]` cosine of every hit to the query; of several targets, to the nearest."""
    candidates: npt.NDArray[np.bool_]
    """`[n]` which hits could be picked: those that reached the threshold and are not gone."""
    stop_reason: StopReason
    selection: Selection[npt.NDArray[Any]] | None = None
    """What `select` returned for the candidates; None if there were none."""


def choose(
    targets: Float32,
    vectors: Float32,
    k: int,
    *,
    score_threshold: float | None = None,
    parents: Sequence[Hashable] | None = None,
    gone: Sequence[int] = (),
    **options: Unpack[SelectOptions],
) -> Choice:
    """Pick at most k of n hits by `select`.

    Args:
        targets: `[m, d]` the query's vector, or several.
        vectors: `[n, d]` of the hits, nearest first.
        k: passages wanted.
        score_threshold: hits with a smaller cosine to all targets are not candidates.
        parents: n keys, no two picks share one; None for a hit that has no parent.
        gone: positions of hits that are no candidates, since their documents are gone.
        **options: of `select`; `costs` and `relevance` are `[n]`.
    """
    similarities = cosines(vectors, targets)
    candidates = np.ones(len(vectors), dtype=np.bool_)
    if score_threshold is not None:
        candidates = similarities >= score_threshold
    candidates[[*gone]] = False
    pool = np.flatnonzero(candidates)
    if len(pool) == 0:
        nothing = np.empty(0)
        return Choice(
            pool, nothing, None, similarities, candidates, stop_reason=StopReason.EXHAUSTED
        )
    kernel = resolve_kernel(options.get("kernel", "cosine"))
    if isinstance(kernel, RelevanceWeighted) and options.get("relevance") is None:
        options["relevance"] = similarities  # which it would otherwise compute again
    if len(pool) < len(vectors):
        vectors = vectors[pool]
        for name in ("costs", "relevance"):
            if options.get(name) is not None:
                options[name] = np.asarray(options[name])[pool]
    if parents is not None:
        options["groups"] = _groups([parents[i] for i in pool.tolist()])
    # One target goes as a query of its own: [d], as anyone would repeat it.
    queries = targets[0] if len(targets) == 1 else targets[None]
    selection, variance = select_with_uncertainty(queries, vectors, k, **options)
    made = int((selection.indices[0] >= 0).sum())
    return Choice(
        picks=pool[selection.indices[0, :made]],
        gains=selection.gains[0, :made].astype(np.float64),
        variance=variance[0, : made + 1].astype(np.float64),
        similarities=similarities,
        candidates=candidates,
        stop_reason=selection.stop_reason[0],
        selection=selection,
    )


def cosines(vectors: Float32, targets: Float32) -> Float64:
    """`[n]` cosine of every row `[n, d]` to the nearest target of `[m, d]`; 0 for zero rows."""
    x, q = vectors.astype(np.float64), targets.astype(np.float64)
    scale = np.sqrt(np.vecdot(x, x)) * np.sqrt(np.vecdot(q, q))[:, None]  # [m, n]
    products = np.vecdot(x, q[:, None])
    cosine = np.divide(products, scale, out=np.zeros_like(products), where=scale > 0)
    nearest: Float64 = cosine.max(axis=0).clip(-1.0, 1.0)
    return nearest


def _groups(parents: list[Hashable]) -> npt.NDArray[np.int64]:
    """A number for every parent; each None gets one of its own."""
    numbers: dict[Hashable, int] = {}
    keys = (("orphan", i) if p is None else ("parent", p) for i, p in enumerate(parents))
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)
