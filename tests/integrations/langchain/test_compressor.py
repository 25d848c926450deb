"""`SIFTCompressor`: any retriever's documents, chosen by information gain."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from corpus import Corpus, TableEmbeddings
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnablePassthrough
from langchain_core.vectorstores import InMemoryVectorStore
from store_cases import CASES

from langchain_sift import SIFTCompressor, SIFTRetriever
from langchain_sift.stores import hits_of
from sift_retrievers.retrieval import SelectionRules, Target, retrieve


class FirstTwenty(BaseRetriever):
    """A retriever that knows nothing of vectors."""

    documents: list[Document]

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        return self.documents[:20]


@pytest.fixture
def found(corpus: Corpus) -> list[Document]:
    return corpus.documents()[:20]


def expected(corpus: Corpus, found: list[Document], k: int = 4, **options: Any) -> list[str | None]:
    """What the core picks from the documents."""
    target = Target(corpus.query_vector(), corpus.queries[0])
    hits = hits_of(found, corpus.vectors[: len(found)], target.vector)
    retrieval = retrieve(corpus.queries[0], [target], hits, k, SelectionRules(**options))
    return [pick.id for pick in retrieval.picks]


def ids(documents: Any) -> list[str | None]:
    return [document.id for document in documents]


def test_vectors_embedded_in_one_call_and_then_known(corpus: Corpus, found: list[Document]) -> None:
    calls: list[int] = []

    class Counting(TableEmbeddings):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            calls.append(len(texts))
            return super().embed_documents(texts)

    compressor = SIFTCompressor(embedding=Counting(corpus.embeddings.table))
    before = copy.deepcopy(found)
    chosen = compressor.compress_documents(found, corpus.queries[0])
    assert ids(chosen) == expected(corpus, found)
    assert compressor.compress_documents(found[:10], corpus.queries[0])
    assert calls == [20]
    assert found == before
    assert chosen[0].metadata["sift"]["rank"] == 0
    assert chosen[0].metadata["parity"] in ("even", "odd")
    chosen[0].metadata["number"] = "spoilt"
    assert found == before


@pytest.mark.parametrize("store_name", ["InMemory", "FAISS", "Chroma", "Qdrant L2", "Milvus"])
def test_vectors_from_a_store(store_name: str, corpus: Corpus) -> None:
    store = CASES[store_name].filled(corpus)
    corpus.embeddings.sealed = True
    found = corpus.documents()[:20]
    compressor = SIFTCompressor(vectorstore=store)
    assert ids(compressor.compress_documents(found, corpus.queries[0])) == expected(corpus, found)


def test_vectors_from_postgres(corpus: Corpus) -> None:
    store = CASES["PGVector"].filled(corpus)
    corpus.embeddings.sealed = True
    found = corpus.documents()[:20]
    compressor = SIFTCompressor(vectorstore=store)
    assert ids(compressor.compress_documents(found, corpus.queries[0])) == expected(corpus, found)


def test_only_documents_that_the_store_does_not_have_are_embedded(corpus: Corpus) -> None:
    store = CASES["InMemory"].filled(corpus)
    store.delete([corpus.ids[3]])
    embedded: list[str] = []

    class Recording(TableEmbeddings):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            embedded.extend(texts)
            return super().embed_documents(texts)

    compressor = SIFTCompressor(vectorstore=store, embedding=Recording(corpus.embeddings.table))
    found = corpus.documents()[:20]
    assert ids(compressor.compress_documents(found, corpus.queries[0])) == expected(corpus, found)
    assert embedded == ["text 3"]


def test_vectors_that_an_embedding_filter_left(corpus: Corpus, found: list[Document]) -> None:
    filters = pytest.importorskip("langchain_community.document_transformers")
    unlike = filters.EmbeddingsRedundantFilter(
        embeddings=corpus.embeddings, similarity_threshold=1.01
    )
    stateful = unlike.transform_documents(found)
    corpus.embeddings.sealed = True
    chosen = SIFTCompressor(embedding=corpus.embeddings).compress_documents(
        stateful, corpus.queries[0]
    )
    texts = {document.page_content: document.id for document in found}
    assert [texts[d.page_content] for d in chosen] == expected(corpus, found)


async def test_in_a_contextual_compression_retriever(corpus: Corpus) -> None:
    classic = pytest.importorskip("langchain_classic.retrievers")
    retriever = classic.ContextualCompressionRetriever(
        base_compressor=SIFTCompressor(embedding=corpus.embeddings),
        base_retriever=FirstTwenty(documents=corpus.documents()),
    )
    found = corpus.documents()[:20]
    assert ids(retriever.invoke(corpus.queries[0])) == expected(corpus, found)
    assert ids(await retriever.ainvoke(corpus.queries[0])) == expected(corpus, found)


def test_behind_an_ensemble_and_a_parent_document_retriever(corpus: Corpus) -> None:
    classic = pytest.importorskip("langchain_classic.retrievers")
    stores = pytest.importorskip("langchain_core.stores")
    splitters = pytest.importorskip("langchain_text_splitters")
    compressor = SIFTCompressor(embedding=corpus.embeddings, k=3)

    ensemble = classic.EnsembleRetriever(
        retrievers=[
            FirstTwenty(documents=corpus.documents()),
            CASES["InMemory"].filled(corpus).as_retriever(search_kwargs={"k": 10}),
        ],
        weights=[0.5, 0.5],
    )
    both = ensemble.invoke(corpus.queries[0])
    found = classic.ContextualCompressionRetriever(
        base_compressor=compressor, base_retriever=ensemble
    ).invoke(corpus.queries[0])
    assert len(both) > 20
    assert len(found) == 3
    assert {d.id for d in found} <= {d.id for d in both}

    parents = classic.ParentDocumentRetriever(
        vectorstore=InMemoryVectorStore(corpus.embeddings),
        docstore=stores.InMemoryStore(),
        child_splitter=splitters.CharacterTextSplitter(chunk_size=100, chunk_overlap=0),
        search_kwargs={"k": 20},
    )
    parents.add_documents(corpus.documents())
    found = classic.ContextualCompressionRetriever(
        base_compressor=compressor, base_retriever=parents
    ).invoke(corpus.queries[0])
    assert len({d.page_content for d in found}) == 3


async def test_as_a_runnable(corpus: Corpus) -> None:
    base = FirstTwenty(documents=corpus.documents())
    compressor = SIFTCompressor(embedding=corpus.embeddings, k=3)
    chain: Any = {"query": RunnablePassthrough(), "documents": base} | compressor
    want = expected(corpus, corpus.documents()[:20], k=3)
    assert ids(chain.invoke(corpus.queries[0])) == want
    assert ids(await chain.ainvoke(corpus.queries[0])) == want
    assert [ids(x) for x in chain.batch([corpus.queries[0]] * 2)] == [want] * 2


@pytest.mark.parametrize("given", [{"query": "q"}, "q", {"documents": []}])
def test_a_runnables_wrong_input(corpus: Corpus, given: Any) -> None:
    compressor: Any = SIFTCompressor(embedding=corpus.embeddings)
    with pytest.raises(TypeError, match=r'takes \{"query": str, "documents"'):
        compressor.invoke(given)


def test_a_cross_encoder_is_a_further_witness(corpus: Corpus, found: list[Document]) -> None:
    asked: list[tuple[str, str]] = []

    def judge(pairs: list[tuple[str, str]]) -> list[float]:
        asked.extend(pairs)
        return [1.0 if text == "text 7" else 0.0 for _, text in pairs]

    compressor = SIFTCompressor(embedding=corpus.embeddings, cross_encoder=judge)
    chosen = compressor.compress_documents(found, corpus.queries[0])
    assert chosen[0].page_content == "text 7"
    assert asked == [(corpus.queries[0], f"text {i}") for i in range(20)]
    told = compressor.explain(found, corpus.queries[0]).chosen[0].witnesses
    assert told["score"] == 1.0
    assert {"cosine", "words", "grams"} < set(told)


def test_the_scale_of_a_cross_encoder_does_not_matter(
    corpus: Corpus, found: list[Document]
) -> None:
    logits = np.array([8.0, 7.8, -11.0, 6.0] + [-11.0] * 16)
    picks = []
    for scores in (logits, 1e-3 * logits + 5, 1e12 * logits):
        compressor = SIFTCompressor(
            embedding=corpus.embeddings, cross_encoder=lambda pairs, s=scores: s, k=3
        )
        picks.append(ids(compressor.compress_documents(found, corpus.queries[0])))
        assert {corpus.ids.index(str(name)) for name in picks[-1]} == {0, 1, 3}
    assert picks[0] == picks[1] == picks[2]


@pytest.mark.parametrize("store_name", ["Qdrant", "Milvus", "Chroma", "PGVector", "FAISS"])
def test_what_a_stores_own_retriever_returns_is_not_embedded(
    store_name: str, corpus: Corpus
) -> None:
    """Some stores leave `Document.id` empty and put the id into the metadata."""
    store = CASES[store_name].filled(corpus)
    corpus.embeddings.sealed = True
    found = store.as_retriever(search_kwargs={"k": 20}).invoke(corpus.queries[0])
    assert len(SIFTCompressor(vectorstore=store).compress_documents(found, "query 0")) == 4


@pytest.mark.parametrize("store_name", ["Qdrant", "Milvus", "Chroma", "PGVector", "FAISS IVF"])
def test_ids_that_the_store_cannot_have_are_embedded(store_name: str, corpus: Corpus) -> None:
    store = CASES[store_name].filled(corpus)
    found = [d.model_copy(update={"id": f"d{i}"}) for i, d in enumerate(corpus.documents()[:20])]
    chosen = SIFTCompressor(vectorstore=store).compress_documents(found, corpus.queries[0])
    assert ids(chosen) == expected(corpus, found)


def test_numbers_as_ids_in_qdrant(corpus: Corpus) -> None:
    pytest.importorskip("langchain_qdrant")
    corpus.ids = [*range(60)]  # type: ignore[assignment]
    store = CASES["Qdrant L2"].filled(corpus)
    corpus.embeddings.sealed = True
    found = SIFTRetriever(store, k=20).invoke(corpus.queries[0])
    assert {type(document.id) for document in found} == {str}
    assert len(SIFTCompressor(vectorstore=store).compress_documents(found, "query 0")) == 4


def test_vectors_that_the_store_changed_are_noted(corpus: Corpus) -> None:
    store = CASES["Qdrant"].filled(corpus)
    compressor = SIFTCompressor(vectorstore=store)
    found = [*corpus.documents()[:19], Document(page_content="text 19", id="elsewhere")]
    explained = compressor.explain(found, corpus.queries[0])
    assert explained.vectors == (
        "scaled to unit length by the collection's cosine distance; 1 of 20 embedded by the "
        "compressor"
    )


def test_a_store_that_fails_is_named(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    store = CASES["Chroma"].filled(corpus)

    def fails(**kwargs: Any) -> None:
        raise ConnectionError("gone")

    monkeypatch.setattr(store._collection, "get", fails)
    with pytest.raises(ConnectionError) as caught:
        SIFTCompressor(vectorstore=store).compress_documents(corpus.documents(), "query 0")
    assert "vectors of 60 documents in Chroma" in caught.value.__notes__[0]


async def test_k_at_call_time(corpus: Corpus, found: list[Document]) -> None:
    compressor = SIFTCompressor(embedding=corpus.embeddings)
    given = {"query": corpus.queries[0], "documents": found}
    assert len(compressor.invoke(given, k=2)) == 2
    assert len(await compressor.ainvoke(given, k=2)) == 2
    assert len(compressor.bind(k=3).invoke(given)) == 3
    with pytest.raises(TypeError, match="unexpected keyword argument 'top_n'"):
        compressor.invoke(given, top_n=2)


def test_one_text_from_two_sources_stays_two_documents(corpus: Corpus) -> None:
    documents = [
        Document(page_content="text 1", metadata={"source": source}) for source in ("A", "B", "A")
    ]
    chosen = SIFTCompressor(embedding=corpus.embeddings).compress_documents(documents, "query 0")
    assert sorted(d.metadata["source"] for d in chosen) == ["A", "B"]


def test_documents_found_twice_come_back_once(corpus: Corpus, found: list[Document]) -> None:
    compressor = SIFTCompressor(embedding=corpus.embeddings, k=40)
    doubled = compressor.compress_documents(found + found, corpus.queries[0])
    assert sorted(map(str, ids(doubled))) == sorted(map(str, ids(found)))


def test_the_same_rules_as_the_retriever(corpus: Corpus) -> None:
    store = CASES["InMemory"].filled(corpus)
    candidates = corpus.documents()
    rules: dict[str, Any] = {"distinct_by": "parity", "score_threshold": 0.0, "lambda_": 0.3}
    chosen = SIFTCompressor(vectorstore=store, **rules).compress_documents(
        candidates, corpus.queries[0]
    )
    assert ids(chosen) == ids(SIFTRetriever(store, **rules).invoke(corpus.queries[0]))
    assert len(chosen) == 2


def test_documents_without_text_are_the_last_resort(corpus: Corpus) -> None:
    documents = [Document(page_content=" "), Document(page_content="text 1")]
    compressor = SIFTCompressor(embedding=corpus.embeddings, k=2)
    chosen = compressor.compress_documents(documents, corpus.queries[0])
    assert [d.page_content for d in chosen] == ["text 1", " "]
    assert chosen[1].metadata["sift"]["information_gain"] == pytest.approx(0, abs=1e-9)
    assert compressor.compress_documents(documents[:1], corpus.queries[0])[0].page_content == " "
    assert compressor.compress_documents([], corpus.queries[0]) == []


def test_explain(corpus: Corpus, found: list[Document]) -> None:
    explained = SIFTCompressor(embedding=corpus.embeddings).explain(found, corpus.queries[0])
    assert [p.id for p in explained.chosen] == expected(corpus, found)
    assert set(explained.seconds) == {"embed", "vectors", "select"}
    assert SIFTCompressor(embedding=corpus.embeddings).explain([], "query 0").passages == ()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, r"pass embedding=\.\.\., or vectorstore="),
        ({"vectorstore": []}, r"vectors cannot be looked up by id in list"),
        ({"embedding": 1}, r"got int without \['embed_query', 'embed_documents'\]"),
    ],
)
def test_bad_settings(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SIFTCompressor(**arguments)


def test_a_cross_encoder_needs_its_kernel(corpus: Corpus, found: list[Document]) -> None:
    with pytest.raises(ValueError, match=r"goes with the kernels.*got \'cosine\'"):
        SIFTCompressor(
            embedding=corpus.embeddings, cross_encoder=lambda pairs: [0.0], kernel="cosine"
        )
    wrong = SIFTCompressor(embedding=corpus.embeddings, cross_encoder=lambda pairs: [0.0])
    with pytest.raises(ValueError, match=r"one finite score a passage, 20 in all; got .*\(1,\)"):
        wrong.compress_documents(found, corpus.queries[0])


def test_state_vectors_of_another_dimension(corpus: Corpus) -> None:
    class Stateful(Document):
        state: dict[str, Any]

    documents = [Stateful(page_content="a", state={"embedded_doc": np.ones(5)})]
    with pytest.raises(ValueError, match=r"vectors of shape \(5,\).*dimension 12"):
        SIFTCompressor(embedding=corpus.embeddings).compress_documents(documents, "query 0")
