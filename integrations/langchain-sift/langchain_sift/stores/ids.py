"""`is_uuid`, for stores that have only UUIDs as ids and raise an error for any other."""

from __future__ import annotations

from uuid import UUID


def is_uuid(name: str) -> bool:
    """Whether an id is a UUID in text form."""
    try:
        UUID(name)
    except ValueError:
        return False
    return True
