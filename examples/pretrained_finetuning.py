"""Gemma 3 270M fine-tuned for one question at a time: what that does to its answers.

python examples/test_time_finetuning.py             # or: make demo-finetune

Of each question the gold answer's −log p is shown, in nats: alone, with the passages in the
context, fine-tuned on passages, and both. Lower is better.
"""

from __future__ import annotations

import re
import string
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from langchain_core.documents import Document
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import PromptTemplate
from langchain_core.runnables import RunnablePassthrough
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_huggingface import HuggingFacePipeline
from musique_sample import Question
from quickstart import bar
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.common.data_folder import MissingDataError
from benchmarks.common.gemma import gemma_folder
from langchain_sift import SIFTRetriever
from langchain_sift.finetune import wrap
from sift_retrievers.finetune import Budget, Report, TestTimeTuner

STEPS, SHOWN, NEW_TOKENS = 10, 4, 12
ASKED = "Question: {question}\nAnswer:"
WAYS = ("alone", "context", "tuned", "both")


@dataclass(frozen=True)
class Answered:
    """One question, asked in four ways."""

    question: Question
    nats: tuple[float, ...]
    """−log p of the gold answer, in the order of `WAYS`."""
    texts: tuple[str, ...]
    """What the model says, in the same order."""
    report: Report

    def right(self, way: int) -> bool:
        """Whether a gold answer stands in the first sentence that the model says."""
        said = f" {plain(self.texts[way].partition('. ')[0])} "
        return any(f" {plain(answer)} " in said for answer in self.question.answer)


