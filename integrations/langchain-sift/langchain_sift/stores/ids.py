"""`is_uuid`: some stores take no other ids, and fail where they are asked for one."""

from __future__ import annotations

from uuid import UUID


def is_uuid(name: str) -> bool:
    """Whether an id is a UUID in text form."""
    try:
        UUID(name)
    except ValueError:
        return False
    return True
