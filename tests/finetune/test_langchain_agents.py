"""`SIFTFineTuning`: for each call, an agent's model is trained on what its tools found."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_huggingface import ChatHuggingFace
from tiny_chain import QUESTIONS, pipeline, retriever_for
from tiny_models import tiny, tokenizer
from tuner_state import EAGER, State

from langchain_sift.finetune import SIFTFineTuning, transformers_model
from sift_retrievers.finetune import Budget, Report, TestTimeTuner


class TinyChat(BaseChatModel):
    """Asks its tool once if it has one, then answers by a transformers model."""

    model: Any
    with_tool: bool = False

    @property
    def _llm_type(self) -> str:
        return "tiny"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Runnable[Any, Any]:
        return self.model_copy(update={"with_tool": bool(tools)})

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        last = messages[-1]
        if self.with_tool and isinstance(last, HumanMessage):
            call = {"name": "search_passages", "args": {"query": last.text}, "id": "1"}
            message = AIMessage(content="", tool_calls=[call])
        else:
            ids = tokenizer()(str(last.text), return_tensors="pt")["input_ids"]
            out = self.model.generate(ids, max_new_tokens=8, do_sample=False, pad_token_id=0)
            message = AIMessage(content=str(tokenizer().decode(out[0, ids.shape[1] :])))
        return ChatResult(generations=[ChatGeneration(message=message)])


class Bench:
    def __init__(self, **settings: Any) -> None:
        self.model = tiny()
        fixed = {"budget": Budget(max_steps=6), "lambda_": 0.1, "verify": "full", **EAGER}
        settings = {**fixed, **settings}
        self.tuner = TestTimeTuner(self.model, tokenizer(), **settings)
        self.chat = TinyChat(model=self.model)
        self.reports: list[Report] = []
        self.state = State(self.tuner, random=False)

    def agent(self, *, middleware: list[Any], tools: list[Any] | None = None) -> Any:
        return create_agent(self.chat, tools=tools or [], middleware=middleware)


def ask(agent: Any, question: str) -> str:
    return str(agent.invoke({"messages": [HumanMessage(question)]})["messages"][-1].text)


def test_the_model_is_tuned_on_what_the_tool_found() -> None:
    bench = Bench()
    tool = retriever_for(None).as_tool()
    middleware = SIFTFineTuning(bench.tuner, on_report=bench.reports.append)
    tuned = bench.agent(middleware=[middleware], tools=[tool])
    base = bench.agent(middleware=[], tools=[tool])
    answer = ask(tuned, QUESTIONS[0])
    assert answer != ask(base, QUESTIONS[0])
    # Before the first call nothing was found, before the second two passages.
    assert [(r.stopped, r.steps) for r in bench.reports] == [("empty", 0), ("passages", 2)]
    texts = [document.page_content for document in retriever_for(None).invoke(QUESTIONS[0])]
    with bench.tuner.session(QUESTIONS[0], texts):
        assert ask(base, QUESTIONS[0]) == answer
    bench.state.check()


def test_a_retriever_of_the_middleware_selects_with_replacement() -> None:
    bench = Bench(cache_bytes=10**7)
    middleware = SIFTFineTuning(bench.tuner, retriever_for(bench.tuner), on_report=print)
    middleware.on_report = bench.reports.append
    agent = bench.agent(middleware=[middleware], tools=[retriever_for(None).as_tool()])
    ask(agent, QUESTIONS[0])
    assert [(r.steps, r.from_cache) for r in bench.reports] == [(6, False), (6, True)]
    bench.state.check()
    plain = SIFTFineTuning(bench.tuner, retriever_for(None), on_report=bench.reports.append)
    ask(bench.agent(middleware=[plain]), QUESTIONS[0])
    assert bench.reports[-1].steps == 2
    bench.state.check()


async def test_asynchronously_at_once() -> None:
    bench = Bench()
    agent = bench.agent(middleware=[SIFTFineTuning(bench.tuner, retriever_for(bench.tuner))])
    expected = [ask(agent, question) for question in QUESTIONS]

    async def aask(question: str) -> str:
        answer = await agent.ainvoke({"messages": [HumanMessage(question)]})
        return str(answer["messages"][-1].text)

    assert await asyncio.gather(*(aask(question) for question in QUESTIONS)) == expected
    bench.state.check()


def test_an_exception_in_the_call() -> None:
    bench = Bench()
    agent = bench.agent(middleware=[SIFTFineTuning(bench.tuner, retriever_for(bench.tuner))])

    def boom(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError

    generate = bench.model.generate
    bench.model.generate = boom
    with pytest.raises(ZeroDivisionError):
        ask(agent, QUESTIONS[0])
    assert bench.model.__dict__.pop("generate") is boom  # a user's own stays
    assert bench.model.generate == generate
    bench.state.check()


def test_a_real_chat_model() -> None:
    model = tiny()
    reader = tokenizer()
    reader.chat_template = "{% for m in messages %}{{ m['content'] }} {% endfor %}"
    chat = ChatHuggingFace(llm=pipeline(model), tokenizer=reader, model_id="tiny")
    assert transformers_model(chat)[0] is model
    tuner = TestTimeTuner(*transformers_model(chat), budget=Budget(max_steps=6), **EAGER)
    state = State(tuner, random=False)
    middleware = [SIFTFineTuning(tuner, retriever_for(tuner))]
    tuned = ask(create_agent(chat, tools=[], middleware=middleware), QUESTIONS[0])
    assert tuned != ask(create_agent(chat, tools=[]), QUESTIONS[0])
    state.check()


def test_another_model_than_the_tuners() -> None:
    bench = Bench()
    other = ChatHuggingFace(llm=pipeline(tiny()), tokenizer=tokenizer(), model_id="tiny")
    agent = create_agent(other, tools=[], middleware=[SIFTFineTuning(bench.tuner)])
    with pytest.raises(ValueError, match="not the tuner's model"):
        ask(agent, QUESTIONS[0])
    bench.state.check()
