"""A PostgreSQL with pgvector, started when the first test asks for it (package `pgserver`)."""

from __future__ import annotations

import tempfile
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest


@cache
def _server() -> Any:
    server = pytest.importorskip("pgserver").get_server(tempfile.mkdtemp(), cleanup_mode="delete")
    server.psql("CREATE EXTENSION IF NOT EXISTS vector")
    return server


def url() -> str:
    """For SQLAlchemy, with psycopg."""
    host = parse_qs(urlparse(_server().get_uri()).query)["host"][0]
    return f"postgresql+psycopg://postgres:@/postgres?host={host}"


@cache
def engine() -> Any:
    return pytest.importorskip("sqlalchemy").create_engine(url())
