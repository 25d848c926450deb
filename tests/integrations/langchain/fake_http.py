"""An HTTP server on a thread, and brute-force search, for the stand-ins of real servers."""

from __future__ import annotations

import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import numpy.typing as npt

Answer = tuple[int, Any]
"""Status and body; a body that is not None is sent as JSON."""


class FakeServer:
    """What all stand-ins share, whatever they speak."""

    def __init__(self) -> None:
        self.searches: list[Any] = []
        """The search requests that arrived, decoded, in order."""
        self.failing = False
        """Answer searches with an error, as the real server words it."""
        self.bare: set[str] = set()
        """Ids whose stored vector is left out of answers."""


class FakeHTTP(FakeServer, ABC):
    """Answers HTTP requests with `answer`, until it is closed."""

    headers: dict[str, str]

    def __init__(self) -> None:
        super().__init__()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"  # clients keep their connections

            def respond(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                raw = self.rfile.read(length).decode()
                split = urlsplit(self.path)
                params = {name: ",".join(values) for name, values in parse_qs(split.query).items()}
                status, body = outer.answer(self.command, split.path, params, raw)
                content = (
                    b"" if body is None or self.command == "HEAD" else json.dumps(body).encode()
                )
                self.send_response(status)
                for name, value in outer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = respond  # noqa: N815

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @abstractmethod
    def answer(self, method: str, path: str, params: dict[str, str], raw: str) -> Answer: ...

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def ranked(
    rows: dict[str, Any],
    vector: Callable[[Any], Any],
    query: npt.ArrayLike,
    metric: str,
    allows: Callable[[Any], bool] = lambda row: True,
) -> list[tuple[str, float]]:
    """Ids and scores of all rows that are allowed, the nearest by "cosine", "l2" or "ip" first."""
    rows = {**rows}  # others may write meanwhile
    names = [name for name, row in rows.items() if allows(row)]
    if not names:
        return []
    vectors = np.array([vector(rows[name]) for name in names], dtype=np.float32)
    asked = np.asarray(query, dtype=np.float32)
    if metric == "l2":
        scores = 1 / (1 + np.square(vectors - asked).sum(axis=1))
    else:
        scores = vectors @ asked
        if metric == "cosine":
            scores /= np.linalg.norm(vectors, axis=1) * np.linalg.norm(asked)
    order = np.argsort(-scores, kind="stable")
    return [(names[i], float(scores[i])) for i in order]