def plain(text: str) -> str:
    """The words of a text, in small letters."""
    kept = text.lower().translate(str.maketrans("", "", string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", kept).split())


class Gemma:
    """The model, with a tuner."""

    def __init__(self, folder: Path) -> None:
        load = transformers.AutoModelForCausalLM.from_pretrained
        self.model: Any = load(folder, dtype=torch.bfloat16).eval()
        self.tokenizer: Any = transformers.AutoTokenizer.from_pretrained(folder)
        budget = Budget(max_steps=STEPS)
        self.tuner = TestTimeTuner(self.model, self.tokenizer, budget=budget, verify="full")

    @torch.no_grad()
    def nats(self, prompt: str, answers: Sequence[str]) -> float:
        """−log p of the likeliest answer after the prompt."""
        found = []
        asked = self.tokenizer(prompt)["input_ids"]
        for answer in answers:
            wanted = self.tokenizer(f" {answer}", add_special_tokens=False)["input_ids"]
            ids = torch.tensor([asked + wanted])
            logits = self.model(input_ids=ids[:, :-1], logits_to_keep=len(wanted)).logits[0]
            nats = torch.nn.functional.cross_entropy(
                logits.float(), torch.tensor(wanted), reduction="sum"
            )
            found.append(float(nats))
        return min(found)

    def say(self, prompt: str) -> str:
        """The first line that the model goes on with."""
        ids = self.tokenizer(prompt, return_tensors="pt")
        made = self.model.generate(**ids, max_new_tokens=NEW_TOKENS, do_sample=False)
        text: str = self.tokenizer.decode(
            made[0, ids["input_ids"].shape[1] :], skip_special_tokens=True
        )
        return text.strip().partition("\n")[0]

    def ask(self, question: Question, documents: Sequence[Document]) -> list[tuple[float, str]]:
        """Nats of the gold answer and the model's own, without passages and with them."""
        asked = ASKED.format(question=question.text)
        prompts = (asked, f"{join(documents)}\n\n{asked}")
        return [(self.nats(prompt, question.answer), self.say(prompt)) for prompt in prompts]


def join(documents: Sequence[Document]) -> str:
    """Passages as a prompt shows them."""
    return "\n\n".join(document.page_content for document in documents)


def load_gemma() -> Gemma | str:
    """The model, or why there is none."""
    try:
        return Gemma(gemma_folder())
    except MissingDataError as error:
        return str(error)


def answered(gemma: Gemma, store: InMemoryVectorStore, question: Question) -> Answered:
    """Ask a question in all ways."""
    retriever = SIFTRetriever(store, k=SHOWN, fine_tune=gemma.tuner)
    documents = SIFTRetriever(store, k=SHOWN).invoke(question.text)
    before = gemma.ask(question, documents)  # no session is open: the base answers
    with gemma.tuner.request() as session:
        retriever.invoke(question.text)  # finds the same, and trains
        after = gemma.ask(question, documents)
    assert session.report is not None
    nats, texts = zip(*before, *after, strict=True)
    return Answered(question, nats, texts, session.report)


def run(
    console: Console, gemma: Gemma, store: InMemoryVectorStore, questions: Sequence[Question]
) -> None:
    """The demo with Gemma."""
    console.print(
        f"Gemma 3 270M, a base model. {len(questions)} questions, for each {STEPS} steps on what "
        "SIFTRetriever finds (half a minute a question on two cores) …"
    )
    found = [
        answered(gemma, store, question)
        for question in bar(console, "Tuning for each question", questions)
    ]
    show_table(console, found)
    show_best(console, gemma, store, found)


def show_table(console: Console, found: Sequence[Answered]) -> None:
    table = Table(
        title="−log p of the gold answer, in nats; ✓: it stands in the model's answer", expand=True
    )
    table.add_column("question", ratio=1, overflow="ellipsis", no_wrap=True)
    for name in ("alone", f"{SHOWN} in context", "tuned", "both", "transfer", "both − context"):
        table.add_column(name, justify="right", min_width=7)
    for one in found:
        cells = [
            f"{nats:.2f} {'✓' if one.right(way) else ' '}" for way, nats in enumerate(one.nats)
        ]
        transfer = "" if one.report.transfer is None else f"{one.report.transfer:+.2f}"
        difference = f"{one.nats[3] - one.nats[1]:+.2f}"
        table.add_row(escape(one.question.text), *cells, transfer, difference)
    nats = np.array([one.nats for one in found])
    right = [sum(one.right(way) for one in found) for way in range(len(WAYS))]
    means = [f"{mean:.2f} {count}" for mean, count in zip(nats.mean(axis=0), right, strict=True)]
    table.add_section()
    difference = f"{(nats[:, 3] - nats[:, 1]).mean():+.2f}"
    table.add_row("mean, and how many are right", *means, "", difference)
    console.print(table)
    console.print(
        "Transfer: by how many nats per token training lowered the loss of passages that it had "
        "not come to yet; below 0 the base model answers."
    )
    better = (nats[:, 2] < nats[:, 0]).sum(), (nats[:, 3] < nats[:, 1]).sum()
    console.print(
        f"Tuning made the gold answer likelier for {better[0]} of {len(found)} questions without "
        f"passages in the context, and for {better[1]} with them. After every session SHA-256 of "
        "all tensors of the base was what it was before.\n"
    )


def best(found: Sequence[Answered]) -> tuple[Answered, int, int]:
    """The question that tuning helps most, and the ways to compare: before, after.

    First come those whose answer becomes right, then those whose gold answer gains most.
    """

    def worth(case: tuple[Answered, int, int]) -> tuple[bool, float]:
        one, before, after = case
        gain = one.nats[before] - one.nats[after]
        return gain > 0 and one.right(after) and not one.right(before), gain

    return max(((one, way, way + 2) for one in found for way in (0, 1)), key=worth)


def show_best(
    console: Console, gemma: Gemma, store: InMemoryVectorStore, found: Sequence[Answered]
) -> None:
    """The question that tuning helps most, through a chain."""
    one, before, after = best(found)
    prompt = PromptTemplate.from_template("{context}" + ASKED)
    shown = before == WAYS.index("context")
    retriever = SIFTRetriever(store, k=SHOWN, fine_tune=gemma.tuner)
    llm = HuggingFacePipeline(
        pipeline=transformers.pipeline(
            "text-generation",
            model=gemma.model,
            tokenizer=gemma.tokenizer,
            max_new_tokens=NEW_TOKENS,
            do_sample=False,
            return_full_text=False,
        )
    )
    given: Any = {
        "context": retriever | (lambda found: f"{join(found)}\n\n" if shown else ""),
        "question": RunnablePassthrough(),
    }
    chain = wrap(gemma.tuner, given | prompt | llm | StrOutputParser())
    said = chain.invoke(one.question.text).strip().partition("\n")[0]
    where = "with the passages in the context" if shown else "without passages in the context"
    outcome = "is right" if one.right(after) else "is not right either"
    console.print(
        Panel(
            f"[bold]{escape(one.question.text)}[/]\n"
            f"gold answer        {escape(', '.join(one.question.answer))}\n"
            f"base model         {escape(one.texts[before])}   ({one.nats[before]:.2f} nats)\n"
            f"after {one.report.steps} steps     {escape(one.texts[after])}   "
            f"({one.nats[after]:.2f} nats; {outcome})\n"
            f"wrap(tuner, chain) {escape(said)}",
            title=f"Where tuning helped most, {where}",
            title_align="left",
        )
    )
