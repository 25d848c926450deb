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
"""Rules of `sift_retrievers` that have another name here: LlamaIndex has an `alpha` of its own."""

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
"""Names that other retrievers have for an argument of `SIFTRetriever`."""


class SelectionSettings(BaseModel):
    """How nodes are chosen from the candidates, and where their vectors come from.

    Raises:
        ValueError: for a value that makes no sense, or values that do not go together.
        TypeError: for a kernel or relevance that is none.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    relevance: Any = None
    """Who says how relevant a node is: "vectors+words" (the default: the cosine and the words that
    question and node have in common), "vectors", "words", a function (question, texts) → scores as
    a further witness, a cross-encoder say, or `sift_retrievers.witnesses.Witnesses` with weights.
    A function is not written down with the other settings."""
    kernel: str | Kernel | None = None
    """What repetition is. "phrases": in the texts, the default where words are heard. "relevance":
    in the vectors, the default where they are not. Or a kernel of `sift_retrievers.select` by name
    or as an object; "cosine" is SIFT as published and weighs no relevance."""
    title: Any = None
    """The title of a node, read above its text and as a field of its own: a metadata key, several
    whose values are joined ("title" and "section", say), or a function of the node. None: the
    first of the usual keys ("title", "heading", …) that is there."""
    lambda_: float | None = None
    """λ′, the noise of the surrogate: small values punish repetition hard, large ones tend to the
    most relevant nodes. None: what suits the kernel."""
    objective: str | None = None
    """What a pick is to do; see `sift_retrievers.select`. None: "undirected" for the kernels
    "phrases" and "relevance", which weigh nodes by their relevance, else "variance"."""
    device: str | Device | None = None
    """Where to select; None: on the CPU."""
    stop_alpha: float | None = None
    """Stop by the α rule of adaptive SIFT (`alpha` is LlamaIndex's, of a hybrid search)."""
    min_gain: float | None = None
    """Stop before the first node that adds fewer nats; possibly before the first."""
    min_novelty: float | None = None
    """Pass over nodes of which a smaller share is new, 0…1."""
    min_chance: float | None = None
    """Return nothing where the chance that the evidence is there at all is smaller, 0…1."""
    max_tokens: int | None = None
    """The texts of all nodes together, without their metadata, have at most that many tokens."""
    token_counter: Callable[[str], int] | None = Field(default=None, exclude=True)
    """Tokens of a text; None: by `Settings.tokenizer`."""
    similarity_cutoff: float | None = None
    """Nodes whose cosine to the query is smaller are not candidates."""
    distinct_by: str | Callable[[NodeWithScore], Hashable] | None = None
    """No two nodes of one parent: a metadata key ("file_name"), "ref_doc_id" for the source
    document, or a function of the node. A node without it is its own parent."""
    annotate: bool = True
    """Write into the metadata of the returned nodes what each pick was worth: flat, so that every
    store takes the nodes again, but a LanceDB table, whose columns are fixed. The score of a node
    is that of its pick either way."""
    timeout: float | None = None
    """Seconds that a call may take, without the training of `fine_tune`; None: no limit. With a
    limit, models, stores and functions such as `relevance` are called in threads of their own. A
    call that is too late is not ended: its thread goes on, and nobody waits for it."""
    fine_tune: TestTimeTuner | None = Field(default=None, exclude=True)
    """Trains the engine's model on what was retrieved, before it answers, for this request alone;
    goes with `llama_index.retrievers.sift.finetune.wrap(tuner, engine)`. The nodes to train on are
    chosen from the same candidates once more, with replacement, as the paper does."""
    embed_model: BaseEmbedding | None = None
    """Embeds the query, and nodes whose vectors cannot be read. None: the index's model, or
    `Settings.embed_model`."""
    adapter: Any = Field(default=None, exclude=True)
    """Reads vectors from the store, before the registered reader
    (`llama_index.retrievers.sift.stores`)."""
    embedding_cache: EmbeddingCache = Field(default_factory=EmbeddingCache, exclude=True)
    """Keeps the vectors of nodes that had to be embedded."""

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, given: Any) -> Any:
        """Numpy's scalars as Python's; no cache is a new one."""
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
        """The witnesses that `to_dict` wrote down."""
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
        """Functions cannot be written down."""
        return None if callable(given) else given

    def rules(self) -> SelectionRules:
        """The settings as the core takes them.

        Raises:
            ValueError: for a value that makes no sense, or values that do not go together.
            TypeError: for a kernel or relevance that is none.
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
        """What an explanation shows of the settings, with what was decided in the places of None.

        Args:
            rules: those that were applied.
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
    timeout: float | None
    fine_tune: TestTimeTuner | None
    embed_model: BaseEmbedding | None
    adapter: VectorAdapter | None
    embedding_cache: EmbeddingCache | None


def settings_of(owner: str, given: Mapping[str, Any]) -> SelectionSettings:
    """Settings from keyword arguments.

    Raises:
        TypeError: for a setting that there is not; the message says which was meant.
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
    """The id of the document that a node was cut from."""
    return scored.node.ref_doc_id
