"""A language model fine-tuned for one question at a time, and the proof that nothing stays.

python examples/test_time_finetuning.py             # or: make demo-finetune

With Gemma 3 270M where it is installed (see pretrained_finetuning.py). Elsewhere, or with --small,
a small GPT-2 with its own tokenizer is trained first, on the demo corpus without the passages that
answer the questions asked later. With a model of the hub:

    llm = HuggingFacePipeline.from_model_id("Qwen/Qwen2.5-0.5B-Instruct", task="text-generation")
    tuner = TestTimeTuner(*transformers_model(llm))
    retriever = SIFTRetriever(vectorstore, fine_tune=tuner)
    chain = {"context": retriever | join, "question": RunnablePassthrough()} | prompt | llm
    wrap(tuner, chain).invoke("Which passages should the model learn from for this question?")
"""

from __future__ import annotations

import argparse
import random
import warnings
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import transformers
from langchain_core.documents import Document
from langchain_core.prompts import PromptTemplate
from langchain_core.runnables import RunnablePassthrough
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_huggingface import HuggingFacePipeline
from musique_sample import SENTENCES_PER_CHUNK, Question, load_sample
from peft import LoraConfig
from pretrained_finetuning import load_gemma, run
from quickstart import bar, build_store
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from small_language_model import loss_of, train_model, train_tokenizer

from langchain_sift import SIFTRetriever
from langchain_sift.finetune import transformers_model, wrap
from sift_retrievers.finetune import Budget, Report, TestTimeTuner

HELD_OUT = 20  # questions whose passages the model has not seen
STEPS = 10
LORA = LoraConfig(r=8, lora_alpha=64, target_modules="all-linear", fan_in_fan_out=True)


@dataclass(frozen=True)
class Measured:
    """Nats a token on the passages that answer a question."""

    question: Question
    untuned: float
    nearest: float
    sift: float
    random: float
    sigma: tuple[float, ...]
    """σ before the first and after every step that SIFT chose."""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--questions", type=int, default=HELD_OUT, help="held-out questions")
    options.add_argument("--epochs", type=int, default=4, help="of training the small model")
    options.add_argument("--small", action="store_true", help="without Gemma")
    arguments = options.parse_args()
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=120)

    store, questions = build_store(console, None)
    held_out = questions[: arguments.questions]
    gemma = "" if arguments.small else load_gemma()
    if not isinstance(gemma, str):
        run(console, gemma, store, held_out)
        return
    if gemma:
        console.print(f"{gemma}\n\nWithout it, a small model is trained in its place.\n")
    documents, _ = load_sample()
    llm = small_llm(console, documents, held_out, arguments.epochs)
    tuner = TestTimeTuner(
        *transformers_model(llm),
        lora=LORA,
        learning_rate=1e-3,  # a model this small takes larger steps than the default
        budget=Budget(max_steps=STEPS),
        lambda_=0.1,  # SIFT's own selection, whose uncertainty is shown
        min_transfer=None,
        verify="full",
    )
    measured = [
        measure(tuner, store, documents, question)
        for question in bar(console, "Tuning for each question", held_out)
    ]
    show(console, measured)
    show_chain(console, tuner, llm, store, held_out[0])


def small_llm(
    console: Console, documents: list[Document], held_out: list[Question], epochs: int
) -> HuggingFacePipeline:
    """A GPT-2 trained on the corpus without the passages that answer the held-out questions."""
    unseen = frozenset[str]().union(*(question.gold for question in held_out))
    texts = [d.page_content for d in whole(documents) if d.metadata["passage"] not in unseen]
    console.print(
        f"Training a small GPT-2 on {len(texts)} chunks, without the {len(unseen)} passages that "
        f"answer {len(held_out)} questions (a minute or two) …"
    )
    tokenizer = train_tokenizer(texts)
    model = train_model(tokenizer, texts, partial(bar, console, "Training"), epochs=epochs)
    console.print(f"{model.num_parameters():,} parameters.\n")
    pipeline = transformers.pipeline(
        "text-generation", model=model, tokenizer=tokenizer, max_new_tokens=20, do_sample=False
    )
    return HuggingFacePipeline(pipeline=pipeline)


