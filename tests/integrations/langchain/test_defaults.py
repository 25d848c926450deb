"""What `SIFTRetriever` and `SIFTCompressor` do where nothing is said: `DEFAULT`, or by kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from corpus import Corpus
from langchain_core.documents import Document
from langchain_core.runnables import ConfigurableField
from store_cases import CASES

from langchain_sift import SIFTCompressor, SIFTRetriever
from langchain_sift.stores import hits_of
from sift_retrievers import select
from sift_retrievers.kernels.names import resolve_kernel
from sift_retrievers.retrieval import SelectionRules, Target, retrieve
from sift_retrievers.retrieval.rules import PHRASES
from sift_retrievers.witnesses import Witnesses


@pytest.fixture
def memory(corpus: Corpus) -> Any:
    return CASES["InMemory"].filled(corpus)


def pool(corpus: Corpus) -> list[int]:
    cosines = corpus.vectors @ corpus.query_vector() / np.linalg.norm(corpus.vectors, axis=1)
    return [int(j) for j in np.argsort(-cosines, kind="stable")]


def numbers(documents: Any) -> list[int]:
    return [document.metadata["number"] for document in documents]


def numbered(corpus: Corpus, order: list[int], k: int = 4, **options: Any) -> list[int]:
    picks = select(corpus.query_vector(), corpus.vectors[order], k, **options).indices
    return [order[i] for i in picks if i >= 0]


def by_rules(corpus: Corpus, k: int, **rules: Any) -> list[int]:
    """What the core picks from the nearest, by texts and vectors."""
    order = pool(corpus)
    texts = [corpus.texts[i] for i in order]
    target = Target(corpus.query_vector(), corpus.queries[0])
    documents = [Document(page_content=text) for text in texts]
    hits = hits_of(documents, corpus.vectors[order], target.vector)
    retrieval = retrieve(corpus.queries[0], [target], hits, k, SelectionRules(**rules))
    return [order[pick.position] for pick in retrieval.picks]


def shape(built: Any) -> tuple[Any, ...]:
    rules = built.rules()
    return rules.chosen_kernel, rules.noise, str(rules.chosen_objective), rules.witnesses


DEFAULT = (PHRASES, 0.1, "undirected", Witnesses())


def test_the_default(memory: Any, corpus: Corpus) -> None:
    retriever = SIFTRetriever(memory, k=9)
    compressor = SIFTCompressor(vectorstore=memory, k=9)
    assert shape(retriever) == shape(compressor) == DEFAULT
    want = by_rules(corpus, 9)
    found = retriever.invoke(corpus.queries[0])
    assert numbers(found) == want
    nearest = [corpus.documents()[i] for i in pool(corpus)]
    assert numbers(compressor.compress_documents(nearest, corpus.queries[0])) == want
    said = SIFTRetriever(memory, k=9, relevance="vectors+words", kernel="phrases", lambda_=0.1)
    assert said.invoke(corpus.queries[0]) == found


def test_version_0_1_is_one_argument_away(memory: Any, corpus: Corpus) -> None:
    retriever = SIFTRetriever(memory, k=9, relevance="vectors")
    assert shape(retriever)[1:3] == (0.2, "undirected")
    want = numbered(
        corpus, pool(corpus), 9, kernel="relevance", lambda_=0.2, objective="undirected"
    )
    assert numbers(retriever.invoke(corpus.queries[0])) == want


def test_a_word_that_the_vectors_do_not_see(corpus: Corpus) -> None:
    """All vectors alike: the words decide."""
    for i in range(60):
        corpus.embeddings.table[f"text {i}"] = np.ones(12, dtype=np.float32)
    corpus.texts[41] = "the pump takes part AB-1234"
    corpus.texts[17] = "北京的人口是两千一百万"
    for text in (corpus.texts[41], corpus.texts[17], "which part is ab 1234?", "北京有多少人口？"):
        corpus.embeddings.table[text] = np.ones(12, dtype=np.float32)
    store = CASES["FAISS"].filled(corpus)
    retriever = SIFTRetriever(store, k=1)
    assert numbers(retriever.invoke("which part is ab 1234?")) == [41]
    assert numbers(retriever.invoke("北京有多少人口？")) == [17]
    told = retriever.explain("北京有多少人口？").chosen[0].witnesses
    assert told["share"] > 0.2
    assert told["words"] > 0


def test_a_title_in_the_metadata_is_found_by_itself(corpus: Corpus) -> None:
    for i in range(60):
        corpus.embeddings.table[f"text {i}"] = np.ones(12, dtype=np.float32)
    corpus.embeddings.table["who was Ada Lovelace?"] = np.ones(12, dtype=np.float32)
    corpus.metadatas[23]["title"] = "Ada Lovelace"
    corpus.metadatas[24]["chapter"] = "Ada Lovelace"
    store = CASES["InMemory"].filled(corpus)
    asked = "who was Ada Lovelace?"
    assert numbers(SIFTRetriever(store, k=1).invoke(asked)) == [23]
    assert numbers(SIFTRetriever(store, k=1, title="chapter").invoke(asked)) == [24]
    both = SIFTRetriever(store, k=2, title=lambda d: d.metadata.get("chapter"))
    assert numbers(both.invoke(asked))[0] == 24


def test_a_judge_is_a_further_witness(memory: Any, corpus: Corpus) -> None:
    asked: list[str] = []

    def judge(question: str, texts: list[str]) -> list[float]:
        asked.extend([question, *texts])
        return [float(text == "text 33") for text in texts]

    found = SIFTRetriever(memory, k=1, relevance=judge).invoke(corpus.queries[0])
    assert numbers(found) == [33]
    assert asked[0] == corpus.queries[0]
    assert len(asked) == 61
    alone = Witnesses(vectors=0, words=0, scorer=judge)
    assert numbers(SIFTRetriever(memory, k=1, relevance=alone).invoke("query 1")) == [33]


def test_its_uncertainty(memory: Any, corpus: Corpus) -> None:
    found = SIFTRetriever(memory, k=9).invoke(corpus.queries[0])
    left, expected = 1.0, []
    for document in found:
        left *= 1 - document.metadata["relevance_score"]
        expected.append(left)
    uncertainty = [document.metadata["sift"]["uncertainty"] for document in found]
    np.testing.assert_allclose(uncertainty, expected, rtol=1e-6)
    assert {type(value) for value in uncertainty} == {float}
    explained = SIFTRetriever(memory, k=9).explain(corpus.queries[0])
    assert explained.uncertainty is not None
    np.testing.assert_allclose(explained.uncertainty, [1.0, *expected], rtol=1e-6)


def test_the_cosine_brings_what_sift_was_published_with(memory: Any, corpus: Corpus) -> None:
    for built in (
        SIFTRetriever(memory, kernel="cosine"),
        SIFTCompressor(vectorstore=memory, kernel="cosine"),
    ):
        assert shape(built)[1:3] == (3.0, "variance")
    found = SIFTRetriever(memory, kernel="cosine").invoke(corpus.queries[0])
    assert numbers(found) == numbered(corpus, pool(corpus), lambda_=3.0)
    said = {"lambda_": None, "objective": None}  # as a configuration file may say
    assert shape(SIFTRetriever(memory, kernel="cosine", **said))[1] == 3.0


def test_what_is_given_wins(memory: Any) -> None:
    assert shape(SIFTRetriever(memory, lambda_=0.7)) == (PHRASES, 0.7, "undirected", Witnesses())
    assert shape(SIFTRetriever(memory, objective="entropy"))[2] == "entropy"
    both = SIFTRetriever(memory, kernel="cosine", lambda_=0.7, objective="undirected")
    assert shape(both)[:3] == (resolve_kernel("cosine"), 0.7, "undirected")


def test_alpha_cuts_the_picks_of_the_default(memory: Any, corpus: Corpus) -> None:
    whole = numbers(SIFTRetriever(memory, k=20).invoke(corpus.queries[0]))
    retriever = SIFTRetriever(memory, k=20, alpha=0.3)
    found = numbers(retriever.invoke(corpus.queries[0]))
    assert 0 < len(found) < 20
    assert found == whole[: len(found)]
    assert retriever.explain(corpus.queries[0]).stop_reason == "alpha"


def test_made_again_from_its_own_fields(memory: Any, corpus: Corpus) -> None:
    for given in ({}, {"kernel": "cosine"}, {"alpha": 0.3}, {"lambda_": 0.7}):
        retriever: Any = SIFTRetriever(memory, **given)
        fields = {name: getattr(retriever, name) for name in SIFTRetriever.model_fields}
        for again in (SIFTRetriever(**fields), retriever.model_copy()):
            assert shape(again) == shape(retriever)
            assert again.invoke(corpus.queries[0]) == retriever.invoke(corpus.queries[0])
    changed = SIFTRetriever(memory).model_copy(update={"lambda_": 0.01})
    want: list[Document] = SIFTRetriever(memory, lambda_=0.01).invoke(corpus.queries[0])
    assert changed.invoke(corpus.queries[0]) == want


def test_lambda_at_call_time_changes_nothing_else(memory: Any, corpus: Corpus) -> None:
    for given in ({}, {"kernel": "cosine"}, {"alpha": 0.3}):
        retriever: Any = SIFTRetriever(memory, **given)
        configurable = retriever.configurable_fields(lambda_=ConfigurableField(id="noise"))
        want = SIFTRetriever(memory, **given, lambda_=0.01).invoke(corpus.queries[0])
        found = configurable.invoke(corpus.queries[0], {"configurable": {"noise": 0.01}})
        assert found == want
        assert configurable.invoke(corpus.queries[0]) == retriever.invoke(corpus.queries[0])


def test_what_goes_with_the_kernel_is_found_anew_in_a_retriever_made_from_another(
    memory: Any,
) -> None:
    retriever = SIFTRetriever(memory)
    fields = {name: ConfigurableField(id=name) for name in ("kernel", "alpha", "lambda_")}
    configurable = retriever.configurable_fields(**fields)

    def made(**settings: Any) -> tuple[Any, ...]:
        found, _ = configurable._prepare({"configurable": settings})  # type: ignore[attr-defined]
        return shape(found)

    assert made(kernel="cosine")[1:3] == (3.0, "variance")
    assert made(alpha=0.3) == DEFAULT
    assert made(kernel="cosine", lambda_=0.5)[1] == 0.5
    assert shape(retriever.model_copy(update={"alpha": 0.3})) == DEFAULT
