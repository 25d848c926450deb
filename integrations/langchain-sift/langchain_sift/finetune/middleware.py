"""`SIFTFineTuning`: the middleware that tunes an agent's model for each of its calls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from langchain_core.documents import Document
from langchain_core.messages import AnyMessage, HumanMessage, ToolMessage
from langchain_core.retrievers import BaseRetriever

from langchain_sift.finetune.llm_cache import llm_cache_off
from langchain_sift.finetune.models import held_model
from sift_retrievers.finetune import Report, Request, TestTimeTuner
from sift_retrievers.finetune.session_context import deliver_report

try:
    from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
except ImportError as error:
    raise ImportError(
        "the middleware of agents needs langchain: pip install 'langchain-sift[agents]'"
    ) from error


class SIFTFineTuning(AgentMiddleware[Any, Any, Any]):
    """Every call of an agent's model is a request of its own: train, answer, forget.

    What is trained on is what the agent's tools retrieved since the user last spoke: the documents
    of `retriever.as_tool()`, in their order. With a `retriever` of its own the middleware asks that
    one what the user asked, before the first call as well.

    Example:
        ```python
        agent = create_agent(model, tools=[retriever.as_tool()], middleware=[SIFTFineTuning(tuner)])
        ```
    """

    def __init__(
        self,
        tuner: TestTimeTuner,
        retriever: BaseRetriever | None = None,
        *,
        on_report: Callable[[Report], None] | None = None,
    ) -> None:
        """Set up the middleware.

        Args:
            tuner: of the agent's model. One with `cache_bytes` trains once where the model is
                called several times with the same passages.
            retriever: asked the user's question before each call. A
                `SIFTRetriever(..., fine_tune=tuner)` selects for training with replacement; any
                other gives its documents in their order.
            on_report: gets the report of every call.
        """
        super().__init__()
        self.tuner = tuner
        self.retriever = retriever
        self.on_report = on_report

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any]:
        """One request of the tuner around one call of the model."""
        self.tuner.check_model(held_model(request.model), "the agent")
        query = _question(request.messages)
        with self._telling() as told, self.tuner.request() as session:
            told.append(session)
            with llm_cache_off([request.model]):
                passages = _found(request.messages)
                if self.retriever is not None:
                    passages = self.retriever.invoke(query)
                if session.report is None:  # not by the retriever
                    session.tune(query, _texts(passages))
                return handler(request)

    async def awrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]],
    ) -> ModelResponse[Any]:
        """The same; waiting and training leave the event loop free."""
        self.tuner.check_model(held_model(request.model), "the agent")
        query = _question(request.messages)
        with self._telling() as told:
            async with self.tuner.arequest() as session:
                told.append(session)
                with llm_cache_off([request.model]):
                    passages = _found(request.messages)
                    if self.retriever is not None:
                        passages = await self.retriever.ainvoke(query)
                    if session.report is None:
                        await session.atune(query, _texts(passages))
                    return await handler(request)

    @contextmanager
    def _telling(self) -> Iterator[list[Request]]:
        """Afterwards, the report of the request that the caller put into the list is handed on."""
        begun: list[Request] = []
        try:
            yield begun
        finally:
            for session in begun:
                deliver_report(session, self.on_report)


def _question(messages: Sequence[AnyMessage]) -> str:
    """What the user said last."""
    asked = [message for message in messages if isinstance(message, HumanMessage)]
    return str(asked[-1].text) if asked else ""


def _found(messages: Sequence[AnyMessage]) -> list[Document]:
    """The documents that tools brought since the user last spoke; each once."""
    since = max((i for i, m in enumerate(messages) if isinstance(m, HumanMessage)), default=-1)
    documents: dict[tuple[str | None, str], Document] = {}
    for message in messages[since + 1 :]:
        artifact = message.artifact if isinstance(message, ToolMessage) else None
        for document in artifact if isinstance(artifact, list | tuple) else ():
            if isinstance(document, Document):
                documents.setdefault((document.id, document.page_content), document)
    return [*documents.values()]


def _texts(documents: Sequence[Document]) -> list[str]:
    return [document.page_content for document in documents]
