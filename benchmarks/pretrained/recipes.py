"""How to train: learning rates, ranks, layers, order, and what stands before a passage.

    SIFT_DATA=<folder> python benchmarks/pretrained/recipes.py   # 1 h 30 min on two CPU cores

On development texts of `lm_domains` and development questions of hotpotqa and musique, none of
which benchmarks/pretrained/run.py reports. All recipes train on what the retrievers' default
chooses, and are judged by the text's bits per byte or the answer's nats, with and without five of
these passages before it. Writes results/recipes.md. What is done is kept in `.cache/`, as that
command does.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.common.data_folder import MissingDataError
from benchmarks.common.embeddings import CACHE
from benchmarks.common.gemma import NAME, gemma_folder
from benchmarks.common.machine import machine
from benchmarks.pretrained.experiment import ANSWER_VIEWS, Values, first_ones, passages_of
from benchmarks.pretrained.inputs import THE_DEFAULT, Question, TextItem
from benchmarks.pretrained.jobs import Answer, HeldOutText, Job, Outcome, Site, View, outcomes
from benchmarks.pretrained.methods import COMPARED, HALF, NEAREST, SHOWN, WITNESSES, Method
from benchmarks.pretrained.model import Recipe
from benchmarks.pretrained.report import PACKAGES, without_date
from benchmarks.pretrained.run import RESULTS, make_inputs
from benchmarks.pretrained.settings import CPU
from benchmarks.pretrained.tables import difference, harm, table
from benchmarks.pretrained.transfer import checked

TEXTS, QUESTIONS = 8, 6
PRESENT = Recipe(5e-4)
VIEWS = (
    View(0),
    View(0, SHOWN),
    View(COMPARED // 2),
    View(COMPARED),
    View(COMPARED, 0, HALF),
    View(COMPARED, SHOWN),
    View(COMPARED, SHOWN, HALF),
)

Done = tuple[Job, Outcome]
Order = Callable[[Sequence[str]], Sequence[str]]
"""From the passages in the order of selection to those of the steps."""


def in_order(passages: Sequence[str]) -> Sequence[str]:
    return passages[:COMPARED]


def last_first(passages: Sequence[str]) -> Sequence[str]:
    return passages[COMPARED - 1 :: -1]


def after_those_shown(passages: Sequence[str]) -> Sequence[str]:
    return passages[SHOWN : SHOWN + COMPARED]


def rest_last_first(passages: Sequence[str]) -> Sequence[str]:
    return after_those_shown(passages)[::-1]


def half_of_them_twice(passages: Sequence[str]) -> Sequence[str]:
    half = passages[: COMPARED // 2]
    return [*half, *half]


@dataclass(frozen=True)
class Variation:
    """One way to train."""

    name: str
    recipe: Recipe = PRESENT
    order: Order = in_order
    method: Method = WITNESSES

    def text_job(self, item: TextItem, memory: Sequence[str]) -> Job:
        """Its training for one text."""
        passages = passages_of(item, self.method, memory)
        trained = tuple(self.order(passages))
        return Job(HeldOutText(item.text), trained, first_ones(passages), self.recipe, VIEWS)

    def answer_job(self, question: Question) -> Job:
        """Its training for one question."""
        passages = question.passages[THE_DEFAULT]
        target = Answer(question.text, question.answers)
        trained = tuple(self.order(passages))
        return Job(target, trained, passages[:SHOWN], self.recipe, ANSWER_VIEWS)


ANSWERED = (
    "as it is: 5e-4, rank 8, all layers",
    "learning rate 0.0001",
    "five passages twice",
    "the most relevant last",
    "each after another one, the most relevant last",
)
"""Ways to train that are also tried on questions."""
VARIATIONS = (
    Variation("as it is: 5e-4, rank 8, all layers"),
    *(Variation(f"learning rate {rate:g}", Recipe(rate)) for rate in (1e-4, 2.5e-4, 1e-3, 2e-3)),
    Variation("rank 2", Recipe(5e-4, rank=2)),
    Variation("rank 32", Recipe(5e-4, rank=32)),
    Variation("rank 32, rsLoRA, 1e-4", Recipe(1e-4, rank=32, rslora=True)),
    Variation("attention alone", Recipe(5e-4, modules="attention")),
    Variation("MLP alone", Recipe(5e-4, modules="mlp")),
    Variation("the most relevant last", order=last_first),
    Variation("five passages twice", order=half_of_them_twice),
    Variation(f"the ten after the {SHOWN} shown", order=after_those_shown),
    Variation("each after two others", Recipe(5e-4, before=2)),
    Variation("each after two others, 1e-3", Recipe(1e-3, before=2)),
    Variation("each after two others, the most relevant last", Recipe(5e-4, before=2), last_first),
    Variation("each after another one, the most relevant last", Recipe(5e-4, before=1), last_first),
    Variation(f"the ten after the {SHOWN} shown, the most relevant last", order=rest_last_first),
    Variation("nearest neighbours", method=NEAREST),
    Variation("weights averaged over the last five steps", Recipe(5e-4, averaged=5)),
)
QUESTION_VARIATIONS = (
    *(one for one in VARIATIONS if one.name in ANSWERED),
    Variation("the question before each", Recipe(5e-4, query=True)),
)


def text_table(found: Mapping[str, Sequence[Done]]) -> str:
    """Bits per byte of the texts, by variation."""

    def bits(name: str, *view: float) -> Values:
        wanted = View(int(view[0]), int(view[1]), *view[2:])
        return np.array([outcome.losses[wanted] for _, outcome in found[name]])

    first = VARIATIONS[0].name
    base = bits(first, 0, 0)
    rows = [["no training", "", f"{base.mean():.3f}", "", f"{bits(first, 0, SHOWN).mean():.3f}"]]
    rows[0] += [""] * 5
    for one in VARIATIONS:
        context = bits(one.name, 0, SHOWN)
        alone, both = bits(one.name, COMPARED, 0), bits(one.name, COMPARED, SHOWN)
        both_half = bits(one.name, COMPARED, SHOWN, HALF)
        stopped = [checked(outcome, job.trained)[1] for job, outcome in found[one.name]]
        rows.append(
            [
                one.name,
                f"{bits(one.name, COMPARED // 2, 0).mean():.3f}",
                f"{alone.mean():.3f}",
                f"{bits(one.name, COMPARED, 0, HALF).mean():.3f}",
                f"{both.mean():.3f}",
                f"{both_half.mean():.3f}",
                difference(both, context),
                difference(both_half, context),
                harm(alone, base),
                harm(np.where(stopped, base, alone), base),
            ]
        )
    head = ["", f"{COMPARED // 2} steps", f"{COMPARED} steps", "half the strength"]
    head += [f"{COMPARED} steps and {SHOWN} in context", "half the strength and context"]
    head += ["both − context alone", "half and context − context alone", "worse than base"]
    return table([*head, "worse with the check"], rows)


def answer_table(found: Mapping[str, Sequence[Done]]) -> str:
    """Nats of the answers, by variation."""

    def nats(name: str, steps: int, shown: int, strength: float = 1.0) -> Values:
        return np.array([one.losses[View(steps, shown, strength)] for _, one in found[name]])

    first = QUESTION_VARIATIONS[0].name
    none, context = nats(first, 0, 0), nats(first, 0, SHOWN)
    rows = [["no training", f"{none.mean():.2f}", "", f"{context.mean():.2f}", "", "", "", ""]]
    for one in QUESTION_VARIATIONS:
        alone, both = nats(one.name, COMPARED, 0), nats(one.name, COMPARED, SHOWN)
        both_half = nats(one.name, COMPARED, SHOWN, HALF)
        rows.append(
            [
                one.name,
                f"{alone.mean():.2f}",
                f"{nats(one.name, COMPARED, 0, HALF).mean():.2f}",
                f"{both.mean():.2f}",
                f"{both_half.mean():.2f}",
                difference(alone, none, 2),
                difference(both, context, 2),
                difference(both_half, context, 2),
            ]
        )
    head = ["", f"{COMPARED} steps", "half the strength"]
    head += [f"{COMPARED} steps and {SHOWN} in context", "half the strength and context"]
    head += ["steps − none", "both − context alone", "half and context − context alone"]
    return table(head, rows)


def page(
    texts: Sequence[TextItem],
    by_text: Mapping[str, Sequence[Done]],
    by_question: Mapping[str, Sequence[Done]],
    model: str,
) -> str:
    """The results, in Markdown."""
    every = [*by_text.values(), *by_question.values()]
    seconds = sum(outcome.seconds for some in every for _, outcome in some)
    domains = ", ".join(text.domain for text in texts)
    questions = len(by_question[QUESTION_VARIATIONS[0].name])
    return "\n\n".join(
        [
            "# Ways to train for one text, or for one question",
            "`SIFT_DATA=<folder> python benchmarks/pretrained/recipes.py`",
            f"{without_date(machine(PACKAGES))}.",
            f"{model} in {CPU.dtype}, after steps on the passages of “{WITNESSES.label}” where "
            f"nothing else is said. “Half the strength”: the output of the adapter is multiplied "
            f"by {HALF:g}. “The check”: training ends where the transfer is below 0, see cpu.md. "
            f"Differences with their 95 % intervals over texts or questions. "
            f"{seconds / 60:.0f} minutes of one process.",
            f"## Bits per byte of {len(texts)} development texts",
            f"One each of {domains}.",
            text_table(by_text),
            f"## Nats of the gold answers of {questions} development questions",
            "hotpotqa and musique by turns; the first ten passages that the retrievers' default "
            "found are trained on, the first five shown.",
            answer_table(by_question),
        ]
    )


def complete(
    jobs: Sequence[Mapping[str, Job]], done: Mapping[str, Outcome]
) -> tuple[list[int], dict[str, list[Done]]]:
    """The places of the items of which every job is done, and what came of them by variation."""
    whole = [n for n, some in enumerate(jobs) if all(job.key in done for job in some.values())]
    return whole, {
        name: [(jobs[n][name], done[jobs[n][name].key]) for n in whole] for name in jobs[0]
    }


def main(arguments: list[str] | None = None, *, cache: Path = CACHE) -> int:
    options = argparse.ArgumentParser(description="Ways to fine-tune at test time.")
    options.add_argument("--texts", type=int, default=TEXTS)
    options.add_argument("--questions", type=int, default=QUESTIONS, help="of each set")
    options.add_argument("--minutes", type=float, default=90.0)
    options.add_argument("--workers", type=int, default=CPU.workers)
    options.add_argument("--threads", type=int, default=CPU.threads)
    options.add_argument("--model", type=Path, help=f"a folder of transformers; else {NAME}")
    options.add_argument("--results", type=Path, default=RESULTS, help="folder to write to")
    chosen = options.parse_args(arguments)
    end = time.monotonic() + 60 * chosen.minutes
    try:
        model = chosen.model or gemma_folder(cache)
        inputs = make_inputs(model, None, cache)
    except MissingDataError as error:
        print(error, file=sys.stderr)
        return 2
    texts = inputs.development[: chosen.texts]
    questions = inputs.development_questions[: 2 * chosen.questions]
    setting = replace(CPU, workers=chosen.workers, threads=chosen.threads)
    site = Site(model, setting, cache / "pretrained")
    by_text = [
        {one.name: one.text_job(text, inputs.memory) for one in VARIATIONS} for text in texts
    ]
    by_question = [{one.name: one.answer_job(q) for one in QUESTION_VARIATIONS} for q in questions]
    every = [job for some in (*by_question, *by_text) for job in some.values()]
    done = outcomes(site, every, "recipes", lambda: time.monotonic() >= end)
    whole, of_texts = complete(by_text, done)
    answered, of_questions = complete(by_question, done)
    if min(len(whole), len(answered)) < 2:
        print("the time was up before two texts and questions were complete", file=sys.stderr)
        return 2
    text = page([texts[n] for n in whole], of_texts, of_questions, model.name)
    chosen.results.mkdir(parents=True, exist_ok=True)
    (chosen.results / "recipes.md").write_text(text + "\n", encoding="utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
