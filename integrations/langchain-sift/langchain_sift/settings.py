"""What shapes a selection: the fields that `SIFTRetriever` and `SIFTCompressor` share."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Literal, Self

import torch
from langchain_core.documents import Document
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SkipValidation,
    ValidationInfo,
    field_validator,
    model_validator,
)

from sift_retrievers import Kernel, RelevanceWeighted
from sift_retrievers.finetune import TestTimeTuner
from sift_retrievers.retrieval import (
    DEFAULT_KERNEL,
    SelectionRules,
    default_lambda,
    default_objective,
)
from sift_retrievers.validation import count


class FittingNoise(float):
    """A λ′ that goes with the kernel, where nobody gave one.

    Frameworks make new retrievers from all fields of old ones (`configurable_fields`): what was
    filled in must be told from what was given.
    """


class FittingObjective(str):
    """An objective that goes with the kernel, where nobody gave one."""


def _fits(value: Any) -> Any:
    """The value if somebody gave it, else None."""
    return None if isinstance(value, FittingNoise | FittingObjective) else value


class SelectionSettings(BaseModel):
    """How passages are chosen from the candidates; all but `k` go to `select` as they are."""

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    k: int = 4
    """Passages to return at most; fewer where there are fewer, or a rule below ends earlier."""
    lambda_: SkipValidation[float] = None  # type: ignore[assignment]  # filled in below
    """λ′, the noise of the surrogate: small values punish redundancy hard, large ones tend to the
    nearest neighbours. Default: what suits the kernel (`sift_retrievers.retrieval`)."""
    kernel: str | Kernel | RelevanceWeighted = DEFAULT_KERNEL
    """What "similar" means: a name or a kernel object of `sift_retrievers`. "cosine" is the kernel
    of SIFT as published."""
    objective: SkipValidation[Literal["variance", "entropy", "undirected"]] = None  # type: ignore[assignment]
    """What a pick is to do; see `sift_retrievers.select`. Default: "undirected" for the kernel
    "relevance", which weighs the passages by their relevance, else "variance"."""
    device: str | torch.device | None = None
    """Where to select, "cuda" say; default: the CPU."""

    alpha: float | None = None
    """Stop by the α rule of adaptive SIFT (`sift_retrievers.stopping.alpha_length`)."""
    min_gain: float | None = None
    """Stop before the first passage that adds fewer nats; possibly before the first."""
    max_tokens: int | None = None
    """All passages together have at most that many tokens; one that is too long is passed over."""
    token_counter: Callable[[str], int] | None = None
    """Tokens of a text, for `max_tokens`; called for every candidate."""
    score_threshold: float | None = None
    """Passages whose cosine to the query (of several targets, to the nearest) is smaller are not
    candidates. Computed from the vectors, whatever score the store has."""
    distinct_by: str | Callable[[Document], Hashable] | None = None
    """No two passages of one parent: the metadata key that names the parent ("source"), or a
    callable. A passage without that key is its own parent."""
    fine_tune: TestTimeTuner | None = Field(default=None, exclude=True)
    """Trains the chain's model on what was retrieved, before the model is called, for this request
    alone. Goes with `langchain_sift.finetune.wrap(tuner, chain)`; outside of a request of the tuner
    a retrieval is then an error. The passages to train on are chosen from the same candidates once
    more, with replacement, as the paper does; what is returned does not depend on it."""

    @model_validator(mode="before")
    @classmethod
    def _defaults_of_the_kernel(cls, given: Any) -> Any:
        """λ′ and the objective where they are not given: what goes with the kernel."""
        if not isinstance(given, dict):
            return given
        kernel = given.get("kernel", DEFAULT_KERNEL)
        try:
            noise, objective = default_lambda(kernel), default_objective(kernel)
        except (TypeError, ValueError):  # no kernel: reported with the other faults
            noise, objective = 1.0, "variance"
        filled = dict(given)
        if _fits(given.get("lambda_")) is None:
            filled["lambda_"] = FittingNoise(noise)
        if _fits(given.get("objective")) is None:
            filled["objective"] = FittingObjective(objective)
        return filled

    @field_validator("k", "max_tokens", mode="before")
    @classmethod
    def _whole(cls, size: Any, info: ValidationInfo) -> int | None:
        return (
            None if size is None and info.field_name != "k" else count(size, str(info.field_name))
        )

    @model_validator(mode="after")
    def _make_sense(self) -> Self:
        try:
            self.rules()
        except TypeError as error:  # pydantic reports a ValueError beside the other faults
            raise ValueError(str(error)) from error
        return self

    def rules(self) -> SelectionRules:
        """The settings as the core takes them.

        Raises:
            ValueError: for a value that makes no sense, or values that do not go together.
        """
        return SelectionRules(
            lambda_=_fits(self.lambda_),
            kernel=self.kernel,
            objective=_fits(self.objective),
            device=self.device,
            alpha=self.alpha,
            min_gain=self.min_gain,
            max_tokens=self.max_tokens,
            token_counter=self.token_counter,
            score_threshold=self.score_threshold,
        )

    def parent(self) -> Callable[[Document], Any] | None:
        """What names a document's parent."""
        by = self.distinct_by
        return (lambda document: document.metadata.get(by)) if isinstance(by, str) else by

    def shown(self) -> dict[str, Any]:
        """What an explanation shows of the settings."""
        names = SelectionSettings.model_fields.keys() - {"device", "token_counter", "fine_tune"}
        return {
            name: getattr(self, name) for name in SelectionSettings.model_fields if name in names
        }
