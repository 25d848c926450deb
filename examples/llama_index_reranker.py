"""SIFT as the last step of a LlamaIndex query engine that you already have.

python examples/llama_index_reranker.py             # part of: make demo
"""

from __future__ import annotations

from llama_index_corpus import QuotingFakeLLM, build_index, show
from rich.console import Console

from llama_index.postprocessor.sift import SIFTRerank


def main() -> None:
    console = Console(width=150, highlight=False)
    index, questions = build_index()

    rerank = SIFTRerank(
        top_n=4,
        embed_model=index._embed_model,  # not needed where Settings.embed_model is set
        vector_store=index.vector_store,  # reads the vectors instead of embedding the nodes again
    )
    engine = index.as_query_engine(
        llm=QuotingFakeLLM(), similarity_top_k=200, node_postprocessors=[rerank]
    )
    question = questions[1]
    show(
        console,
        "LlamaIndex, as_query_engine with SIFTRerank",
        question,
        engine.query(question.text),
    )

    found = index.as_retriever(similarity_top_k=8).retrieve(question.text)
    console.print(str(rerank.explain(found, question.text)), markup=False)


if __name__ == "__main__":
    main()
