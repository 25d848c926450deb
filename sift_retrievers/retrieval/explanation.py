"""`Explanation`: what a retrieval considered, what it chose, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sift_retrievers.witnesses.evidence import PROBABLY_MISSING

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame
    from rich.console import Group

    from sift_retrievers.report.inputs import SelectionInputs


@dataclass(frozen=True)
class ConsideredPassage:
    """One of the passages that the store offered."""

    id: str | None
    text: str
    similarity: float
    """Cosine to the query; of several targets, to the nearest."""
    relevance: float
    """ρ: the combined score of all witnesses, in standard deviations among the candidates."""
    witnesses: Mapping[str, float]
    """The score by each witness: "cosine"; BM25 of "grams", "words", "head_grams", "head_words";
    "pairs"; "share" of the question's words; "mention" by one of the best passages; "score" of the
    scorer or reranker."""
    rank: int | None
    """Place in the selection, from 0; None if it was not chosen."""
    information_gain: float | None
    """Nats that it added where it was picked; None if it was not chosen."""
    novelty: float | None
    """Share of what it says that the picks before it did not, 0…1; None if it was not chosen."""
    gain_alone: float | None
    """Nats that it would have added as the first pick: how much it tells by itself. None if it was
    no candidate."""
    gain_left: float | None
    """Nats that it would add after all that was chosen; None if it was, or was no candidate."""
    reason: str
    """Why it was chosen or not: "picked", "redundant" (more than half of what it tells by itself
    is known from the chosen), "adds less", "below the threshold", "below min_novelty", "its parent
    was picked", "over the budget", "evidence improbable" (the chance is below `min_chance`)."""


@dataclass(frozen=True)
class Explanation:
    """What a retriever did for one query. `print(explanation)` shows it as a table."""

    query: str
    targets: int
    """Number of vectors that stand for the query: 1, or that of the targets given."""
    passages: tuple[ConsideredPassage, ...]
    """All that was considered: the chosen in selection order, then the rest, nearest first."""
    stop_reason: str
    """Why there are not more: "k", "exhausted", "budget", "alpha", "min_gain", "min_novelty" or
    "min_chance"."""
    chance: float
    """Estimated probability that the evidence is among the candidates, 0…1."""
    vectors: str
    """How the vectors of the passages differ from those of the embedding model."""
    uncertainty: tuple[float, ...] | None
    """Before the first pick and after every one, as in `metadata["sift"]`; None if there was no
    candidate."""
    seconds: Mapping[str, float]
    """How long each stage took."""
    settings: Mapping[str, Any]
    """The settings that were in force."""
    inputs: SelectionInputs | None = field(default=None, repr=False, compare=False)
    """What the selection was made from; None for more than 1,000 candidates."""

    @property
    def chosen(self) -> tuple[ConsideredPassage, ...]:
        """The chosen passages, in selection order."""
        return tuple(passage for passage in self.passages if passage.rank is not None)

    @property
    def probably_missing(self) -> bool:
        """Whether the evidence is probably not in the store."""
        return self.chance < PROBABLY_MISSING

    def __str__(self) -> str:
        from sift_retrievers.report.printed import as_text

        return as_text(self._printed)

    @property
    def _printed(self) -> dict[str, Any]:
        """What is printed: `to_dict()` with the settings themselves."""
        return self.to_dict() | {"settings": self.settings}

    def __rich__(self) -> Group:
        """For `rich.print`."""
        from sift_retrievers.report.printed import as_rich

        return as_rich(self._printed)

    def _repr_html_(self) -> str:
        """For notebooks: a table of at most 30 passages."""
        from sift_retrievers.report.notebook import explanation_html

        return explanation_html(self.to_dict())

    def to_dict(self, *, inputs: bool = False) -> dict[str, Any]:
        """All of it as a dict that JSON can hold; docs/see-it.md says what each key means.

        Args:
            inputs: whether to add, under "inputs", what the selection was made from: all that is
                needed to make it again with other settings, as the page does (some hundred
                kilobytes). With more than 1,000 candidates there are none.
        """
        value: dict[str, Any] = {
            "format": 1,
            "query": self.query,
            "targets": self.targets,
            "passages": [
                {**vars(passage), "witnesses": dict(passage.witnesses)} for passage in self.passages
            ],
            "stop_reason": self.stop_reason,
            "chance": self.chance,
            "probably_missing": self.probably_missing,
            "vectors": self.vectors,
            "uncertainty": None if self.uncertainty is None else [*self.uncertainty],
            "seconds": dict(self.seconds),
            "settings": {name: _plain(value) for name, value in self.settings.items()},
        }
        if inputs:
            value["inputs"] = None if self.inputs is None else self.inputs.to_dict()
        return value

    def to_pandas(self) -> DataFrame:
        """The passages as a table, a row each; the scores by witness in columns "witness_…".

        Raises:
            ImportError: without pandas.
        """
        from sift_retrievers.report.frame import passages_frame

        return passages_frame(self.to_dict())

    def plot(self, file: str | Path | None = None) -> Figure:
        """Draw where the picks lie among all candidates, and what each added.

        Args:
            file: where to save the plot, in the format of its ending; None: it is not saved.

        Raises:
            ImportError: without matplotlib.
        """
        from sift_retrievers.report.plot import selection_plot

        return selection_plot(self.to_dict(), file)

    def html(self, file: str | Path) -> Path:
        """Write the page that explains this retrieval: one file, which needs no network.

        It shows the candidates in two dimensions, the picks in order with what each added and what
        each witness said, and similarity search and MMR beside them. Its sliders (k, λ′, the weight
        of words, the number of candidates) make the selection again in the page. The texts of the
        candidates stand in the file.

        Args:
            file: where to write it; an existing file is replaced.

        Returns:
            The path of the file.
        """
        from sift_retrievers.report.page import page

        path = Path(file)
        path.write_text(page(self.to_dict(inputs=True)), encoding="utf-8")
        return path


def _plain(value: Any) -> Any:
    """A setting as JSON has it: a number, a text, a truth value, or its printed form."""
    if isinstance(value, bool | int | str) or (isinstance(value, float) and isfinite(value)):
        return value
    return repr(value)
