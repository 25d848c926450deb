"""`wrap(tuner, chain)`: every request has its own adapter, and the base is what it was."""

from __future__ import annotations

import asyncio
import threading
import warnings
from typing import Any

import pytest
from langchain_core.runnables import RunnableLambda
from tiny_chain import QUESTIONS, WordEmbeddings, pipeline, rag, retriever_for, store
from tiny_models import PASSAGES, tiny, tokenizer
from tuned_chain import Bench

import torch  # isort: skip

from langchain_sift import SIFTCompressor
from langchain_sift.finetune import transformers_model, wrap
from sift_retrievers.finetune import (
    NoRequestError,
    QueueTimeoutError,
    TuningError,
)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_request_is_tuned_on_what_it_retrieves(bench: Bench) -> None:
    answer = bench.tuned.invoke(QUESTIONS[0])
    assert answer == bench.alone(QUESTIONS[0])
    assert answer != bench.base.invoke(QUESTIONS[0])
    (report,) = bench.reports
    assert (report.steps, report.stopped, report.verified) == (6, "passages", "full")
    assert set(report.passage_ids) <= {f"p{i}" for i in range(5)}
    assert len(report.sigma) == 7
    bench.state.check()


def test_batch_answers_every_request_with_its_own_adapter(bench: Bench) -> None:
    expected = [bench.alone(question) for question in QUESTIONS]
    assert bench.tuned.batch(QUESTIONS) == expected
    assert len(set(expected)) > 1
    assert [*bench.tuned.batch_as_completed(QUESTIONS)] == [*enumerate(expected)]
    bench.state.check()
    # What a bare hook would give: the chain's own batch retrieves for all before it answers any.
    with bench.tuner.request(), pytest.raises(RuntimeError, match="a session trains once"):
        bench.chain.batch(QUESTIONS[:2])
    bench.state.check()


async def test_the_asynchronous_methods_give_the_same(bench: Bench) -> None:
    expected = [bench.alone(question) for question in QUESTIONS]
    assert await bench.tuned.ainvoke(QUESTIONS[0]) == expected[0]
    assert await bench.tuned.abatch(QUESTIONS) == expected
    assert [x async for x in bench.tuned.abatch_as_completed(QUESTIONS)] == [*enumerate(expected)]
    at_once = await asyncio.gather(*(bench.tuned.ainvoke(question) for question in QUESTIONS))
    assert at_once == expected
    bench.state.check()


def test_threads_get_the_serial_answers(bench: Bench) -> None:
    expected = [bench.alone(question) for question in QUESTIONS]
    wrong: list[str] = []

    def work(start: int) -> None:
        for i in range(start, start + 3):
            if bench.tuned.invoke(QUESTIONS[i % 4]) != expected[i % 4]:
                wrong.append(QUESTIONS[i % 4])

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    bench.state.check()


