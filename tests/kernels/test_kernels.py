"""Kernels: positive definite together with their targets, and open to users' own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tensors import ARRAY_KINDS, needs_torch, tensor

from sift_retrievers import (
    Cosine,
    Coverage,
    Exponential,
    Kernel,
    Linear,
    RelevanceWeighted,
    SharedNoise,
    select,
)


def vectors(count: int, dim: int = 6, seed: int = 0) -> npt.NDArray[np.float64]:
    return np.random.default_rng(seed).normal(size=(1, count, dim))


KERNELS = [
    Cosine(),
    Linear(),
    Exponential(8.0),
    Exponential(8.0, target_sharpness=3.0),
    Exponential(4.0, target_sharpness=12.0),
    SharedNoise(),
    SharedNoise(0.0, 2.0),
]


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kind", ARRAY_KINDS)
def test_positive_semidefinite_with_the_targets(kernel: Kernel, seed: int, kind: Any) -> None:
    """Not so for exp(β_t (cos − 1)) with prior variance 1, which one might write down."""
    x = kernel.features(kind(vectors(12, seed=seed)))
    q = kernel.features(kind(vectors(3, seed=100 + seed)))
    q[:, 0] = x[:, 0]  # a target that is a passage is the hard case
    cross = np.asarray(kernel.cross(q, x)[0])
    joint = np.block(
        [[np.asarray(kernel.prior(q)[0]), cross], [cross.T, np.asarray(kernel(x, x)[0])]]
    )
    assert np.linalg.eigvalsh(joint).min() > -1e-10


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
@pytest.mark.parametrize("kind", ARRAY_KINDS)
def test_the_diagonal_is_the_diagonal(kernel: Kernel, kind: Any) -> None:
    x = kernel.features(kind(vectors(9)))
    of_each = np.asarray(kernel.diagonal(x))
    np.testing.assert_allclose(of_each[0], np.asarray(kernel(x, x)[0]).diagonal(), rtol=1e-12)
    np.testing.assert_allclose(of_each, np.asarray(Kernel.diagonal(kernel, x)), rtol=1e-12)
    assert of_each.max() == pytest.approx(kernel.largest_variance(kind(vectors(9))))


@pytest.mark.parametrize("kind", ARRAY_KINDS)
def test_exponential_by_hand(kind: Any) -> None:
    x = kind([[[2.0, 0.0], [0.0, 3.0]]])  # lengths do not matter, their cosine is 0
    kernel = Exponential(4.0, target_sharpness=2.0)
    unit = kernel.features(x)
    assert float(kernel(unit, unit)[0, 0, 1]) == pytest.approx(np.exp(-4.0))
    # β_t cos − β/2 − β_t²/(2β) with cos = 1 and 0
    assert float(kernel.cross(unit, unit)[0, 0, 0]) == pytest.approx(np.exp(2 - 2 - 0.5))
    assert float(kernel.cross(unit, unit)[0, 0, 1]) == pytest.approx(np.exp(0 - 2 - 0.5))
    assert float(kernel.prior(unit)[0, 0, 0]) == pytest.approx(1.0)


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_sharpness_that_makes_no_sense(value: float) -> None:
    with pytest.raises(ValueError, match="sharpness must be positive and finite; got"):
        Exponential(value)
    with pytest.raises(ValueError, match="target_sharpness must be positive and finite; got"):
        Exponential(8.0, target_sharpness=value)
    if value != 0:
        with pytest.raises(ValueError, match="gamma must be finite and at least 0; got"):
            RelevanceWeighted(value)


def test_shared_noise_without_an_error_is_the_cosine_and_refuses_nonsense() -> None:
    query, pool = vectors(1)[0, 0], vectors(20)[0]
    ours, plain = (select(query, pool, 6, kernel=k) for k in (SharedNoise(error=0.0), "cosine"))
    np.testing.assert_allclose(ours.variance, plain.variance, rtol=1e-12)
    for wrong in ({"error": -1.0}, {"error": float("nan")}, {"sharpness": 0.0}):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be"):
            SharedNoise(**wrong)


def test_a_copy_tells_nothing_under_shared_noise_and_a_second_opinion_under_the_papers() -> None:
    """Two passages of equal relevance; of the first a copy. λ′ is large, as ranking needs it."""
    query = np.array([1.0, 0.0, 0.0])
    pool = np.array([[0.8, 0.6, 0.0], [0.8, 0.6, 0.0], [0.7, 0.0, 0.714]])
    paper = select(query, pool, 2, kernel="cosine", lambda_=20.0)
    shared = select(query, pool, 2, kernel="shared_noise", lambda_=20.0)
    assert paper.indices.tolist() == [0, 1]
    assert shared.indices.tolist() == [0, 2]


def test_names_stand_for_default_objects() -> None:
    query, pool = vectors(1)[0, 0], vectors(20)[0]
    named = {"cosine": Cosine(), "linear": Linear(), "exponential": Exponential()}
    for name, kernel in {**named, "relevance": RelevanceWeighted()}.items():
        by_name = select(query, pool, 5, kernel=name)
        np.testing.assert_array_equal(
            by_name.indices, select(query, pool, 5, kernel=kernel).indices
        )


class MaternOfTensors(Kernel):
    """A kernel of one's own for tensors: Matérn 1/2, exp(−‖x − y‖)."""

    def __call__(self, x: Any, y: Any) -> Any:
        import torch

        return torch.exp(-torch.cdist(x, y))


