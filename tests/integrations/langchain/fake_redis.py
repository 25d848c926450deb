"""A stand-in for Redis with its query engine: RESP, for the commands that the store sends."""

from __future__ import annotations

import json
import re
import socketserver
import threading
from typing import IO, Any

import numpy as np
from fake_http import FakeServer, ranked

METRICS = {"COSINE": "cosine", "L2": "l2", "IP": "ip"}


class FakeRedis(FakeServer):
    """Hashes and JSON documents, and one index of them."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, Any] = {}
        self.schema: dict[str, list[str]] = {}
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                protocol = 2
                while (command := read_command(self.rfile)) is not None:
                    name = command[0].decode().upper()
                    if name == "HELLO" and len(command) > 1:
                        protocol = int(command[1])
                    try:
                        answer = outer.answer(name, command[1:], protocol)
                    except RedisError as error:
                        answer = error
                    self.wfile.write(encoded(answer, protocol))

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        host, port = self._server.server_address[:2]
        self.url = f"redis://{host!s}:{port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, name: str, arguments: list[bytes], protocol: int) -> Any:
        if name == "HELLO":
            return {"server": "redis", "version": "8.4.0", "proto": protocol, "modules": []}
        if name == "FT.INFO":
            raise RedisError("SEARCH_INDEX_NOT_FOUND Index not found")
        if name == "FT.CREATE":
            words = [argument.decode() for argument in arguments]
            fields = words[words.index("SCHEMA") + 1 :]
            starts = [i for i, word in enumerate(fields) if word.upper() == "AS"]
            for at, start in enumerate(starts):  # JSON: path AS name …
                stop = starts[at + 1] - 1 if at + 1 < len(starts) else None
                self.schema[fields[start + 1]] = fields[start + 2 : stop]
            if not starts:
                at = fields.index("VECTOR")
                self.schema[fields[at - 1]] = fields[at:]
        elif name == "HSET":
            pairs = arguments[1:]
            self.values[arguments[0].decode()] = dict(zip(pairs[::2], pairs[1::2], strict=True))
        elif name == "JSON.SET":
            self.values[arguments[0].decode()] = json.loads(arguments[2])
        elif name == "HMGET":
            value = self.values.get(arguments[0].decode(), {})
            return [value.get(field) for field in arguments[1:]]
        elif name == "JSON.MGET":
            rows = [self.values.get(key.decode()) for key in arguments[:-1]]
            return [None if row is None else json.dumps(row) for row in rows]
        elif name == "UNLINK":
            return sum(self.values.pop(key.decode(), None) is not None for key in arguments)
        elif name == "FT.SEARCH":
            return self._search(arguments, protocol)
        return OK

    def _search(self, arguments: list[bytes], protocol: int) -> Any:
        if self.failing:
            raise RedisError("SEARCH_SYNTAX Syntax error at offset 3 near there")
        query = arguments[1].decode()
        at = arguments.index(b"PARAMS")
        pairs = arguments[at + 2 : at + 2 + int(arguments[at + 1])]
        params = dict(zip(pairs[::2], pairs[1::2], strict=True))
        self.searches.append({"query": query, "params": params})
        if search := re.fullmatch(r"(.*)=>\[KNN (\d+) @(\w+) \$vector AS vector_distance\]", query):
            wanted, most, field = search[1], int(search[2]), search[3]
            farthest = np.inf
        else:
            search = re.search(r"@(\w+):\[VECTOR_RANGE \$distance_threshold \$vector\]", query)
            assert search is not None, query
            wanted, most, field = query.replace(search[0], ""), None, search[1]
            farthest = float(params[b"distance_threshold"])
        attributes = [word.upper() for word in self.schema[field]]
        kind = attributes[attributes.index("TYPE") + 1].lower()
        metric = METRICS[attributes[attributes.index("DISTANCE_METRIC") + 1]]
        asked = np.frombuffer(params[b"vector"], dtype=kind)
        if len(params[b"vector"]) != (expected := self._size(attributes, asked.itemsize)):
            raise RedisError(
                f"Error parsing vector similarity query: query vector blob size "
                f"({len(params[b'vector'])}) does not match index's expected size ({expected})."
            )
        near = ranked(
            self.values,
            lambda value: vector_of(value, field, kind),
            asked,
            metric,
            lambda value: passes(value, wanted),
        )
        near = [(name, score) for name, score in near if 1 - score <= farthest]
        near = near[:most]
        offset, limit = (int(word) for word in arguments[arguments.index(b"LIMIT") + 1 :][:2])
        near = near[offset : offset + limit]
        at = arguments.index(b"RETURN")
        returned = arguments[at + 2 : at + 2 + int(arguments[at + 1])]
        rows = [(name, self._row(name, returned, 1 - score, field)) for name, score in near]
        if protocol == 3:
            results = [{"id": name, "extra_attributes": row} for name, row in rows]
            return {"total_results": len(rows), "results": results, "warning": []}
        flat = [[part for pair in row.items() for part in pair] for _, row in rows]
        return [
            len(rows),
            *(x for (name, _), row in zip(rows, flat, strict=True) for x in (name, row)),
        ]

    @staticmethod
    def _size(attributes: list[str], width: int) -> int:
        return int(attributes[attributes.index("DIM") + 1]) * width

    def _row(
        self, name: str, returned: list[bytes], distance: float, vector: str
    ) -> dict[bytes, Any]:
        value = self.values[name]
        row: dict[bytes, Any] = {}
        for key in returned:
            if key == b"vector_distance":
                row[key] = repr(distance)
            elif key.decode() == vector and name.rpartition(":")[2] in self.bare:
                continue
            elif key in value:  # a hash
                row[key] = value[key]
            elif key.decode() in value:  # JSON: texts bare, the rest as JSON
                kept = value[key.decode()]
                row[key] = kept if isinstance(kept, str) else json.dumps(kept)
        return row


class RedisError(Exception):
    """An answer that says what is wrong."""


class Status(str):
    """A short answer, as OK."""

    __slots__ = ()


OK = Status("OK")


def vector_of(value: dict[Any, Any], field: str, kind: str) -> Any:
    if field in value:
        return value[field]
    return np.frombuffer(value[field.encode()], dtype=kind).astype(np.float32)


def passes(value: dict[Any, Any], wanted: str) -> bool:
    """Whether a document passes all of a filter's @field:{tag} and @field:("text")."""
    clauses = re.findall(r'@(\w+):(?:\{(\w+)\}|\(?"?([\w-]+)"?\)?)', wanted)
    assert clauses or wanted in ("*", "(*)"), wanted
    for field, tag, text in clauses:
        found = value.get(field, value.get(field.encode()))
        if (found.decode() if isinstance(found, bytes) else found) != (tag or text):
            return False
    return True


def read_command(stream: IO[bytes]) -> list[bytes] | None:
    """The next command: an array of bulk strings; None at the end."""
    line = stream.readline()
    if not line:
        return None
    words = []
    for _ in range(int(line[1:])):
        length = int(stream.readline()[1:])
        words.append(stream.read(length + 2)[:-2])
    return words


def encoded(value: Any, protocol: int) -> bytes:
    """A value in RESP; maps, as `%`, are sent to those who asked for RESP3."""
    if value is None:
        return b"_\r\n" if protocol == 3 else b"$-1\r\n"
    if isinstance(value, RedisError):
        return f"-{value}\r\n".encode()
    if isinstance(value, Status):
        return f"+{value}\r\n".encode()
    if isinstance(value, int):
        return b":%d\r\n" % value
    if isinstance(value, dict):
        parts = [encoded(part, protocol) for pair in value.items() for part in pair]
        return b"%%%d\r\n" % len(value) + b"".join(parts)
    if isinstance(value, list):
        return b"*%d\r\n" % len(value) + b"".join(encoded(part, protocol) for part in value)
    raw = value if isinstance(value, bytes) else value.encode()
    return b"$%d\r\n%s\r\n" % (len(raw), raw)
