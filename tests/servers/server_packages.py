"""What the retrievers of these tests need beside LangChain's core."""

from __future__ import annotations

import pytest

PACKAGES = {
    "FAISS": ("faiss", "langchain_community"),
    "LlamaIndex": ("llama_index.core", "llama_index.retrievers.sift"),
}


def skip_without_packages(retriever: str) -> None:
    """Skip the test where a package of the retriever is not installed."""
    for package in PACKAGES.get(retriever, ()):
        pytest.importorskip(package)
