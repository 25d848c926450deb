"""Several models, threads and event loops at once; the global random state does not change."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.caches import InMemoryCache
from langchain_core.messages import HumanMessage
from test_langchain_agents import TinyChat
from tiny_chain import QUESTIONS, pipeline, rag, retriever_for
from tiny_models import PASSAGES, QUERY, logits, tiny, tokenizer
from tuner_state import EAGER, State

import torch  # isort: skip

from langchain_sift.finetune import SIFTFineTuning, wrap
from sift_retrievers.finetune import Budget, TestTimeTuner


def test_several_models_run_in_parallel() -> None:
    tuners = [TestTimeTuner(tiny(), tokenizer(), **EAGER) for _ in range(2)]
    states = [State(tuner) for tuner in tuners]

    def answer(tuner: TestTimeTuner, i: int) -> torch.Tensor:
        with tuner.session(QUERY, PASSAGES[i % 5 :][:1]):
            return logits(tuner.model)

    serial = [answer(tuners[0], i) for i in range(5)]
    wrong: list[int] = []
    both = threading.Barrier(2)

    def work(tuner: TestTimeTuner) -> None:
        both.wait()
        wrong.extend(i for i in range(60) if not torch.equal(answer(tuner, i), serial[i % 5]))

    threads = [threading.Thread(target=work, args=(tuner,)) for tuner in tuners]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    for state in states:
        state.check()


def test_training_does_not_use_the_global_random_state() -> None:
    tuner = TestTimeTuner(tiny(), tokenizer(), gradient_checkpointing=True)
    torch.manual_seed(7)
    expected = torch.randint(0, 2**40, (40,)).tolist()
    torch.manual_seed(7)
    drawn: list[int] = []
    with tuner.request() as session:
        thread = threading.Thread(target=lambda: session.tune(QUERY, PASSAGES * 3))
        thread.start()
        while thread.is_alive() and len(drawn) < 20:
            drawn += torch.randint(0, 2**40, (1,)).tolist()
        thread.join()
    drawn += torch.randint(0, 2**40, (40 - len(drawn),)).tolist()
    assert drawn == expected


async def test_synchronous_requests_in_the_loops_threads_leave_one_for_the_holder() -> None:
    tuner = TestTimeTuner(tiny(), tokenizer(), queue_timeout=60)
    state = State(tuner)

    def waiting() -> None:
        with tuner.session(QUERY, PASSAGES[:1]):
            pass

    async def holding() -> None:
        async with tuner.asession(QUERY, PASSAGES):
            await asyncio.sleep(0.1)

    first = asyncio.ensure_future(holding())
    await asyncio.sleep(0)
    async with asyncio.timeout(50):
        await asyncio.gather(first, *(asyncio.to_thread(waiting) for _ in range(40)))
    state.check()


async def test_a_cancellation_stops_training_between_steps() -> None:
    tuner = TestTimeTuner(tiny(), tokenizer(), budget=Budget(max_steps=None))
    sessions: list[Any] = []

    async def ask() -> None:
        async with tuner.arequest() as session:
            sessions.append(session)
            await session.atune(QUERY, PASSAGES * 2000)

    task = asyncio.ensure_future(ask())
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sessions[0].report.stopped == "cancelled"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_generation_that_fails_half_way_ends_its_stream_and_is_raised() -> None:
    model = tiny()
    llm = pipeline(model, 30)
    tuner = TestTimeTuner(model, tokenizer(), budget=Budget(max_steps=2), **EAGER)
    state = State(tuner, random=False)
    tuned = wrap(tuner, rag(retriever_for(tuner), llm))
    forward, calls = model.forward, 0

    def fails_later(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > 8:
            raise ZeroDivisionError
        return forward(*args, **kwargs)

    model.forward = fails_later
    with pytest.raises(RuntimeError, match="generation of a stream failed") as caught:
        [*tuned.stream(QUESTIONS[0])]
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    del model.forward
    state.check()


def test_agents_at_once_write_no_tuned_answer_into_a_cache() -> None:
    model = tiny()
    cache = InMemoryCache()
    tuner = TestTimeTuner(model, tokenizer(), budget=Budget(max_steps=2), **EAGER)
    agent = create_agent(
        TinyChat(model=model, cache=cache),
        tools=[],
        middleware=[SIFTFineTuning(tuner, retriever_for(tuner))],
    )
    threads = [
        threading.Thread(target=agent.invoke, args=({"messages": [HumanMessage(question)]},))
        for question in QUESTIONS
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache._cache == {}


def test_a_chain_may_try_again_inside_its_request() -> None:
    model = tiny()
    tuner = TestTimeTuner(model, tokenizer(), budget=Budget(max_steps=2), **EAGER)
    tries: list[str] = []

    def fails_once(answer: str) -> str:
        tries.append(answer)
        if len(tries) == 1:
            raise ZeroDivisionError
        return answer

    chain = rag(retriever_for(tuner), pipeline(model)) | fails_once
    tuned = wrap(tuner, chain.with_retry(stop_after_attempt=2, wait_exponential_jitter=False))
    assert tuned.invoke(QUESTIONS[0]) == tries[0]
    assert tries[0] == tries[1]
