"""`RunnableCompressor`: a document compressor that is also a Runnable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForChainRun, CallbackManagerForChainRun
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.runnables import RunnableConfig, RunnableSerializable


class RunnableCompressor(
    BaseDocumentCompressor, RunnableSerializable[dict[str, Any], list[Document]]
):
    """A compressor that takes `{"query": str, "documents": [Document, …]}` as a step of a chain.

    A subclass defines `compress_documents` and `acompress_documents`. They get the keyword
    arguments of `invoke` and `ainvoke`.
    """

    def invoke(
        self, input: dict[str, Any], config: RunnableConfig | None = None, **kwargs: Any
    ) -> list[Document]:
        """Pick from `input["documents"]` for `input["query"]`."""

        def run(given: dict[str, Any], run_manager: CallbackManagerForChainRun) -> Any:
            return self.compress_documents(*_unpacked(given), run_manager.get_child(), **kwargs)

        return self._call_with_config(run, input, config, run_type="chain")

    async def ainvoke(
        self, input: dict[str, Any], config: RunnableConfig | None = None, **kwargs: Any
    ) -> list[Document]:
        """Async version of `invoke`."""

        async def run(given: dict[str, Any], run_manager: AsyncCallbackManagerForChainRun) -> Any:
            callbacks = run_manager.get_child()
            return await self.acompress_documents(*_unpacked(given), callbacks, **kwargs)

        return await self._acall_with_config(run, input, config, run_type="chain")


def _unpacked(given: Any) -> tuple[Sequence[Document], str]:
    """The documents and the query of a runnable's input."""
    if not isinstance(given, dict) or not {"query", "documents"} <= set(given):
        keys = sorted(given) if isinstance(given, dict) else type(given).__name__
        raise TypeError(
            'SIFTCompressor as a Runnable takes {"query": str, "documents": [Document, …]}; got '
            f"{keys}"
        )
    return given["documents"], given["query"]
