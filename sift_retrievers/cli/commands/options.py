"""The options that several subcommands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

STORE = "Store"
SELECTION = "Selection"

Store: TypeAlias = Annotated[
    Path,
    typer.Argument(
        help="A JSONL file of texts, vectors or both; or the folder of a FAISS index, Chroma, "
        "LanceDB, local Qdrant or LlamaIndex.",
        show_default=False,
    ),
]
Embedding: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="The model that filled the store: wordllama, or the name or folder of a "
        "sentence-transformers model.",
        rich_help_panel=STORE,
        show_default=False,
    ),
]
Collection: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="The collection, table or index, if there are several.",
        rich_help_panel=STORE,
        show_default=False,
    ),
]
TextField: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="The field that holds the text, if it has an unusual name.",
        rich_help_panel=STORE,
        show_default=False,
    ),
]
VectorField: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="The field, column or named vector, if it has an unusual name.",
        rich_help_panel=STORE,
        show_default=False,
    ),
]
AllowPickle: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--allow-pickle",
        help="Read FAISS and Qdrant folders, which hold pickles. A pickle can run code of whoever "
        "wrote it.",
        rich_help_panel=STORE,
    ),
]
K: TypeAlias = Annotated[int, typer.Option("--k", "-k", min=1, max=10_000, help="Passages wanted.")]
FetchK: TypeAlias = Annotated[
    int, typer.Option(min=2, max=100_000, help="Candidates: the nearest of the store.")
]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]
Relevance: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="vectors+words (the default), vectors, or words.",
        rich_help_panel=SELECTION,
        show_default=False,
    ),
]
Kernel: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="What counts as repetition: phrases (the default), relevance, cosine, …",
        rich_help_panel=SELECTION,
        show_default=False,
    ),
]
Lambda: TypeAlias = Annotated[
    float | None,
    typer.Option(
        "--lambda",
        help="λ′: small values punish repetition hard.",
        rich_help_panel=SELECTION,
        show_default=False,
    ),
]
MinNovelty: TypeAlias = Annotated[
    float | None,
    typer.Option(
        help="Pass over passages of which a smaller share is new, 0 to 1.",
        rich_help_panel=SELECTION,
        show_default=False,
    ),
]
Question: TypeAlias = Annotated[
    str | None, typer.Argument(help="The question.", show_default=False)
]
Vector: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="The question's vector: a JSON list of numbers, or a file that holds one.",
        show_default=False,
    ),
]
QUESTIONS_HELP = (
    "Questions in JSONL, JSON or CSV: plain (question, gold, answer, vector), or as LangSmith, "
    "Ragas and DeepEval write them."
)
Passage: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="The metadata key by which the questions name their gold passages; default: the id.",
        show_default=False,
    ),
]
