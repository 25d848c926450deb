"""Draws docs/images/sift-doctor.svg: what `sift doctor` prints for the sample of MuSiQue.

python docs/figures/sift_doctor.py
"""

from __future__ import annotations

import gzip
import io
import json
import re
import tempfile
from pathlib import Path

from rich.console import Console

from sift_retrievers.cli.asked import asked_of_file, tasks_of
from sift_retrievers.cli.commands.doctor import show
from sift_retrievers.cli.diagnosis import diagnosed
from sift_retrievers.cli.loading import Source
from sift_retrievers.cli.stores import ReadingOptions
from sift_retrievers.cli.verdict import verdict_of

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "examples" / "data" / "musique_sample.jsonl.gz"
IMAGE = ROOT / "docs" / "images" / "sift-doctor.svg"


def main() -> None:
    """Draw the picture."""
    with tempfile.TemporaryDirectory() as folder:
        corpus, questions = write_sample(Path(folder))
        read, model = Source(corpus, ReadingOptions(), "wordllama").read()
        tasks = tasks_of(read, asked_of_file(questions, read, model), 100, "passage")
        found = diagnosed(read, tasks, made=False, k=10)
    console = Console(record=True, width=100, highlight=False, file=io.StringIO())
    console.print("$ sift doctor corpus.jsonl --questions questions.jsonl \\")
    console.print("    --passage passage --embedding wordllama\n", markup=False)
    show(found, verdict_of(found), console)
    drawn = console.export_svg(title="sift doctor", unique_id="sift-doctor")
    # Fonts of the reader's machine in place of some from the network.
    drawn = re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL)
    IMAGE.write_text(re.sub(r"[ \t]+$", "", drawn, flags=re.MULTILINE), encoding="utf-8")


def write_sample(folder: Path) -> tuple[Path, Path]:
    """The passages and questions of the sample in two files that `sift` reads."""
    corpus, questions = folder / "corpus.jsonl", folder / "questions.jsonl"
    with gzip.open(SAMPLE, "rt", encoding="utf-8") as lines:
        rows = [*map(json.loads, lines)]
    chunks = [row["chunk"] for row in rows if "chunk" in row]
    asked = [row["question"] for row in rows if "question" in row]
    corpus.write_text("".join(f"{json.dumps(chunk)}\n" for chunk in chunks), encoding="utf-8")
    questions.write_text(
        "".join(
            json.dumps({"question": one["text"], "gold": one["gold"], "answer": one["answer"]})
            + "\n"
            for one in asked
        ),
        encoding="utf-8",
    )
    return corpus, questions


if __name__ == "__main__":
    main()
