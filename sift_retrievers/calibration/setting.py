"""`Setting`: relevance, kernel and λ′ of a retriever; those that `calibrate` tries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sift_retrievers.kernels import Cosine, Exponential, RelevanceWeighted
from sift_retrievers.retrieval import PHRASES, RetrieverKernel, SelectionRules
from sift_retrievers.witnesses import Witnesses
from sift_retrievers.witnesses.relevance import NAMED_WITNESSES

NO_PENALTY: Final = 1e6
"""A λ′ at which repetition costs nothing: the most relevant passages are picked."""


@dataclass(frozen=True)
class Setting:
    """What shapes a retriever's picks."""

    name: str
    """Short, for tables and plots."""
    relevance: Witnesses | None = None
    """None: the retrievers' default, or what the kernel leaves."""
    kernel: RetrieverKernel | None = None
    """None: what goes with the relevance."""
    lambda_: float | None = None
    """None: what goes with the kernel."""
    objective: str | None = None

    @property
    def arguments(self) -> dict[str, Any]:
        """For a retriever: `SIFTRetriever(vectorstore, **setting.arguments)`."""
        given = {
            "relevance": self.relevance,
            "kernel": self.kernel,
            "lambda_": self.lambda_,
            "objective": self.objective,
        }
        return {name: value for name, value in given.items() if value is not None}

    @property
    def rules(self) -> SelectionRules:
        """As the core takes them."""
        return SelectionRules(**self.arguments)


DEFAULT: Final = Setting("default")
"""What the retrievers use out of the box."""
NEAREST: Final = Setting(
    "similarity search", NAMED_WITNESSES["vectors"], RelevanceWeighted(), NO_PENALTY, "undirected"
)
"""The nearest passages, whatever they repeat."""


def grid() -> tuple[Setting, ...]:
    """The settings that are tried unless the caller gives others."""
    words, vectors, both = (NAMED_WITNESSES[name] for name in ("words", "vectors", "vectors+words"))
    return (
        DEFAULT,
        NEAREST,
        Setting("no penalty for repetition", both, PHRASES, NO_PENALTY),
        *(Setting(f"λ′ = {noise:g}", lambda_=noise) for noise in (0.02, 0.3, 1.0)),
        Setting("words alone", words),
        *(Setting(f"words × {weight:g}", Witnesses(words=weight)) for weight in (0.25, 0.5, 2.0)),
        Setting("vectors alone", vectors, PHRASES),
        Setting("version 0.1", vectors),
        Setting("repetition by vectors", both, RelevanceWeighted(0.3, Exponential(4.0)), 0.06),
        Setting("repetition by cosine", both, RelevanceWeighted(0.3, Cosine()), 0.1),
        Setting("SIFT as published, λ′ = 1", kernel=Cosine(), lambda_=1.0),
    )
