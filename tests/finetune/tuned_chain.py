"""A tuned chain of LangChain, and its parts."""

from __future__ import annotations

from typing import Any

from tiny_chain import pipeline, rag, retriever_for
from tiny_models import tiny
from tuner_state import EAGER, State

from langchain_sift.finetune import transformers_model, wrap
from sift_retrievers.finetune import Budget, Report, TestTimeTuner


class Bench:
    """A tuned chain, and what its parts answer one by one."""

    def __init__(self, new_tokens: int = 12, **settings: Any) -> None:
        self.model = tiny()
        self.llm = pipeline(self.model, new_tokens)
        fixed = {"budget": Budget(max_steps=6), "lambda_": 0.1, "verify": "full", **EAGER}
        settings = {**fixed, **settings}
        self.tuner = TestTimeTuner(*transformers_model(self.llm), **settings)
        self.retriever = retriever_for(self.tuner)
        self.chain = rag(self.retriever, self.llm)
        self.reports: list[Report] = []
        self.tuned = wrap(self.tuner, self.chain, on_report=self.reports.append)
        self.base = rag(retriever_for(None), self.llm)
        self.state = State(self.tuner, random=False)

    def alone(self, question: str) -> str:
        """The answer of one request, by the parts that `wrap` puts together."""
        with self.tuner.request():
            return self.chain.invoke(question)