class MaternOfArrays(Kernel):
    """The same for numpy arrays."""

    def __call__(self, x: Any, y: Any) -> Any:
        assert isinstance(x, np.ndarray)
        return np.exp(-np.linalg.norm(x[..., :, None, :] - y[..., None, :, :], axis=-1))


@needs_torch
def test_a_kernel_of_ones_own_sees_the_kind_that_came() -> None:
    query, pool = vectors(1)[0, 0], vectors(20)[0]
    by_arrays = select(query, pool, 4, kernel=MaternOfArrays(), lambda_=0.1)
    by_tensors = select(tensor(query), tensor(pool), 4, kernel=MaternOfTensors(), lambda_=0.1)
    assert type(by_tensors.gains) is type(tensor(0.0))
    assert by_tensors.indices.tolist() == by_arrays.indices.tolist()
    np.testing.assert_allclose(by_tensors.gains.numpy(), by_arrays.gains, rtol=1e-9)


def test_a_kernel_of_ones_own() -> None:
    query, pool = vectors(1)[0, 0], vectors(20)[0]
    chosen = select(query, pool, 4, kernel=MaternOfArrays(), lambda_=0.1)
    gram = np.exp(-np.linalg.norm(pool[:, None] - pool[None], axis=2))
    cross = np.exp(-np.linalg.norm(pool - query, axis=1))
    s = chosen.indices
    inverse = np.linalg.inv(gram[np.ix_(s, s)] + 0.1 * np.eye(4))
    assert chosen.variance[-1] == pytest.approx(1 - cross[s] @ inverse @ cross[s])
    assert s[0] == cross.argmax()


def test_the_example_of_ones_own_kernel_runs() -> None:
    example = Path(__file__).parents[2] / "examples" / "own_kernel.py"
    done = subprocess.run([sys.executable, example], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Selection(indices=array([")


@pytest.mark.parametrize("kernel", [Cosine, Linear])
def test_positive_only_clamps_the_score_and_not_the_posterior(kernel: Any) -> None:
    query = np.array([1.0, 0.0])
    pool = np.array([[-1.0, 0.0], [0.3, 1.0]])  # the opposite of the query explains it best
    plain = select(query, pool, 2, kernel=kernel())
    clamped = select(query, pool, 2, kernel=kernel(positive_only=True))
    assert plain.indices.tolist() == [0, 1]
    assert clamped.indices.tolist() == [1, 0]
    assert clamped.gains[1] > 0.1  # the opposite does lower the variance, and that is reported


@pytest.mark.parametrize(
    ("kernel", "noise", "objective", "weighs"),
    [
        (Cosine(), 3.0, "variance", False),
        (Linear(), 3.0, "variance", False),
        (Exponential(), 1.0, "variance", False),
        (SharedNoise(), 20.0, "variance", False),
        (RelevanceWeighted(), 0.2, "undirected", True),
        (RelevanceWeighted(0.3, SharedNoise()), 0.2, "undirected", True),
        (Coverage([], []), 0.1, "undirected", True),
        (MaternOfArrays(), 3.0, "variance", False),
    ],
)
def test_each_kernel_says_what_suits_it(
    kernel: Any, noise: float, objective: str, weighs: bool
) -> None:
    assert kernel.suggested_lambda == noise
    assert kernel.suggested_objective == objective
    assert kernel.weighs_relevance is weighs


def test_a_weighted_kernel_is_a_kernel() -> None:
    base = Cosine(positive_only=True)
    kernel = RelevanceWeighted(0.5, base)
    assert isinstance(kernel, Kernel)
    assert kernel.unweighted is base
    assert kernel.positive_only
    assert base.unweighted is base
    assert base.weighting is None
    with pytest.raises(TypeError, match=r"not weighted itself.*got RelevanceWeighted\(gamma=0.5"):
        RelevanceWeighted(0.3, kernel)


def test_relevance_from_outside() -> None:
    query, pool = vectors(1)[0, 0], vectors(20)[0]
    scores = np.linspace(0, 5, 20)  # a cross-encoder that likes the last one best
    kernel = RelevanceWeighted(gamma=4.0)
    chosen = select(query, pool, 3, kernel=kernel, relevance=scores, objective="undirected")
    assert chosen.indices[0] == 19
    assert chosen.gains[0] == pytest.approx(0.5 * np.log(2))  # weight 1, λ′ = 1
    cosine = pool @ query / np.linalg.norm(pool, axis=1) / np.linalg.norm(query)
    own = select(query, pool, 3, kernel=kernel, relevance=cosine)
    np.testing.assert_array_equal(own.indices, select(query, pool, 3, kernel=kernel).indices)


def test_relevance_without_its_kernel_is_an_error() -> None:
    with pytest.raises(ValueError, match=r'relevance is used by the kernel "relevance".*Cosine'):
        select(np.ones(2), np.eye(2), 1, relevance=[1.0, 2.0])
    with pytest.raises(ValueError, match=r"relevance must be \[K=2\] or \[B=1, K=2\]; got \(3,\)"):
        select(np.ones(2), np.eye(2), 1, kernel="relevance", relevance=[1.0, 2.0, 3.0])
