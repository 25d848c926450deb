"""SIFT in a LlamaIndex query engine, beside the index's own retriever.

python examples/llama_index_retriever.py            # part of: make demo
"""

from __future__ import annotations

from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index_corpus import QuotingFakeLLM, build_index, coverage_of, show
from rich.console import Console

from llama_index.retrievers.sift import SIFTRetriever

K = 4


def main() -> None:
    console = Console(width=150, highlight=False)
    index, questions = build_index()
    llm = QuotingFakeLLM()

    retriever = SIFTRetriever(index, similarity_top_k=K)  # was: index.as_retriever(…)
    engine = RetrieverQueryEngine.from_args(retriever, llm=llm)
    stock = index.as_query_engine(llm=llm, similarity_top_k=K)

    question = questions[0]
    show(console, "LlamaIndex, as_query_engine()", question, stock.query(question.text))
    show(console, "LlamaIndex, SIFTRetriever", question, engine.query(question.text))

    nearest = index.as_retriever(similarity_top_k=K)
    for name, retrieves in (("nearest neighbours", nearest), ("SIFTRetriever", retriever)):
        shares = [coverage_of(retrieves.retrieve(q.text), q) for q in questions]
        mean = sum(shares) / len(shares)
        console.print(f"{name:20} evidence coverage of {len(questions)} questions: {mean:.3f}")


if __name__ == "__main__":
    main()
