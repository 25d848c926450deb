"""The fixture `road` for whole retrievals."""

from __future__ import annotations

from both_roads import road

__all__ = ["road"]
