"""`server_of`: an MCP server with one tool, which searches a store."""

from __future__ import annotations

from typing import Any, Final

from sift_retrievers.cli.asked import asked_one, no_model, tasks_of
from sift_retrievers.cli.corpus import Corpus
from sift_retrievers.cli.embedding import Embedder
from sift_retrievers.cli.methods import retrieval_of
from sift_retrievers.cli.output import as_plain, pick_dict
from sift_retrievers.cli.problem import CommandError, needed
from sift_retrievers.retrieval import SelectionRules

MOST: Final = 100  # passages of one answer


def server_of(
    corpus: Corpus, embedder: Embedder | None, fetch_k: int, rules: SelectionRules
) -> Any:
    """The server; its `run("stdio")` answers until the input ends.

    Raises:
        CommandError: without the package mcp, or a model for the questions.
    """
    module = needed("mcp.server", "sift-retrievers[mcp]", "sift serve")
    if embedder is None:
        raise CommandError(no_model(corpus, "every question"))
    # A model of another dimension is found out now, not by the first question.
    tasks_of(corpus, [asked_one("a question", None, corpus, embedder)], fetch_k)
    server = module.MCPServer(
        "sift",
        instructions=f"Searches {corpus.source}, {len(corpus)} passages, with the tool `search`.",
    )

    def search(question: str, k: int = 5) -> dict[str, Any]:
        """Find passages that together tell most about a question and do not repeat each other.

        Args:
            question: in plain words.
            k: passages wanted, 1 to 100.

        Returns:
            The passages, most useful first, each with its text, metadata and the reason why it was
            chosen; and whether the answer is probably not in the store.
        """
        if not 1 <= k <= MOST:
            raise ValueError(f"k must be from 1 to {MOST}; got {k}")
        if not question.strip():
            raise ValueError("the question must not be blank")
        asked = asked_one(question, None, corpus, embedder)
        found = retrieval_of(tasks_of(corpus, [asked], fetch_k)[0], k, rules)
        plain: dict[str, Any] = as_plain(
            {
                "question": question,
                "passages": [pick_dict(one, corpus.metadata[one.document]) for one in found.picks],
                "stop_reason": str(found.stop_reason),
                "evidence_chance": found.chance,
                "evidence_probably_missing": found.probably_missing,
            }
        )
        return plain

    server.tool()(search)
    return server
