"""A stand-in for one Pinecone index: upsert and query of its REST interface."""

from __future__ import annotations

import json
from typing import Any

from fake_http import Answer, FakeHTTP, ranked


class FakePinecone(FakeHTTP):
    """One dense index with cosine similarity. Numbers in metadata come back as floats, as there."""

    headers = {"Content-Type": "application/json"}  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self.namespaces: dict[str, dict[str, dict[str, Any]]] = {}

    def answer(self, method: str, path: str, params: dict[str, str], raw: str) -> Answer:
        if path == "/vectors/fetch":
            kept = self.namespaces.get(params.get("namespace", ""), {})
            found = {name: kept[name] for name in params["ids"].split(",") if name in kept}
            return 200, {"vectors": found, "namespace": params.get("namespace", "")}
        body = json.loads(raw)
        records = self.namespaces.setdefault(body.get("namespace", ""), {})
        if path == "/vectors/upsert":
            records |= {record["id"]: record for record in body["vectors"]}
            return 200, {"upsertedCount": len(body["vectors"])}
        if path == "/vectors/delete":
            for name in body["ids"]:
                records.pop(name, None)
            return 200, {}
        assert path == "/query"
        self.searches.append(body)
        if self.failing:
            return 400, {"code": 3, "message": "Vector dimension does not match", "details": []}
        wanted = body.get("filter", {})

        def allows(record: dict[str, Any]) -> bool:
            found = record["metadata"]
            return all(found.get(key) == asked["$eq"] for key, asked in wanted.items())

        query = body["vector"]
        near = ranked(records, lambda record: record["values"], query, "cosine", allows)
        matches = [self._match(records[name], score, body) for name, score in near]
        return 200, {
            "results": [],
            "matches": matches[: body["topK"]],
            "namespace": body.get("namespace", ""),
            "usage": {"readUnits": 1},
        }

    def _match(self, record: dict[str, Any], score: float, body: dict[str, Any]) -> dict[str, Any]:
        match = {"id": record["id"], "score": score, "values": []}
        if body.get("includeValues") and record["id"] not in self.bare:
            match["values"] = record["values"]
        if body.get("includeMetadata"):
            match["metadata"] = {
                key: float(value) if isinstance(value, int) else value
                for key, value in record["metadata"].items()
            }
        return match
