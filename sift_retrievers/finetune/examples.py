"""`PassageReader`: turns passages into the tokens and labels that the model trains on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

IGNORED: Final = -100
"""Label of tokens that transformers leaves out of the loss."""


@dataclass(frozen=True)
class Example:
    """One passage, tokenised."""

    position: int
    """Position of the passage in the session's list of passages."""
    input_ids: Tensor
    """`[1, n]`."""
    labels: Tensor
    """`[1, n]`; `IGNORED` where a token belongs to the context."""

    @property
    def tokens(self) -> int:
        """Number of tokens that the loss is computed on; nothing predicts the first token."""
        return int((self.labels[:, 1:] != IGNORED).sum())


@dataclass(frozen=True)
class PassageReader:
    """Tokenises passages within the length limits of a model."""

    tokenizer: Any
    device: torch.device
    max_passage_tokens: int
    """Longer passages are cut to this many tokens."""
    max_tokens: int | None
    """Largest number of tokens that the model accepts, context and passage together."""
    context: str | None = None
    """Text before each passage, left out of the loss."""

    def example(self, position: int, passage: str, others: Sequence[str] = ()) -> Example:
        """Tokenise a passage, and before it the context; both are cut to fit into the model.

        Args:
            position: of the passage in the session's list.
            passage: its text.
            others: passages that stand before the context, with empty lines between them; each is
                cut as a passage is.
        """
        context_ids: list[int] = []
        for text in (*(f"{other}\n\n" for other in others), self.context):
            if text:
                ids = self.tokenizer(text, add_special_tokens=not context_ids)["input_ids"]
                context_ids += list(ids)[: self.max_passage_tokens]
        if self.max_tokens is not None:
            context_ids = context_ids[: self.max_tokens // 2]
        # No second BOS token mid-sequence.
        ids = list(self.tokenizer(passage, add_special_tokens=not context_ids)["input_ids"])
        room = self.max_passage_tokens
        if self.max_tokens is not None:
            room = min(room, self.max_tokens - len(context_ids))
        input_ids = torch.tensor([context_ids + ids[:room]], dtype=torch.long, device=self.device)
        labels = input_ids.clone()
        labels[:, : len(context_ids)] = IGNORED
        return Example(position, input_ids, labels)
