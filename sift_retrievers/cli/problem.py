"""`CommandError`: what the command says in one line before it ends with exit code 2."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class CommandError(Exception):
    """Bad input or usage; its text says what came and what was expected."""


def needed(module: str, package: str, what_for: str) -> Any:
    """An optional module.

    Args:
        module: its name.
        package: what `pip install` is given.
        what_for: the subject of the error's sentence.

    Raises:
        CommandError: if it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise CommandError(
            f"{what_for} needs the package {package} ({error}): pip install '{package}'"
        ) from None
