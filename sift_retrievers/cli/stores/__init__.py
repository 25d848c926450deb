"""Readers of persisted stores and JSONL files. None of them changes what it reads."""

from sift_retrievers.cli.stores.options import ReadingOptions
from sift_retrievers.cli.stores.read import read_corpus

__all__ = ["ReadingOptions", "read_corpus"]
