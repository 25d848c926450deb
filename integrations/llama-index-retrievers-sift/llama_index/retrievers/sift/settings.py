"""What `SIFTRetriever` and `SIFTRerank` make of their settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llama_index.core.schema import MetadataMode, NodeWithScore
from llama_index.core.settings import Settings

from sift_retrievers.retrieval import RetrieverKernel, SelectionRules, TitleOf, title_of
from sift_retrievers.witnesses import Witnesses


def settings_tokens(text: str) -> int:
    """Tokens of a text by `Settings.tokenizer`."""
    return len(Settings.tokenizer(text))


def text_of(scored: NodeWithScore) -> str:
    """What is read, counted and shown of a node: its text without its metadata."""
    return scored.node.get_content(metadata_mode=MetadataMode.NONE) or ""


def metadata_of(scored: NodeWithScore) -> dict[str, Any]:
    """The metadata of a node."""
    return scored.node.metadata


def titles_by(given: TitleOf) -> Callable[[NodeWithScore], str | None]:
    """What gives the title of a node, if it has one; `given` as `sift_retrievers` takes it.

    Raises:
        ValueError: for keys that are no strings.
    """
    find = title_of(given)
    return lambda scored: find(scored, scored.node.metadata)


def shown(rules: SelectionRules, **others: Any) -> dict[str, Any]:
    """What an explanation shows of the settings, with what was filled in."""
    return {
        **others,
        "relevance": rules.witnesses,
        "kernel": rules.kernel,
        "lambda_": rules.lambda_,
        "objective": rules.objective,
        "stop_alpha": rules.alpha,
        "min_gain": rules.min_gain,
        "min_novelty": rules.min_novelty,
        "min_chance": rules.min_chance,
        "max_tokens": rules.max_tokens,
        "similarity_cutoff": rules.score_threshold,
    }


class FilledIn:
    """Settings of a retriever as attributes, with what the caller left open filled in."""

    rules: SelectionRules

    @property
    def relevance(self) -> Witnesses:
        """Who says how relevant a node is."""
        return self.rules.witnesses

    @property
    def kernel(self) -> RetrieverKernel:
        """The kernel, as given or as it goes with the relevance."""
        assert self.rules.kernel is not None
        return self.rules.kernel

    @property
    def lambda_(self) -> float:
        """λ′, as given or as it goes with the kernel."""
        assert self.rules.lambda_ is not None
        return self.rules.lambda_

    @property
    def objective(self) -> str:
        """The objective, as given or as it goes with the kernel."""
        assert self.rules.objective is not None
        return self.rules.objective
