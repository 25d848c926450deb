"""`SIFTRetriever`: in place of `vectorstore.as_retriever()`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

from langchain_core.callbacks import (
    AsyncCallbackManagerForRetrieverRun,
    CallbackManagerForRetrieverRun,
)
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.retrievers import LangSmithRetrieverParams
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.base import coerce_to_runnable
from langchain_core.runnables.config import run_in_executor
from langchain_core.tools import BaseTool, create_retriever_tool
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from langchain_sift.batches import BatchRetriever
from langchain_sift.calls import Call, check_sizes, for_the_store, shown_texts
from langchain_sift.documents import annotated_copies, metadata_of, text_of
from langchain_sift.queries import aembed_targets, embed_targets
from langchain_sift.settings import SelectionSettings
from langchain_sift.stores import StoreAdapter, check_store, embeddings_of, fetch_hits, warn_once
from langchain_sift.tracing import Stages
from sift_retrievers.retrieval import (
    EmbeddingCache,
    Explanation,
    Hits,
    Retrieval,
    Target,
    TargetLike,
    as_targets,
    titles_in,
    union,
)
from sift_retrievers.validation import count


class SIFTRetriever(SelectionSettings, BatchRetriever):
    """Retrieve the passages that together tell most: relevant and not redundant.

    Takes the `fetch_k` nearest passages with the texts and vectors that the store already holds,
    and picks `k` of them by information gain (after SIFT, arXiv 2410.08020): relevant by vectors
    and by the question's words, and not a repetition of one another. No index, no model; and no
    document is embedded again, unless nobody knows how the store hands over its vectors.

    Every returned document is a copy with `metadata["sift"]`: its `rank`, the `information_gain` of
    the pick in nats, its `novelty` and the `uncertainty` that is left after it, both 0…1, its
    cosine `similarity`, the `word_share` of the question that it has, and the `evidence_chance` of
    the question (`sift_retrievers.retrieval.pick_numbers` says what each is); and
    `metadata["relevance_score"]`, 0…1, which falls strictly in selection order. The two keys
    replace any that the document had. Since they depend on the query, tell documents apart by id
    or text, not by comparing whole documents.

    Example:
        ```python
        retriever = SIFTRetriever(vectorstore)  # was: vectorstore.as_retriever()
        context = retriever | format_documents
        chain = {"context": context, "question": RunnablePassthrough()} | prompt | model
        ```

    Coming from `as_retriever(search_type="mmr", search_kwargs={...})`: `k` and `fetch_k` become
    arguments of the retriever, `lambda_mult` has no equal (small `lambda_` punishes redundancy
    hard, as a small `lambda_mult` does), `filter` stays in `search_kwargs`, and `score_threshold`
    becomes an argument that speaks of the cosine.

    Call-time arguments override the fields: `retriever.invoke(query, k=2, fetch_k=50,
    targets=[...])`; any other keyword argument is added to `search_kwargs`.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    vectorstore: Any
    """Any vector store. Its vectors are read by `adapter`, else by the one that
    `langchain_sift.stores` has for its class, else the texts of its hits are embedded again."""
    fetch_k: int = 200
    """Nearest passages to choose from, at least k (unless given, it grows with k); of several
    targets, the nearest of each."""
    search_kwargs: dict[str, Any] = Field(default_factory=dict)
    """Passed to the store's search, under the store's own names (`filter`, …)."""
    targets: Runnable[str, Any] | Callable[[str], Any] | None = None
    """Makes from the query the texts or vectors that stand for it: sub-questions, a hypothetical
    answer, … They replace the query; a callable that wants it among them returns it, too."""
    embedding: Any = None
    """Embeds the query in place of the store's own model: `Embeddings`, or what has its methods."""
    adapter: StoreAdapter | None = None
    """Reads the hits and their vectors from the store, see `langchain_sift.stores`."""
    embedding_cache: EmbeddingCache = Field(default_factory=EmbeddingCache)
    """Keeps the vectors of texts that had to be embedded again: `EmbeddingCache(size=…)`."""

    def __init__(self, vectorstore: Any, **kwargs: Any) -> None:
        super().__init__(**{"vectorstore": vectorstore, **kwargs})

    @field_validator("fetch_k", mode="before")
    @classmethod
    def _whole_fetch_k(cls, size: Any) -> int:
        return count(size, "fetch_k")

    @field_validator("search_kwargs")
    @classmethod
    def _for_the_store(cls, search_kwargs: dict[str, Any]) -> dict[str, Any]:
        return for_the_store(search_kwargs)

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if "fetch_k" not in self.model_fields_set:
            self.fetch_k = max(self.fetch_k, self.k)
        check_sizes(self.k, self.fetch_k)
        try:
            readable = check_store(self.vectorstore, self.adapter, self._embeddings())
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
        no_run = CallbackManagerForRetrieverRun.get_noop_manager()
        return self._explanation(self._retrieve(query, no_run, **arguments))

    async def aexplain(self, query: str, **arguments: Any) -> Explanation:
        """The same as `explain`, asynchronously."""
        no_run = AsyncCallbackManagerForRetrieverRun.get_noop_manager()
        retrieval = await self._aretrieve(query, no_run, **arguments)
        return await run_in_executor(None, self._explanation, retrieval)

    def _explanation(self, retrieval: Retrieval[Document]) -> Explanation:
        return retrieval.explanation(**self.shown() | {"k": retrieval.k})

    def as_tool(
        self,
        args_schema: type[BaseModel] | None = None,
        *,
        name: str | None = None,
        description: str | None = None,
        arg_types: dict[str, type] | None = None,
    ) -> BaseTool:
        """A tool for an agent: the model reads the texts, the documents are the artifact.

        Args:
            args_schema: of the input, in place of one `query`; then as every Runnable's `as_tool`.
            name: what the model calls it.
            description: what the model is told; say what the store holds.
            arg_types: as `args_schema`.
        """
        if args_schema is not None or arg_types is not None:
            return super().as_tool(
                args_schema, name=name, description=description, arg_types=arg_types
            )
        return create_retriever_tool(
            self,
            name or "search_passages",
            description or "Search for passages that together answer a question.",
            response_format="content_and_artifact",
        )

    def _to_embed(self, inputs: list[str], kwargs: dict[str, Any]) -> list[str]:
        if self.targets is not None or kwargs.get("targets") is not None:
            return []
        return [query for query in inputs if isinstance(query, str)]

    def _embeddings(self) -> Embeddings | None:
        return embeddings_of(self.vectorstore) if self.embedding is None else self.embedding

    def _query_model(self) -> Embeddings:
        model = self._embeddings()
        assert model is not None  # checked at construction
        return model

    def _get_ls_params(self, **kwargs: Any) -> LangSmithRetrieverParams:
        params = super()._get_ls_params(**(self.search_kwargs | kwargs))
        params["ls_vector_store_provider"] = type(self.vectorstore).__name__
        params["ls_embedding_provider"] = type(self._embeddings()).__name__
        return params

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, **arguments: Any
    ) -> list[Document]:
        retrieval = self._retrieve(query, run_manager, **arguments)
        if self.fine_tune is not None:
            from langchain_sift.finetune.stage import tune

            tune(self.fine_tune, retrieval, run_manager.get_child())
        return annotated_copies(retrieval)

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun, **arguments: Any
    ) -> list[Document]:
        retrieval = await self._aretrieve(query, run_manager, **arguments)
        if self.fine_tune is not None:
            from langchain_sift.finetune.stage import atune

            await atune(self.fine_tune, retrieval, run_manager.get_child())
        return annotated_copies(retrieval)

    def _retrieve(
        self, query: str, run_manager: CallbackManagerForRetrieverRun, **arguments: Any
    ) -> Retrieval[Document]:
        call = self._call(query, **arguments)
        stages = Stages(run_manager.get_child())
        asked: list[TargetLike] = [query]
        if call.targets is not None:
            asked = as_targets(call.targets)
        elif self.targets is not None:
            config = RunnableConfig(callbacks=run_manager.get_child())
            with stages.timed("targets"):
                asked = as_targets(coerce_to_runnable(self.targets).invoke(query, config))
        with stages.stage("embed", shown_texts(asked)):
            embedded = embed_targets(self._query_model(), asked)
        with stages.stage("fetch", call.shown()) as outputs:
            hits = self._fetch(embedded, call)
            outputs["ids"] = [*hits.ids]
        retrieval = self._retrieval(call, embedded, hits, stages)
        with stages.stage("select", {"k": call.k, "candidates": len(hits)}) as outputs:
            outputs |= retrieval.complete()
        return retrieval

    async def _aretrieve(
        self, query: str, run_manager: AsyncCallbackManagerForRetrieverRun, **arguments: Any
    ) -> Retrieval[Document]:
        """The same as `_retrieve`; the store and the selection work in threads."""
        call = self._call(query, **arguments)
        stages = Stages(run_manager.get_child())
        asked: list[TargetLike] = [query]
        if call.targets is not None:
            asked = as_targets(call.targets)
        elif self.targets is not None:
            config = RunnableConfig(callbacks=run_manager.get_child())
            with stages.timed("targets"):
                asked = as_targets(await coerce_to_runnable(self.targets).ainvoke(query, config))
        async with stages.stage("embed", shown_texts(asked)):
            embedded = await aembed_targets(self._query_model(), asked)
        async with stages.stage("fetch", call.shown()) as outputs:
            hits = await run_in_executor(None, self._fetch, embedded, call)
            outputs["ids"] = [*hits.ids]
        retrieval = self._retrieval(call, embedded, hits, stages)
        async with stages.stage("select", {"k": call.k, "candidates": len(hits)}) as outputs:
            outputs |= await run_in_executor(None, retrieval.complete)
        return retrieval

    def _retrieval(
        self, call: Call, targets: list[Target], hits: Hits[Document], stages: Stages
    ) -> Retrieval[Document]:
        return Retrieval(
            call.query,
            targets,
            hits,
            call.k,
            self.rules(),
            text=text_of,
            title=self.titles(),
            titles_in=titles_in(self.title),
            metadata=metadata_of,
            parent=self.parent(),
            seconds=stages.seconds,
        )

    def _call(
        self,
        query: Any,
        *,
        k: int | None = None,
        fetch_k: int | None = None,
        targets: Any = None,
        **search_kwargs: Any,
    ) -> Call:
        """The arguments of one call, checked, with the fields where the caller gave none."""
        k = self.k if k is None else count(k, "k")
        fetch_k = max(self.fetch_k, k) if fetch_k is None else count(fetch_k, "fetch_k")
        return Call(query, k, fetch_k, targets, for_the_store(self.search_kwargs | search_kwargs))

    def _fetch(self, targets: Sequence[Target], call: Call) -> Hits[Document]:
        model = self._embeddings()
        return union(
            [
                fetch_hits(
                    self.vectorstore,
                    target,
                    call.fetch_k,
                    call.search_kwargs,
                    adapter=self.adapter,
                    embeddings=model,
                    cache=self.embedding_cache,
                )
                for target in targets
            ],
            text=text_of,
        )