def whole(documents: list[Document]) -> list[Document]:
    """Every sentence once: of overlapping chunks each third."""
    return [d for d in documents if d.metadata["part"] % SENTENCES_PER_CHUNK == 0]


def measure(
    tuner: TestTimeTuner, store: InMemoryVectorStore, documents: list[Document], question: Question
) -> Measured:
    gold = [d.page_content for d in whole(documents) if d.metadata["passage"] in question.gold]

    def loss() -> float:
        return loss_of(tuner.model, tuner.tokenizer, gold)

    def loss_after(passages: list[Document]) -> float:
        with tuner.session(question.text, [document.page_content for document in passages]):
            return loss()

    retriever = SIFTRetriever(store, k=4, fetch_k=100, fine_tune=tuner)
    untuned = loss()
    with tuner.request() as session:
        retriever.invoke(question.text)  # selects, and trains
        tuned = loss()
    assert session.report is not None
    return Measured(
        question=question,
        untuned=untuned,
        nearest=loss_after(store.similarity_search(question.text, k=STEPS)),
        sift=tuned,
        random=loss_after(random.Random(question.text).sample(documents, STEPS)),
        sigma=session.report.sigma,
    )


def show(console: Console, measured: list[Measured]) -> None:
    table = Table(
        title=f"Loss on the passages that answer the question (nats a token), {STEPS} steps",
        expand=True,
    )
    table.add_column("question", ratio=1, overflow="ellipsis", no_wrap=True)
    for name in ("untuned", "random", "nearest", "SIFT", "gain of SIFT", "uncertainty σ²"):
        table.add_column(name, justify="right")
    for m in measured:
        table.add_row(
            escape(m.question.text),
            *(f"{loss:.3f}" for loss in (m.untuned, m.random, m.nearest, m.sift)),
            f"{m.untuned - m.sift:+.3f}",
            f"{m.sigma[0] ** 2:.2f} → {m.sigma[-1] ** 2:.3f}",
        )
    rows = np.array([[m.untuned, m.random, m.nearest, m.sift] for m in measured])
    mean = rows.mean(axis=0)
    table.add_section()
    table.add_row("mean", *(f"{x:.3f}" for x in mean), f"{mean[0] - mean[3]:+.3f}", "")
    console.print(table)
    console.print(
        "Every loss was measured inside a session of its own; after each, SHA-256 of all tensors "
        "of the base was what it was before.\n"
    )


def show_chain(
    console: Console,
    tuner: TestTimeTuner,
    llm: HuggingFacePipeline,
    store: InMemoryVectorStore,
    question: Question,
) -> None:
    def join(documents: list[Document]) -> str:
        return " ".join(document.page_content for document in documents)

    retriever = SIFTRetriever(store, k=1, fine_tune=tuner)
    prompt = PromptTemplate.from_template("{context} {question}")
    given: Any = {"context": retriever | join, "question": RunnablePassthrough()} | prompt
    reports: list[Report] = []
    chain = wrap(tuner, given | llm, on_report=reports.append)
    answers = chain.batch([question.text, question.text])
    (report, _) = reports
    console.print("The same in a chain: [bold]wrap(tuner, chain).batch([...])[/]")
    console.print(
        f"  {report.steps} steps on {len(set(report.passage_ids))} chunks, {report.tokens} tokens, "
        f"{report.seconds:.2f} s; base unchanged: {report.verified} check; "
        f"twice the same answer: {answers[0] == answers[1]}"
    )
    console.print(
        "  (What so small a model says makes no sense; a pretrained one goes in its place.)"
    )


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    transformers.logging.set_verbosity_error()
    main()
