"""`sift serve` answers a real client over stdin and stdout."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

pytest.importorskip("mcp.server")
pytest.importorskip("wordllama")

TEXTS = [
    "The age of Michael Jordan: 61 years.",
    "The age of Michael Jordan is 61 years.",
    "Michael Jordan has five children. <script>alert('x')</script>",
    "Ein Satz über Äpfel und Birnen, 日本語.",
]


async def test_a_client_finds_passages_with_reasons(tmp_path: Path) -> None:
    from mcp import Client, StdioServerParameters
    from mcp.client.stdio import stdio_client

    file = tmp_path / "corpus.jsonl"
    file.write_text(
        "".join(json.dumps({"id": f"p{i}", "text": t}) + "\n" for i, t in enumerate(TEXTS))
    )
    arguments = ["-m", "sift_retrievers.cli", "serve", str(file), "--embedding", "wordllama"]
    server = StdioServerParameters(command=sys.executable, args=arguments, env={**os.environ})
    async with Client(stdio_client(server)) as client:
        tools = (await client.list_tools()).tools
        assert [tool.name for tool in tools] == ["search"]
        assert "do not repeat each other" in (tools[0].description or "")
        asked = {"question": "How many children has Michael Jordan, and how old is he?", "k": 2}
        answer = await client.call_tool("search", asked)
        assert not answer.is_error
        found = answer.structured_content
        assert found is not None
        assert {one["text"] for one in found["passages"]} <= {*TEXTS}
        assert len(found["passages"]) == 2
        assert "adds" in found["passages"][0]["reason"]
        for wrong in ({"question": "x", "k": 0}, {"question": " "}, {}):
            assert (await client.call_tool("search", wrong)).is_error
        again = await client.call_tool("search", {"question": "Äpfel", "k": 1})
        assert again.structured_content is not None
        assert again.structured_content["passages"][0]["id"] == "p3"
