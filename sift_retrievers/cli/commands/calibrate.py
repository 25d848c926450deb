"""`sift calibrate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sift_retrievers.calibration import Calibration, QueryCandidates
from sift_retrievers.calibration import calibrate as calibrated
from sift_retrievers.calibration.configuration import NEAREST
from sift_retrievers.cli.asked import asked_of_file, tasks_of
from sift_retrievers.cli.commands import options as opt
from sift_retrievers.cli.comparison import interval_dict
from sift_retrievers.cli.loading import Source
from sift_retrievers.cli.output import print_json
from sift_retrievers.cli.problem import CommandError
from sift_retrievers.cli.stores import ReadingOptions
from sift_retrievers.cli.verdict import call_of


def calibrate(
    store: opt.Store,
    questions: Annotated[Path, typer.Argument(help=opt.QUESTIONS_HELP, show_default=False)],
    fetch_k: opt.FetchK = 100,
    passage: opt.Passage = None,
    plot: Annotated[
        Path | None, typer.Option(help="Save the plot, as .svg or .png.", show_default=False)
    ] = None,
    json: opt.Json = False,
    embedding: opt.Embedding = None,
    collection: opt.Collection = None,
    text_field: opt.TextField = None,
    vector_field: opt.VectorField = None,
    allow_pickle: opt.AllowPickle = False,
) -> int:
    """Choose relevance, kernel and λ′ by at least 20 questions.

    Questions with gold passages make it reliable; if some have them, the others are left out.
    Exit code 1: similarity search was chosen, so stay with it.
    """
    reading = ReadingOptions(collection, text_field, vector_field, allow_pickle)
    corpus, model = Source(store, reading, embedding).read()
    asked = asked_of_file(questions, corpus, model)
    judged = [one for one in asked if one.question is not None and one.question.has_gold]
    tasks = tasks_of(corpus, judged or asked, fetch_k, passage)
    candidates = []
    for task in tasks:
        one = QueryCandidates.from_hits([task.asked.target], task.hits)
        names = [*range(len(task.hits))]  # as the judgements name the candidates
        candidates.append(
            QueryCandidates(one.targets, one.vectors, names, one.question, one.texts, one.titles)
        )
    gold = [task.gold.judgements for task in tasks if task.gold is not None]
    try:
        found = calibrated(candidates, gold or None, progress=True)
    except ValueError as error:
        raise CommandError(str(error)) from None
    if plot is not None:
        try:
            found.plot(plot)
        except (ImportError, OSError, ValueError) as error:
            raise CommandError(f"--plot {plot}: {error}") from None
    if json:
        print_json({"source": corpus.source, **as_dict(found)})
    else:
        print(found)
        print(f"\n{call_of(found.arguments)}")
    return int(found.chosen == NEAREST)


def as_dict(found: Calibration) -> dict[str, object]:
    """For JSON."""
    return {
        "chosen": found.chosen.name,
        "arguments": {name: _argument(value) for name, value in found.arguments.items()},
        "labelled": found.labelled,
        "questions": found.queries,
        "cutoffs": [*found.cutoffs],
        "configurations": [
            {
                "name": score.configuration.name,
                "coverage": interval_dict(score.coverage),
                "minus_default": interval_dict(score.over_default.difference),
            }
            for score in found.scores
        ],
    }


def _argument(value: object) -> object:
    return value if isinstance(value, str | int | float) else repr(value)
