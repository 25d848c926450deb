"""The retrieval sets: passages, queries, and which passages hold what a query asks for.

Read from the folder that the environment variable `SIFT_DATA` names; `LAYOUT` says what must be
there and where it comes from. Nothing is downloaded.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from benchmarks.common.data_folder import MissingDataError, data_folder, json_lines
from sift_retrievers.metrics import Judgements

MAX_QUERIES = 300
SEED = 20241008  # the queries are drawn before anything is measured on them

# The set that takes longest to embed comes last.
SOURCES = {
    "ramdocs": "HanNight/RAMDocs, RAMDocs_test.jsonl (MIT)",
    "musique": "MuSiQue, the questions of AdelWang/MIGRES and OSU-NLP-Group/HippoRAG (CC BY 4.0)",
    "hotpotqa": "HotpotQA, the questions of AdelWang/MIGRES and OSU-NLP-Group/HippoRAG (CC BY-SA "
    "4.0)",
    "squad_dev": "SQuAD 2.0 dev, as split in chrischute/squad (CC BY-SA 4.0)",
    "liveqa_med": "abachaa/LiveQA_MedicalTask_TREC2017, answers of abachaa/MedQuAD (CC BY 4.0)",
    "mtrag_cloud": "IBM/mt-rag-benchmark, human/retrieval_tasks, IBM Cloud (Apache-2.0)",
}
LAYOUT = "\n".join(
    [
        "SIFT_DATA must name a folder with, for every set, three files of gzipped JSON lines:",
        "",
        "  <set>/corpus.jsonl.gz    {id, title, text}",
        "  <set>/queries.jsonl.gz   {id, text}",
        "  <set>/qrels.jsonl.gz     {query_id, doc_id, facet}; facet may be left out",
        "",
        "Documents under one facet of a query are alternatives; a document without a facet is its",
        "own. The sets and their sources on GitHub:",
        "",
        *(f"  {name:<12} {source}" for name, source in SOURCES.items()),
    ]
)


@dataclass(frozen=True)
class Passage:
    """What a store would hold as one document."""

    id: str
    text: str
    title: str
    parent: str
    """Id of the passage of the corpus it was made from; its own in the corpus as it is."""

    @property
    def content(self) -> str:
        """What is embedded: the text under its title."""
        return f"{self.title}\n{self.text}" if self.title else self.text


@dataclass(frozen=True)
class Query:
    """A question and the passages that answer it."""

    id: str
    text: str
    judgements: Judgements
    """Passage id → facets."""


@dataclass(frozen=True)
class RetrievalSet:
    """A corpus with queries."""

    name: str
    variant: str
    passages: tuple[Passage, ...]
    queries: tuple[Query, ...]


def load(name: str, max_queries: int = MAX_QUERIES) -> RetrievalSet:
    """A set as it is, with at most `max_queries` of its queries: a fixed sample, in file order.

    Passages without text are left out. Passages with the same content share their facets: whoever
    finds one has found what the other says, though the judges may have seen only one of them.

    Raises:
        ValueError: for a name that is none of `SOURCES`, a line that is no JSON object with the
            fields of `LAYOUT`, an id that comes twice, or a judgement of an unknown query or
            passage.
        MissingDataError: if SIFT_DATA is not set or a file is missing.
    """
    if name not in SOURCES:
        raise ValueError(f"the set must be one of {list(SOURCES)}; got {name!r}")
    folder = data_folder(LAYOUT) / name
    files = {part: folder / f"{part}.jsonl.gz" for part in ("corpus", "queries", "qrels")}
    missing = [str(file) for file in files.values() if not file.is_file()]
    if missing:
        raise MissingDataError(f"Not found: {', '.join(missing)}.\n\n{LAYOUT}")

    passages = {
        row["id"]: Passage(row["id"], row["text"], row.get("title") or "", parent=row["id"])
        for row in json_lines(files["corpus"], ("id", "text"))
        if row["text"].strip()
    }
    asked = {row["id"]: row["text"] for row in json_lines(files["queries"], ("id", "text"))}
    facets: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in json_lines(files["qrels"], ("query_id", "doc_id"), key=None):
        query, document = row["query_id"], row["doc_id"]
        if query not in asked or document not in passages:
            unknown = "query" if query not in asked else "passage"
            raise ValueError(f"{files['qrels']}: unknown {unknown} in {row}")
        facet = row.get("facet") or document
        if not isinstance(facet, str):
            raise ValueError(f"{files['qrels']}: the facet must be a string; got {row}")
        facets[query][document].add(facet)

    answered = [query for query in asked if query in facets]
    if len(answered) > max_queries:
        drawn = set(random.Random(SEED).sample(answered, max_queries))
        answered = [query for query in answered if query in drawn]
    same = _same_content(passages.values())
    return RetrievalSet(
        name=name,
        variant="plain",
        passages=tuple(passages.values()),
        queries=tuple(
            Query(query, asked[query], _shared(facets[query], same)) for query in answered
        ),
    )


def _same_content(passages: Iterable[Passage]) -> dict[str, list[str]]:
    """Passage id → the ids of all passages with that content."""
    by_content: dict[str, list[str]] = defaultdict(list)
    for passage in passages:
        by_content[passage.content].append(passage.id)
    return {name: names for names in by_content.values() for name in names}


def _shared(facets: Mapping[str, set[str]], same: Mapping[str, list[str]]) -> Judgements:
    shared: dict[str, set[str]] = defaultdict(set)
    for document, held in facets.items():
        for twin in same[document]:
            shared[twin] |= held
    return Judgements(shared)
