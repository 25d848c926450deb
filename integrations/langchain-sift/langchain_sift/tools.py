"""A retriever as a tool of an agent."""

from __future__ import annotations

from langchain_core.retrievers import BaseRetriever
from langchain_core.tools import BaseTool, create_retriever_tool
from pydantic import BaseModel


class ToolRetriever(BaseRetriever):
    """A retriever whose `as_tool` keeps the documents."""

    def as_tool(
        self,
        args_schema: type[BaseModel] | None = None,
        *,
        name: str | None = None,
        description: str | None = None,
        arg_types: dict[str, type] | None = None,
    ) -> BaseTool:
        """A tool for an agent: the model reads the texts, the documents are the artifact.

        Args:
            args_schema: of the input, in place of one `query`; then as every Runnable's `as_tool`.
            name: what the model calls it.
            description: what the model is told; say what the store holds.
            arg_types: as `args_schema`.
        """
        if args_schema is not None or arg_types is not None:
            return super().as_tool(
                args_schema, name=name, description=description, arg_types=arg_types
            )
        return create_retriever_tool(
            self,
            name or "search_passages",
            description or "Search for passages that together answer a question.",
            response_format="content_and_artifact",
        )
