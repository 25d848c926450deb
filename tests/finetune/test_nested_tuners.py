"""Sessions of two tuners inside each other, in opposite orders, at once: no deadlock."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from tiny_chain import QUESTIONS, pipeline, rag, retriever_for
from tiny_models import PASSAGES, QUERY, tiny, tokenizer
from tuner_state import EAGER, State

from langchain_sift.finetune import wrap
from sift_retrievers.finetune import Budget, DeadlockError, TestTimeTuner
from sift_retrievers.finetune.model_lock import ModelLock


def tuners() -> list[TestTimeTuner]:
    made = []
    for kind in ("Llama", "GPT2"):
        model = tiny(kind)
        model.name_or_path = f"tiny/{kind}"
        made.append(
            TestTimeTuner(
                model, tokenizer(), queue_timeout=30.0, budget=Budget(max_steps=1), **EAGER
            )
        )
    return made


def test_threads() -> None:
    llama, gpt2 = tuners()
    states = [State(llama), State(gpt2)]
    both_hold_one = threading.Barrier(2)
    outcomes: dict[str, Any] = {}

    def nest(name: str, outer: TestTimeTuner, inner: TestTimeTuner) -> None:
        try:
            with outer.session(QUERY, PASSAGES[:1]):
                both_hold_one.wait(20)
                with inner.session(QUERY, PASSAGES[:1]):
                    outcomes[name] = "answered"
        except DeadlockError as error:
            outcomes[name] = str(error)

    threads = [
        threading.Thread(target=nest, args=("a", llama, gpt2)),
        threading.Thread(target=nest, args=("b", gpt2, llama)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    refused = [text for text in outcomes.values() if text != "answered"]
    assert len(outcomes) == 2
    assert len(refused) == 1
    for name in ("LlamaForCausalLM (tiny/Llama)", "GPT2LMHeadModel (tiny/GPT2)"):
        assert name in refused[0]
    for state in states:
        state.check()


async def test_tasks() -> None:
    llama, gpt2 = tuners()
    states = [State(llama), State(gpt2)]
    inside: list[int] = []

    async def nest(outer: TestTimeTuner, inner: TestTimeTuner) -> str:
        async with outer.asession(QUERY, PASSAGES[:1]):
            inside.append(1)
            while len(inside) < 2:
                await asyncio.sleep(0.01)
            async with inner.asession(QUERY, PASSAGES[:1]):
                return "answered"

    async with asyncio.timeout(60):
        outcomes = await asyncio.gather(
            nest(llama, gpt2), nest(gpt2, llama), return_exceptions=True
        )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["DeadlockError", "str"]
    for state in states:
        state.check()


async def test_a_task_and_a_thread_with_wrapped_chains() -> None:
    llama, gpt2 = tuners()
    states = [State(llama, random=False), State(gpt2, random=False)]
    both_hold_one = threading.Barrier(2)

    def nested(outer: TestTimeTuner, inner: TestTimeTuner) -> Any:
        answer = wrap(inner, rag(retriever_for(inner), pipeline(inner.model, 4)))

        def meet(question: str) -> str:
            both_hold_one.wait(20)
            return question

        retrieve = retriever_for(outer) | (lambda documents: documents[0].page_content)
        return wrap(outer, retrieve | meet | answer)

    async with asyncio.timeout(60):
        outcomes = await asyncio.gather(
            nested(llama, gpt2).ainvoke(QUESTIONS[0]),
            asyncio.to_thread(nested(gpt2, llama).invoke, QUESTIONS[1]),
            return_exceptions=True,
        )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["DeadlockError", "str"]
    for state in states:
        state.check()


def test_the_same_order_and_both_orders_one_after_the_other_are_no_error() -> None:
    llama, gpt2 = tuners()
    for outer, inner in ((llama, gpt2), (gpt2, llama)) * 2:
        with outer.session(QUERY, PASSAGES[:1]), inner.session(QUERY, PASSAGES[:1]):
            pass
    done: list[int] = []

    def nest() -> None:
        with llama.request(), gpt2.request():
            done.append(1)

    threads = [threading.Thread(target=nest) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(done) == 6


def test_a_ring_of_three() -> None:
    locks = [ModelLock(f"model {i}") for i in range(3)]
    turns = [lock.acquire() for lock in locks]
    errors: list[BaseException] = []

    def wait(i: int) -> None:
        try:
            locks[(i + 1) % 3].release(locks[(i + 1) % 3].acquire(20, [turns[i]]))
        except DeadlockError as error:
            errors.append(error)
        finally:
            locks[i].release(turns[i])

    threads = [threading.Thread(target=wait, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(errors) == 1
    assert not any(lock.held for lock in locks)


def test_waiting_behind_a_holder_that_does_not_wait_is_no_deadlock() -> None:
    first, second = ModelLock("a"), ModelLock("b")
    turn, other = first.acquire(), second.acquire()
    waiting = threading.Thread(target=lambda: second.release(second.acquire(20, [turn])))
    waiting.start()
    second.release(other)
    waiting.join(20)
    first.release(turn)
    with pytest.raises(TimeoutError), first.hold(), second.hold():
        second.acquire(0.01)
