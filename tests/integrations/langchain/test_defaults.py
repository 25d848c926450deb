"""What `SIFTRetriever` and `SIFTCompressor` do where nothing is said: `DEFAULT`, or by kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from corpus import Corpus
from langchain_core.documents import Document
from langchain_core.runnables import ConfigurableField
from store_cases import CASES
from uncertainty import uncertainty_along

from langchain_sift import SIFTCompressor, SIFTRetriever
from sift_retrievers import select
from sift_retrievers.calibration import DEFAULT
from sift_retrievers.kernels import resolve_kernel


@pytest.fixture
def memory(corpus: Corpus) -> Any:
    return CASES["InMemory"].filled(corpus)


def pool(corpus: Corpus) -> list[int]:
    cosines = corpus.vectors @ corpus.query_vector() / np.linalg.norm(corpus.vectors, axis=1)
    return [int(j) for j in np.argsort(-cosines, kind="stable")]


def numbers(documents: Any) -> list[int]:
    return [document.metadata["number"] for document in documents]


def numbered(corpus: Corpus, order: list[int], k: int = 4, **options: Any) -> list[int]:
    picks = select(corpus.query_vector(), corpus.vectors[order], k, **options).indices[0]
    return [order[i] for i in picks if i >= 0]


def shape(built: Any) -> dict[str, Any]:
    return {
        "kernel": resolve_kernel(built.kernel),
        "lambda_": built.lambda_,
        "objective": built.objective,
    }


def test_the_default(memory: Any, corpus: Corpus) -> None:
    order = pool(corpus)
    retriever = SIFTRetriever(memory, k=9)
    compressor = SIFTCompressor(vectorstore=memory, k=9)
    assert shape(retriever) == shape(compressor) == DEFAULT.arguments
    want = numbered(corpus, order, 9, **DEFAULT.arguments)
    found = retriever.invoke(corpus.queries[0])
    assert numbers(found) == want
    chosen = compressor.compress_documents(
        [corpus.documents()[i] for i in order], corpus.queries[0]
    )
    assert numbers(chosen) == want
    said = SIFTRetriever(memory, k=9, **DEFAULT.arguments).invoke(corpus.queries[0])
    assert said == found


def test_its_uncertainty(memory: Any, corpus: Corpus) -> None:
    order = pool(corpus)
    retriever = SIFTRetriever(memory, k=9)
    assert retriever.objective == DEFAULT.objective
    found = retriever.invoke(corpus.queries[0])
    expected = uncertainty_along(
        corpus.query_vector(),
        corpus.vectors[order],
        [order.index(i) for i in numbers(found)],
        kernel=DEFAULT.kernel,
        lambda_=DEFAULT.lambda_,
    )
    uncertainty = [document.metadata["sift"]["uncertainty"] for document in found]
    np.testing.assert_allclose(uncertainty, expected[1:], rtol=1e-6)
    assert {type(value) for value in uncertainty} == {float}
    explained = retriever.explain(corpus.queries[0])
    assert explained.uncertainty is not None
    np.testing.assert_allclose(explained.uncertainty, expected, rtol=1e-6)


def test_the_cosine_brings_what_sift_was_published_with(memory: Any, corpus: Corpus) -> None:
    for built in (
        SIFTRetriever(memory, kernel="cosine"),
        SIFTCompressor(vectorstore=memory, kernel="cosine"),
    ):
        assert (built.lambda_, built.objective) == (3.0, "variance")
    found = SIFTRetriever(memory, kernel="cosine").invoke(corpus.queries[0])
    assert numbers(found) == numbered(corpus, pool(corpus), lambda_=3.0)
    said = {"lambda_": None, "objective": None}  # as a configuration file may say
    assert shape(SIFTRetriever(memory, kernel="cosine", **said))["lambda_"] == 3.0


def test_what_is_given_wins(memory: Any) -> None:
    assert SIFTRetriever(memory, lambda_=0.7).lambda_ == 0.7
    assert SIFTRetriever(memory, lambda_=0.7).objective == DEFAULT.objective
    assert SIFTRetriever(memory, objective="entropy").objective == "entropy"
    assert SIFTRetriever(memory, objective="entropy").lambda_ == DEFAULT.lambda_
    both = SIFTRetriever(memory, kernel="cosine", lambda_=0.7, objective="undirected")
    assert shape(both) == {
        "kernel": resolve_kernel("cosine"),
        "lambda_": 0.7,
        "objective": "undirected",
    }


def test_alpha_cuts_the_picks_of_the_default(memory: Any, corpus: Corpus) -> None:
    retriever = SIFTRetriever(memory, k=20, alpha=0.9)
    assert retriever.objective == DEFAULT.objective
    want = {**shape(retriever), "alpha": 0.9}
    assert numbers(retriever.invoke(corpus.queries[0])) == numbered(
        corpus, pool(corpus), 20, **want
    )


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

    def made(**settings: Any) -> Any:
        found, _ = configurable._prepare({"configurable": settings})  # type: ignore[attr-defined]
        return found

    assert (made(kernel="cosine").lambda_, made(kernel="cosine").objective) == (3.0, "variance")
    assert made(alpha=0.3).objective == DEFAULT.objective
    assert made(kernel="cosine", lambda_=0.5).lambda_ == 0.5
    given = SIFTRetriever(memory, lambda_=0.7, objective="variance")
    fields = {"kernel": ConfigurableField(id="kernel")}
    again, _ = given.configurable_fields(**fields)._prepare({"configurable": {"kernel": "cosine"}})  # type: ignore[attr-defined]
    assert (again.lambda_, again.objective) == (0.7, "variance")
    assert retriever.model_copy(update={"alpha": 0.3}).rules().objective == DEFAULT.objective
