"""LlamaIndex: every query of a wrapped engine has its own adapter, and the base is what it was."""

from __future__ import annotations

import asyncio
import gc
import re
import threading
from typing import Any

import pytest
from llama_index.core import VectorStoreIndex, get_response_synthesizer
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.callbacks import CallbackManager
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers import ResponseMode
from llama_index.core.schema import NodeWithScore, TextNode
from llama_index.llms.huggingface import HuggingFaceLLM
from tiny_chain import QUESTIONS, WordEmbeddings
from tiny_models import PASSAGES, tiny, tokenizer
from tuner_state import EAGER, State

from llama_index.postprocessor.sift import SIFTRerank
from llama_index.retrievers.sift import SIFTRetriever
from llama_index.retrievers.sift.finetune import transformers_model, wrap
from sift_retrievers.finetune import Budget, NoRequestError, Report, TestTimeTuner


class Words(BaseEmbedding):
    def _get_text_embedding(self, text: str) -> list[float]:
        return WordEmbeddings().embed_query(text)

    def _get_query_embedding(self, query: str) -> list[float]:
        return WordEmbeddings().embed_query(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)


class Bench:
    """A tuned engine, and what it is made of."""

    def __init__(
        self, *, streaming: bool = False, new_tokens: int = 12, steps: int = 6, **settings: Any
    ) -> None:
        self.model = tiny()
        self.llm = HuggingFaceLLM(
            model=self.model,
            tokenizer=tokenizer(),
            context_window=2048,
            max_new_tokens=new_tokens,
            generate_kwargs={"do_sample": False, "pad_token_id": 0},
            tokenizer_outputs_to_remove=["token_type_ids"],
        )
        self.tuner = TestTimeTuner(
            *transformers_model(self.llm),
            budget=Budget(max_steps=steps),
            lambda_=0.1,
            verify="full",
            **EAGER,
            **settings,
        )
        nodes = [TextNode(text=text, id_=f"p{i}") for i, text in enumerate(PASSAGES)]
        self.index = VectorStoreIndex(
            nodes, embed_model=Words(), callback_manager=CallbackManager([])
        )
        self.synthesizer = get_response_synthesizer(
            llm=self.llm, response_mode=ResponseMode.COMPACT, streaming=streaming
        )
        self.engine = self.over(self.tuner)
        self.base = self.over(None)
        self.reports: list[Report] = []
        self.tuned = wrap(self.tuner, self.engine, on_report=self.reports.append)
        self.state = State(self.tuner, random=False)

    def over(self, tuner: TestTimeTuner | None) -> RetrieverQueryEngine:
        retriever = SIFTRetriever(self.index, 2, 5, fine_tune=tuner)
        return RetrieverQueryEngine(retriever, self.synthesizer)

    def alone(self, question: str) -> str:
        with self.tuner.request():
            return str(self.engine.query(question))


def test_a_query_is_tuned_on_what_it_retrieves() -> None:
    bench = Bench()
    for question in QUESTIONS:
        assert str(bench.tuned.query(question)) == bench.alone(question)
    assert str(bench.tuned.query(QUESTIONS[0])) != str(bench.base.query(QUESTIONS[0]))
    assert {(r.steps, r.verified) for r in bench.reports} == {(6, "full")}
    assert set(bench.reports[0].passage_ids) <= {f"p{i}" for i in range(5)}
    bench.state.check()


def test_a_query_restores_what_was_trained_ahead() -> None:
    bench = Bench()
    expected = [bench.alone(question) for question in QUESTIONS]
    bench = Bench(cache_bytes=10**8)
    retriever = bench.engine.retriever
    assert isinstance(retriever, SIFTRetriever)
    bench.tuner.train_ahead([retriever.training_request(question) for question in QUESTIONS])
    bench.state.check()
    assert [str(bench.tuned.query(question)) for question in QUESTIONS] == expected
    assert all(report.from_cache for report in bench.reports)
    with pytest.raises(ValueError, match="set fine_tune=tuner"):
        retriever.with_settings(fine_tune=None).training_request(QUESTIONS[0])


async def test_asynchronous_queries_at_once() -> None:
    bench = Bench()
    expected = [bench.alone(question) for question in QUESTIONS]
    answers = await asyncio.gather(*(bench.tuned.aquery(question) for question in QUESTIONS))
    assert [str(answer) for answer in answers] == expected
    bench.state.check()


