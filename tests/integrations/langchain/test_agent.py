"""`as_tool()` in an agent: the model asks, reads the texts, answers."""

from __future__ import annotations

from typing import Any

import pytest
from corpus import Corpus
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from store_cases import CASES

from langchain_sift import SIFTRetriever


class Scripted(BaseChatModel):
    """Calls the tool it was given for "query 0", then answers with what it read."""

    tool_name: str = ""

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        self.tool_name = tools[0].name
        return self

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        last = messages[-1]
        if isinstance(last, ToolMessage):
            answer = AIMessage(f"I read: {last.content}")
        else:
            call = {"name": self.tool_name, "args": {"query": "query 0"}, "id": "1"}
            answer = AIMessage("", tool_calls=[call])
        return ChatResult(generations=[ChatGeneration(message=answer)])


async def test_in_an_agent(corpus: Corpus) -> None:
    agents = pytest.importorskip("langchain.agents")
    retriever = SIFTRetriever(CASES["InMemory"].filled(corpus), k=2)
    tool = retriever.as_tool(name="wiki", description="What the store holds.")
    agent = agents.create_agent(Scripted(), [tool])
    found = retriever.invoke("query 0")
    texts = "\n\n".join(document.page_content for document in found)
    asked = {"messages": [("user", "what is it?")]}
    for state in (agent.invoke(asked), await agent.ainvoke(asked)):
        *_, read, answer = state["messages"]
        assert answer.content == f"I read: {texts}"
        assert read.artifact == found


def test_its_name_description_and_schema(corpus: Corpus) -> None:
    retriever = SIFTRetriever(CASES["InMemory"].filled(corpus))
    tool = retriever.as_tool()
    assert tool.name == "search_passages"
    assert [*tool.args] == ["query"]
    assert retriever.as_tool(description="d").description == "d"
