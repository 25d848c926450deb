"""Every test of this folder runs twice: with the compiled functions and with numpy alone."""

from __future__ import annotations

import pytest
from both_roads import road

__all__ = ["road"]


@pytest.fixture(autouse=True)
def on_both_roads(road: str) -> None:
    """Requests the fixture for all tests."""
