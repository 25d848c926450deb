"""Tests that the reader of every vector store should pass. They need pytest and pytest-asyncio.

A package that has its own store and reader subclasses `StoreReaderTests`:

    import pytest
    from langchain_mystore import MyStore
    from langchain_sift.testing import StoreReaderTests, StoreTraits

    class TestMyStoreReader(StoreReaderTests):
        @pytest.fixture
        def new_store(self):
            def build(documents, embeddings):
                store = MyStore(embeddings)
                store.add_documents(documents, ids=[document.id for document in documents])
                return store

            return build

        @pytest.fixture
        def traits(self):
            return StoreTraits(metric="cosine", even={"filter": {"parity": "even"}})
"""

import pytest

# So that failed assertions show their values, as they do in test files.
pytest.register_assert_rewrite(
    "langchain_sift.testing.open_store", "langchain_sift.testing.reader_tests"
)

from langchain_sift.testing.passages import Passages, TextEmbeddings  # noqa: E402
from langchain_sift.testing.reader_tests import StoreReaderTests  # noqa: E402
from langchain_sift.testing.traits import StoreTraits  # noqa: E402

__all__ = ["Passages", "StoreReaderTests", "StoreTraits", "TextEmbeddings"]
