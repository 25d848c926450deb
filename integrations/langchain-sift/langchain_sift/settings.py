"""What shapes a selection: the fields that `SIFTRetriever` and `SIFTCompressor` share."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from operator import is_, itemgetter
from typing import TYPE_CHECKING, Any, Final, Literal, Self

from langchain_core.documents import Document
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from sift_retrievers.kernels import Kernel, RelevanceWeighted
from sift_retrievers.retrieval import SelectionRules, title_of
from sift_retrievers.retrieval.fine_tuning import checked_tuner
from sift_retrievers.validation import count

if TYPE_CHECKING:
    from torch import device as Device  # noqa: N812

    from sift_retrievers.finetune import TestTimeTuner
else:  # pydantic reads the fields' types, and neither is imported before it is used
    Device = TestTimeTuner = Any

# The fields that are `SelectionRules`.
RULES: Final = (
    "relevance",
    "lambda_",
    "kernel",
    "objective",
    "device",
    "alpha",
    "min_gain",
    "min_novelty",
    "min_chance",
    "max_tokens",
    "token_counter",
    "score_threshold",
)
_RULES_OF: Final = itemgetter(*RULES)


class SelectionSettings(BaseModel):
    """How passages are chosen from the candidates; all but `k` go to `select` as they are."""

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    k: int = 4
    """Passages to return at most; fewer where there are fewer, or a rule below ends earlier."""
    relevance: Any = None
    """Who says how relevant a passage is: "vectors+words" (the default: the cosine and the words
    that question and passage have in common), "vectors" (as version 0.1), "words", a function
    (question, texts) → scores as a further witness, a cross-encoder say, or
    `sift_retrievers.witnesses.Witnesses` with weights."""
    kernel: str | Kernel | RelevanceWeighted | None = None
    """What repetition is. "phrases": in the texts, the default where words are heard. "relevance":
    in the vectors, the default where they are not. Or a kernel of `select` by name or as an
    object; "cosine" is SIFT as published and weighs no relevance."""
    title: Any = None
    """The title of a document, read above its text and as a field of its own: a metadata key,
    several whose values are joined ("title" and "section", say), or a function of the document.
    Default: the first of the usual keys ("title", "heading", …) that is there."""
    lambda_: float | None = None
    """λ′, the noise of the surrogate: small values punish repetition hard, large ones tend to the
    most relevant passages. None: what suits the kernel (`sift_retrievers.retrieval`)."""
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

    _resolved: tuple[tuple[Any, ...], SelectionRules] | None = PrivateAttr(default=None)

    @field_validator("k", "max_tokens", mode="before")
    @classmethod
    def _whole(cls, size: Any, info: ValidationInfo) -> int | None:
        return (
            None if size is None and info.field_name != "k" else count(size, str(info.field_name))
        )

    @field_validator("fine_tune")
    @classmethod
    def _tuner(cls, given: Any) -> Any:
        return checked_tuner(given)

    @model_validator(mode="after")
    def _make_sense(self) -> Self:
        try:
            self.rules()
            title_of(self.title)
        except TypeError as error:  # pydantic reports a ValueError beside the other faults
            raise ValueError(str(error)) from error
        return self

    def rules(self) -> SelectionRules:
        """The settings as the core takes them.

        Raises:
            ValueError: for a value that makes no sense, or values that do not go together.
        """
        given = _RULES_OF(self.__dict__)
        kept = self._resolved
        # Resolved once, and again where a field was assigned.
        if kept is None or not all(map(is_, kept[0], given)):
            kept = (given, SelectionRules(**dict(zip(RULES, given, strict=True))))
            self._resolved = kept
        return kept[1]

    def parent(self) -> Callable[[Document], Any] | None:
        """What names a document's parent."""
        by = self.distinct_by
        return (lambda document: document.metadata.get(by)) if isinstance(by, str) else by

    def titles(self) -> Callable[[Document], str | None]:
        """What gives a document's title, if it has one."""
        found = title_of(self.title)
        return lambda document: found(document, document.metadata)

    def shown(self) -> dict[str, Any]:
        """What an explanation shows of the settings, with what was filled in."""
        hidden = {"device", "token_counter", "fine_tune"}
        rules = self.rules()
        filled = {name: getattr(rules, name) for name in ("kernel", "lambda_", "objective")}
        filled["relevance"] = rules.witnesses
        return {
            name: filled.get(name, getattr(self, name))
            for name in SelectionSettings.model_fields
            if name not in hidden
        }
