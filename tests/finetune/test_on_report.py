"""A failing `on_report` replaces neither an answer nor an error; it is logged."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from langchain.agents import create_agent
from test_langchain_agents import TinyChat, ask
from test_llama_index_wrap import Bench as LlamaIndexBench
from tiny_chain import QUESTIONS, retriever_for
from tuned_chain import Bench

from langchain_sift.finetune import SIFTFineTuning, wrap
from llama_index.retrievers.sift.finetune import wrap as wrap_engine


def fails(_: Any) -> None:
    raise ZeroDivisionError("the log is full")


def check_logged(caplog: pytest.LogCaptureFixture, times: int) -> None:
    records = [r for r in caplog.records if "on_report failed" in r.message]
    assert len(records) == times
    for record in records:
        assert record.levelno == logging.ERROR
        assert record.exc_info is not None
        assert isinstance(record.exc_info[1], ZeroDivisionError)


async def test_chains(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    expected = bench.alone(QUESTIONS[0])
    tuned = wrap(bench.tuner, bench.chain, on_report=fails)
    assert tuned.invoke(QUESTIONS[0]) == expected
    assert await tuned.ainvoke(QUESTIONS[0]) == expected
    assert "".join(tuned.stream(QUESTIONS[0])) == expected
    assert "".join([chunk async for chunk in tuned.astream(QUESTIONS[0])]) == expected
    assert tuned.batch(QUESTIONS[:1]) == [expected]
    check_logged(caplog, 5)
    bench.state.check()


async def test_an_error_of_the_chain_is_raised_unchanged(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()

    def boom(_: str) -> str:
        raise LookupError("of the chain")

    tuned = wrap(bench.tuner, bench.chain | boom, on_report=fails)
    with pytest.raises(LookupError, match="of the chain"):
        tuned.invoke(QUESTIONS[0])
    with pytest.raises(LookupError, match="of the chain"):
        await tuned.ainvoke(QUESTIONS[0])
    check_logged(caplog, 2)
    bench.state.check()


async def test_engines(caplog: pytest.LogCaptureFixture) -> None:
    bench = LlamaIndexBench()
    tuned = wrap_engine(bench.tuner, bench.engine, on_report=fails)
    expected = bench.alone(QUESTIONS[0])
    assert str(tuned.query(QUESTIONS[0])) == expected
    assert str(await tuned.aquery(QUESTIONS[0])) == expected
    check_logged(caplog, 2)
    bench.state.check()


def test_agents(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    chat = TinyChat(model=bench.model)
    middleware = SIFTFineTuning(bench.tuner, retriever_for(bench.tuner), on_report=fails)
    assert ask(create_agent(chat, tools=[], middleware=[middleware]), QUESTIONS[0])
    check_logged(caplog, 1)
    bench.state.check()


def test_an_interrupt_in_on_report_is_raised() -> None:
    bench = Bench()

    def interrupted(_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        wrap(bench.tuner, bench.chain, on_report=interrupted).invoke(QUESTIONS[0])
    bench.state.check()
