"""`sift select`."""

from __future__ import annotations

from sift_retrievers.cli.asked import asked_one, tasks_of
from sift_retrievers.cli.commands import options as opt
from sift_retrievers.cli.loading import Source
from sift_retrievers.cli.methods import retrieval_of
from sift_retrievers.cli.output import pick_dict, print_json, reason_of, visible
from sift_retrievers.cli.rules import rules_of
from sift_retrievers.cli.stores import ReadingOptions


def select(
    store: opt.Store,
    question: opt.Question = None,
    k: opt.K = 5,
    fetch_k: opt.FetchK = 100,
    vector: opt.Vector = None,
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
    """Choose the passages that together tell most about a question.

    Exit code 1: no passage was chosen.
    """
    rules = rules_of(relevance, kernel, lambda_, min_novelty)
    reading = ReadingOptions(collection, text_field, vector_field, allow_pickle)
    corpus, model = Source(store, reading, embedding).read()
    asked = asked_one(question, vector, corpus, model)
    found = retrieval_of(tasks_of(corpus, [asked], fetch_k)[0], k, rules)
    if json:
        print_json(
            {
                "question": asked.text,
                "source": corpus.source,
                "stop_reason": str(found.stop_reason),
                "evidence_chance": found.chance,
                "evidence_probably_missing": found.probably_missing,
                "passages": [pick_dict(one, corpus.metadata[one.document]) for one in found.picks],
            }
        )
    else:
        for one in found.picks:
            name = "" if one.id is None else f"{visible(one.id, 40)}: "
            print(f"{one.rank + 1:>3}  {name}{visible(one.text, 300) or '(no text)'}")
            print(f"     {reason_of(one)}")
        if found.probably_missing:
            print(f"The evidence is probably not in the store (chance {found.chance:.0%}).")
        if not found.picks:
            print(f"no passage was chosen ({found.stop_reason})")
    return 0 if found.picks else 1
