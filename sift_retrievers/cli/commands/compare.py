"""`sift compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sift_retrievers.cli.asked import asked_of_file, tasks_of
from sift_retrievers.cli.commands import options as opt
from sift_retrievers.cli.comparison import CompareResult, compared
from sift_retrievers.cli.loading import Source
from sift_retrievers.cli.methods import LAMBDA_MULT, SIFT
from sift_retrievers.cli.output import print_json, table
from sift_retrievers.cli.rules import rules_of
from sift_retrievers.cli.stores import ReadingOptions
from sift_retrievers.metrics import Interval


def compare(
    store: opt.Store,
    questions: Annotated[Path, typer.Argument(help=opt.QUESTIONS_HELP, show_default=False)],
    k: opt.K = 10,
    fetch_k: opt.FetchK = 100,
    passage: opt.Passage = None,
    mmr_lambda: Annotated[
        float, typer.Option(min=0, max=1, help="MMR's weight of relevance, 0 to 1.")
    ] = LAMBDA_MULT,
    json: opt.Json = False,
    embedding: opt.Embedding = None,
    collection: opt.Collection = None,
    text_field: opt.TextField = None,
    vector_field: opt.VectorField = None,
    allow_pickle: opt.AllowPickle = False,
    relevance: opt.Relevance = None,
    kernel: opt.Kernel = None,
    lambda_: opt.Lambda = None,
    min_novelty: opt.MinNovelty = None,
) -> int:
    """Compare similarity search, MMR and SIFT on your questions.

    Shows the coverage of the gold evidence where the questions have gold passages, and how many
    passages repeat earlier ones. Exit code 1: with 95 % confidence SIFT finds less than
    similarity search; without gold passages, that it repeats more.
    """
    rules = rules_of(relevance, kernel, lambda_, min_novelty)
    reading = ReadingOptions(collection, text_field, vector_field, allow_pickle)
    corpus, model = Source(store, reading, embedding).read()
    tasks = tasks_of(corpus, asked_of_file(questions, corpus, model), fetch_k, passage)
    result = compared(corpus, tasks, k, rules, mmr_lambda)
    if json:
        print_json({"source": corpus.source, **result.to_dict()})
    else:
        print(as_text(result))
    return int(result.worse)


def as_text(result: CompareResult) -> str:
    """The result in tables."""
    sizes = ", ".join(map(str, result.cutoffs))
    lines = [f"{result.questions} questions, the first {result.k} passages of each; 95 % intervals"]
    if result.with_gold:
        found, total = result.gold_found
        lines.append(
            f"coverage: share of the gold evidence, mean of the first {sizes}; {result.with_gold} "
            f"questions with gold passages, {found} of {total} of these among the candidates"
        )
    lines += ["repeated: share of passages of which more than half stands in an earlier one", ""]
    header = ["method", *(["coverage"] * bool(result.with_gold)), "repeated"]
    rows = [
        [
            name,
            *([] if one.coverage is None else [_interval(one.coverage)]),
            _interval(one.repeated, percent=True),
        ]
        for name, one in result.scores.items()
    ]
    lines += [table(header, rows), ""]
    header[0] = f"{SIFT} minus …"
    rows = []
    for name, change in result.repeated_differences.items():
        coverage = result.coverage_differences.get(name)
        cells = [] if coverage is None else [_interval(coverage, sign="+")]
        rows.append([name, *cells, _interval(change, percent=True, sign="+")])
    return "\n".join([*lines, table(header, rows)])


def _interval(interval: Interval, percent: bool = False, sign: str = "") -> str:
    factor, shown = (100, f"{sign}.1f") if percent else (1, f"{sign}.3f")
    mean, low, high = (factor * v for v in (interval.mean, interval.low, interval.high))
    unit = " %" if percent else ""
    return f"{mean:{shown}}{unit} [{low:{shown}}, {high:{shown}}]"
