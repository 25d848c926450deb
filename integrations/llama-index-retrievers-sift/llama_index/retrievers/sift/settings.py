"""The settings that `SIFTRetriever` and `SIFTRerank` share."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final, Self, TypedDict

import numpy as np
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.bridge.pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_serializer,
    field_validator,
    model_validator,
)
from llama_index.core.schema import NodeWithScore
from llama_index.core.settings import Settings

from llama_index.retrievers.sift.stores import VectorAdapter
from sift_retrievers.kernels import Kernel
from sift_retrievers.retrieval import EmbeddingCache, SelectionRules
from sift_retrievers.retrieval.deadline import checked_timeout
from sift_retrievers.retrieval.fine_tuning import checked_tuner
from sift_retrievers.validation import is_switch
from sift_retrievers.witnesses import Witnesses

if TYPE_CHECKING:
    from torch import device as Device  # noqa: N812

    from sift_retrievers.finetune import TestTimeTuner
else:  # pydantic reads the fields' types, and neither is imported before it is used
    Device = TestTimeTuner = Any

RENAMED: Final = {"alpha": "stop_alpha", "score_threshold": "similarity_cutoff"}
"""Rules of `sift_retrievers` that have another name here. LlamaIndex uses `alpha` for something
else."""

NUMBERS: Final = (
    "lambda_",
    "stop_alpha",
    "min_gain",
    "min_novelty",
    "min_chance",
    "max_tokens",
    "similarity_cutoff",
    "timeout",
)
"""Settings that are numbers."""
INSTEAD: Final = {
    "k": "similarity_top_k",
    "top_k": "similarity_top_k",
    "top_n": "similarity_top_k",
    "fetch_k": "fetch_top_k",
    "embedding": "embed_model",
    "score_threshold": "similarity_cutoff",
    "search_kwargs": "vector_store_kwargs",
    "filter": "filters",
}
"""Names of arguments in other retrievers, and the names that `SIFTRetriever` has for them."""


class SelectionSettings(BaseModel):
    """How nodes are chosen from the candidates, and where their vectors come from.

    Raises:
        ValueError: for a value that makes no sense, or values that do not go together.
        TypeError: for a `kernel` or `relevance` of a wrong type.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    relevance: Any = None
    """What decides how relevant a node is: "vectors+words" (the default: the cosine, and the words
    that question and node have in common), "vectors", "words", a function (question, texts) →
    scores that is used in addition, such as a cross-encoder, or
    `sift_retrievers.witnesses.Witnesses` with weights. A function is not serialised."""
    kernel: str | Kernel | None = None
    """What counts as repetition: "phrases" (in the texts; the default if words are compared),
    "relevance" (in the vectors; the default otherwise), or a kernel of `sift_retrievers.select` by
    name or as an object. "cosine" is SIFT as published; it does not weigh nodes by relevance."""
    title: Any = None
    """The title of a node: a metadata key, several keys whose values are joined ("title" and
    "section", for example), or a function of the node. Its words are compared with the question on
    their own and together with the text. None: the first of the usual keys ("title", "heading", …)
    that the node has."""
    lambda_: float | None = None
    """λ′, the variance of the observation noise. Small values punish repetition hard, large ones
    lead to the most relevant nodes. None: what the kernel suggests."""
    objective: str | None = None
    """What a pick is to reduce; see `sift_retrievers.select`. None: "undirected" for the kernels
    "phrases" and "relevance", which weigh nodes by their relevance, else "variance"."""
    device: str | Device | None = None
    """The device to select on; None: the CPU."""
    stop_alpha: float | None = None
    """Stop by the α rule of adaptive SIFT. (`alpha` is a weight in LlamaIndex's hybrid search.)"""
    min_gain: float | None = None
    """Stop before the first node that adds fewer nats; that may be the very first."""
    min_novelty: float | None = None
    """Pass over nodes of which a smaller share is new, 0…1."""
    min_chance: float | None = None
    """Return nothing if the estimated chance that the evidence is in the store is smaller, 0…1."""
    max_tokens: int | None = None
    """The most tokens of the texts of all nodes together, without their metadata."""
    token_counter: Callable[[str], int] | None = Field(default=None, exclude=True)
    """Counts the tokens of a text; None: `Settings.tokenizer`."""
    similarity_cutoff: float | None = None
    """Nodes whose cosine to the query is smaller are not candidates."""
    distinct_by: str | Callable[[NodeWithScore], Hashable] | None = None
    """Return no two nodes of one parent. The parent is named by a metadata key ("file_name"), by
    "ref_doc_id" (the source document), or by a function of the node. A node without a parent is its
    own."""
    annotate: bool = True
    """Whether to write the numbers of each pick into the metadata of the returned node. They are
    not nested, so every store takes the nodes again, except a LanceDB table, whose columns are
    fixed. The score of a node is that of its pick either way."""
    trace_content: bool = True
    """Whether traces (events and spans of LlamaIndex, spans of OpenTelemetry) may record the texts
    of queries and candidates. The environment may forbid it as well, see
    `sift_retrievers.retrieval.traces.records_texts`. LlamaIndex's own events are not affected."""
    timeout: float | None = None
    """Seconds that a call may take, without the training of `fine_tune`; None: no limit. With a
    limit, models, stores and functions such as `relevance` are called in threads of their own. A
    call that is too late is not ended: its thread goes on, and nobody waits for it."""
    fine_tune: TestTimeTuner | None = Field(default=None, exclude=True)
    """Trains the model of the engine on what was retrieved, for this request only, before it
    answers. The engine must be wrapped by `llama_index.retrievers.sift.finetune.wrap(tuner,
    engine)`. The nodes to train on are chosen from the same candidates by a second selection, with
    replacement, as in the paper."""
    embed_model: BaseEmbedding | None = None
    """Embeds the query, and nodes whose vectors cannot be read. None: the index's model, or
    `Settings.embed_model`."""
    adapter: Any = Field(default=None, exclude=True)
    """Reads the vectors from the store in place of the registered reader; see
    `llama_index.retrievers.sift.stores.VectorAdapter`."""
    embedding_cache: EmbeddingCache = Field(default_factory=EmbeddingCache, exclude=True)
    """Keeps the vectors of nodes that were embedded."""

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, given: Any) -> Any:
        """Convert numpy's scalars to Python's, and make a new cache if None was given."""
        if not isinstance(given, dict):
            return given
        return {
            name: value.item() if isinstance(value, np.generic) else value
            for name, value in given.items()
            if name != "embedding_cache" or value is not None
        }

    @field_validator(*NUMBERS, mode="before")
    @classmethod
    def _no_switch(cls, given: Any, info: ValidationInfo) -> Any:
        if is_switch(given):  # pydantic would take True for 1
            raise ValueError(f"{info.field_name} must be a number; got {given!r}")
        return given

    @field_validator("relevance", mode="before")
    @classmethod
    def _read_weights(cls, given: Any) -> Any:
        """Read the weights that `to_dict` wrote."""
        return Witnesses(**given) if isinstance(given, dict) else given

    @model_validator(mode="after")
    def _make_sense(self) -> Self:
        self.rules()
        checked_timeout(self.timeout)
        checked_tuner(self.fine_tune)
        return self

    @field_serializer("relevance")
    def _written_weights(self, given: Any) -> Any:
        if isinstance(given, Witnesses):
            return {"vectors": given.vectors, "words": given.words, "scores": given.scores}
        return given if isinstance(given, str) else None

    @field_serializer("title", "distinct_by")
    def _written_keys(self, given: Any) -> Any:
        """Write keys; functions cannot be serialised."""
        return None if callable(given) else given

    def rules(self) -> SelectionRules:
        """The settings as `SelectionRules`.

        Raises:
            ValueError: for a value that makes no sense, or values that do not go together.
            TypeError: for a `kernel` or `relevance` of a wrong type.
        """
        counter = self.token_counter
        if self.max_tokens is not None and counter is None:
            counter = settings_tokens
        return SelectionRules(
            relevance=self.relevance,
            kernel=self.kernel,
            title=self.title,
            lambda_=self.lambda_,
            objective=self.objective,
            device=self.device,
            alpha=self.stop_alpha,
            min_gain=self.min_gain,
            min_novelty=self.min_novelty,
            min_chance=self.min_chance,
            max_tokens=self.max_tokens,
            token_counter=counter,
            score_threshold=self.similarity_cutoff,
            distinct_by=source_document if self.distinct_by == "ref_doc_id" else self.distinct_by,
        )

    def shown(self, rules: SelectionRules) -> dict[str, Any]:
        """The settings for an explanation, with the values in force in place of None.

        Args:
            rules: that were applied.
        """
        shown = {RENAMED.get(name, name): value for name, value in rules.settings().items()}
        return shown | {"distinct_by": self.distinct_by}


