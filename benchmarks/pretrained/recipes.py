"""How to train for one text: learning rates, ranks, layers, order, and what stands before it.

    SIFT_DATA=<folder> python benchmarks/pretrained/recipes.py     # half an hour on two CPU cores

On development texts of `lm_domains` alone, none of which benchmarks/pretrained/run.py reports. All
recipes train on what the retrievers' default chooses for a text, and are judged by its bits per
byte, with and without five of these passages before it. Writes results/recipes.md. What is done is
kept in `.cache/`, as that command does.
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
from benchmarks.pretrained.experiment import Values, first_ones, not_trained_on, passages_of
from benchmarks.pretrained.inputs import TextItem
from benchmarks.pretrained.jobs import HeldOutText, Job, Outcome, Site, View, outcomes
from benchmarks.pretrained.methods import COMPARED, HALF, NEAREST, SHOWN, WITNESSES, Method
from benchmarks.pretrained.model import Recipe
from benchmarks.pretrained.report import PACKAGES, without_date
from benchmarks.pretrained.run import RESULTS, make_inputs
from benchmarks.pretrained.settings import CPU
from benchmarks.pretrained.tables import difference, harm, table

TEXTS = 8
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

    def job(self, item: TextItem, memory: Sequence[str]) -> Job:
        """Its training for one text."""
        passages = passages_of(item, self.method, memory)
        trained = tuple(self.order(passages))
        return Job(
            HeldOutText(item.text),
            trained,
            first_ones(passages),
            self.recipe,
            VIEWS,
            not_trained_on(passages_of(item, NEAREST, memory), trained),
        )


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
)


def page(found: Mapping[str, Sequence[Outcome]], texts: Sequence[TextItem], model: str) -> str:
    """The results, in Markdown."""

    def bits(name: str, *view: float) -> Values:
        wanted = View(int(view[0]), int(view[1]), *view[2:])
        return np.array([one.losses[wanted] for one in found[name]])

    first = VARIATIONS[0].name
    base = bits(first, 0, 0)
    rows = [["no training", "", f"{base.mean():.3f}", "", f"{bits(first, 0, SHOWN).mean():.3f}"]]
    rows[0] += ["", "", "", ""]
    for one in VARIATIONS:
        context = bits(one.name, 0, SHOWN)
        alone, both = bits(one.name, COMPARED, 0), bits(one.name, COMPARED, SHOWN)
        both_half = bits(one.name, COMPARED, SHOWN, HALF)
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
            ]
        )
    head = ["", f"{COMPARED // 2} steps", f"{COMPARED} steps", "half the strength"]
    head += [f"{COMPARED} steps and {SHOWN} in context", "half the strength and context"]
    head += ["both − context alone", "half and context − context alone", "worse than base"]
    seconds = sum(one.seconds for some in found.values() for one in some)
    domains = ", ".join(text.domain for text in texts)
    return "\n\n".join(
        [
            "# Ways to train for one text",
            "`SIFT_DATA=<folder> python benchmarks/pretrained/recipes.py`",
            f"{without_date(machine(PACKAGES))}.",
            f"Bits per byte of {len(texts)} development texts ({domains}) with {model} in "
            f"{CPU.dtype}, after steps on the passages of “{WITNESSES.label}” where nothing else "
            f"is said. “Half the strength”: the output of the adapter is multiplied by {HALF:g}. "
            f"Differences with their 95 % intervals over texts. {seconds / 60:.0f} minutes of one "
            "process.",
            table(head, rows),
        ]
    )


def main(arguments: list[str] | None = None, *, cache: Path = CACHE) -> int:
    options = argparse.ArgumentParser(description="Ways to fine-tune at test time.")
    options.add_argument("--texts", type=int, default=TEXTS)
    options.add_argument("--minutes", type=float, default=60.0)
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
    setting = replace(CPU, workers=chosen.workers, threads=chosen.threads)
    site = Site(model, setting, cache / "pretrained")
    jobs = [{one.name: one.job(text, inputs.memory) for one in VARIATIONS} for text in texts]
    every = [job for some in jobs for job in some.values()]
    done = outcomes(site, every, "recipes", lambda: time.monotonic() >= end)
    whole = [n for n, some in enumerate(jobs) if all(job.key in done for job in some.values())]
    if len(whole) < 2:
        print("the time was up before two texts were complete", file=sys.stderr)
        return 2
    found = {one.name: [done[jobs[n][one.name].key] for n in whole] for one in VARIATIONS}
    text = page(found, [texts[n] for n in whole], model.name)
    chosen.results.mkdir(parents=True, exist_ok=True)
    (chosen.results / "recipes.md").write_text(text + "\n", encoding="utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
