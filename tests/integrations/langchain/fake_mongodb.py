"""A stand-in for MongoDB: the wire protocol's OP_MSG, for the commands that the store sends."""

from __future__ import annotations

import socketserver
import struct
import threading
from typing import Any

import bson
from fake_http import FakeServer, ranked

OP_MSG = 2013


class FakeMongoDB(FakeServer):
    """Documents by their `_id`, in one collection whatever its name, and `$vectorSearch`."""

    def __init__(self) -> None:
        super().__init__()
        self.documents: dict[str, dict[str, Any]] = {}
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                while header := self.rfile.read(16):
                    length, request, _, code = struct.unpack("<iiii", header)
                    assert code == OP_MSG, "told to by loadBalanced=true"
                    command = read_message(self.rfile.read(length - 16))
                    reply = struct.pack("<ib", 0, 0) + bson.encode(outer.reply(command))
                    self.wfile.write(struct.pack("<iiii", len(reply) + 16, 0, request, OP_MSG))
                    self.wfile.write(reply)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        host, port = self._server.server_address[:2]
        self.url = f"mongodb://{host!s}:{port}/?loadBalanced=true&retryWrites=false"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def reply(self, command: dict[str, Any]) -> dict[str, Any]:
        name = next(iter(command))
        if name in ("hello", "isMaster", "ismaster"):
            return {
                "ok": 1,
                "isWritablePrimary": True,
                "msg": "isdbgrid",
                "serviceId": bson.ObjectId(b"stand-in for"),
                "helloOk": True,
                "minWireVersion": 0,
                "maxWireVersion": 25,
                "maxBsonObjectSize": 2**24,
                "maxMessageSizeBytes": 48_000_000,
                "maxWriteBatchSize": 100_000,
            }
        if name == "update":
            return self._update(command["updates"])
        if name == "aggregate":
            return self._aggregate(command)
        if name == "find":
            return self._find(command)
        if name == "delete":
            wanted = [one["q"]["_id"] for one in command["deletes"]]
            names = [str(n) for one in wanted for n in one["$in"]]
            gone = [name for name in names if self.documents.pop(name, None) is not None]
            return {"ok": 1, "n": len(gone)}
        return {"ok": 1}

    def _update(self, updates: list[dict[str, Any]]) -> dict[str, Any]:
        for update in updates:
            self.documents[str(update["q"]["_id"])] = update["u"]
        upserted = [{"index": i, "_id": update["q"]["_id"]} for i, update in enumerate(updates)]
        return {"ok": 1, "n": len(updates), "nModified": 0, "upserted": upserted}

    def _find(self, command: dict[str, Any]) -> dict[str, Any]:
        wanted, kept = command["filter"]["_id"]["$in"], {"_id", *command["projection"]}
        rows = [self.documents[name] for name in map(str, wanted) if name in self.documents]
        found = [{key: row[key] for key in row if key in kept} for row in rows]
        namespace = f"{command['$db']}.{command['find']}"
        return {"ok": 1, "cursor": {"id": bson.Int64(0), "ns": namespace, "firstBatch": found}}

    def _aggregate(self, command: dict[str, Any]) -> dict[str, Any]:
        pipeline = command["pipeline"]
        self.searches.append(pipeline)
        if self.failing:
            message = "PlanExecutor error during aggregation :: caused by :: no such index"
            return {"ok": 0, "code": 8, "codeName": "UnknownError", "errmsg": message}
        search, *stages = pipeline
        found = self._search(search["$vectorSearch"])
        for stage in stages:
            ((kind, what),) = stage.items()
            if kind == "$match":
                found = [one for one in found if passes(one, what)]
            elif kind == "$project":
                found = [{key: one[key] for key in one if what.get(key, 1)} for one in found]
            else:
                assert stage == {"$set": {"score": {"$meta": "vectorSearchScore"}}}
        namespace = f"{command['$db']}.{command['aggregate']}"
        return {"ok": 1, "cursor": {"id": bson.Int64(0), "ns": namespace, "firstBatch": found}}

    def _search(self, stage: dict[str, Any]) -> list[dict[str, Any]]:
        assert stage["limit"] <= stage["numCandidates"] <= 10_000, "MongoDB refuses others"
        path, wanted = stage["path"], stage.get("filter", {})
        near = ranked(
            self.documents,
            lambda document: unpacked(document[path]),
            stage["queryVector"],
            "cosine",
            lambda document: passes(document, wanted),
        )[: stage["limit"]]
        found = [self.documents[name] | {"score": score} for name, score in near]
        return [
            {key: one[key] for key in one if key != path or str(one["_id"]) not in self.bare}
            for one in found
        ]


def passes(document: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Whether a document passes a filter: equality alone is known."""
    return all(document[key] == value["$eq"] for key, value in wanted.items())


def unpacked(vector: Any) -> list[float]:
    return list(vector.as_vector().data if isinstance(vector, bson.Binary) else vector)


def read_message(raw: bytes) -> dict[str, Any]:
    """The command of an OP_MSG: one document, and sequences of documents beside it."""
    assert struct.unpack("<i", raw[:4])[0] & 1 == 0, "no checksum was agreed"
    command: dict[str, Any] = {}
    position = 4
    while position < len(raw):
        kind = raw[position]
        (size,) = struct.unpack("<i", raw[position + 1 : position + 5])
        section = raw[position + 1 : position + 1 + size]
        if kind == 0:
            command = bson.decode(section) | command
        else:
            name, _, documents = section[4:].partition(b"\0")
            command[name.decode()] = bson.decode_all(documents)
        position += 1 + size
    return command
