"""A retriever as a tool of an agent."""

from __future__ import annotations

from langchain_core.retrievers import BaseRetriever
from langchain_core.tools import BaseTool, create_retriever_tool
from pydantic import BaseModel


class ToolRetriever(BaseRetriever):
    """A retriever whose tool (`as_tool`) returns the documents, not only their texts."""

    def as_tool(
        self,
        args_schema: type[BaseModel] | None = None,
        *,
        name: str | None = None,
        description: str | None = None,
        arg_types: dict[str, type] | None = None,
    ) -> BaseTool:
        """A tool for an agent. The model reads the texts; the documents are the artifact.

        Args:
            args_schema: the arguments of the tool, in place of a single `query`. If it is given,
                the tool is made as for every Runnable, without an artifact.
            name: of the tool.
            description: of the tool, for the model. It should say what the store holds.
            arg_types: another way to give the arguments, with the same effect.
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
