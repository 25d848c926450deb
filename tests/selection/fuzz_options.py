"""Random keyword arguments of `select`, and what they mean in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
from fuzz_forms import TORCH, in_some_form
from fuzz_kernels import Gaussian, of_any_scale, random_kernel

from sift_retrievers import Kernel, RelevanceWeighted, SharedNoise, acceleration


def prior_of(kernel: Kernel, scale: float) -> float:
    """About the prior variance of a passage."""
    if isinstance(kernel.unweighted, SharedNoise):
        return 1 + kernel.unweighted.error
    return 1.0 if of_any_scale(kernel) or isinstance(kernel.unweighted, Gaussian) else scale**2


class OptionsMaker:
    """What a call is about, its kernel and its keyword arguments; the seed decides all."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        chance = self.random.random
        self.batch, self.m = int(self.random.integers(1, 4)), int(self.random.integers(1, 4))
        self.single = chance() < 0.5
        self.limited = True  # may have costs and groups
        if self.single:
            self.batch = self.m = 1
        self.matrix = self.single and chance() < 0.1
        self.kernel = RelevanceWeighted() if self.matrix else random_kernel(self.random)
        self.objective = str(self.random.choice(["variance", "entropy", "undirected"]))
        if self.matrix:
            self.objective = "undirected"
        self.solver = self._solver()
        self.tensors = self.solver is None or chance() < 0.2
        self.count, self.dim = int(self.random.integers(0, 26)), int(self.random.integers(1, 17))
        if chance() < 0.1:
            self.count = 0
        self.scale = 1.0
        if not of_any_scale(self.kernel):
            self.scale = float(10 ** self.random.uniform(-2, 2))
            if chance() < 0.2:
                self.scale = float(10.0 ** self.random.choice([-30, -18, 16, 30]))
            if isinstance(self.kernel.unweighted, Gaussian):
                self.scale = 1.0
        elif chance() < 0.3:
            self.scale = float(10 ** self.random.uniform(-25, 25))

    def _solver(self) -> str | None:
        if self.matrix or self.random.random() < 0.6:
            return None
        name = str(self.random.choice(["compiled", "numpy", "reference"]))
        kind = type(self.kernel.unweighted).__name__
        if kind in ("Gaussian", "Scaled") and name != "reference":
            return None
        if name == "compiled" and (kind == "SquaredCosine" or acceleration.compiled() is None):
            return None
        return name

    def draw_options(self) -> dict[str, Any]:
        random, chance = self.random, self.random.random
        kernel: Any = self.kernel
        if kernel == RelevanceWeighted() and chance() < 0.5:
            kernel = "relevance"
        options: dict[str, Any] = {"kernel": kernel}
        prior = prior_of(self.kernel, self.scale)
        if prior != 1.0 or chance() < 0.8:
            noise: Any = prior * float(10 ** random.uniform(-3.5, 2))
            if chance() < 0.1:
                noise = prior * float(10.0 ** random.choice([-300, -12, -6, 6, 20, 35]))
            noise = max(noise, 1e-300)
            kinds = [float, np.float64, np.asarray]
            options["lambda_"] = kinds[random.choice(3, p=[0.8, 0.1, 0.1])](noise)
        if self.objective != "variance":
            options["objective"] = self.objective
        if chance() < 0.3:
            options["replacement"] = bool(chance() < 0.8) if chance() < 0.8 else np.bool_(True)
        if chance() < 0.1 and not self.matrix:
            options["device"] = str(random.choice(["cpu", "cpu:0"]))
        if self.solver is not None:
            options["solver"] = self.solver
        if chance() < 0.15:
            options["min_gain"] = float(10 ** random.uniform(-4, 0))
        if chance() < 0.15 and not self.matrix:
            options["alpha"] = float(10 ** random.uniform(-1.5, 0.5))
        return options

    def draw_relevance(self, options: dict[str, Any], size: int) -> Any:
        random = self.random
        if not self.kernel.weighs_relevance or random.random() < 0.4:
            return None
        values = random.normal(size=(self.batch, size))
        if self.kernel.weighting is not None and self.kernel.weighting.standardized:
            power = random.choice([0, 0, 20, -8, 3, -30])
            values = values * 10.0**power + (1e6 * 10.0**power if power == 3 else 0)
        if np.abs(values).max(initial=0.0) < 1e6 and random.random() < 0.4:
            values = values.astype(np.float32).astype(np.float64)
            given: Any = values.astype(np.float32)
        else:
            given = values
        if self.batch == 1 or random.random() < 0.2:
            values, given = np.repeat(values[:1], self.batch, axis=0), given[0]
        options["relevance"] = in_some_form(given, random, tensors=True)
        return values

    def draw_costs(self, options: dict[str, Any], size: int) -> tuple[Any, Any]:
        random, chance = self.random, self.random.random
        free = np.zeros((self.batch, size)), np.full(self.batch, np.inf)
        if not self.limited or chance() < 0.7:
            return free
        tenths = random.integers(0, 9, size=(self.batch, size))
        costs = tenths / 10
        whole = bool(self.batch == 1 or chance() < 0.3)
        if whole:
            costs = np.repeat(costs[:1], self.batch, axis=0)
        options["costs"] = self._tenths(costs[0] if whole else costs)
        if chance() < 0.2:
            return free
        budget = random.integers(0, 31, size=self.batch) / 10
        budget = budget if chance() < 0.8 else np.full(self.batch, budget[0])
        one = (budget == budget[0]).all()
        numbers = [float, np.float32, np.float64, np.asarray, lambda value: [value]]
        options["budget"] = numbers[random.integers(0, 5)](budget[0]) if one else budget
        return costs, budget

    def _tenths(self, costs: Any) -> Any:
        """Costs of 0.1, 0.2 … in any type: those in float16 are meant to be the same."""
        random = self.random
        if random.random() < 0.4:
            return in_some_form(costs, random, tensors=True)
        kind = [np.float32, np.float16][random.integers(0, 2)]
        given = costs.astype(kind)
        if not TORCH or random.random() < 0.5:
            return given
        import torch

        tensor = torch.from_numpy(given)
        return tensor.bfloat16() if random.random() < 0.5 else tensor

    def draw_groups(self, options: dict[str, Any], size: int) -> Any:
        random = self.random
        apart = np.arange(size)[None].repeat(self.batch, axis=0)
        if not self.limited or options.get("replacement", False) or random.random() < 0.75:
            return [[None] * size for _ in apart]
        groups = random.integers(-3, 5, size=(self.batch, size))
        kind = random.choice(np.array([np.int64, np.int8, np.int32], dtype=object))
        given = groups.astype(kind)
        options["groups"] = given if random.random() < 0.7 or not size else given.tolist()
        return groups.tolist()
