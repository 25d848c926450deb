"""`sift explain`."""

from __future__ import annotations

import tempfile
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from sift_retrievers.cli.asked import asked_one, tasks_of
from sift_retrievers.cli.commands import options as opt
from sift_retrievers.cli.loading import Source
from sift_retrievers.cli.methods import retrieval_of
from sift_retrievers.cli.output import print_json
from sift_retrievers.cli.problem import CommandError
from sift_retrievers.cli.rules import rules_of
from sift_retrievers.cli.stores import ReadingOptions


def explain(
    store: opt.Store,
    question: opt.Question = None,
    k: opt.K = 5,
    fetch_k: opt.FetchK = 100,
    vector: opt.Vector = None,
    html: Annotated[
        Path | None,
        typer.Option(
            help="Write a page that shows the selection; it needs no network.", show_default=False
        ),
    ] = None,
    open_page: Annotated[
        bool, typer.Option("--open", help="Show the page in the browser.")
    ] = False,
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
    """Show what was considered for a question, what was chosen, and why.

    Exit code 1: no passage was chosen.
    """
    rules = rules_of(relevance, kernel, lambda_, min_novelty)
    reading = ReadingOptions(collection, text_field, vector_field, allow_pickle)
    corpus, model = Source(store, reading, embedding).read()
    asked = asked_one(question, vector, corpus, model)
    found = retrieval_of(tasks_of(corpus, [asked], fetch_k)[0], k, rules)
    explanation = found.explanation(k=k, fetch_k=fetch_k, **found.rules.settings())
    page = None
    if html is not None or open_page:
        where = html or Path(tempfile.mkdtemp(prefix="sift-")) / "explanation.html"
        try:
            page = explanation.html(where)
        except OSError as error:
            raise CommandError(f"--html {where}: {error.strerror or error}") from None
    if json:
        print_json(explanation.to_dict() | {"page": None if page is None else str(page)})
    elif page is None:
        print(explanation)
    else:
        print(page)
    if open_page and page is not None and not webbrowser.open(page.resolve().as_uri()):
        raise CommandError(f"no browser was found; open {page} yourself")
    return 0 if found.picks else 1
