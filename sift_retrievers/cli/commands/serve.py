"""`sift serve`."""

from __future__ import annotations

import contextlib
import sys

from sift_retrievers.cli.commands import options as opt
from sift_retrievers.cli.loading import Source
from sift_retrievers.cli.rules import rules_of
from sift_retrievers.cli.server import server_of
from sift_retrievers.cli.stores import ReadingOptions


def serve(
    store: opt.Store,
    fetch_k: opt.FetchK = 100,
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
    """Answer an assistant's searches over the Model Context Protocol, on stdin and stdout.

    The tool `search` returns passages with the reasons why they were chosen. The store is read
    once, at the start.
    """
    rules = rules_of(relevance, kernel, lambda_, min_novelty)
    reading = ReadingOptions(collection, text_field, vector_field, allow_pickle)
    with contextlib.redirect_stdout(sys.stderr):  # stdout belongs to the protocol
        corpus, model = Source(store, reading, embedding).read()
        server = server_of(corpus, model, fetch_k, rules)
    server.run("stdio")
    return 0
