"""`sift_retrievers.select` in its objectives and kernels, all queries of a set in one call.

And the prototypes: rules that were tried and that the library does not have.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.retrieval.candidates import Candidates, Picks
from benchmarks.retrieval.methods import Method, Pick
from benchmarks.retrieval.prototypes import (
    relevance_by_z,
    unknown_scale,
    weighted_targets,
)
from sift_retrievers import select
from sift_retrievers.calibration import Setting
from sift_retrievers.kernels import Cosine, Exponential, Kernel, RelevanceWeighted, SharedNoise

NOISES = (0.01, 0.1, 0.3, 1.0, 3.0, 10.0)


def selected(setting_of: Callable[..., Setting]) -> Pick:
    """What `select` picks under the setting that a method's parameters make."""

    def pick(candidates: Candidates, k: int, **parameters: float | str) -> Picks:
        setting = setting_of(**parameters)
        found = select(candidates.queries, candidates.vectors, k, **setting.arguments)
        return np.asarray(found.indices, dtype=np.int16)

    return pick


def cosine(lambda_: float) -> Setting:
    return Setting(Cosine(), lambda_)


def cosine_positive(lambda_: float) -> Setting:
    return Setting(Cosine(positive_only=True), lambda_)


def exponential(sharpness: float, target: float, lambda_: float) -> Setting:
    """`target` is the target's sharpness as a share of the passages'."""
    kernel = Exponential(sharpness, target_sharpness=target * sharpness, positive_only=True)
    return Setting(kernel, lambda_)


def weighted(gamma: float, sharpness: float, standardized: bool) -> RelevanceWeighted:
    """Sharpness 0 stands for the cosine among passages."""
    base: Kernel = Exponential(sharpness) if sharpness else Cosine()
    return RelevanceWeighted(gamma=gamma, base=base, standardized=standardized)


def relevance_weighted(gamma: float, sharpness: float, lambda_: float) -> Setting:
    """Without a target."""
    return Setting(weighted(gamma, sharpness, standardized=False), lambda_, "undirected")


def relevance_standardized(gamma: float, sharpness: float, lambda_: float) -> Setting:
    """Without a target; relevance in deviations among the candidates."""
    return Setting(weighted(gamma, sharpness, standardized=True), lambda_, "undirected")


def relevance_noise(gamma: float, sharpness: float, lambda_: float) -> Setting:
    """With the query as target: the kernel among passages under noise λ′ / r²."""
    return Setting(weighted(gamma, sharpness, standardized=False), lambda_)


def shared_noise(error: float, sharpness: float, lambda_: float) -> Setting:
    return Setting(SharedNoise(error=error, sharpness=sharpness), lambda_)


def nearest_targets(candidates: Candidates, k: int, targets: int, lambda_: float) -> Picks:
    """Entropy of the answers to the query and to its `targets` nearest passages, jointly."""
    several = np.concatenate(
        [candidates.queries[:, None], candidates.vectors[:, : int(targets)]], axis=1
    )
    selection = select(
        several, candidates.vectors, k, objective="entropy", lambda_=lambda_, kernel="cosine"
    )
    return np.asarray(selection.indices, dtype=np.int16)


OURS: tuple[Method, ...] = (
    Method(
        "SIFT cosine", "ours", selected(cosine), default={"lambda_": 1.0}, grid={"lambda_": NOISES}
    ),
    Method(
        "SIFT cosine, positive only",
        "ours",
        selected(cosine_positive),
        default={"lambda_": 1.0},
        grid={"lambda_": NOISES},
    ),
    Method(
        "SIFT exponential",
        "ours",
        selected(exponential),
        default={"sharpness": 8.0, "target": 1.0, "lambda_": 1.0},
        grid={
            "sharpness": (4.0, 8.0, 12.0),
            "target": (0.5, 1.0),
            "lambda_": (0.1, 0.5, 1.0, 3.0),
        },
    ),
    Method(
        "relevance-weighted gain",
        "ours",
        selected(relevance_weighted),
        default={"gamma": 6.0, "sharpness": 0.0, "lambda_": 1.0},
        grid={
            "gamma": (4.0, 6.0, 8.0),
            "sharpness": (0.0, 4.0, 8.0),
            "lambda_": (0.1, 0.3, 1.0),
        },
        version=2,
    ),
    Method(
        "relevance-weighted gain, standardized",
        "ours",
        selected(relevance_standardized),
        default={"gamma": 0.3, "sharpness": 2.5, "lambda_": 0.2},
        grid={
            "gamma": (0.2, 0.3, 0.4, 0.5),
            "sharpness": (0.0, 2.5, 4.0),
            "lambda_": (0.1, 0.2, 0.3, 1.0),
        },
    ),
    Method(
        "SIFT under relevance-dependent noise",
        "ours",
        selected(relevance_noise),
        default={"gamma": 6.0, "sharpness": 0.0, "lambda_": 1.0},
        grid={
            "gamma": (3.0, 6.0),
            "sharpness": (0.0, 4.0),
            "lambda_": (0.3, 1.0, 3.0),
        },
        version=2,
    ),
    Method(
        "entropy of several targets",
        "ours",
        nearest_targets,
        default={"targets": 5, "lambda_": 1.0},
        grid={"targets": (3, 10), "lambda_": (0.1, 1.0, 3.0)},
    ),
    Method(
        "SIFT, shared noise",
        "ours",
        selected(shared_noise),
        default={"error": 8.0, "sharpness": 11.0, "lambda_": 20.0},
        grid={
            "error": (4.0, 8.0, 16.0),
            "sharpness": (8.0, 11.0, 14.0),
            "lambda_": (10.0, 20.0, 40.0),
        },
    ),
)

PROTOTYPES: tuple[Method, ...] = (
    Method(
        "SIFT, unknown scale",
        "ours",
        unknown_scale,
        default={"lambda_": 3.0, "sharpness": 8.0, "target_sharpness": 1.5},
        grid={
            "lambda_": (2.0, 3.0),
            "sharpness": (8.0, 12.0),
            "target_sharpness": (1.5, 2.0),
        },
    ),
    Method(
        "relevance-weighted gain by z-score",
        "ours",
        relevance_by_z,
        default={"lambda_": 0.5, "b": 0.2, "beta": 2.0},
        grid={"lambda_": (0.3, 0.5, 1.0), "b": (0.2, 0.3), "beta": (2.0, 3.0)},
    ),
    Method(
        "SIFT, weighted targets",
        "ours",
        weighted_targets,
        default={"lambda_": 1.0, "tau": 0.01, "sharpness": 8.0, "query": 0.8},
        grid={
            "lambda_": (0.3, 1.0),
            "tau": (0.01,),
            "sharpness": (8.0, 16.0),
            "query": (0.5, 0.8),
        },
    ),
)
