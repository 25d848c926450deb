"""A stand-in for Astra DB: the commands of its Data API that the store sends."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

import numpy as np
from fake_http import Answer, FakeHTTP, ranked


class FakeAstraDB(FakeHTTP):
    """Documents by their `_id`, in one collection whatever its name; cosine."""

    headers = {"Content-Type": "application/json"}  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self.documents: dict[str, dict[str, Any]] = {}

    def answer(self, method: str, path: str, params: dict[str, str], raw: str) -> Answer:
        ((name, command),) = json.loads(raw).items()
        if name == "createCollection":
            return 200, {"status": {"ok": 1}}
        if name == "insertMany":
            new = [one for one in command["documents"] if one["_id"] not in self.documents]
            self.documents |= {one["_id"]: one for one in new}
            if len(new) < len(command["documents"]):
                error = {
                    "message": "Failed to insert document: it already exists",
                    "errorCode": "DOCUMENT_ALREADY_EXISTS",
                }
                return 200, {"status": {"insertedIds": [o["_id"] for o in new]}, "errors": [error]}
            return 200, {"status": {"insertedIds": [one["_id"] for one in new]}}
        if name in ("deleteOne", "deleteMany"):
            gone = [one for one in [*self.documents.values()] if passes(one, command["filter"])]
            for one in gone:
                self.documents.pop(one["_id"], None)
            return 200, {"status": {"deletedCount": len(gone)}}
        if name == "findOneAndReplace":
            found = [one for one in [*self.documents.values()] if passes(one, command["filter"])]
            for one in found:
                self.documents[one["_id"]] = command["replacement"]
            status = {"matchedCount": len(found), "modifiedCount": len(found)}
            return 200, {"status": status, "data": {"document": None}}
        assert name == "find", name
        self.searches.append(command)
        if self.failing:
            error = {"message": "Vector has the wrong length", "errorCode": "INVALID_QUERY"}
            return 200, {"errors": [error]}
        return 200, {"data": {"documents": self._found(command), "nextPageState": None}}

    def _found(self, command: dict[str, Any]) -> list[dict[str, Any]]:
        rows = {n: one for n, one in {**self.documents}.items() if passes(one, command["filter"])}
        if query := command.get("sort", {}).get("$vector"):
            near = ranked(rows, lambda one: numbers(one["$vector"]), numbers(query), "cosine")
            rows = {name: rows[name] for name, _ in near}
        kept = {key for key, wanted in command["projection"].items() if wanted}
        most = command["options"].get("limit", len(rows))
        return [
            {
                key: value
                for key, value in one.items()
                if ("*" in kept or key in kept) and not (key == "$vector" and name in self.bare)
            }
            for name, one in [*rows.items()][:most]
        ]


def numbers(vector: Any) -> Any:
    """A vector as numbers: a list of them, or the bytes of big-endian floats in base64."""
    if isinstance(vector, dict):
        return np.frombuffer(b64decode(vector["$binary"]), dtype=">f4")
    return vector


def passes(document: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Whether a document passes a filter: equalities, `$in`, and their `$and`."""
    for path, value in wanted.items():
        if path == "$and":
            if not all(passes(document, part) for part in value):
                return False
            continue
        found: Any = document
        for key in path.split("."):
            found = found[key]
        if found not in (value["$in"] if isinstance(value, dict) else [value]):
            return False
    return True
