"""What is returned: copies, with what the picks added or as the store has them."""

from __future__ import annotations

from uuid import uuid4

import pytest
from corpus import Corpus
from store_cases import CASES

from langchain_sift import SIFTCompressor, SIFTRetriever

FLAT = ["InMemory", "FAISS", "Chroma", "Qdrant", "LanceDB", "Milvus", "PGVectorStore"]
NESTED = ["InMemory", "FAISS", "Qdrant"]


@pytest.mark.parametrize("store_name", FLAT)
def test_without_annotations_they_can_be_added_to_the_store(
    store_name: str, corpus: Corpus
) -> None:
    store = CASES[store_name].filled(corpus)
    retriever = SIFTRetriever(store, annotate=False)
    found = retriever.invoke(corpus.queries[0])
    assert len(found) == 4
    for document in found:
        assert not {"sift", "relevance_score"} & document.metadata.keys()
    again = [d.model_copy(update={"page_content": f"{d.page_content}!", "id": None}) for d in found]
    for text in [d.page_content for d in again]:
        corpus.embeddings.table[text] = corpus.query_vector()
    store.add_documents(again, ids=[str(uuid4()) for _ in again])
    texts = {d.page_content for d in retriever.invoke(corpus.queries[0], k=8)}
    assert {d.page_content for d in again} <= texts


@pytest.mark.parametrize("store_name", NESTED)
def test_annotated_they_can_be_added_where_metadata_may_hold_a_dict(
    store_name: str, corpus: Corpus
) -> None:
    store = CASES[store_name].filled(corpus)
    retriever = SIFTRetriever(store)
    found = retriever.invoke(corpus.queries[0])
    store.add_documents(found, ids=[str(uuid4()) for _ in found])
    again = retriever.invoke(corpus.queries[0], k=8)
    assert [document.metadata["sift"]["rank"] for document in again] == [*range(8)]
    assert {document.id for document in again} != {document.id for document in found}


def test_chroma_refuses_annotated_ones(corpus: Corpus) -> None:
    store = CASES["Chroma"].filled(corpus)
    found = SIFTRetriever(store).invoke(corpus.queries[0])
    with pytest.raises(ValueError, match="metadata"):
        store.add_documents(found)


async def test_the_choice_does_not_depend_on_it(corpus: Corpus) -> None:
    store = CASES["InMemory"].filled(corpus)
    said = SIFTRetriever(store).invoke("query 0")
    kept = SIFTRetriever(store, annotate=False)
    found = kept.invoke("query 0")
    assert [d.id for d in found] == [d.id for d in said]
    assert [d.metadata for d in found] == [corpus.metadatas[d.metadata["number"]] for d in found]
    assert await kept.ainvoke("query 0") == found
    compressor = SIFTCompressor(vectorstore=store, annotate=False)
    chosen = compressor.compress_documents(corpus.documents(), "query 0")
    assert [d.metadata for d in chosen] == [corpus.metadatas[d.metadata["number"]] for d in chosen]


@pytest.mark.parametrize("annotate", [True, False])
def test_they_are_copies(corpus: Corpus, annotate: bool) -> None:
    corpus.metadatas[0]["list"] = [1, 2]
    store = CASES["InMemory"].filled(corpus)
    retriever = SIFTRetriever(store, k=60, annotate=annotate)
    before = [document.model_copy(deep=True) for document in retriever.invoke("query 0")]
    for document in retriever.invoke("query 0"):
        document.metadata["number"] = "spoilt"
        document.metadata.get("list", []).append(3)
        document.page_content = "spoilt"
    assert retriever.invoke("query 0") == before


def test_a_key_of_the_users_own_stays_where_nothing_is_annotated(corpus: Corpus) -> None:
    for metadata in corpus.metadatas:
        metadata["relevance_score"] = "the user's"
    store = CASES["InMemory"].filled(corpus)
    found = SIFTRetriever(store, annotate=False).invoke("query 0")
    assert {d.metadata["relevance_score"] for d in found} == {"the user's"}
    said = SIFTRetriever(store).invoke("query 0")
    assert {type(d.metadata["relevance_score"]) for d in said} == {float}
