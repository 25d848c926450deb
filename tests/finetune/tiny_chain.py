"""A RAG chain over a tiny language model, as a user of LangChain has one."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import PromptTemplate
from langchain_core.runnables import Runnable, RunnablePassthrough
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_huggingface import HuggingFacePipeline
from tiny_models import PASSAGES, tokenizer

import transformers  # isort: skip

from langchain_sift import SIFTRetriever
from sift_retrievers.finetune import TestTimeTuner

QUESTIONS = [
    "Who ruled the land after the rebellion?",
    "Where is the mountain?",
    "When did the rebellion begin?",
    "What did queen and parliament take over?",
]
NEW_TOKENS = 12


class WordEmbeddings(Embeddings):
    """A text is the words in it."""

    def embed_query(self, text: str) -> list[float]:
        vector = np.zeros(64)
        for word in text.lower().replace(".", "").replace("?", "").split():
            vector[sum(map(ord, word)) % 64] += 1.0
        return [float(x) for x in vector / max(np.linalg.norm(vector), 1e-9)]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]


@cache
def store() -> InMemoryVectorStore:
    filled = InMemoryVectorStore(WordEmbeddings())
    filled.add_documents(
        [Document(page_content=text, id=f"p{i}") for i, text in enumerate(PASSAGES)]
    )
    return filled


def pipeline(model: Any, new_tokens: int = NEW_TOKENS) -> HuggingFacePipeline:
    reader = tokenizer()
    reader.pad_token_id = 0
    return HuggingFacePipeline(
        pipeline=transformers.pipeline(
            "text-generation",
            model=model,
            tokenizer=reader,
            max_new_tokens=new_tokens,
            do_sample=False,
            return_full_text=False,
        )
    )


def retriever_for(tuner: TestTimeTuner | None, **settings: Any) -> SIFTRetriever:
    return SIFTRetriever(store(), k=2, fetch_k=5, fine_tune=tuner, **settings)


def rag(retriever: Any, llm: Any) -> Runnable[str, str]:
    prompt = PromptTemplate.from_template("{context} {question} Answer:")
    return (
        {"context": retriever | _texts, "question": RunnablePassthrough()}
        | prompt
        | llm
        | StrOutputParser()
    )


def _texts(documents: list[Document]) -> str:
    return " ".join(document.page_content for document in documents)
