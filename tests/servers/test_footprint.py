"""No threads are started, and nothing heavy is loaded, by a selection or a retrieval."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="threads are counted in /proc"
)


@pytest.mark.parametrize("what", ["select", "InMemory"])
def test_no_threads_and_nothing_heavy(fresh: Callable[..., str], what: str) -> None:
    found = json.loads(fresh("footprint.py", what))
    assert found["heavy"] == []
    assert found["after"] == found["before"]
