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
    """How passages are chosen from the candidates, and what is done with the chosen ones.

    Fields that `sift_retrievers.retrieval.SelectionRules` has, too, are passed on to it. It chooses
    the values of those that are None.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    k: Annotated[int, BeforeValidator(partial(count, name="k"))] = 4
    """The most passages to return. The rules below, or a small store, may lead to fewer."""
    relevance: Any = None
    """What decides how relevant a passage is: "vectors+words" (the default: the cosine, and the
    words that question and passage have in common), "vectors", "words", a function
    (question, texts) → scores that is used in addition, such as a cross-encoder, or
    `sift_retrievers.witnesses.Witnesses` with weights."""
    kernel: str | Kernel | None = None
    """What counts as repetition: "phrases" (in the texts; the default if words are compared),
    "relevance" (in the vectors; the default otherwise), or a kernel of `select` by name or as an
    object. "cosine" is SIFT as published; it does not weigh passages by their relevance."""
    title: Any = None
    """The title of a document: a metadata key, several keys whose values are joined ("title" and
    "section", for example), or a function of the document. Its words are compared with the question
    on their own and together with the text. Default: the first of the usual keys ("title",
    "heading", …) that the document has."""
    lambda_: float | None = None
    """λ′, the variance of the observation noise. Small values punish repetition hard, large ones
    lead to the most relevant passages. None: what the kernel suggests."""
    objective: Literal["variance", "entropy", "undirected"] | None = None
    """What a pick is to reduce; see `sift_retrievers.select`. None: "undirected" for the kernels
    "phrases" and "relevance", which weigh passages by their relevance, else "variance"."""
    device: str | Device | None = None
    """The device to select on, such as "cuda"; default: the CPU."""

    alpha: float | None = None
    """Stop by the α rule of adaptive SIFT (`sift_retrievers.selection.stopping.alpha_length`)."""
    min_gain: float | None = None
    """Stop before the first passage that adds fewer nats; that may be the very first."""
    min_novelty: float | None = None
    """Pass over passages of which a smaller share is new, 0…1."""
    min_chance: float | None = None
    """Return nothing if the estimated chance that the evidence is in the store is smaller, 0…1. The
    estimate uses the vectors and words of all candidates, and no other witness."""
    max_tokens: Annotated[int | None, BeforeValidator(_max_tokens)] = None
    """The most tokens of all passages together. A passage that is too long is passed over."""
    token_counter: Callable[[str], int] | None = None
    """Counts the tokens of a text, for `max_tokens`. It is called for every candidate."""
    score_threshold: float | None = None
    """Passages whose cosine to the query (with several targets, to the nearest) is smaller are not
    candidates. The cosine is computed from the vectors; the score of the store is not used."""
    distinct_by: str | Callable[[Document], Hashable] | None = None
    """Return no two passages of one parent. The parent is named by a metadata key ("source"), or by
    a function of the document. A passage without that key is its own parent."""

    timeout: Annotated[float | None, BeforeValidator(checked_timeout)] = None
    """Seconds that a call may take, without the training of `fine_tune`; None: no limit. With a
    limit, models, stores and functions such as `relevance` and `targets` are called in threads of
    their own. A call that is too late is not ended: its thread goes on, and nobody waits for it. In
    a batch the common embedding has this time, and then each query. (The `timeout` of a store's own
    search goes into `search_kwargs`.)"""
    annotate: bool = True
    """Whether to write the numbers of each pick into the metadata of the returned document:
    `metadata["sift"]`, a dict, and `metadata["relevance_score"]`. Stores that take no nested
    metadata, such as Chroma, refuse to add such documents. With False the metadata stay as the
    store has them."""
    trace_content: bool = True
    """Whether traces (child runs in callbacks, spans of OpenTelemetry) may record the texts of
    queries and candidates. The environment may forbid it as well, see
    `sift_retrievers.retrieval.traces.records_texts`. LangChain's own runs are not affected."""
    fine_tune: Annotated[TestTimeTuner | None, AfterValidator(checked_tuner)] = Field(
        default=None, exclude=True
    )
    """Trains the model of the chain on what was retrieved, for this request only, before the model
    is called. The chain must be wrapped by `langchain_sift.finetune.wrap(tuner, chain)`; outside of
    a request of the tuner, retrieving is an error. The passages to train on are chosen from the
    same candidates by a second selection, with replacement, as in the paper. The returned documents
    do not depend on it."""

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
        """The fields as `SelectionRules`.

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
"""The fields that `SelectionRules` has, too. Each of them can be given for a single call."""
ORDER: Final = sorted(RULES)
_IN_ORDER: Final = itemgetter(*ORDER)
KEPT: Final = 8
"""How many `SelectionRules` a retriever keeps, those used last."""
