"""`MilvusVectorStore`: rows by primary key, the vector field alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

KEY: Final = "id"  # the store's primary field


def fetch(store: Any, ids: Sequence[str]) -> dict[str, Any]:
    """Vectors as the embedding model gave them."""
    field = store.embedding_field
    rows = store.client.query(
        store.collection_name,
        # Quoted here: the client puts ids with quotes into the expression as they are.
        filter=f"{KEY} in {json.dumps([*ids], ensure_ascii=False)}",
        output_fields=[KEY, field],
    )
    return {str(row[KEY]): row[field] for row in rows}
