"""From a `QueryBundle` to the vectors that stand for the query."""

from __future__ import annotations

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.schema import QueryBundle

from sift_retrievers.retrieval import Target, checked_vector


def targets_of(
    query_bundle: QueryBundle, embed_model: BaseEmbedding, *, texts_first: bool = False
) -> list[Target]:
    """The bundle's own embedding, or that of each of its strings; the bundle is not changed.

    Several strings are several targets, each with its own words: LlamaIndex's own retriever asks
    for their mean instead. The words of an embedding are those of the bundle's `query_str`.

    Args:
        query_bundle: what is asked.
        embed_model: for the strings.
        texts_first: embed the strings if there are any. LlamaIndex's own retriever writes its
            embedding into the bundle, where a postprocessor finds the mean of several strings, or
            a vector of another model.

    Raises:
        ValueError: if the bundle has neither, or a vector that is not finite, or zero.
    """
    written = texts_first and query_bundle.embedding_strs
    if query_bundle.embedding is not None and not written:
        return [Target(checked_vector(query_bundle.embedding), query_bundle.query_str or None)]
    texts = query_bundle.embedding_strs
    if not texts:
        raise ValueError(
            "the query needs a text or an embedding; got a QueryBundle with query_str="
            f"{query_bundle.query_str!r}, custom_embedding_strs="
            f"{query_bundle.custom_embedding_strs} and no embedding"
        )
    return [Target(checked_vector(embed_model.get_query_embedding(text)), text) for text in texts]
