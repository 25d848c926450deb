"""`Question`: a question of a user, and what is known about its answer."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Question:
    """A question, and the passages that answer it, if they are known.

        Question("Who wrote it?", gold=["d-2", "d-7"], answer="Ida Brandt")
        Question("Who wrote it?", gold_texts=["Ida Brandt called her second novel …"])

    Raises:
        TypeError: if the text, the answer or a gold text is not a string, or if the gold passages
            or their facets are not in a collection.
        ValueError: if the text is blank.
    """

    text: str
    gold: Collection[Hashable] | Mapping[Hashable, Collection[Hashable]] = ()
    """Names of the passages that answer it, or a mapping from names to facets, the parts of the
    answer: passages that share a facet say the same."""
    gold_texts: Sequence[str] = ()
    """Texts of the passages that answer it, for stores whose names of them are not known."""
    answer: str | None = None
    """The right answer; None if it is not known."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """What else the file says of the question, by its own names of fields."""

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            raise TypeError(f"a question's text must be a string; got {self.text!r}")
        if not self.text.strip():
            raise ValueError(f"a question's text must not be blank; got {self.text!r}")
        if self.answer is not None and not isinstance(self.answer, str):
            raise TypeError(f"a question's answer must be a string or None; got {self.answer!r}")
        for name in ("gold", "gold_texts"):
            value = getattr(self, name)
            if isinstance(value, str | bytes) or not isinstance(value, Collection):
                raise TypeError(f"{name} must be a collection such as [{value!r}]; got {value!r}")
        self._check_names()
        if not isinstance(self.gold, Mapping):
            object.__setattr__(self, "gold", tuple(dict.fromkeys(self.gold)))
        for text in self.gold_texts:
            if not isinstance(text, str):
                raise TypeError(f"gold_texts must hold strings; got {text!r}")
        kept = (text for text in self.gold_texts if text.strip())
        object.__setattr__(self, "gold_texts", tuple(dict.fromkeys(kept)))

    def _check_names(self) -> None:
        """That names and facets can be compared, and facets are in collections."""
        names = [*self.gold]
        if isinstance(self.gold, Mapping):
            for facets in self.gold.values():
                if isinstance(facets, str | bytes) or not isinstance(facets, Collection):
                    raise TypeError(
                        f"gold must map each name to a list of facets; got {self.gold!r}"
                    )
                names += facets
        for name in names:
            try:
                hash(name)
            except TypeError:
                raise TypeError(
                    f"names of passages and facets must be hashable, such as strings; got {name!r}"
                ) from None

    @property
    def has_gold(self) -> bool:
        """Whether a gold passage is known, by name or by text."""
        return bool(self.gold or self.gold_texts)
