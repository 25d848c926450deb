"""The sample of MuSiQue as a LlamaIndex index, and a fake LLM, for the LlamaIndex examples."""

from __future__ import annotations

import re
from typing import Any

from llama_index.core import VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.llms import CompletionResponse, CompletionResponseGen, CustomLLM, LLMMetadata
from llama_index.core.schema import BaseNode, NodeWithScore, TextNode
from minilm import load_minilm
from musique_sample import Question, embed_cached, load_sample
from rich.console import Console
from rich.markup import escape
from rich.table import Table


class MiniLM(BaseEmbedding):
    """all-MiniLM-L6-v2 for LlamaIndex; your own project would use `HuggingFaceEmbedding`."""

    _model: Any = PrivateAttr()

    def __init__(self, model: str | None = None) -> None:
        super().__init__(model_name=model or "all-MiniLM-L6-v2")
        self._model = load_minilm(model)

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._model.embed_query(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._model.embed_documents([text])[0]


class QuotingFakeLLM(CustomLLM):
    """No language model: quotes the passage of its prompt that shares most words with the question.

    It stands where your LLM would be, so that the example runs without one.
    """

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name="quoting-fake-llm", context_window=32_000, num_output=256)

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        context, _, question = prompt.rpartition("Query:")
        asked = set(re.findall(r"\w{4,}", question.lower()))
        lines = [line for line in context.splitlines() if len(line) > 80]
        best = max(
            lines, default="", key=lambda line: len(asked & {*re.findall(r"\w+", line.lower())})
        )
        return CompletionResponse(text=f"(a fake LLM quotes:) {best[:300]}")

    def stream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseGen:
        yield self.complete(prompt, formatted, **kwargs)


def build_index(model: str | None = None) -> tuple[VectorStoreIndex, list[Question]]:
    """The 2,000 chunks in LlamaIndex's default vector store, with cached embeddings."""
    documents, questions = load_sample()
    embed_model = MiniLM(model)
    texts = [document.page_content for document in documents]
    vectors = embed_cached(texts, embed_model._model, embed_model.model_name, lambda starts: starts)
    nodes: list[BaseNode] = [
        TextNode(
            id_=str(document.id),
            text=document.page_content,
            metadata=document.metadata,
            embedding=vector.tolist(),
        )
        for document, vector in zip(documents, vectors, strict=True)
    ]
    return VectorStoreIndex(nodes, embed_model=embed_model), questions


def show(console: Console, title: str, question: Question, response: Any) -> None:
    """The answer, and the passages that it was given with what each added."""
    nodes: list[NodeWithScore] = response.source_nodes
    share = coverage_of(nodes, question)
    table = Table(title=f"{title}: {share:.0%} of the evidence", expand=True)
    for column in ("gain", "similarity", "passage"):
        table.add_column(column)
    for scored in nodes:
        said = scored.node.metadata
        star = "[bold green]★[/] " if said["passage"] in question.gold else ""
        text = " ".join(scored.node.get_content().split())[:110]
        gain = f"{said['information_gain']:.4f}" if "information_gain" in said else "–"
        cosine = said.get("similarity", scored.score)
        table.add_row(
            gain, f"{cosine:.3f}", f"{star}[bold]{escape(said['title'])}[/] {escape(text)} …"
        )
    console.print(table)
    console.print(f"[bold]{escape(question.text)}[/] {escape(str(response))}\n")


def coverage_of(nodes: list[NodeWithScore], question: Question) -> float:
    """Share of the question's gold passages of which at least one chunk was found."""
    found = {scored.node.metadata["passage"] for scored in nodes}
    return len(found & question.gold) / len(question.gold)
