"""The benchmark of a pretrained model: losses, single jobs, and their store."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_gemma import write_tiny_gemma

from benchmarks.pretrained import jobs
from benchmarks.pretrained.jobs import Answer, HeldOutText, Job, Outcome, Site, View
from benchmarks.pretrained.model import Recipe, TunedModel
from benchmarks.pretrained.settings import CPU
from sift_retrievers.finetune import Budget, TestTimeTuner

PASSAGES = (
    "The river runs down to the old mill.",
    "A mill grinds corn; the wheel is turned by the river.",
    "Nobody knows who built the bridge over the river.",
)
TEXT = "The wheel of the mill, naïve as it is, is turned by the river."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_gemma(tmp_path_factory.mktemp("gemma"))


@pytest.fixture
def model(folder: Path) -> Iterator[TunedModel]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # two are slower for models this small
    yield TunedModel.load(folder, "cpu", "float32")
    torch.set_num_threads(threads)


def nats_by_hand(model: TunedModel, before: str, wanted: str) -> float:
    ids = [0, *model.tokenizer(before + wanted, add_special_tokens=False)["input_ids"]]
    count = len(wanted.encode())  # a byte is a token
    with torch.no_grad():
        logs = model.model(input_ids=torch.tensor([ids])).logits[0].double().log_softmax(-1)
    at = range(len(ids) - count, len(ids))
    return -sum(float(logs[i - 1, ids[i]]) for i in at)


def nats_of_passage(model: TunedModel, passage: str) -> float:
    return nats_by_hand(model, "", passage) / len(passage.encode())


def test_bits_per_byte_are_those_of_the_text_alone(model: TunedModel) -> None:
    count = len(TEXT.encode())
    alone = nats_by_hand(model, "", TEXT) / math.log(2) / count
    after = nats_by_hand(model, f"{PASSAGES[0]}\n\n{PASSAGES[1]}\n\n", TEXT) / math.log(2) / count
    assert model.text_bits(TEXT) == pytest.approx(alone, rel=1e-4)
    assert model.text_bits(TEXT, PASSAGES[:2]) == pytest.approx(after, rel=1e-4)
    assert alone != pytest.approx(after, rel=1e-4)


def test_of_several_answers_the_likeliest_counts(model: TunedModel) -> None:
    prompt = f"{PASSAGES[0]}\n\nQuestion: What turns it?\nAnswer:"
    expected = [nats_by_hand(model, prompt, f" {answer}") for answer in ("the river", "water")]
    found = model.answer_nats("What turns it?", ["the river", " water "], PASSAGES[:1])
    assert found == pytest.approx(min(expected), rel=1e-4)


def test_a_job_trains_as_a_session_does_and_leaves_nothing(model: TunedModel, folder: Path) -> None:
    views = (View(0), View(2), View(3), View(3, 2), View(0, 1), View(3, 0, 0.5), View(3, 0, 0.0))
    job = Job(HeldOutText(TEXT), PASSAGES, PASSAGES[:2], Recipe(1e-2), views)
    first = job.do(model)
    again = job.do(model)
    assert first.losses == again.losses
    assert first.losses[View(0, 0)] == model.text_bits(TEXT)
    assert first.losses[View(3, 0)] < first.losses[View(2, 0)] < first.losses[View(0, 0)]
    assert first.losses[View(0, 1)] == model.text_bits(TEXT, PASSAGES[:1])
    assert first.losses[View(3)] < first.losses[View(3, 0, 0.5)] < first.losses[View(0)]
    assert first.losses[View(3, 0, 0.0)] == first.losses[View(0)]
    assert first.base_losses[0] == first.step_losses[0]  # the adapter changes nothing at first
    assert first.base_losses[2] > first.step_losses[2]
    assert first.base_losses[2] == pytest.approx(nats_of_passage(model, PASSAGES[2]), rel=1e-5)

    other = TunedModel.load(folder, "cpu", "float32")
    other.slot.remove()
    with (
        TestTimeTuner(
            other.model,
            other.tokenizer,
            learning_rate=1e-2,
            budget=Budget(max_steps=3),
            min_transfer=None,
            first_last=False,
        ) as tuner,
        tuner.session("", PASSAGES) as session,
    ):
        assert other.text_bits(TEXT) == pytest.approx(first.losses[View(3, 0)], rel=1e-5)
        assert other.text_bits(TEXT, PASSAGES[:2]) == pytest.approx(
            first.losses[View(3, 2)], rel=1e-5
        )
        assert session.report is not None
        assert session.report.losses == pytest.approx(first.step_losses, rel=1e-5)


def test_weights_of_the_last_steps_are_averaged(model: TunedModel) -> None:
    views = (View(1), View(3))
    job = Job(HeldOutText(TEXT), PASSAGES, (), Recipe(1e-2), views)
    single = job.do(model)
    averaged = replace(job, recipe=Recipe(1e-2, averaged=2)).do(model)
    assert averaged.losses[View(1)] == single.losses[View(1)]
    assert averaged.step_losses == single.step_losses
    weights = []

    def watch(done: int) -> None:
        weights.append(model.slot.weights())

    model.train(PASSAGES, Recipe(1e-2), watch)
    model.slot.load([(a + b) / 2 for a, b in zip(*weights[2:], strict=True)])
    assert averaged.losses[View(3)] == pytest.approx(model.text_bits(TEXT), rel=1e-5)
    model.slot.reset()


def test_the_question_may_stand_before_each_passage(model: TunedModel) -> None:
    answer = Answer("What turns the wheel?", ("the river",))
    job = Job(answer, PASSAGES[:1], (), Recipe(1e-2, query=True), (View(0), View(1)))
    found = job.do(model)
    expected = nats_by_hand(model, f"{answer.question}\n\n", PASSAGES[0]) / len(PASSAGES[0])
    assert found.step_losses[0] == pytest.approx(expected, rel=1e-4)
    assert found.base_losses == pytest.approx(found.step_losses, rel=1e-6)


def test_training_that_diverges_is_infinitely_bad(model: TunedModel) -> None:
    job = Job(HeldOutText(TEXT), PASSAGES, (), Recipe(1e30), (View(0), View(3)))
    found = job.do(model)
    assert math.isfinite(found.losses[View(0, 0)])
    assert found.losses[View(3, 0)] == math.inf
    assert model.text_bits(TEXT) == found.losses[View(0, 0)]


def test_jobs_differ_by_all_that_they_depend_on() -> None:
    job = Job(HeldOutText(TEXT), PASSAGES, PASSAGES, Recipe(1e-3), (View(0), View(3)))
    others = [
        replace(job, target=HeldOutText(TEXT + "!")),
        replace(job, target=Answer("Why?", ("So.",))),
        replace(job, trained=PASSAGES[::-1]),
        replace(job, shown=()),
        replace(job, recipe=Recipe(2e-3)),
        replace(job, recipe=Recipe(1e-3, rank=4)),
        replace(job, views=(View(3),)),
        replace(job, recipe=Recipe(1e-3, query=True)),
        replace(job, views=(View(0), View(3, 0, 0.5))),
    ]
    assert len({job.key, *(other.key for other in others)}) == 10
    assert replace(job).key == job.key
    assert replace(job, views=(View(0), View(3), View(3, 3))).cost > job.cost > 0


def test_what_was_done_is_taken_from_the_store(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Job] = []

    def done(
        site: Site, some: Sequence[Job], stop: Callable[[], bool]
    ) -> Iterator[tuple[Job, Outcome]]:
        for job in some:
            if stop():
                return
            asked.append(job)
            yield (
                job,
                Outcome(
                    {View(0): len(asked), View(10, 5): math.inf},
                    (2.5,),
                    (2.6,),
                    1.0,
                ),
            )

    monkeypatch.setattr(jobs, "done", done)
    site = Site(folder, CPU, tmp_path)
    wanted = [
        Job(HeldOutText(f"text {i}"), PASSAGES, (), Recipe(1e-3), (View(0),)) for i in range(4)
    ]
    calls = iter([False, False, True])
    some = jobs.outcomes(site, wanted, "jobs", lambda: next(calls))
    assert [*some] == [job.key for job in wanted[:2]]  # the time was up after two
    every = jobs.outcomes(site, wanted, "jobs")
    assert asked == wanted
    assert {key: every[key] for key in some} == some
    assert [every[job.key].losses[View(0, 0)] for job in wanted] == [1, 2, 3, 4]

    lines = site.store.read_text().splitlines(keepends=True)
    site.store.write_text("".join(lines[:-1]) + lines[-1][:40])  # broken off
    asked.clear()
    again = jobs.outcomes(site, wanted, "jobs")
    assert asked == wanted[-1:]
    assert again[wanted[0].key].losses == {View(0): 1, View(10, 5): math.inf}
    assert again[wanted[0].key].base_losses == (2.6,)
    assert Site(folder, replace(CPU, dtype="float32"), tmp_path).store != site.store


@pytest.mark.slow
def test_processes_do_the_same(model: TunedModel, folder: Path, tmp_path: Path) -> None:
    site = Site(folder, replace(CPU, dtype="float32", workers=2), tmp_path)
    wanted = [
        Job(HeldOutText(text), PASSAGES, (), Recipe(1e-2), (View(0), View(3))) for text in PASSAGES
    ]
    found = jobs.outcomes(site, wanted, "jobs")
    assert [found[job.key].losses for job in wanted] == [job.do(model).losses for job in wanted]
    before = site.store.read_text()
    late = [replace(job, recipe=Recipe(2e-2)) for job in wanted]
    assert jobs.outcomes(site, late, "jobs", lambda: True) == {}
    assert site.store.read_text() == before
