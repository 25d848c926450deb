"""Draw three-ways.png: what similarity search, MMR and SIFT return for one question.

python docs/figures/three_ways.py      # needs what `make demo` installs, and matplotlib

The question is the 27th of the sample in examples/data, chosen because it shows the difference. The
table of `make demo` has all hundred questions.
"""

from __future__ import annotations

import sys
import textwrap
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib
from PIL import Image

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "examples"))
matplotlib.use("Agg")

from langchain_core.documents import Document  # noqa: E402
from langchain_core.vectorstores import InMemoryVectorStore  # noqa: E402
from matplotlib import pyplot as plt  # noqa: E402
from matplotlib.patches import FancyBboxPatch  # noqa: E402
from minilm import load_minilm  # noqa: E402
from musique_sample import (  # noqa: E402
    CachedEmbeddings,
    Question,
    coverage,
    load_sample,
    share_sentences,
)

from langchain_sift import SIFTRetriever  # noqa: E402

K, FETCH_K = 4, 200  # as in `make demo`
QUESTION = 26
COLOURS = {"evidence": "#d7f0dd", "again": "#f9ddc7", "other": "#eef0f3"}
EDGES = {"evidence": "#2c8a4b", "again": "#c2571a", "other": "#9aa3af"}


def retrieved() -> tuple[Question, dict[str, list[Document]]]:
    """The question, and what each retriever returns for it."""
    documents, questions = load_sample()
    embeddings = CachedEmbeddings(load_minilm(), "all-MiniLM-L6-v2", lambda starts: starts)
    store = InMemoryVectorStore.from_documents(documents, embeddings)
    question = questions[QUESTION]
    return question, {
        "similarity search": store.similarity_search(question.text, k=K),
        "MMR (LangChain)": store.max_marginal_relevance_search(question.text, k=K, fetch_k=FETCH_K),
        "SIFTRetriever": SIFTRetriever(store, k=K, fetch_k=FETCH_K).invoke(question.text),
    }


def kind(found: list[Document], rank: int, question: Question) -> str:
    """Whether a passage is evidence, shares sentences with an earlier one, or is neither."""
    document = found[rank]
    if any(share_sentences(document, earlier) for earlier in found[:rank]):
        return "again"
    return "evidence" if document.metadata["passage"] in question.gold else "other"


def draw_card(axes: Any, y: float, document: Document, kind: str) -> None:
    """One passage as a box."""
    style = {"facecolor": COLOURS[kind], "edgecolor": EDGES[kind], "linewidth": 1.4}
    axes.add_patch(FancyBboxPatch((0.02, y), 0.96, 0.19, boxstyle="round,pad=0.006", **style))
    words = {"evidence": "evidence", "again": "the same again", "other": ""}[kind]
    axes.text(0.05, y + 0.155, document.metadata["title"][:34], weight="bold", fontsize=10)
    axes.text(0.95, y + 0.155, words, ha="right", fontsize=9, color=EDGES[kind], weight="bold")
    text = " ".join(document.page_content.removeprefix(document.metadata["title"]).split())
    lines = textwrap.wrap(text, 52)
    shown = [*lines[:3], lines[3][:49] + " …"] if len(lines) > 3 else lines
    axes.text(0.05, y + 0.13, "\n".join(shown), va="top", fontsize=8.4, linespacing=1.3)


def main() -> None:
    """Draw the picture."""
    question, columns = retrieved()
    figure, axes = plt.subplots(1, 3, figsize=(12.6, 6.1), facecolor="white")
    figure.suptitle(f"“{question.text}”", fontsize=13, weight="bold", y=0.985)
    for one, (name, found) in zip(axes, columns.items(), strict=True):
        one.set(xlim=(0, 1), ylim=(0, 1))
        one.axis("off")
        share = coverage(found, question)
        one.set_title(f"{name}: {share:.0%} of the evidence", fontsize=11.5, pad=6)
        for rank, document in enumerate(found):
            draw_card(one, 0.78 - 0.25 * rank, document, kind(found, rank, question))
    figure.subplots_adjust(left=0.01, right=0.99, bottom=0.01, top=0.88, wspace=0.03)
    drawn = BytesIO()
    figure.savefig(drawn, dpi=100)
    few_colours = Image.open(drawn).convert("RGB").quantize(64)
    few_colours.save(Path(__file__).with_name("three-ways.png"), optimize=True)


if __name__ == "__main__":
    main()
