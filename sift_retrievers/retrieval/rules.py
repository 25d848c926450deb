"""`SelectionRules`: what shapes a retriever's choice, checked once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from sift_retrievers.kernels import (
    KERNELS,
    Exponential,
    Kernel,
    RelevanceWeighted,
    SharedNoise,
    resolve_kernel,
)
from sift_retrievers.selection import Objective
from sift_retrievers.validation import chance, count, is_cpu, positive, torch_device
from sift_retrievers.witnesses import Witnesses
from sift_retrievers.witnesses.relevance import NAMED_WITNESSES, as_witnesses

if TYPE_CHECKING:
    import torch

PHRASES: Final = "phrases"
"""The kernel that sees repetition in the texts: `sift_retrievers.witnesses.phrase_coverage`."""
VECTORS: Final = "relevance"
"""The kernel in its place where no texts are read."""
DEFAULT_RELEVANCE: Final = "vectors+words"

RetrieverKernel: TypeAlias = str | Kernel | RelevanceWeighted

# λ′ that suits a kernel for retrieval; 3 any other.
FITTING: Final = ((SharedNoise, 20.0), (RelevanceWeighted, 0.2), (Exponential, 1.0))


def checked_kernel(kernel: RetrieverKernel) -> RetrieverKernel:
    """The name "phrases", or what `resolve_kernel` makes of it.

    Raises:
        ValueError, TypeError: for what is no kernel.
    """
    if isinstance(kernel, str) and kernel == PHRASES:
        return kernel
    if isinstance(kernel, str) and kernel not in KERNELS:
        raise ValueError(f"kernel must be one of {[PHRASES, *KERNELS]}; got {kernel!r}")
    return resolve_kernel(kernel)


def weighs_relevance(kernel: RetrieverKernel) -> bool:
    """Whether a kernel takes the relevance from the witnesses."""
    return isinstance(checked_kernel(kernel), str | RelevanceWeighted)


def default_lambda(kernel: RetrieverKernel) -> float:
    """λ′ of the retrievers for a kernel, where the caller names none."""
    resolved = checked_kernel(kernel)
    if isinstance(resolved, str):
        return 0.1
    for kind, noise in FITTING:
        if isinstance(resolved, kind):
            return noise
    return 3.0


def default_objective(kernel: RetrieverKernel) -> str:
    """The objective of the retrievers for a kernel, where the caller names none.

    Weighted by relevance, the passages' own information; else, the query's.
    """
    return str(Objective.UNDIRECTED if weighs_relevance(kernel) else Objective.VARIANCE)


@dataclass(frozen=True)
class SelectionRules:
    """How passages are chosen from the candidates.

    What is None is filled in: the kernel follows the relevance, λ′ and the objective the kernel.

    Raises:
        ValueError: for a value that makes no sense, or values that do not go together.
        TypeError: for a kernel or a relevance that is none.
        ImportError: for a device other than the CPU without torch.
    """

    relevance: Any = None
    """Who says how relevant a passage is: "vectors+words" (the default), "vectors", "words", a
    function (question, texts) → scores as a further witness, or `Witnesses(…)` with weights."""
    kernel: RetrieverKernel | None = None
    """What repetition is: "phrases" (in the texts; the default where words are heard), "relevance"
    (in the vectors; the default where not), or a kernel of `select`."""
    lambda_: float | None = None
    """λ′, the noise of the surrogate; None: `default_lambda`."""
    objective: str | None = None
    """None: `default_objective`."""
    device: str | torch.device | None = None
    """Where to select; default: the CPU."""
    alpha: float | None = None
    """Stop by the α rule of adaptive SIFT."""
    min_gain: float | None = None
    """Stop before the first passage that adds fewer nats."""
    min_novelty: float | None = None
    """Pass over passages of which a smaller share is new; 0…1."""
    min_chance: float | None = None
    """Choose nothing where the chance that the evidence is there at all is smaller; 0…1."""
    max_tokens: int | None = None
    """All passages together have at most that many tokens."""
    token_counter: Callable[[str], int] | None = None
    """Tokens of a text, for `max_tokens`."""
    replacement: bool = False
    """Whether a passage may be chosen again: each time a further gradient step."""
    score_threshold: float | None = None
    """Passages whose cosine to all targets is smaller are not candidates."""

    def __post_init__(self) -> None:
        kernel = self.kernel
        if self.relevance is not None:
            witnesses = as_witnesses(self.relevance)
            if kernel is None:
                kernel = PHRASES if witnesses.words > 0 and self._may_cover else VECTORS
            elif (witnesses.words or witnesses.scorer) and not weighs_relevance(kernel):
                raise ValueError(
                    f"relevance= goes with kernel={PHRASES!r}, {VECTORS!r} or "
                    f"RelevanceWeighted(…), which weigh passages by it; got kernel={kernel!r}"
                )
        else:
            if kernel is None:
                kernel = PHRASES if self._may_cover else VECTORS
            weighs = weighs_relevance(kernel)
            witnesses = NAMED_WITNESSES[DEFAULT_RELEVANCE] if weighs else NAMED_WITNESSES["vectors"]
        kernel = checked_kernel(kernel)
        object.__setattr__(self, "relevance", witnesses)
        object.__setattr__(self, "kernel", kernel)
        if self.lambda_ is None:
            object.__setattr__(self, "lambda_", default_lambda(kernel))
        if self.objective is None:
            object.__setattr__(self, "objective", default_objective(kernel))
        self._check(kernel)

    @property
    def _may_cover(self) -> bool:
        """Whether the other rules go together with the kernel "phrases"."""
        return self.objective in (None, Objective.UNDIRECTED) and not self.replacement

    def _check(self, kernel: RetrieverKernel) -> None:
        positive(self.lambda_, "lambda_")
        if self.objective not in tuple(Objective):
            raise ValueError(
                f"objective must be one of {[*map(str, Objective)]}; got {self.objective!r}"
            )
        if kernel == PHRASES and self.objective != Objective.UNDIRECTED:
            raise ValueError(
                f'the kernel {PHRASES!r} has the objective "undirected"; got {self.objective!r}'
            )
        if kernel == PHRASES and self.replacement:
            raise ValueError(f"the kernel {PHRASES!r} picks no passage twice; got replacement=True")
        for name in ("alpha", "min_gain"):
            if getattr(self, name) is not None:
                positive(getattr(self, name), name)
        for name in ("min_novelty", "min_chance"):
            if getattr(self, name) is not None:
                chance(getattr(self, name), name)
        if self.replacement and self.min_novelty is not None:
            raise ValueError(
                "min_novelty and replacement do not go together: a passage that is picked again "
                "says nothing new"
            )
        if self.max_tokens is not None:
            count(self.max_tokens, "max_tokens")
        if (self.max_tokens is None) != (self.token_counter is None):
            raise ValueError(
                "max_tokens and token_counter go together; got "
                f"max_tokens={self.max_tokens} and token_counter={self.token_counter}: pass "
                "token_counter with a function that counts a text's tokens"
            )
        threshold = self.score_threshold
        if threshold is not None and not (isinstance(threshold, Real) and -1 <= threshold <= 1):
            raise ValueError(f"a threshold for a cosine lies between -1 and 1; got {threshold!r}")
        if self.device is not None and not is_cpu(self.device):
            torch_device(self.device)

    @property
    def witnesses(self) -> Witnesses:
        """Who is heard."""
        witnesses: Witnesses = self.relevance
        return witnesses

    @property
    def reads_texts(self) -> bool:
        """Whether the texts of all candidates are needed, not those of the chosen alone."""
        judged = self.witnesses.scorer is not None
        return self.kernel == PHRASES or self.witnesses.words > 0 or judged
