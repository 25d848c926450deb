"""What a trace records of a selection: all candidates, with their scores and reasons.

Values are plain: dicts, lists, texts and numbers that JSON can hold. Spans of OpenTelemetry are
made of them in `sift_retrievers.retrieval.spans`, runs and events of the frameworks in the
integrations.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from logging import Logger, getLogger
from typing import TYPE_CHECKING, Any, Final, TypeVar

from sift_retrievers.retrieval.work import SELECTION, Work

if TYPE_CHECKING:
    from sift_retrievers.retrieval.explanation import ConsideredPassage
    from sift_retrievers.retrieval.retrieval import Retrieval

logger: Final[Logger] = getLogger(__name__)
T = TypeVar("T")

LONGEST: Final = 2000
"""Characters of a text that a trace records; the rest is left out."""
HIDDEN: Final = "(not recorded)"
"""What a trace shows in place of a text where the content is turned off."""

HIDE: Final = "OPENINFERENCE_HIDE_"
NOT_TEXT: Final = (
    "LLM_INVOCATION_PARAMETERS",
    "LLM_TOOLS",
    "INPUT_IMAGES",
    "OUTPUT_IMAGES",
    "EMBEDDING_VECTORS",
    "EMBEDDINGS_VECTORS",
)
"""What OpenInference's variables can hide beside texts."""
CAPTURE: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
"""OpenTelemetry's variable: "true", "false", or one of the next two groups."""
CAPTURED: Final = ("true", "1", "span_only", "span_and_event")


def records_texts(wanted: bool = True) -> bool:
    """Whether a trace may record the texts of queries and passages, as the environment says now.

    They are not recorded if one of OpenInference's variables `OPENINFERENCE_HIDE_…` that hide texts
    is true, or if `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT` is set to anything but
    "true", "span_only" or "span_and_event".

    Args:
        wanted: `trace_content` of the retriever; False: they are not recorded in any case.
    """
    if not wanted:
        return False
    for name, value in os.environ.items():
        hides = name.startswith(HIDE) and name.removeprefix(HIDE) not in NOT_TEXT
        if hides and value.strip().lower() in ("true", "1"):
            return False
    said = os.environ.get(CAPTURE, "").strip().lower()
    return not said or said in CAPTURED


def captures_by_opentelemetry() -> bool:
    """Whether OpenTelemetry's variable asks for texts; its conventions record none by default."""
    return os.environ.get(CAPTURE, "").strip().lower() in CAPTURED


@dataclass(frozen=True)
class TracedPassage:
    """One candidate as a trace shows it."""

    position: int
    """Among the hits of the store, nearest first."""
    id: str | None
    text: str | None
    """At most `LONGEST` characters; None if texts are not recorded."""
    numbers: dict[str, Any]
    """`rank` (None if it was not chosen), `reason`, `information_gain`, `novelty`, `gain_alone`,
    `gain_left`, `similarity`, `relevance` and `witnesses`, see
    `sift_retrievers.retrieval.explanation.ConsideredPassage`."""

    def shown(self) -> dict[str, Any]:
        """As one dict."""
        text = {} if self.text is None else {"text": self.text}
        return {"id": self.id, **self.numbers, **text}


@dataclass(frozen=True)
class SelectionTrace:
    """What a trace records of one selection."""

    query: str | None
    """None if texts are not recorded."""
    summary: dict[str, Any]
    """`ids` and `information_gain` of the picks, `stop_reason`, `kernel`, `lambda_`, `objective`,
    `evidence_chance` and `evidence_probably_missing`, and `vectors` if they differ from the
    embedding model's."""
    passages: tuple[TracedPassage, ...]
    """All candidates: the chosen in selection order, then the rest, nearest first."""
    picks: tuple[tuple[int, float], ...]
    """The index in `passages` and the relevance score of every pick, in selection order."""

    def shown(self) -> dict[str, Any]:
        """As one dict: the summary, and `candidates`, a list of dicts."""
        return {**self.summary, "candidates": [passage.shown() for passage in self.passages]}


def selection_trace(retrieval: Retrieval[Any], texts: bool) -> SelectionTrace:
    """What a trace records of a finished retrieval.

    Args:
        retrieval: a finished one. It is explained for this, which takes about as long as to select.
        texts: whether to record the texts of query and passages.
    """
    explanation = retrieval.explanation()
    chosen = [*dict.fromkeys(pick.position for pick in retrieval.picks)]
    once = {*chosen}
    positions = chosen + [i for i in range(len(retrieval.hits)) if i not in once]
    passages = tuple(
        TracedPassage(
            position=i,
            id=None if passage.id is None else clean(str(passage.id)),
            text=clean(passage.text) if texts else None,
            numbers=_numbers(passage),
        )
        for i, passage in zip(positions, explanation.passages, strict=True)
    )
    kernel = retrieval.rules.chosen_kernel
    summary = retrieval.trace() | {
        "kernel": kernel if isinstance(kernel, str) else type(kernel).__name__,
        "lambda_": retrieval.rules.noise,
        "objective": str(retrieval.rules.chosen_objective),
        "evidence_chance": number(retrieval.chance),
        "evidence_probably_missing": bool(retrieval.probably_missing),
    }
    if retrieval.hits.note is not None:
        summary["vectors"] = retrieval.hits.note
    at = {position: index for index, position in enumerate(positions)}
    return SelectionTrace(
        query=clean(retrieval.query) if texts else None,
        summary=summary,
        passages=passages,
        picks=tuple((at[pick.position], pick.relevance_score) for pick in retrieval.picks),
    )


async def traced(work: Work, retrieval: Retrieval[Any], texts: bool) -> SelectionTrace | None:
    """The trace of a finished retrieval, or None if it fails.

    It is made where `work` makes its calls, without its time limit: a trace never makes a retrieval
    late.
    """
    return await type(work)().call("trace", SELECTION, attempted, selection_trace, retrieval, texts)


def attempted(make: Callable[..., T], *args: Any) -> T | None:
    """The result of a function that only traces; None if it fails, which is logged."""
    try:
        return make(*args)
    except Exception:
        logger.warning("a retrieval could not be traced; it goes on", exc_info=True)
        return None


def number(value: float | None) -> float | None:
    """A finite number, or None: JSON has no others."""
    return None if value is None or not math.isfinite(value) else float(value)


def clean(text: str) -> str:
    """The beginning of a text. What UTF-8 cannot hold is replaced: exporters refuse it."""
    short = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    return short.encode("utf-8", "replace").decode("utf-8")


def _numbers(passage: ConsideredPassage) -> dict[str, Any]:
    return {
        "rank": passage.rank,
        "reason": passage.reason,
        "information_gain": number(passage.information_gain),
        "novelty": number(passage.novelty),
        "gain_alone": number(passage.gain_alone),
        "gain_left": number(passage.gain_left),
        "similarity": number(passage.similarity),
        "relevance": number(passage.relevance),
        "witnesses": {name: number(value) for name, value in passage.witnesses.items()},
    }
