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
from sift_retrievers.finetune import Report, Session, TestTimeTuner
from sift_retrievers.finetune.session_context import deliver_report

try:
    from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
except ImportError as error:
    raise ImportError(
        "the middleware of agents needs langchain: pip install 'langchain-sift[agents]'"
    ) from error


class SIFTFineTuning(AgentMiddleware[Any, Any, Any]):
    """Tunes an agent's model for each call of it: train, answer, forget.

    The model is trained on the documents that the agent's tools returned since the user's last
    message, in their order; `retriever.as_tool()` returns such documents. With a `retriever` of its
    own, the middleware retrieves for the user's last message instead, before every call.

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
            tuner: of the agent's model. With `cache_bytes`, it trains once if the model is called
                several times with the same passages.
            retriever: retrieves for the user's last message before each call. A
                `SIFTRetriever(..., fine_tune=tuner)` trains on more than it returns; the documents
                of any other retriever are used in their order.
            on_report: receives the report of every call. An exception that it raises is logged and
                not raised, so that it does not replace the answer.
        """
        super().__init__()
        self.tuner = tuner
        self.retriever = retriever
        self.on_report = on_report

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any]:
        """Open a session of the tuner around one call of the model.

        Raises:
            ValueError: if the agent's model is a transformers model, but not the tuner's.
        """
        self.tuner.check_model(held_model(request.model), "the agent")
        query = _last_question(request.messages)
        with self._reporting() as sessions, self.tuner.request() as session:
            sessions.append(session)
            with llm_cache_off([request.model]):
                documents = _tool_documents(request.messages)
                if self.retriever is not None:
                    documents = self.retriever.invoke(query)
                if session.report is None:  # otherwise the retriever has trained
                    session.tune(query, _texts(documents))
                return handler(request)

    async def awrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]],
    ) -> ModelResponse[Any]:
        """Async version of `wrap_model_call`."""
        self.tuner.check_model(held_model(request.model), "the agent")
        query = _last_question(request.messages)
        with self._reporting() as sessions:
            async with self.tuner.arequest() as session:
                sessions.append(session)
                with llm_cache_off([request.model]):
                    documents = _tool_documents(request.messages)
                    if self.retriever is not None:
                        documents = await self.retriever.ainvoke(query)
                    if session.report is None:
                        await session.atune(query, _texts(documents))
                    return await handler(request)

    @contextmanager
    def _reporting(self) -> Iterator[list[Session]]:
        """At the end, report the sessions that the caller has put into the list."""
        sessions: list[Session] = []
        try:
            yield sessions
        finally:
            for session in sessions:
                deliver_report(session, self.on_report)


def _last_question(messages: Sequence[AnyMessage]) -> str:
    """Return the text of the user's last message."""
    questions = [message for message in messages if isinstance(message, HumanMessage)]
    return str(questions[-1].text) if questions else ""


def _tool_documents(messages: Sequence[AnyMessage]) -> list[Document]:
    """Return the documents that tools returned since the user's last message, without repeats."""
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
