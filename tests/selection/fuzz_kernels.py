"""Kernels for the fuzz of `select`: with what they are by definition, and some that misbehave."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from oracle import OracleKernel, cosine, linear

from sift_retrievers import Cosine, Exponential, Kernel, Linear, RelevanceWeighted, SharedNoise
from sift_retrievers.kernels.kernel import InnerProductKernel


class Gaussian(Kernel):
    """exp(−‖x − y‖² / 2), of numpy arrays and of tensors."""

    def __call__(self, x: Any, y: Any) -> Any:
        squares = ((x[..., :, None, :] - y[..., None, :, :]) ** 2).sum(-1)
        return 2.718281828459045 ** (-0.5 * squares)


@dataclass(frozen=True)
class SquaredCosine(InnerProductKernel):
    normalized = True

    def of_passages(self, g: Any) -> Any:
        return g * g


class Scaled(Kernel):
    """Three times the inner product; whole numbers for whole numbers."""

    def __call__(self, x: Any, y: Any) -> Any:
        return 3.0 * (x @ y.mT)


def gaussian(x: Any, y: Any) -> Any:
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    return np.exp(-0.5 * ((x[:, None] - y[None]) ** 2).sum(axis=2))


def exponential(beta: float, beta_t: float | None) -> OracleKernel:
    """By its formula, not as the Gaussian of unit vectors: a zero vector's cosine to all is 0."""
    radius = 1.0 if beta_t is None else beta_t / beta
    g = cosine().passages
    return OracleKernel(
        lambda x, y: np.exp(beta * (g(x, y) - 1)),
        lambda t, x: np.exp(beta * (radius * g(t, x) - 0.5 * (1 + radius**2))),
        lambda t, s: np.exp(beta * radius**2 * (g(t, s) - 1)),
    )


def shared_noise(error: float, beta: float) -> OracleKernel:
    g = cosine().passages
    return OracleKernel(lambda x, y: g(x, y) + error * np.exp(beta * (g(x, y) - 1)), g, g)


def same_for_all(function: Callable[[Any, Any], Any]) -> OracleKernel:
    return OracleKernel(function, function, function)


def oracle_of(kernel: Kernel) -> OracleKernel:
    base = kernel.unweighted
    if isinstance(base, Exponential):
        return exponential(base.sharpness, base.target_sharpness)
    if isinstance(base, SharedNoise):
        return shared_noise(base.error, base.sharpness)
    if isinstance(base, Gaussian):
        return same_for_all(gaussian)
    if isinstance(base, SquaredCosine):
        return same_for_all(lambda x, y: cosine().passages(x, y) ** 2)
    if isinstance(base, Scaled):
        return same_for_all(lambda x, y: 3.0 * linear().passages(x, y))
    return linear() if isinstance(base, Linear) else cosine()


def of_any_scale(kernel: Kernel) -> bool:
    """Whether the length of vectors does not matter to a kernel."""
    return isinstance(kernel.unweighted, Cosine | Exponential | SharedNoise | SquaredCosine)


def random_kernel(random: np.random.Generator) -> Kernel:
    beta = float(10 ** random.uniform(-1, 1.5))
    target = None if random.random() < 0.5 else float(random.uniform(0.5, 8))
    positive = bool(random.random() < 0.3)
    bases: list[Kernel] = [
        Cosine(positive),
        Linear(positive),
        Exponential(beta, target, positive),
        SharedNoise(float(random.uniform(0, 10)), beta, positive),
        Gaussian(),
        SquaredCosine(),
        Scaled(),
    ]
    base = bases[random.choice(7, p=[0.3, 0.15, 0.15, 0.15, 0.1, 0.1, 0.05])]
    if random.random() < 0.3:
        gamma = float(random.choice([0.0, random.uniform(0, 1), random.uniform(0, 4)]))
        return RelevanceWeighted(gamma, base, standardized=bool(random.random() < 0.7))
    return base


class Misbehaving(Kernel):
    """The inner product, spoilt."""

    def __init__(self, name: str, spoil: Callable[[Any, Any, Any], Any]) -> None:
        self.name, self.spoil = name, spoil

    def __repr__(self) -> str:
        return f"Misbehaving({self.name})"

    def __call__(self, x: Any, y: Any) -> Any:
        return self.spoil(x @ y.mT, x, y)


def _with_nan(g: Any, x: Any, y: Any) -> Any:
    g = g.copy()
    g[..., 0, -1] = np.nan
    return g


MISBEHAVING: Final = [
    Misbehaving("complex", lambda g, x, y: g * 1j),
    Misbehaving("a Python float", lambda g, x, y: 1.0),
    Misbehaving("a numpy scalar", lambda g, x, y: np.float64(1.0)),
    Misbehaving("None", lambda g, x, y: None),
    Misbehaving("a list", lambda g, x, y: g.tolist()),
    Misbehaving("text", lambda g, x, y: np.full(g.shape, "a")),
    Misbehaving("objects", lambda g, x, y: g.astype(object)),
    Misbehaving("no batch", lambda g, x, y: g[0]),
    Misbehaving("a column more", lambda g, x, y: np.concatenate([g, g], axis=2)),
    Misbehaving("rows alone", lambda g, x, y: g.sum(axis=-1)),
    Misbehaving("flat", lambda g, x, y: g.ravel()),
    Misbehaving("NaN", _with_nan),
    Misbehaving("infinite", lambda g, x, y: g + np.inf),
    Misbehaving("negative", lambda g, x, y: -g - 1.0),
    Misbehaving("asymmetric", lambda g, x, y: g + 4 * (x.sum(-1)[..., :, None] - y[..., 0:1].mT)),
    Misbehaving("a distance", lambda g, x, y: np.abs(x[..., :1] - y[..., :1].mT)),
    Misbehaving("no prior", lambda g, x, y: g * 0),
]


@dataclass(frozen=True)
class MisbehavingFunction(InnerProductKernel):
    """A function of the inner product that is none."""

    name: str
    function: Callable[[Any], Any]
    normalized = True

    def of_passages(self, g: Any) -> Any:
        return self.function(g)


MISBEHAVING_FUNCTIONS: Final = [
    MisbehavingFunction("complex", lambda g: g * 1j),
    MisbehavingFunction("a number", lambda g: 1.0),
    MisbehavingFunction("None", lambda g: None),
    MisbehavingFunction("NaN", lambda g: g * np.nan),
    MisbehavingFunction("negative", lambda g: -g),
    MisbehavingFunction("another shape", lambda g: g[..., :1]),
    MisbehavingFunction("indefinite", lambda g: 1 - g),
    MisbehavingFunction("text", lambda g: "k"),
]
OF_TENSORS: Final = [
    Misbehaving("complex tensor", lambda g, x, y: g * 1j),
    Misbehaving("a number for tensors", lambda g, x, y: 1.0),
    Misbehaving("a tensor of one", lambda g, x, y: g.sum()),
    Misbehaving("numpy for torch", lambda g, x, y: g.detach().numpy()),
    Misbehaving("None for tensors", lambda g, x, y: None),
    Misbehaving("flat tensor", lambda g, x, y: g.ravel()),
    Misbehaving("infinite tensor", lambda g, x, y: g / 0),
    Misbehaving("negative tensor", lambda g, x, y: -g - 1),
]
