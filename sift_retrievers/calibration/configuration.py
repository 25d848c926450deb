"""`Configuration`: the relevance, kernel, λ′ and objective of a retriever, for `calibrate`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sift_retrievers.kernels import Cosine, Exponential, RelevanceWeighted
from sift_retrievers.retrieval.rules import PHRASES, RetrieverKernel, SelectionRules
from sift_retrievers.witnesses import Scorer, Witnesses

NO_PENALTY: Final = 1e6
"""A λ′ so large that repetition costs nothing: the most relevant passages are selected."""


@dataclass(frozen=True)
class Configuration:
    """The arguments of a retriever that decide which passages it selects."""

    name: str
    """Short, for tables and plots."""
    relevance: str | Witnesses | Scorer | None = None
    """None: the retriever's default, or what suits the kernel."""
    kernel: RetrieverKernel | None = None
    """None: what suits the relevance."""
    lambda_: float | None = None
    """None: what suits the kernel."""
    objective: str | None = None
    """None: what suits the kernel."""

    @property
    def arguments(self) -> dict[str, Any]:
        """For a retriever: `SIFTRetriever(vectorstore, **configuration.arguments)`."""
        given = {
            "relevance": self.relevance,
            "kernel": self.kernel,
            "lambda_": self.lambda_,
            "objective": self.objective,
        }
        return {name: value for name, value in given.items() if value is not None}

    @property
    def rules(self) -> SelectionRules:
        """The rules of a retriever with these arguments."""
        return SelectionRules(**self.arguments)


DEFAULT: Final = Configuration("default")
"""A retriever to which no arguments are given."""
NEAREST: Final = Configuration(
    "similarity search", "vectors", RelevanceWeighted(), NO_PENALTY, "undirected"
)
"""Plain similarity search: the nearest passages, however much they repeat each other."""


def default_configurations() -> tuple[Configuration, ...]:
    """The configurations that `calibrate` tries if it is given none."""
    both = "vectors+words"
    word_weights = (0.25, 0.5, 2.0)
    return (
        DEFAULT,
        NEAREST,
        Configuration("no penalty for repetition", both, PHRASES, NO_PENALTY),
        *(Configuration(f"λ′ = {noise:g}", lambda_=noise) for noise in (0.02, 0.3, 1.0)),
        Configuration("words alone", "words"),
        *(Configuration(f"words × {weight:g}", Witnesses(words=weight)) for weight in word_weights),
        Configuration("vectors alone", "vectors", PHRASES),
        Configuration("version 0.1", "vectors"),
        Configuration(
            "repetition by vectors", both, RelevanceWeighted(0.3, Exponential(4.0)), 0.06
        ),
        Configuration("repetition by cosine", both, RelevanceWeighted(0.3, Cosine()), 0.1),
        Configuration("SIFT as published, λ′ = 1", kernel=Cosine(), lambda_=1.0),
    )
