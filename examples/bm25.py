"""BM25 over some documents as a LangChain retriever: the words' half of a hybrid search."""

from __future__ import annotations

import numpy as np
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import PrivateAttr
from rank_bm25 import BM25Okapi


class BM25Retriever(BaseRetriever):
    """The `k` documents with the largest BM25 score for the words of the query."""

    documents: list[Document]
    k: int = 4
    _index: BM25Okapi = PrivateAttr()

    def model_post_init(self, context: object) -> None:
        """Index the words of the documents."""
        super().model_post_init(context)
        self._index = BM25Okapi([document.page_content.split() for document in self.documents])

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # of the signature
    ) -> list[Document]:
        best = np.argsort(-self._index.get_scores(query.split()), kind="stable")
        return [self.documents[i] for i in best[: self.k]]
