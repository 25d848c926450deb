"""Every test of this folder runs on both roads: with the compiled functions, and without."""

from __future__ import annotations

import pytest
from both_roads import road

__all__ = ["road"]


@pytest.fixture(autouse=True)
def on_both_roads(road: str) -> None:
    """Runs each test once a road."""
