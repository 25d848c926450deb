"""A callback handler that keeps the runs."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler


class Runs(BaseCallbackHandler):
    """The runs by their ids."""

    def __init__(self) -> None:
        self.runs: dict[UUID, dict[str, Any]] = {}

    def on_retriever_start(self, serialized: Any, query: str, **k: Any) -> None:
        self.runs[k["run_id"]] = {"name": k["name"], "parent": k["parent_run_id"], "query": query}

    def on_chain_start(self, serialized: Any, inputs: Any, **k: Any) -> None:
        self.runs[k["run_id"]] = {
            "name": k["name"],
            "parent": k["parent_run_id"],
            "inputs": inputs,
        }

    def on_chain_end(self, outputs: Any, *, run_id: UUID, **k: Any) -> None:
        self.runs[run_id]["outputs"] = outputs

    def named(self, name: str) -> list[dict[str, Any]]:
        return [run for run in self.runs.values() if run["name"] == name]
