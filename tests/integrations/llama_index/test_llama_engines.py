"""Inside LlamaIndex: query engines, routers, chat engines, an agent's tool."""

from __future__ import annotations

from typing import Any

import pytest
from corpus import Corpus
from llama_cases import model_of
from llama_index.core import VectorStoreIndex
from llama_index.core.chat_engine import CondensePlusContextChatEngine, ContextChatEngine
from llama_index.core.indices.query.query_transform.base import BaseQueryTransform
from llama_index.core.llms import CompletionResponse, CompletionResponseGen, CustomLLM, LLMMetadata
from llama_index.core.query_engine import (
    CitationQueryEngine,
    RetrieverQueryEngine,
    RouterQueryEngine,
    TransformQueryEngine,
)
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.schema import QueryBundle
from llama_index.core.selectors import LLMSingleSelector
from llama_index.core.tools import QueryEngineTool

from llama_index.postprocessor.sift import SIFTRerank
from llama_index.retrievers.sift import SIFTRetriever


class Reader(CustomLLM):
    """A fake LLM that answers with what it was given to read."""

    answer: str | None = None

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(context_window=100_000, num_output=10)

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        return CompletionResponse(text=self.answer or prompt)

    def stream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseGen:
        yield self.complete(prompt)


@pytest.fixture
def retriever(simple: VectorStoreIndex) -> SIFTRetriever:
    return SIFTRetriever(simple, similarity_top_k=3)


@pytest.fixture
def texts(retriever: SIFTRetriever, corpus: Corpus) -> list[str]:
    return [node.node.get_content() for node in retriever.retrieve(corpus.queries[0])]


def check(response: Any, texts: list[str]) -> None:
    """The fake LLM read the chosen texts, in order, and none of the numbers."""
    read = str(response)
    places = [read.find(text) for text in texts]
    assert -1 not in places
    assert places == sorted(places)
    assert "information_gain" not in read
    assert [node.node.metadata["rank"] for node in response.source_nodes] == [0, 1, 2]


async def test_retriever_query_engine(
    retriever: SIFTRetriever, texts: list[str], corpus: Corpus
) -> None:
    engine = RetrieverQueryEngine.from_args(retriever, llm=Reader())
    check(engine.query(corpus.queries[0]), texts)
    check(await engine.aquery(corpus.queries[0]), texts)


async def test_as_query_engine_with_the_reranker(
    simple: VectorStoreIndex, texts: list[str], corpus: Corpus
) -> None:
    rerank = SIFTRerank(top_n=3, embed_model=model_of(simple), vector_store=simple.vector_store)
    engine = simple.as_query_engine(
        llm=Reader(), similarity_top_k=100, node_postprocessors=[rerank]
    )
    check(engine.query(corpus.queries[0]), texts)
    check(await engine.aquery(corpus.queries[0]), texts)


def test_citation_query_engine(
    simple: VectorStoreIndex, retriever: SIFTRetriever, texts: list[str], corpus: Corpus
) -> None:
    engine = CitationQueryEngine.from_args(simple, llm=Reader(), retriever=retriever)
    response = engine.query(corpus.queries[0])
    read = str(response)
    assert [read.find(f"Source {i}:") < read.find(t) for i, t in enumerate(texts, 1)] == [True] * 3
    assert "information_gain" not in read


def test_router_query_engine(retriever: SIFTRetriever, texts: list[str], corpus: Corpus) -> None:
    engine = RetrieverQueryEngine.from_args(retriever, llm=Reader())
    tools = [
        QueryEngineTool.from_defaults(engine, name="sift", description="information gain"),
        QueryEngineTool.from_defaults(engine, name="other", description="something else"),
    ]
    selector = LLMSingleSelector.from_defaults(
        llm=Reader(answer='[{"choice": 1, "reason": "it says so"}]')
    )
    router = RouterQueryEngine(selector, tools, llm=Reader())
    check(router.query(corpus.queries[0]), texts)


def test_chat_engines(retriever: SIFTRetriever, texts: list[str], corpus: Corpus) -> None:
    context = ContextChatEngine.from_defaults(retriever=retriever, llm=Reader())
    check(context.chat(corpus.queries[0]), texts)
    condense = CondensePlusContextChatEngine.from_defaults(retriever=retriever, llm=Reader())
    check(condense.chat(corpus.queries[0]), texts)


async def test_an_agents_tool(retriever: SIFTRetriever, texts: list[str], corpus: Corpus) -> None:
    engine = RetrieverQueryEngine.from_args(retriever, llm=Reader())
    tool = QueryEngineTool.from_defaults(engine, name="wiki", description="d")
    output = tool.call(input=corpus.queries[0])
    check(output.raw_output, texts)
    check((await tool.acall(input=corpus.queries[0])).raw_output, texts)


async def test_in_an_agent(retriever: SIFTRetriever, texts: list[str], corpus: Corpus) -> None:
    from llama_index.core.agent.workflow import ReActAgent

    engine = RetrieverQueryEngine.from_args(retriever, llm=Reader())
    read: list[str] = []

    class Scripted(Reader):
        """Asks the tool once, then answers."""

        def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
            if "Observation:" in prompt.rpartition("Current Conversation")[2]:
                read.append(prompt)
                return CompletionResponse(text="Thought: I can answer.\nAnswer: done")
            action = 'Thought: I need a tool.\nAction: wiki\nAction Input: {"input": "query 0"}'
            return CompletionResponse(text=action)

    tool = QueryEngineTool.from_defaults(engine, name="wiki", description="d")
    agent = ReActAgent(tools=[tool], llm=Scripted(), streaming=False)
    answer = await agent.run("what is it?")
    assert "done" in str(answer)
    assert all(text in read[-1] for text in texts)


class SubQuestions(BaseQueryTransform):
    """As HyDE and sub-question transforms do: several strings to embed."""

    def _run(self, query_bundle: QueryBundle, metadata: dict[str, Any]) -> QueryBundle:
        return QueryBundle(query_bundle.query_str, custom_embedding_strs=["query 0", "query 1"])

    def _get_prompts(self) -> Any:
        return {}

    def _update_prompts(self, prompts: Any) -> None:
        return None


def test_a_query_transform_makes_several_targets(
    simple: VectorStoreIndex, retriever: SIFTRetriever
) -> None:
    engine = RetrieverQueryEngine.from_args(retriever, llm=Reader())
    response = TransformQueryEngine(engine, SubQuestions()).query("both")
    bundle = QueryBundle("both", custom_embedding_strs=["query 0", "query 1"])
    want = [node.node_id for node in retriever.retrieve(bundle)]
    assert [node.node_id for node in response.source_nodes] == want


def test_in_a_fusion_retriever(
    simple: VectorStoreIndex, retriever: SIFTRetriever, corpus: Corpus
) -> None:
    fusion = QueryFusionRetriever(
        [retriever, simple.as_retriever(similarity_top_k=5)],
        llm=Reader(),
        num_queries=1,
        similarity_top_k=6,
        use_async=False,
    )
    rerank = SIFTRerank(top_n=3, embed_model=model_of(simple), vector_store=simple.vector_store)
    fused = fusion.retrieve(corpus.queries[0])
    chosen = rerank.postprocess_nodes(fused, query_str=corpus.queries[0])
    assert [node.node.metadata["rank"] for node in chosen] == [0, 1, 2]
