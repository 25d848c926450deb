"""`Judge`: another reranker as a witness of relevance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, QueryBundle

from llama_index.retrievers.sift.nodes import copied
from sift_retrievers.retrieval import SelectionRules
from sift_retrievers.retrieval.rules import weighs_relevance
from sift_retrievers.retrieval.work import Work, native


@dataclass(frozen=True)
class Judge:
    """Asks a reranker for its scores."""

    reranker: BaseNodePostprocessor

    def check(self, rules: SelectionRules) -> None:
        """Check that a reranker can be used with the rules.

        Raises:
            ValueError: for a kernel that does not weigh nodes by relevance, or if the rules have a
                function that gives scores, too.
        """
        if not weighs_relevance(rules.chosen_kernel):
            raise ValueError(
                f'a reranker goes with the kernels "phrases" and "relevance"; got {rules.kernel!r}'
            )
        if rules.witnesses.scorer is not None:
            raise ValueError(
                "reranker and a function in relevance are one witness, there is place for one of "
                "them; got both"
            )

    async def scores(
        self, work: Work, nodes: Sequence[NodeWithScore], query: QueryBundle
    ) -> dict[str, float]:
        """The score of every node that the reranker keeps, by the node's id.

        Raises:
            ValueError: for a node without a score.
        """
        reranker = self.reranker
        # The reranker may change the nodes that it is given.
        copies = [NodeWithScore(node=copied(n.node), score=n.score) for n in nodes]
        judged = await work.call(
            "relevance",
            reranker,
            reranker.postprocess_nodes,
            copies,
            query,
            native=reranker.apostprocess_nodes if self._is_async else None,
        )
        unjudged = [node.node_id for node in judged if node.score is None]
        if unjudged:
            raise ValueError(
                f"{type(reranker).__name__} gave {len(unjudged)} of {len(judged)} nodes no "
                f"score: {unjudged[:5]}"
            )
        return {node.node_id: float(node.score or 0.0) for node in judged}

    @property
    def _is_async(self) -> bool:
        """Whether the reranker has an asynchronous method of its own, not the default one.

        The default one uses the threads of the event loop, which others share.
        """
        own = type(self.reranker)._apostprocess_nodes
        inherited = own is BaseNodePostprocessor._apostprocess_nodes
        return not inherited and native(self.reranker, "_apostprocess_nodes") is not None
