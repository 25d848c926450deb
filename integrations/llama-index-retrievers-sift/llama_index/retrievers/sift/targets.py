"""`targets_of`: the vectors that are searched for, from a `QueryBundle`."""

from __future__ import annotations

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.schema import QueryBundle

from sift_retrievers.retrieval import Target
from sift_retrievers.retrieval.target import checked_vector
from sift_retrievers.retrieval.work import Work, native


async def targets_of(
    work: Work, query_bundle: QueryBundle, embed_model: BaseEmbedding, *, texts_first: bool = False
) -> list[Target]:
    """The bundle's own embedding, or the embedding of each of its strings.

    The bundle is not changed. Several strings are several targets, each with its own words, while
    LlamaIndex's own retriever searches for the mean of their vectors. The words of the bundle's own
    embedding are those of its `query_str`.

    Args:
        work: makes the calls.
        query_bundle: the query.
        embed_model: embeds the strings.
        texts_first: embed the strings even if the bundle has an embedding. A postprocessor must do
            so: LlamaIndex's own retriever writes its embedding into the bundle, which may be the
            mean of several strings or the vector of another model.

    Raises:
        TypeError: for an embedding that is not a vector.
        ValueError: if the bundle has neither, or for a vector that is not finite or is zero.
    """
    texts = [text for text in query_bundle.embedding_strs if text.strip()]
    if query_bundle.embedding is not None and not (texts_first and texts):
        return [Target(checked_vector(query_bundle.embedding), query_bundle.query_str or None)]
    if not texts:
        raise ValueError(
            "the query needs a text or an embedding; got a QueryBundle with query_str="
            f"{query_bundle.query_str!r}, custom_embedding_strs="
            f"{query_bundle.custom_embedding_strs} and no embedding"
        )
    return await work.together([_target(work, text, embed_model) for text in texts])


async def _target(work: Work, text: str, embed_model: BaseEmbedding) -> Target:
    is_async = native(embed_model, "_aget_query_embedding") is not None
    vector = await work.call(
        "embed",
        embed_model,
        embed_model.get_query_embedding,
        text,
        native=embed_model.aget_query_embedding if is_async else None,
    )
    return Target(checked_vector(vector), text)
