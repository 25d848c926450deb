"""What shapes a selection: the fields that `SIFTRetriever` and `SIFTCompressor` share."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import torch
from langchain_core.documents import Document
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from sift_retrievers import Kernel, RelevanceWeighted
from sift_retrievers.kernels import KernelLike, resolve_kernel
from sift_retrievers.selection import SelectOptions
from sift_retrievers.validation import count, positive, torch_device


class SelectionSettings(BaseModel):
    """How passages are chosen from the candidates; all but `k` go to `select` as they are."""

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    k: int = 4
    """Passages to return at most; fewer where there are fewer, or a rule below ends earlier."""
    lambda_: float = Field(default=3.0, gt=0, allow_inf_nan=False)
    """λ′, the noise of the surrogate: small values punish redundancy hard, large ones tend to the
    nearest neighbours."""
    kernel: str | Kernel | RelevanceWeighted = "cosine"
    """What "similar" means: a name or a kernel object of `sift_retrievers`."""
    objective: Literal["variance", "entropy", "undirected"] = "variance"
    """What a pick is to do; see `sift_retrievers.select`."""
    device: str | torch.device | None = None
    """Where to select, "cuda" say; default: the CPU."""

    alpha: float | None = None
    """Stop by the α rule of adaptive SIFT (`sift_retrievers.stopping.alpha_length`)."""
    min_gain: float | None = None
    """Stop before the first passage that adds fewer nats; possibly before the first."""
    max_tokens: int | None = None
    """All passages together have at most that many tokens; one that is too long is passed over."""
    token_counter: Callable[[str], int] | None = None
    """Tokens of a text, for `max_tokens`: `model.get_num_tokens`, say."""
    score_threshold: float | None = Field(default=None, ge=-1, le=1)
    """Passages whose cosine to the query (of several targets, to the nearest) is smaller are not
    candidates. Computed from the vectors, whatever score the store has."""
    distinct_by: str | Callable[[Document], Hashable] | None = None
    """No two passages of one parent: the metadata key that names the parent ("source"), or a
    callable. A passage without that key is its own parent."""

    @field_validator("k", mode="before")
    @classmethod
    def _whole(cls, size: Any, info: ValidationInfo) -> int:
        return count(size, str(info.field_name))

    @field_validator("max_tokens", mode="before")
    @classmethod
    def _whole_or_none(cls, size: Any, info: ValidationInfo) -> int | None:
        return None if size is None else count(size, str(info.field_name))

    @field_validator("alpha", "min_gain")
    @classmethod
    def _positive(cls, value: float | None, info: ValidationInfo) -> float | None:
        return None if value is None else positive(value, str(info.field_name))

    @field_validator("device")
    @classmethod
    def _device_exists(cls, device: str | torch.device | None) -> str | torch.device | None:
        if device is not None:
            try:
                torch_device(device)
            except RuntimeError as error:  # torch's own word for a name that it does not know
                raise ValueError(f"device must be one that torch has: {error}") from error
        return device

    @field_validator("kernel")
    @classmethod
    def _kernel_exists(cls, kernel: KernelLike) -> KernelLike:
        resolve_kernel(kernel)
        return kernel

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        if (self.max_tokens is None) != (self.token_counter is None):
            raise ValueError(
                "max_tokens and token_counter go together; got "
                f"max_tokens={self.max_tokens} and token_counter={self.token_counter}: pass "
                "token_counter=model.get_num_tokens, or a function that counts a text's tokens"
            )
        if self.alpha is not None and self.objective == "undirected":
            raise ValueError('alpha looks at the uncertainty, which "undirected" does not have')
        return self

    def select_options(
        self, documents: Callable[[], Sequence[Document]], relevance: npt.ArrayLike | None = None
    ) -> SelectOptions:
        """The options of `select` for candidates whose documents are built only if needed."""
        options = SelectOptions(
            kernel=self.kernel,
            lambda_=self.lambda_,
            objective=self.objective,
            alpha=self.alpha,
            min_gain=self.min_gain,
            device=self.device,
        )
        if relevance is not None:
            options["relevance"] = np.asarray(relevance)
        if self.max_tokens is not None and self.token_counter is not None:
            counts = [self.token_counter(document.page_content) for document in documents()]
            options["costs"] = np.asarray(counts, dtype=np.float64)
            options["budget"] = float(self.max_tokens)
        return options

    def parents(self, documents: Callable[[], Sequence[Document]]) -> list[Hashable] | None:
        """The parent of every candidate, or None if they may share one."""
        by = self.distinct_by
        if by is None:
            return None
        if not callable(by):
            key = by
            return [_hashable(document.metadata.get(key)) for document in documents()]
        return [_hashable(by(document)) for document in documents()]


def _hashable(parent: Any) -> Hashable:
    try:
        hash(parent)
    except TypeError:
        return repr(parent)
    return parent  # type: ignore[no-any-return]
