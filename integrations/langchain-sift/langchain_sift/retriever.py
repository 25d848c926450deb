"""`SIFTRetriever`: in place of `vectorstore.as_retriever()`."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import torch
from langchain_core.callbacks import (
    AsyncCallbackManagerForRetrieverRun,
    CallbackManagerForRetrieverRun,
)
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.retrievers import BaseRetriever, LangSmithRetrieverParams
from langchain_core.runnables.config import run_in_executor
from pydantic import ConfigDict, Field, ValidationInfo, field_validator, model_validator

from langchain_sift.documents import annotated_copies
from langchain_sift.stores import adapter_for, fetch_hits
from sift_retrievers import Kernel, RelevanceWeighted, select
from sift_retrievers.kernels import KernelLike, resolve_kernel
from sift_retrievers.validation import count, torch_device


class SIFTRetriever(BaseRetriever):
    """Retrieve the passages that together reduce the uncertainty about the answer most.

    Takes the `fetch_k` nearest passages with the vectors that the store already holds, and picks
    `k` of them by information gain (SIFT, arXiv 2410.08020): relevant and not redundant. No
    document is ever embedded again.

    Every returned document is a copy with `metadata["sift"]`: its `rank`, the `information_gain` of
    the pick in nats, the `uncertainty` σ² after it (1 before the first pick, for the cosine
    kernel), its cosine `similarity` to the query; and `metadata["relevance_score"]`, which falls
    strictly in selection order. The two keys replace any that the document had. Since they depend
    on the query, tell documents apart by id or text, not by comparing whole documents.

    Example:
        ```python
        retriever = SIFTRetriever(vectorstore)  # was: vectorstore.as_retriever()
        context = retriever | format_documents
        chain = {"context": context, "question": RunnablePassthrough()} | prompt | model
        ```

    Call-time arguments override the fields: `retriever.invoke(query, k=2, fetch_k=50)`; any other
    keyword argument is added to `search_kwargs`.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    vectorstore: Any
    """A vector store that `langchain_sift.stores` has an adapter for."""
    k: int = 4
    """Passages to return; fewer come back where the store holds fewer."""
    fetch_k: int = 100
    """Nearest passages to choose from, at least k."""
    lambda_: float = Field(default=3.0, gt=0, allow_inf_nan=False)
    """λ′, the noise of the surrogate: small values punish redundancy hard, large ones tend to the
    nearest neighbours."""
    kernel: str | Kernel | RelevanceWeighted = "cosine"
    """What "similar" means: a name or a kernel object of `sift_retrievers`."""
    objective: Literal["variance", "entropy", "undirected"] = "variance"
    """What a pick is to do; see `sift_retrievers.select`."""
    search_kwargs: dict[str, Any] = Field(default_factory=dict)
    """Passed to the store's search, under the store's own names (`filter`, …)."""
    embedding: Embeddings | None = None
    """Embeds the query in place of the store's own model."""
    device: str | torch.device | None = None
    """Where to select, "cuda" say; default: the CPU."""

    def __init__(self, vectorstore: Any, **kwargs: Any) -> None:
        super().__init__(**{"vectorstore": vectorstore, **kwargs})

    @field_validator("k", "fetch_k", mode="before")
    @classmethod
    def _whole(cls, size: Any, info: ValidationInfo) -> int:
        return count(size, str(info.field_name))

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

    @field_validator("search_kwargs")
    @classmethod
    def _no_own_arguments(cls, search_kwargs: dict[str, Any]) -> dict[str, Any]:
        own = sorted({*cls.model_fields, "lambda_mult"} & set(search_kwargs))
        if own:
            raise ValueError(
                f"search_kwargs go to the store; got {own}: pass them to SIFTRetriever itself "
                "(lambda_ in place of lambda_mult); k and fetch_k may change at call time, the "
                "others through configurable_fields"
            )
        return search_kwargs

    @model_validator(mode="after")
    def _usable(self) -> Self:
        _check_sizes(self.k, self.fetch_k)
        try:
            adapter_for(self.vectorstore)
        except TypeError as error:  # pydantic reports a ValueError beside the other faults
            raise ValueError(str(error)) from error
        if self._embeddings() is None:
            raise ValueError(
                f"{type(self.vectorstore).__name__} has no embedding model of its own "
                "(`.embeddings` is missing or None), so the query cannot be embedded: pass "
                "SIFTRetriever(vectorstore, embedding=...) with the model that filled the store"
            )
        return self

    def _embeddings(self) -> Embeddings | None:
        if self.embedding is not None:
            return self.embedding
        return getattr(self.vectorstore, "embeddings", None)

    def _get_ls_params(self, **kwargs: Any) -> LangSmithRetrieverParams:
        params = super()._get_ls_params(**(self.search_kwargs | kwargs))
        params["ls_vector_store_provider"] = type(self.vectorstore).__name__
        params["ls_embedding_provider"] = type(self._embeddings()).__name__
        return params

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,
        k: int | None = None,
        fetch_k: int | None = None,
        **search_kwargs: Any,
    ) -> list[Document]:
        embeddings = self._embeddings()
        assert embeddings is not None  # checked at construction
        vector = _query_vector(embeddings.embed_query(query))
        return self._retrieve(vector, k, fetch_k, search_kwargs)

    async def _aget_relevant_documents(
        self,
        query: str,
        *,
        run_manager: AsyncCallbackManagerForRetrieverRun,
        k: int | None = None,
        fetch_k: int | None = None,
        **search_kwargs: Any,
    ) -> list[Document]:
        embeddings = self._embeddings()
        assert embeddings is not None  # checked at construction
        vector = _query_vector(await embeddings.aembed_query(query))
        return await run_in_executor(None, self._retrieve, vector, k, fetch_k, search_kwargs)

    def _retrieve(
        self,
        vector: npt.NDArray[np.float32],
        k: int | None,
        fetch_k: int | None,
        search_kwargs: dict[str, Any],
    ) -> list[Document]:
        k = count(self.k if k is None else k, "k")
        fetch_k = count(self.fetch_k if fetch_k is None else fetch_k, "fetch_k")
        _check_sizes(k, fetch_k)
        search_kwargs = self._no_own_arguments(self.search_kwargs | search_kwargs)

        hits = fetch_hits(self.vectorstore, vector, fetch_k, search_kwargs)
        if len(hits) == 0:
            return []
        selection = select(
            vector,
            hits.vectors,
            k,
            kernel=self.kernel,
            lambda_=self.lambda_,
            objective=self.objective,
            device=self.device,
        )
        return annotated_copies(hits, selection, vector)


def _check_sizes(k: int, fetch_k: int) -> None:
    if fetch_k < k:
        raise ValueError(
            f"fetch_k must be at least k, the passages are picked from the fetch_k nearest; got "
            f"fetch_k={fetch_k} and k={k}"
        )


def _query_vector(values: list[float]) -> npt.NDArray[np.float32]:
    vector = np.asarray(values, dtype=np.float32)
    if vector.ndim != 1 or not np.isfinite(vector).all() or not vector.any():
        raise ValueError(
            "the embedding model must give the query one finite vector that is not zero; got shape "
            f"{vector.shape} with {int((~np.isfinite(vector)).sum())} NaN or infinite values"
        )
    return vector
