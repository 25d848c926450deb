"""Three distributions, one version, and each carries its type marker and licence."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

import sift_retrievers

ROOT = Path(__file__).parents[2]
FOLDERS = {
    "sift-retrievers": ROOT,
    "langchain-sift": ROOT / "integrations" / "langchain-sift",
    "llama-index-retrievers-sift": ROOT / "integrations" / "llama-index-retrievers-sift",
}


def project(name: str) -> dict[str, Any]:
    text = (FOLDERS[name] / "pyproject.toml").read_text(encoding="utf-8")
    found: dict[str, Any] = tomllib.loads(text)["project"]
    assert found["name"] == name
    return found


@pytest.mark.parametrize("name", FOLDERS)
def test_one_version(name: str) -> None:
    described = project(name)
    assert described["version"] == sift_retrievers.__version__
    if name != "sift-retrievers":
        series = f"~={sift_retrievers.__version__}"
        assert f"sift-retrievers{series}" in described["dependencies"]
        assert (
            f"sift-retrievers[finetune]{series}" in described["optional-dependencies"]["finetune"]
        )


def test_the_langchain_package_says_the_same_version() -> None:
    langchain_sift = pytest.importorskip("langchain_sift")
    assert langchain_sift.__version__ == sift_retrievers.__version__


@pytest.mark.parametrize("name", FOLDERS)
def test_licence_and_type_marker(name: str) -> None:
    folder = FOLDERS[name]
    assert (folder / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
    packages = {
        "sift-retrievers": ["sift_retrievers"],
        "langchain-sift": ["langchain_sift"],
        "llama-index-retrievers-sift": [
            "llama_index/retrievers/sift",
            "llama_index/postprocessor/sift",
        ],
    }
    for package in packages[name]:
        assert (folder / package / "py.typed").exists()


def test_the_namespace_packages_stay_namespaces() -> None:
    """An `__init__.py` in `llama_index` would hide llama-index-core."""
    folder = FOLDERS["llama-index-retrievers-sift"] / "llama_index"
    inits = {str(file.parent.relative_to(folder)) for file in folder.rglob("__init__.py")}
    assert inits == {"retrievers/sift", "retrievers/sift/stores", "postprocessor/sift"}


def test_the_namespace_packages_live_beside_llama_index_core() -> None:
    pytest.importorskip("llama_index.core")
    pytest.importorskip("llama_index.retrievers.sift")
    pytest.importorskip("llama_index.postprocessor.sift")
