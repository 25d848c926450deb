"""`SelectionRules`: what shapes a retriever's choice, checked once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from sift_retrievers.backends.problem import Objective
from sift_retrievers.kernels import (
    Exponential,
    KernelLike,
    RelevanceWeighted,
    SharedNoise,
    resolve_kernel,
)
from sift_retrievers.selection import SelectOptions
from sift_retrievers.validation import count, positive, torch_device

DEFAULT_KERNEL: Final = "relevance"
"""Of the retrievers; chosen on six corpora, see benchmarks/retrieval."""


# λ′ that suits a kernel for retrieval; 3 any other.
FITTING: Final = ((SharedNoise, 20.0), (RelevanceWeighted, 0.2), (Exponential, 1.0))


def default_lambda(kernel: KernelLike) -> float:
    """λ′ of the retrievers for a kernel, where the caller names none."""
    resolved = resolve_kernel(kernel)
    for kind, noise in FITTING:
        if isinstance(resolved, kind):
            return noise
    return 3.0


def default_objective(kernel: KernelLike) -> str:
    """The objective of the retrievers for a kernel, where the caller names none.

    Weighted by relevance, the passages' own information; else, the query's.
    """
    weighted = isinstance(resolve_kernel(kernel), RelevanceWeighted)
    return str(Objective.UNDIRECTED if weighted else Objective.VARIANCE)


@dataclass(frozen=True)
class SelectionRules:
    """How passages are chosen from the candidates; all go to `select` as they are.

    λ′ and the objective depend on the kernel where they are not given.

    Raises:
        ValueError: for a value that makes no sense, or values that do not go together.
        TypeError: for a kernel that is none.
    """

    lambda_: float | None = None
    """λ′, the noise of the surrogate; None: `default_lambda`."""
    kernel: KernelLike = DEFAULT_KERNEL
    objective: str | None = None
    """None: `default_objective`."""
    device: str | torch.device | None = None
    """Where to select; default: the CPU."""
    alpha: float | None = None
    """Stop by the α rule of adaptive SIFT."""
    min_gain: float | None = None
    """Stop before the first passage that adds fewer nats."""
    max_tokens: int | None = None
    """All passages together have at most that many tokens."""
    token_counter: Callable[[str], int] | None = None
    """Tokens of a text, for `max_tokens`."""
    replacement: bool = False
    """Whether a passage may be chosen again: each time a further gradient step."""
    score_threshold: float | None = None
    """Passages whose cosine to all targets is smaller are not candidates."""

    def __post_init__(self) -> None:
        kernel = resolve_kernel(self.kernel)
        if self.lambda_ is None:
            object.__setattr__(self, "lambda_", default_lambda(kernel))
        if self.objective is None:
            object.__setattr__(self, "objective", default_objective(kernel))
        positive(self.lambda_, "lambda_")
        if self.objective not in tuple(Objective):
            raise ValueError(
                f"objective must be one of {[*map(str, Objective)]}; got {self.objective!r}"
            )
        for name in ("alpha", "min_gain"):
            if getattr(self, name) is not None:
                positive(getattr(self, name), name)
        if self.max_tokens is not None:
            count(self.max_tokens, "max_tokens")
        if (self.max_tokens is None) != (self.token_counter is None):
            raise ValueError(
                "max_tokens and token_counter go together; got "
                f"max_tokens={self.max_tokens} and token_counter={self.token_counter}: pass "
                "token_counter with a function that counts a text's tokens"
            )
        threshold = self.score_threshold
        if threshold is not None and not -1 <= threshold <= 1:
            raise ValueError(f"a threshold for a cosine lies between -1 and 1; got {threshold!r}")
        if self.device is not None:
            try:
                torch_device(self.device)
            except RuntimeError as error:  # torch's own word for a name that it does not know
                raise ValueError(f"device must be one that torch has: {error}") from error

    def select_options(
        self, texts: Callable[[], Sequence[str]], relevance: npt.ArrayLike | None = None
    ) -> SelectOptions:
        """The options of `select`, for n candidates.

        Args:
            texts: gives the n texts; called only if they are counted.
            relevance: `[n]` from somebody else than the embedding.
        """
        assert self.lambda_ is not None  # filled in when this was made
        assert self.objective is not None
        options = SelectOptions(
            kernel=self.kernel,
            lambda_=self.lambda_,
            objective=self.objective,
            replacement=self.replacement,
            alpha=self.alpha,
            min_gain=self.min_gain,
            device=self.device,
        )
        if relevance is not None:
            options["relevance"] = np.asarray(relevance)
        if self.max_tokens is not None and self.token_counter is not None:
            counts = [self.token_counter(text) for text in texts()]
            options["costs"] = np.asarray(counts, dtype=np.float64)
            options["budget"] = float(self.max_tokens)
        return options
