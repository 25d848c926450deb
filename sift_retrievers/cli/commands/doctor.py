"""`sift doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sift_retrievers.cli.asked import asked_of_file, tasks_of
from sift_retrievers.cli.commands import options as opt
from sift_retrievers.cli.diagnosis import Diagnosis, diagnosed, made_questions
from sift_retrievers.cli.loading import Source
from sift_retrievers.cli.output import print_json, visible
from sift_retrievers.cli.stores import ReadingOptions
from sift_retrievers.cli.verdict import Verdict, call_of, verdict_of

if TYPE_CHECKING:
    from rich.console import Console


def doctor(
    store: opt.Store,
    questions: Annotated[
        Path | None, typer.Option(help=opt.QUESTIONS_HELP, show_default=False)
    ] = None,
    k: opt.K = 10,
    fetch_k: opt.FetchK = 100,
    passage: opt.Passage = None,
    json: opt.Json = False,
    embedding: opt.Embedding = None,
    collection: opt.Collection = None,
    text_field: opt.TextField = None,
    vector_field: opt.VectorField = None,
    allow_pickle: opt.AllowPickle = False,
) -> int:
    """Say whether SIFT is worth it for your corpus, or similarity search is enough.

    Without --questions it makes questions from passages and needs no embedding model, but can only
    see repetition. With 20 or more questions with gold passages it measures the difference.
    Exit code 1: stay with similarity search.
    """
    reading = ReadingOptions(collection, text_field, vector_field, allow_pickle)
    corpus, model = Source(store, reading, embedding).read()
    made = questions is None
    asked = asked_of_file(questions, corpus, model) if questions else made_questions(corpus)
    found = diagnosed(corpus, tasks_of(corpus, asked, fetch_k, passage), made, k)
    verdict = verdict_of(found)
    if json:
        print_json(
            found.to_dict()
            | {
                "stay_with_similarity_search": verdict.stay,
                "setting": None if verdict.stay else call_of(verdict.arguments),
                "verdict": verdict.sentence,
            }
        )
    else:
        from rich.console import Console

        show(found, verdict, Console(highlight=False))
    return int(verdict.stay)


def show(found: Diagnosis, verdict: Verdict, console: Console) -> None:
    """Print what was found, and the sentence."""
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 3))
    for name, value in rows_of(found):
        grid.add_row(Text(name, style="bold"), Text(value))
    console.print(grid)
    style = "yellow" if verdict.stay else "green"
    console.print(Padding(Text(verdict.sentence, style=f"bold {style}"), (1, 0, 0, 0)))


def rows_of(found: Diagnosis) -> list[tuple[str, str]]:
    """What is printed above the sentence: names and values."""
    corpus, copies, spread, agreement = found.corpus, found.copies, found.spread, found.agreement
    near = f"{copies.near:.1%} of the passages stand to 80% or more in another"
    if copies.low < copies.high:
        near += f" (95%: {copies.low:.1%} to {copies.high:.1%}, of {copies.looked_at} looked at)"
    if not corpus.has_texts:
        near = f"{copies.near:.1%} of the vectors have another with a cosine of 0.95 or more"
    made = " made from passages" if found.made else f", {found.with_gold} with gold passages"
    rows = [
        (
            "corpus",
            f"{visible(corpus.source, 60)}: {len(corpus):,} passages, dimension {corpus.dim}"
            + (f", vectors {corpus.note}" if corpus.note else ""),
        ),
        ("exact copies", f"{copies.exact:,} passages"),
        ("near-copies", near),
        (
            "questions",
            f"{found.questions}{made}; {spread.candidates:.0f} candidates each, the first "
            f"{found.k} are compared",
        ),
        (
            "cosines",
            f"nearest {spread.first:.2f}, number {found.k} {spread.kth:.2f}, last candidate "
            f"{spread.last:.2f}; standard deviation {spread.deviation:.3f}",
        ),
    ]
    if agreement is None:
        rows.append(("words and vectors", "not compared: no words in common, or no texts"))
    else:
        rows.append(
            (
                "words and vectors",
                f"{agreement.overlap:.0%} of the first {found.k} are the same "
                f"({agreement.by_chance:.0%} by chance); rank correlation "
                f"{agreement.rank_correlation:+.2f}",
            )
        )
    rows.append(
        (
            "repetition",
            f"{found.repeated_nearest.mean:.1%} of similarity search's first {found.k} repeat an "
            f"earlier one, {found.repeated_sift.mean:.1%} of SIFT's",
        )
    )
    if found.setting is not None:
        rows.append(
            (
                "gold evidence",
                f"{found.setting.similarity:.3f} with similarity search, "
                f"{found.setting.coverage:.3f} with SIFT",
            )
        )
    return rows