def test_threads_get_the_serial_answers() -> None:
    bench = Bench()
    expected = {question: bench.alone(question) for question in QUESTIONS}
    got: dict[str, str] = {}

    def ask(question: str) -> None:
        got[question] = str(bench.tuned.query(question))

    threads = [threading.Thread(target=ask, args=(question,)) for question in QUESTIONS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == expected
    bench.state.check()


def test_a_stream_holds_the_model_until_it_is_read() -> None:
    bench = Bench(streaming=True)
    expected = bench.alone(QUESTIONS[0])
    response: Any = bench.tuned.query(QUESTIONS[0])
    assert bench.tuner._lock.held
    with pytest.raises(NoRequestError):
        bench.tuner.current_session()
    assert str(response) == expected
    assert len(bench.reports) == 1
    bench.state.check()


@pytest.mark.parametrize("read", [0, 1])
def test_a_stream_dropped_unread_or_half_way(read: int) -> None:
    bench = Bench(streaming=True, new_tokens=60)
    response: Any = bench.tuned.query(QUESTIONS[0])
    for _ in range(read):
        next(response.response_gen)
    del response
    gc.collect()
    bench.state.check()
    assert [report.verified for report in bench.reports] == ["full"]
    assert str(bench.tuned.query(QUESTIONS[0])) == bench.alone(QUESTIONS[0])


async def test_asynchronous_streams() -> None:
    bench = Bench(streaming=True)
    with bench.tuner.request():
        expected = str(bench.engine.query(QUESTIONS[0]))
    response: Any = await bench.tuned.aquery(QUESTIONS[0])
    assert bench.tuner._lock.held
    assert "".join([token async for token in response.async_response_gen()]) == expected
    bench.state.check()
    response = await bench.tuned.aquery(QUESTIONS[0])
    del response
    gc.collect()
    async with asyncio.timeout(30):
        while bench.tuner._lock.held:
            await asyncio.sleep(0.01)
    bench.state.check()


async def test_cancellation() -> None:
    bench = Bench(steps=1000)  # which take seconds
    for seconds in (0.02, 0.3):
        task = asyncio.ensure_future(bench.tuned.aquery(QUESTIONS[0]))
        await asyncio.sleep(seconds)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        bench.state.check()


def test_a_synthesizer_tunes_on_its_nodes() -> None:
    bench = Bench()
    nodes = [NodeWithScore(node=TextNode(text=text)) for text in PASSAGES[:3]]
    tuned = wrap(bench.tuner, bench.synthesizer, on_report=bench.reports.append)
    with bench.tuner.session(QUESTIONS[0], PASSAGES[:3]):
        expected = str(bench.synthesizer.synthesize(QUESTIONS[0], nodes))
    assert str(tuned.synthesize(QUESTIONS[0], nodes)) == expected
    assert str(bench.tuned.synthesize(_bundle(QUESTIONS[0]), nodes)) == expected
    assert expected != str(bench.synthesizer.synthesize(QUESTIONS[0], nodes))
    assert bench.reports[0].steps == 3
    engine = RetrieverQueryEngine(SIFTRetriever(bench.index, 2, 5), tuned)
    assert engine.query(QUESTIONS[0])
    assert bench.reports[-1].steps == 2
    bench.state.check()


async def test_a_synthesizer_asynchronously_and_on_texts() -> None:
    bench = Bench()
    nodes = [NodeWithScore(node=TextNode(text=text)) for text in PASSAGES[:3]]
    tuned = wrap(bench.tuner, bench.synthesizer)
    expected = str(tuned.synthesize(QUESTIONS[0], nodes))
    assert str(await tuned.asynthesize(QUESTIONS[0], nodes)) == expected
    assert tuned.get_response(QUESTIONS[0], PASSAGES[:3]) == expected
    assert await tuned.aget_response(QUESTIONS[0], PASSAGES[:3]) == expected
    untuned = wrap(bench.tuner, bench.synthesizer, tuned=False)
    assert str(untuned.synthesize(QUESTIONS[0], nodes)) == str(
        bench.synthesizer.synthesize(QUESTIONS[0], nodes)
    )
    bench.state.check()


def test_a_reranker_trains_as_well() -> None:
    bench = Bench()
    rerank = SIFTRerank(embed_model=Words(), top_n=2, fine_tune=bench.tuner)
    engine = bench.index.as_query_engine(
        llm=bench.llm, similarity_top_k=5, node_postprocessors=[rerank]
    )
    assert str(wrap(bench.tuner, engine, on_report=bench.reports.append).query(QUESTIONS[0]))
    assert bench.reports[0].steps == 6
    with pytest.raises(NoRequestError):
        engine.query(QUESTIONS[0])
    bench.state.check()


def test_an_exception_in_the_engine() -> None:
    bench = Bench()

    def boom(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError

    object.__setattr__(bench.llm, "_tokenizer", boom)
    with pytest.raises(ZeroDivisionError):
        bench.tuned.query(QUESTIONS[0])
    bench.state.check()


def test_retrieving_alone_and_prompts() -> None:
    bench = Bench()
    assert len(bench.tuned.retrieve(_bundle(QUESTIONS[0]))) == 2
    assert any("text_qa_template" in name for name in bench.tuned.get_prompts())
    untuned = wrap(bench.tuner, bench.engine, tuned=False)
    assert str(untuned.query(QUESTIONS[0])) == str(bench.base.query(QUESTIONS[0]))
    with pytest.warns(UserWarning, match="nothing was trained"):
        wrap(bench.tuner, bench.base).query(QUESTIONS[0])
    bench.state.check()


def test_what_cannot_be_wrapped() -> None:
    bench = Bench()
    other = TestTimeTuner(tiny(), tokenizer())
    with pytest.raises(ValueError, match="not the tuner's model"):
        wrap(other, bench.engine)
    with pytest.raises(TypeError, match="got str"):
        wrap(bench.tuner, "engine")  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="got Words"):
        transformers_model(Words())


def test_both_frameworks_give_the_same_error_for_an_llm_without_a_model() -> None:
    from langchain_sift.finetune import transformers_model as langchain_model

    messages = []
    for find in (transformers_model, langchain_model):
        with pytest.raises(TypeError) as caught:
            find("an endpoint")
        messages.append(re.sub(r"a Hugging.*?;", "CLASSES;", str(caught.value)))
    assert messages[0] == messages[1]
    assert "this process: CLASSES; got str." in messages[0]


def _bundle(question: str) -> Any:
    from llama_index.core.schema import QueryBundle

    return QueryBundle(question)
