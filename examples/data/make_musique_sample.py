"""Rebuild `musique_sample.jsonl.gz` from the normalised MuSiQue set.

    SIFT_DATA=<folder that holds musique/> python examples/data/make_musique_sample.py

Questions are drawn with a fixed seed, before anything is measured on them. The sample holds their
gold passages and, as distractors, the passages nearest to each question, taken in turn until the
chunks would exceed the limit. Passages are cut into windows of three sentences, stride one: the
overlapping chunks that text splitters make.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import re
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from minilm import load_minilm

QUESTIONS = 100
MAX_CHUNKS = 2000
WINDOW = 3
SEED = 20241008
OUT = Path(__file__).with_name("musique_sample.jsonl.gz")


def read(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def windows(text: str) -> list[str]:
    """Windows of `WINDOW` sentences, stride one; a short text is one window."""
    sentences = re.split(r"(?<=[.!?])\s+(?=[A-Z0-9\"'(])", text.strip())
    count = max(1, len(sentences) - WINDOW + 1)
    return [" ".join(sentences[start : start + WINDOW]) for start in range(count)]


def main() -> None:
    if "SIFT_DATA" not in os.environ:
        sys.exit(__doc__)
    folder = Path(os.environ["SIFT_DATA"]) / "musique"
    corpus = {row["id"]: row for row in read(folder / "corpus.jsonl.gz")}
    gold: dict[str, list[str]] = defaultdict(list)
    for row in read(folder / "qrels.jsonl.gz"):
        gold[row["query_id"]].append(row["doc_id"])
    questions = random.Random(SEED).sample(read(folder / "queries.jsonl.gz"), QUESTIONS)

    model = load_minilm()
    ids = list(corpus)
    vectors = np.array(model.embed_documents([corpus[i]["text"] for i in ids]))
    asked = np.array([model.embed_query(row["text"]) for row in questions])
    nearest = np.argsort(-asked @ vectors.T, axis=1)

    kept = dict.fromkeys(i for row in questions for i in gold[row["id"]])
    chunks = sum(len(windows(corpus[i]["text"])) for i in kept)
    for rank in range(len(ids)):
        for row in nearest[:, rank]:
            passage = ids[row]
            extra = 0 if passage in kept else len(windows(corpus[passage]["text"]))
            if chunks + extra <= MAX_CHUNKS and extra:
                kept[passage] = None
                chunks += extra
        if chunks >= MAX_CHUNKS - 3:
            break

    with gzip.GzipFile(OUT, "wb", mtime=0) as out:
        for i in sorted(kept):
            for part, text in enumerate(windows(corpus[i]["text"])):
                chunk = {"passage": i, "part": part, "title": corpus[i]["title"], "text": text}
                out.write((json.dumps({"chunk": chunk}, ensure_ascii=False) + "\n").encode())
        for row in questions:
            question = {"text": row["text"], "answer": row["answer"], "gold": gold[row["id"]]}
            out.write((json.dumps({"question": question}, ensure_ascii=False) + "\n").encode())
    print(f"{chunks} chunks of {len(kept)} passages, {len(questions)} questions → {OUT.name}")


if __name__ == "__main__":
    main()