def test_untuned_calls_share_the_model(bench: Bench) -> None:
    expected = [bench.base.invoke(question) for question in QUESTIONS]
    tuned = [bench.alone(question) for question in QUESTIONS]
    untuned = wrap(bench.tuner, bench.chain, tuned=False)
    got: dict[str, list[str]] = {}
    threads = [
        threading.Thread(target=lambda: got.update(base=untuned.batch(QUESTIONS))),
        threading.Thread(target=lambda: got.update(tuned=bench.tuned.batch(QUESTIONS))),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == {"base": expected, "tuned": tuned}
    bench.state.check()


def test_an_exception_in_the_chain(bench: Bench) -> None:
    def boom(_: str) -> str:
        raise ZeroDivisionError

    failing = wrap(bench.tuner, bench.chain | boom, on_report=bench.reports.append)
    with pytest.raises(ZeroDivisionError):
        failing.invoke(QUESTIONS[0])
    with pytest.raises(ZeroDivisionError):
        failing.batch(QUESTIONS)
    answers = failing.batch(QUESTIONS, return_exceptions=True)
    assert [type(answer) for answer in answers] == [ZeroDivisionError] * 4
    assert [report.steps for report in bench.reports] == [6] * 6
    bench.state.check()


@pytest.mark.parametrize("policy", ["base", "partial", "raise"])
def test_on_error(policy: Any) -> None:
    bench = Bench(on_error=policy)
    expected = bench.base.invoke(QUESTIONS[0])
    forward, calls = bench.model.forward, 0

    def fails_at_the_third(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise torch.OutOfMemoryError("CUDA out of memory (simulated)")
        return forward(*args, **kwargs)

    bench.model.forward = fails_at_the_third
    if policy == "raise":
        with pytest.raises(TuningError):
            bench.tuned.invoke(QUESTIONS[0])
    else:
        answer = bench.tuned.invoke(QUESTIONS[0])
        assert (answer == expected) == (policy == "base")
    assert (bench.reports[0].stopped, bench.reports[0].steps) == ("error", 2)
    del bench.model.forward
    bench.state.check()


def test_a_retriever_that_trains_needs_a_request(bench: Bench) -> None:
    with pytest.raises(NoRequestError, match="wrap\\(tuner, chain\\)"):
        bench.retriever.invoke(QUESTIONS[0])
    with pytest.raises(NoRequestError):
        bench.chain.invoke(QUESTIONS[0])
    assert bench.retriever.explain(QUESTIONS[0]).passages  # which trains nothing
    bench.state.check()


def test_a_timeout_in_the_queue() -> None:
    bench = Bench(queue_timeout=0.05)
    with bench.tuner.request():
        found: list[BaseException] = []

        def other() -> None:
            try:
                bench.tuned.invoke(QUESTIONS[0])
            except BaseException as error:
                found.append(error)

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert isinstance(found[0], QueueTimeoutError)
    bench.state.check()


def test_a_request_inside_a_request_does_not_wait_for_itself(bench: Bench) -> None:
    twice = wrap(bench.tuner, bench.tuned)
    with pytest.raises(RuntimeError, match="wrap the whole chain once"):
        twice.invoke(QUESTIONS[0])
    bench.state.check()


def test_a_chain_with_another_model(bench: Bench) -> None:
    other = pipeline(tiny())
    with pytest.raises(ValueError, match="not the tuner's model"):
        wrap(bench.tuner, rag(bench.retriever, other))
    with pytest.raises(TypeError, match="got WordEmbeddings"):
        transformers_model(WordEmbeddings())


def test_a_chain_that_hides_its_model_in_a_function(bench: Bench) -> None:
    def generate(prompt: str) -> str:
        ids = tokenizer()(prompt, return_tensors="pt")["input_ids"]
        out = bench.model.generate(ids, max_new_tokens=8, do_sample=False, pad_token_id=0)
        return str(tokenizer().decode(out[0, ids.shape[1] :]))

    chain = RunnableLambda(lambda q: bench.retriever.invoke(q)[0].page_content + q) | generate
    with bench.tuner.request():
        expected = chain.invoke(QUESTIONS[0])
    assert wrap(bench.tuner, chain).invoke(QUESTIONS[0]) == expected
    bench.state.check()


def test_a_chain_that_trains_nothing_says_so(bench: Bench) -> None:
    with pytest.warns(UserWarning, match="nothing was trained"):
        wrap(bench.tuner, bench.base).invoke(QUESTIONS[0])
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        wrap(bench.tuner, bench.base, tuned=False).invoke(QUESTIONS[0])


def test_an_empty_store_answers_with_the_base(bench: Bench) -> None:
    empty = type(store())(WordEmbeddings())
    retriever = bench.retriever.model_copy(update={"vectorstore": empty})
    tuned = wrap(bench.tuner, rag(retriever, bench.llm), on_report=bench.reports.append)
    expected = rag(RunnableLambda(lambda _: []), bench.llm).invoke(QUESTIONS[0])
    assert tuned.invoke(QUESTIONS[0]) == expected
    assert bench.reports[0].stopped == "empty"
    bench.state.check()


def test_a_compressor_trains_as_well(bench: Bench) -> None:
    compressor = SIFTCompressor(embedding=WordEmbeddings(), k=2, fine_tune=bench.tuner)
    documents = [d.model_copy() for d in retriever_for(None).invoke(QUESTIONS[0], k=5)]
    with bench.tuner.request() as session:
        kept = compressor.compress_documents(documents, QUESTIONS[0])
        assert session.report is not None
        assert session.report.steps == 6
    assert len(kept) == 2
    bench.state.check()


def test_what_is_returned_does_not_depend_on_the_training(bench: Bench) -> None:
    with bench.tuner.request():
        found = bench.retriever.invoke(QUESTIONS[0])
    assert found == retriever_for(None).invoke(QUESTIONS[0])
    assert {document.page_content for document in found} <= set(PASSAGES)


def test_name_schemas_and_graph_are_those_of_the_chain(bench: Bench) -> None:
    assert bench.tuned.get_name() == bench.chain.get_name()
    assert bench.tuned.get_graph().to_json() == bench.chain.get_graph().to_json()
    assert bench.tuned.get_output_schema() == bench.chain.get_output_schema()
    assert bench.tuned.InputType == bench.chain.InputType
