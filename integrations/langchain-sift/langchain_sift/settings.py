"""The fields that `SIFTRetriever` and `SIFTCompressor` share."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import fields
from functools import partial
from operator import is_, itemgetter
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self

from langchain_core.documents import Document
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from langchain_sift.as_retriever import advice
from sift_retrievers.kernels import Kernel
from sift_retrievers.retrieval import SelectionRules
from sift_retrievers.retrieval.deadline import checked_timeout
from sift_retrievers.retrieval.fine_tuning import checked_tuner
from sift_retrievers.validation import count, is_switch

if TYPE_CHECKING:
    from torch import device as Device  # noqa: N812

    from sift_retrievers.finetune import TestTimeTuner
else:  # pydantic reads the fields' types, and neither is imported before it is used
    Device = TestTimeTuner = Any


NUMBERS: Final = (
    "lambda_",
    "alpha",
    "min_gain",
    "min_novelty",
    "min_chance",
    "score_threshold",
)
"""Rules that are numbers."""


def _max_tokens(size: Any) -> int | None:
    return None if size is None else count(size, "max_tokens")


class SelectionSettings(BaseModel):
    """How passages are chosen from the candidates, and what is done with them.

    Each field of the name of one of `SelectionRules` is that rule; None leaves the decision to it.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    k: Annotated[int, BeforeValidator(partial(count, name="k"))] = 4
    """Passages to return at most; fewer where there are fewer, or a rule below ends earlier."""
    relevance: Any = None
    """Who says how relevant a passage is: "vectors+words" (the default: the cosine and the words
    that question and passage have in common), "vectors" (as version 0.1), "words", a function
    (question, texts) → scores as a further witness, a cross-encoder say, or
    `sift_retrievers.witnesses.Witnesses` with weights."""
    kernel: str | Kernel | None = None
    """What repetition is. "phrases": in the texts, the default where words are heard. "relevance":
    in the vectors, the default where they are not. Or a kernel of `select` by name or as an
    object; "cosine" is SIFT as published and weighs no relevance."""
    title: Any = None
    """The title of a document, read above its text and as a field of its own: a metadata key,
    several whose values are joined ("title" and "section", say), or a function of the document.
    Default: the first of the usual keys ("title", "heading", …) that is there."""
    lambda_: float | None = None
    """λ′, the noise of the surrogate: small values punish repetition hard, large ones tend to the
    most relevant passages. None: what the kernel suggests."""
    objective: Literal["variance", "entropy", "undirected"] | None = None
    """What a pick is to do; see `sift_retrievers.select`. None: "undirected" for the kernels
    "phrases" and "relevance", which weigh passages by their relevance, else "variance"."""
    device: str | Device | None = None
    """Where to select, "cuda" say; default: the CPU."""

    alpha: float | None = None
    """Stop by the α rule of adaptive SIFT (`sift_retrievers.selection.stopping.alpha_length`)."""
    min_gain: float | None = None
    """Stop before the first passage that adds fewer nats; possibly before the first."""
    min_novelty: float | None = None
    """Pass over passages of which a smaller share is new, 0…1: no copies to fill up k."""
    min_chance: float | None = None
    """Return nothing where the chance that the evidence is there at all is smaller, 0…1. The chance
    is judged by vectors and words of all candidates, whatever other witnesses say."""
    max_tokens: Annotated[int | None, BeforeValidator(_max_tokens)] = None
    """All passages together have at most that many tokens; one that is too long is passed over."""
    token_counter: Callable[[str], int] | None = None
    """Tokens of a text, for `max_tokens`; called for every candidate."""
    score_threshold: float | None = None
    """Passages whose cosine to the query (of several targets, to the nearest) is smaller are not
    candidates. Computed from the vectors, whatever score the store has."""
    distinct_by: str | Callable[[Document], Hashable] | None = None
    """No two passages of one parent: the metadata key that names the parent ("source"), or a
    callable. A passage without that key is its own parent."""

    timeout: Annotated[float | None, BeforeValidator(checked_timeout)] = None
    """Seconds that a call may take, without the training of `fine_tune`; None: no limit. With a
    limit, models, stores and functions such as `relevance` and `targets` are called in threads of
    their own. A call that is too late is not ended: its thread goes on, and nobody waits for it. A
    batch has this time for all of its queries together. (The `timeout` of a store's own search goes
    into `search_kwargs`.)"""
    annotate: bool = True
    """Whether the copies say what each pick added: `metadata["sift"]`, a dict, and
    `metadata["relevance_score"]`. Stores that take no nested metadata, Chroma say, refuse to add
    such documents; with False the metadata is as the store has it."""
    fine_tune: Annotated[TestTimeTuner | None, AfterValidator(checked_tuner)] = Field(
        default=None, exclude=True
    )
    """Trains the chain's model on what was retrieved, before the model is called, for this request
    alone. Goes with `langchain_sift.finetune.wrap(tuner, chain)`; outside of a request of the tuner
    a retrieval is then an error. The passages to train on are chosen from the same candidates once
    more, with replacement, as the paper does; what is returned does not depend on it."""

    _resolved: tuple[tuple[tuple[Any, ...], SelectionRules], ...] = PrivateAttr(default=())

    @model_validator(mode="before")
    @classmethod
    def _of_as_retriever(cls, given: Any) -> Any:
        advised = advice(given) if isinstance(given, dict) else []
        if advised:
            raise ValueError("; ".join(advised))
        return given

    @field_validator(*NUMBERS, mode="before")
    @classmethod
    def _no_switch(cls, given: Any, info: ValidationInfo) -> Any:
        if is_switch(given):  # pydantic would take True for 1
            raise ValueError(f"{info.field_name} must be a number; got {given!r}")
        return given

    @model_validator(mode="after")
    def _make_sense(self) -> Self:
        try:
            self.rules()
        except TypeError as error:  # pydantic reports a ValueError beside the other faults
            raise ValueError(str(error)) from error
        return self

    def rules(self, **changed: Any) -> SelectionRules:
        """The fields as the core takes them.

        Args:
            **changed: rules by name, in place of the fields.

        Raises:
            ValueError, TypeError: for a value that makes no sense, or values that do not go
                together.
        """
        given = _IN_ORDER(self.__dict__ | changed if changed else self.__dict__)
        for known, rules in self._resolved:
            if all(map(is_, known, given)):
                return rules
        rules = SelectionRules(**dict(zip(ORDER, given, strict=True)))
        self._resolved = ((given, rules), *self._resolved[: KEPT - 1])
        return rules


RULES: Final = frozenset(
    one.name for one in fields(SelectionRules) if one.name in SelectionSettings.model_fields
)
"""The fields that are `SelectionRules`; all may change from call to call."""
ORDER: Final = sorted(RULES)
_IN_ORDER: Final = itemgetter(*ORDER)
KEPT: Final = 8
"""Combinations of rules whose `SelectionRules` are kept."""