class SelectionOptions(TypedDict, total=False):
    """The names and types of `SelectionSettings`, for editors and type checkers."""

    relevance: Any
    kernel: str | Kernel | None
    title: Any
    lambda_: float | None
    objective: str | None
    device: str | Device | None
    stop_alpha: float | None
    min_gain: float | None
    min_novelty: float | None
    min_chance: float | None
    max_tokens: int | None
    token_counter: Callable[[str], int] | None
    similarity_cutoff: float | None
    distinct_by: str | Callable[[NodeWithScore], Hashable] | None
    annotate: bool
    trace_content: bool
    timeout: float | None
    fine_tune: TestTimeTuner | None
    embed_model: BaseEmbedding | None
    adapter: VectorAdapter | None
    embedding_cache: EmbeddingCache | None


def settings_of(owner: str, given: Mapping[str, Any]) -> SelectionSettings:
    """Settings from keyword arguments.

    Raises:
        TypeError: for an unknown setting; the message says which one may have been meant.
        ValueError: for a value that makes no sense, or values that do not go together.
    """
    names = [*SelectionSettings.model_fields]
    for name in given:
        if name not in names:
            close = [INSTEAD[name]] if name in INSTEAD else get_close_matches(name, names, n=1)
            raise TypeError(
                f"{owner} takes no argument {name!r}"
                + (f"; did you mean {close[0]!r}?" if close else f"; its settings are {names}")
            )
    try:
        return SelectionSettings(**given)
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise ValueError(
            "; ".join(fault.removeprefix(": Value error, ") for fault in faults)
        ) from None


def settings_tokens(text: str) -> int:
    """Tokens of a text by `Settings.tokenizer`."""
    return len(Settings.tokenizer(text))


def source_document(scored: NodeWithScore) -> str | None:
    """The id of the document of which a node is a part."""
    return scored.node.ref_doc_id
