"""`PassageTexts`: the candidates' texts, read once for all who listen to words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sift_retrievers.witnesses.term_cache import TermCache
from sift_retrievers.witnesses.terms import Terms, read_terms


@dataclass(frozen=True)
class PassageTexts:
    """The texts of n passages and their terms."""

    texts: tuple[str, ...]
    """With the title as first line."""
    terms: tuple[Terms, ...]
    once: tuple[int, ...]
    """Positions of one of each group of equal texts."""

    @staticmethod
    def read(
        texts: Sequence[str],
        titles: Sequence[str | None] | None = None,
        *,
        cache: TermCache | None = None,
    ) -> PassageTexts:
        """Read n texts.

        Args:
            texts: n; None counts as an empty one.
            titles: n; None or an empty one where a passage has none.
            cache: keeps terms for the next question.

        Raises:
            TypeError: for a text that is neither a string nor None, or one string in place of n.
        """
        if isinstance(texts, str):
            raise TypeError("texts must be a list of strings; got a single string")
        plain = [text if text is not None else "" for text in texts]
        given = [None] * len(plain) if titles is None else [title or None for title in titles]
        for text in (*plain, *given):
            if text is not None and not isinstance(text, str):
                raise TypeError(f"texts and titles must be strings; got {type(text).__name__}")
        whole = tuple(
            text if title is None or text.startswith(f"{title}\n") else f"{title}\n{text}"
            for text, title in zip(plain, given, strict=True)
        )
        return PassageTexts(
            texts=whole,
            terms=tuple(read_terms(whole) if cache is None else cache.terms(whole)),
            once=tuple({text: i for i, text in enumerate(whole)}.values()),
        )

    def __len__(self) -> int:
        return len(self.texts)
