"""`FaissVectorStore`: its ids are positions in the index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

IDS_ARE_POSITIONS: Final = True


def fetch(store: Any, ids: Sequence[str]) -> dict[str, Any]:
    """Vectors as the index reconstructs them; none from inverted lists without a direct map."""
    try:
        return {name: store.client.reconstruct(int(name)) for name in ids}
    except RuntimeError:
        return {}
