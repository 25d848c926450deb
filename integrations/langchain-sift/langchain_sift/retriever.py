"""`SIFTRetriever`: in place of `vectorstore.as_retriever()`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Self

from langchain_core.callbacks import (
    AsyncCallbackManagerForRetrieverRun,
    CallbackManagerForRetrieverRun,
)
from langchain_core.documents import Document
from langchain_core.retrievers import LangSmithRetrieverParams
from langchain_core.runnables import Runnable
from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from langchain_sift.batches import BatchQueries, BatchRetriever
from langchain_sift.calls import (
    FETCH_K,
    Call,
    check_sizes,
    checked_fetch_k,
    for_the_store,
    timeout_of,
)
from langchain_sift.queries import embed_targets, shown_texts, targets_of
from langchain_sift.selecting import aexplained, chosen, explained, returned
from langchain_sift.settings import SelectionSettings
from langchain_sift.stores import check_store, embeddings_of, reader_of, search, warn_once
from langchain_sift.tools import ToolRetriever
from langchain_sift.tracing import AnyManager, Stages
from sift_retrievers.retrieval import EmbeddingCache, Explanation, Hits, Retrieval, Target
from sift_retrievers.retrieval.deadline import Deadline
from sift_retrievers.retrieval.fine_tuning import training_request
from sift_retrievers.retrieval.union import union
from sift_retrievers.retrieval.work import Direct, OnLoop, Work, finished
from sift_retrievers.selection import Selection


class SIFTRetriever(SelectionSettings, BatchRetriever, ToolRetriever):
    """Retrieve passages that are relevant and do not repeat one another.

    Takes the `fetch_k` nearest passages with the texts and vectors that the store already holds,
    and picks `k` of them by information gain (after SIFT, arXiv 2410.08020). Relevance is judged by
    the vectors and by the words of the question. No further index or model is needed. Documents are
    embedded again only if there is no reader for the vectors of their store.

    Every returned document is a copy with two more metadata. `metadata["sift"]` holds `rank`,
    `information_gain`, `novelty`, `uncertainty`, `similarity`, `word_share`, `evidence_chance` and
    `evidence_probably_missing` (explained at `sift_retrievers.retrieval.Pick`).
    `metadata["relevance_score"]` is a number from 0 to 1 that falls strictly in selection order.
    Metadata of the same names are replaced. Both depend on the query, so compare documents by id or
    text. With `annotate=False` the metadata stay as the store has them, and every store takes the
    returned documents again: `store.add_documents(retriever.invoke(query))`. With the default that
    works only in stores whose metadata may hold a dict (not in Chroma).

    Example:
        ```python
        retriever = SIFTRetriever(vectorstore)  # was: vectorstore.as_retriever()
        context = retriever | format_documents
        chain = {"context": context, "question": RunnablePassthrough()} | prompt | model
        ```

    To replace `as_retriever(search_type="mmr", search_kwargs={...})`, pass `k` and `fetch_k` to the
    retriever itself and leave `filter` in `search_kwargs`. `score_threshold` is an argument of the
    retriever, too, and is compared with the cosine. `lambda_mult` has no equivalent; a small
    `lambda_` punishes redundancy, as a small `lambda_mult` does.

    Arguments of a call override the fields: `retriever.invoke(query, k=2, fetch_k=50, timeout=3,
    targets=[...], lambda_=0.3, relevance=...)`. All rules of the selection can be given so. Any
    other keyword argument is added to `search_kwargs`.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    vectorstore: Any
    """Any vector store. Its vectors are read by `adapter` if that is given, else by the reader that
    `langchain_sift.stores` has for the class of the store. If there is none, the texts of the hits
    are embedded again."""
    fetch_k: Annotated[int | None, BeforeValidator(checked_fetch_k)] = None
    """How many nearest passages to choose from, at least k; with several targets, as many for each.
    None: 200, or k if that is more."""
    search_kwargs: Annotated[dict[str, Any], AfterValidator(for_the_store)] = Field(
        default_factory=dict
    )
    """Passed to the store's search, under the store's own names (`filter`, …)."""
    targets: Runnable[str, Any] | Callable[[str], Any] | None = None
    """Makes from the query the texts or vectors that are searched for in its place: sub-questions,
    or a hypothetical answer; 1,000 at most. The query itself is not searched for unless it is
    returned, too."""
    embedding: Any = None
    """Embeds the query in place of the store's own model: an `Embeddings`, or an object with its
    methods."""
    adapter: Any = None
    """Reads the hits and their vectors from the store: a `langchain_sift.stores.StoreReader`, or a
    function `(store, query, fetch_k, **search_kwargs) -> Hits`."""
    embedding_cache: EmbeddingCache = Field(default_factory=EmbeddingCache)
    """Keeps the vectors of texts that had to be embedded again: `EmbeddingCache(size=…)`."""

    def __init__(self, vectorstore: Any, **kwargs: Any) -> None:
        super().__init__(**{"vectorstore": vectorstore, **kwargs})

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if self.fetch_k is not None:
            check_sizes(self.k, self.fetch_k)
        try:
            readable = check_store(self.vectorstore, self.adapter, self._query_model())
        except TypeError as error:  # pydantic reports a ValueError beside the other faults
            raise ValueError(str(error)) from error
        if not readable:
            warn_once(self.vectorstore)
        return self

    def explain(self, query: str, **arguments: Any) -> Explanation:
        """What was considered for a query, what was chosen, why, and how long each stage took.

        Args:
            query: as for `invoke`.
            **arguments: the call-time arguments of `invoke`.
        """
        return explained(finished(self._retrieve(query, None, Direct, arguments)))

    async def aexplain(self, query: str, **arguments: Any) -> Explanation:
        """Async version of `explain`."""
        return await aexplained(await self._retrieve(query, None, OnLoop, arguments))

    def training_request(
        self, query: str, **arguments: Any
    ) -> tuple[str, tuple[str, ...], Selection[Any] | None]:
        """What `invoke` of the same query would train on: a request of `TestTimeTuner.train_ahead`.

        Args:
            query: as for `invoke`.
            **arguments: the call-time arguments of `invoke`.

        Returns:
            The query, the passages in selection order, and the selection if it was SIFT's.

        Raises:
            ValueError: if `fine_tune` is not set.
        """
        retrieval = finished(self._retrieve(query, None, Direct, arguments))
        return training_request(self.fine_tune, retrieval)

    def _repr_html_(self) -> str:
        """For notebooks: the settings in force."""
        from sift_retrievers.report.notebook import settings_html  # not needed to retrieve

        shown = {
            "vectorstore": type(self.vectorstore).__name__,
            "k": self.k,
            "fetch_k": max(self.fetch_k or FETCH_K, self.k),
            "search_kwargs": self.search_kwargs or None,
            "targets": self.targets,
            "timeout": self.timeout,
            **self.rules().settings(),
        }
        return settings_html(type(self).__name__, shown)

    def _query_model(self) -> Any:
        return embeddings_of(self.vectorstore) if self.embedding is None else self.embedding

    def _to_embed(self, inputs: list[str], arguments: dict[str, Any]) -> BatchQueries:
        own = self.targets is not None or arguments.get("targets") is not None
        texts = [] if own else [query for query in inputs if isinstance(query, str)]
        deadline = Deadline.of(timeout_of(self, arguments.get("timeout")))
        return BatchQueries(self._query_model(), texts, deadline)

    def _get_ls_params(self, **kwargs: Any) -> LangSmithRetrieverParams:
        params = super()._get_ls_params(**(self.search_kwargs | kwargs))
        params["ls_vector_store_provider"] = type(self.vectorstore).__name__
        params["ls_embedding_provider"] = type(self._query_model()).__name__
        return params

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, **arguments: Any
    ) -> list[Document]:
        return finished(self._documents(query, run_manager.get_child(), Direct, arguments))

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun, **arguments: Any
    ) -> list[Document]:
        return await self._documents(query, run_manager.get_child(), OnLoop, arguments)

    async def _documents(
        self, query: str, callbacks: AnyManager, work: type[Work], arguments: dict[str, Any]
    ) -> list[Document]:
        retrieval = await self._retrieve(query, callbacks, work, arguments)
        return await returned(work(), self, retrieval, callbacks)

    async def _retrieve(
        self, query: str, callbacks: AnyManager | None, work: type[Work], arguments: dict[str, Any]
    ) -> Retrieval[Document]:
        call, stages = self._call(query, **arguments), Stages(callbacks, self.trace_content)
        timed = work(call.timeout)
        asked = await targets_of(timed, stages, call, self.targets, callbacks)
        async with stages.stage("embed", {"texts": shown_texts(asked)}):
            targets = await embed_targets(timed, self._query_model(), asked)
        async with stages.stage("fetch", call.shown()) as outputs:
            hits = await self._fetch(timed, targets, call)
            outputs["ids"] = [*hits.ids]
        return await chosen(timed, stages, query, targets, hits, call.k, call.rules)

    def _call(self, query: Any, /, **arguments: Any) -> Call:
        return Call.made(self, self.fetch_k, self.search_kwargs, query, **arguments)

    async def _fetch(self, work: Work, targets: Sequence[Target], call: Call) -> Hits[Document]:
        reader = reader_of(
            self.vectorstore, self.adapter, self._query_model(), self.embedding_cache
        )
        searches = [
            search(work, reader, target, call.fetch_k, call.search_kwargs) for target in targets
        ]
        return union(await work.together(searches))
