"""The reference of the site has every public name, and no name that is not there."""

from __future__ import annotations

import re
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest
from code_blocks import ROOT

DIRECTIVES = [
    name
    for page in sorted((ROOT / "docs" / "api").glob("*.md"))
    for name in re.findall(r"^::: (\S+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
]
PACKAGES = [
    "sift_retrievers",
    "sift_retrievers.calibration",
    "sift_retrievers.evaluation",
    "sift_retrievers.finetune",
    "sift_retrievers.kernels",
    "sift_retrievers.metrics",
    "sift_retrievers.retrieval",
    "sift_retrievers.selection",
    "sift_retrievers.witnesses",
    "langchain_sift",
    "langchain_sift.finetune",
    "llama_index.postprocessor.sift",
    "llama_index.retrievers.sift",
]


def resolved(name: str) -> Any:
    """The object of a dotted name."""
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        try:
            found: Any = import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            found = getattr(found, part)
        return found
    raise AssertionError(f"no module in {name}")


@pytest.mark.parametrize("name", DIRECTIVES)
def test_the_name_is_there(name: str) -> None:
    found = resolved(name)
    assert not isinstance(found, ModuleType)  # as of `select`, which is a module, too


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_is_in_the_reference(package: str) -> None:
    shown = {name.rpartition(".")[2] for name in DIRECTIVES}
    assert {*import_module(package).__all__} - shown == set()
