"""`ChatHuggingFace` end to end, with a chat template without a system turn, as Gemma's."""

from __future__ import annotations

import asyncio
import copy
from typing import Any

import jinja2
import pytest
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable, RunnablePassthrough
from langchain_huggingface import ChatHuggingFace
from tiny_chain import QUESTIONS, pipeline, retriever_for
from tiny_models import tiny, tokenizer
from tuner_state import EAGER, State

from langchain_sift.finetune import transformers_model, wrap
from sift_retrievers.finetune import Budget, Report, TestTimeTuner

TEMPLATE = (
    "{{ bos_token }}"
    "{% if messages[0]['role'] == 'system' %}"
    "{{ raise_exception('System role not supported') }}"
    "{% endif %}"
    "{% for message in messages %}"
    "{% set role = 'model' if message['role'] == 'assistant' else message['role'] %}"
    "{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)
TURN = ("human", "{context} {question}")
SYSTEM = ("system", "Answer from the context.")


class Bench:
    """A chat model, its tuner, and chains over it."""

    def __init__(self, new_tokens: int = 12) -> None:
        model = tiny()
        reader = copy.deepcopy(tokenizer())
        reader.chat_template = TEMPLATE
        self.chat = ChatHuggingFace(
            llm=pipeline(model, new_tokens), tokenizer=reader, model_id="tiny"
        )
        self.tuner = TestTimeTuner(
            *transformers_model(self.chat), budget=Budget(max_steps=4), verify="full", **EAGER
        )
        self.reports: list[Report] = []
        self.state = State(self.tuner, random=False)

    def chain(self, *turns: Any, tuned: bool = True) -> Runnable[str, str]:
        retriever = retriever_for(self.tuner if tuned else None)
        return (
            {
                "context": retriever | (lambda found: " ".join(d.page_content for d in found)),
                "question": RunnablePassthrough(),
            }
            | ChatPromptTemplate.from_messages(turns)
            | self.chat
            | StrOutputParser()
        )

    def wrapped(self, *turns: Any) -> Runnable[str, str]:
        return wrap(self.tuner, self.chain(*turns), on_report=self.reports.append)


async def test_a_prompt_without_a_system_turn() -> None:
    bench = Bench()
    chain, tuned = bench.chain(TURN), bench.wrapped(TURN)
    expected = []
    for question in QUESTIONS[:2]:
        with bench.tuner.request():
            expected.append(chain.invoke(question))
    assert expected[0] != bench.chain(TURN, tuned=False).invoke(QUESTIONS[0])
    assert tuned.invoke(QUESTIONS[0]) == expected[0]
    assert "".join(tuned.stream(QUESTIONS[0])) == expected[0]
    assert tuned.batch(QUESTIONS[:2]) == expected
    assert await tuned.ainvoke(QUESTIONS[0]) == expected[0]
    assert "".join([chunk async for chunk in tuned.astream(QUESTIONS[0])]) == expected[0]
    assert [(report.steps, report.verified) for report in bench.reports] == [(4, "full")] * 6
    bench.state.check()


async def test_the_templates_own_error_for_a_system_turn() -> None:
    bench = Bench()
    tuned = bench.wrapped(SYSTEM, TURN)
    with pytest.raises(jinja2.TemplateError) as plain:
        bench.chain(SYSTEM, TURN, tuned=False).invoke(QUESTIONS[0])

    def check(error: BaseException) -> None:
        assert type(error) is type(plain.value)
        assert str(error) == str(plain.value) == "System role not supported"
        bench.state.check()

    for call in (
        lambda: tuned.invoke(QUESTIONS[0]),
        lambda: [*tuned.stream(QUESTIONS[0])],
        lambda: tuned.batch(QUESTIONS[:2]),
    ):
        with pytest.raises(jinja2.TemplateError) as caught:
            call()
        check(caught.value)
    for answer in tuned.batch(QUESTIONS[:2], return_exceptions=True):
        assert isinstance(answer, jinja2.TemplateError)
    with pytest.raises(jinja2.TemplateError) as caught:
        await tuned.ainvoke(QUESTIONS[0])
    check(caught.value)
    with pytest.raises(jinja2.TemplateError) as caught:
        [chunk async for chunk in tuned.astream(QUESTIONS[0])]
    check(caught.value)


@pytest.mark.parametrize("stream", [True, False])
async def test_a_cancellation_stops_the_generation(stream: bool) -> None:
    bench = Bench(new_tokens=1500)
    tuned = bench.wrapped(TURN)
    calls = 0
    forward = bench.tuner.model.forward

    def counting(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        return forward(*args, **kwargs)

    async def read() -> None:
        async for _ in tuned.astream(QUESTIONS[0]):
            pass

    bench.tuner.model.forward = counting
    work = read() if stream else tuned.ainvoke(QUESTIONS[0])
    task = asyncio.ensure_future(work)
    while calls < 20:  # 4 steps of training, then tokens
        await asyncio.sleep(0.01)
    before = calls  # the thread that generates may be far ahead of the event loop
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert calls < before + 500
    del bench.tuner.model.forward
    bench.state.check()
