"""Training that does not help with the next passages ends, and the base model answers."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from peft import PeftModel
from tiny_models import QUERY, logits, passage_loss, tiny, tokenizer
from tuner_state import State

import torch  # isort: skip

from sift_retrievers.finetune import Budget, TestTimeTuner, TrainingStep
from sift_retrievers.finetune.progress import Progress
from sift_retrievers.finetune.transfer import CHECKED, FEWEST, TransferCheck

DEFAULT = (TestTimeTuner.__init__.__kwdefaults__ or {})["min_transfer"]  # before any fixture
ALIKE = [f"The district of the county of the north {n}." for n in ("lies", "ruled", "held", "was")]
ALIKE += ["The county of the north.", "The district of the north lies."]
HELPS: dict[str, Any] = {"learning_rate": 1e-2, "first_last": False, "min_transfer": 0.0}
TOO_LITTLE: dict[str, Any] = {"learning_rate": 1e-2, "min_transfer": 10.0}


def test_the_check_is_on_by_default() -> None:
    assert DEFAULT == 0.0


def test_the_transfer_is_the_difference_of_the_losses() -> None:
    tuner = TestTimeTuner(tiny(), tokenizer(), **HELPS)
    base = [passage_loss(tuner.model, passage) for passage in ALIKE]
    with tuner.session(QUERY, ALIKE) as session:
        report = session.report
        assert report is not None
        assert report.stopped == "passages"
        saved = [b - loss for b, loss in zip(base, report.losses, strict=True)]
        assert report.transfer == pytest.approx(sum(saved[1 : 1 + CHECKED]) / CHECKED, rel=1e-4)
        assert report.transfer > 0
        tuned = logits(tuner.model)
    unchecked = TestTimeTuner(tiny(), tokenizer(), **{**HELPS, "min_transfer": None})
    with unchecked.session(QUERY, ALIKE) as session:
        assert torch.equal(logits(unchecked.model), tuned), "the check changes no weight"
        assert session.report is not None
        assert (session.report.transfer, session.report.losses) == (None, report.losses)


@pytest.mark.parametrize("kind", ["Llama", "GPT2", "Qwen2", "Phi"])
def test_where_training_helps_too_little_the_base_answers(kind: str) -> None:
    tuner = TestTimeTuner(tiny(kind), tokenizer(), **TOO_LITTLE)
    state, base = State(tuner), logits(tuner.model)
    for _ in range(2):
        with tuner.session(QUERY, ALIKE) as session:
            assert torch.equal(logits(tuner.model), base)
            report = session.report
        assert report is not None
        assert session.report is not None
        assert (report.stopped, report.steps) == ("min_transfer", CHECKED)
        assert report.transfer is not None
        assert report.transfer < 10
        assert session.report.verified == "quick"
        state.check()


def test_few_passages_are_judged_when_training_has_ended() -> None:
    tuner = TestTimeTuner(tiny(), tokenizer(), **TOO_LITTLE)
    base = logits(tuner.model)
    found = []
    for count in range(1, CHECKED + 1):
        with tuner.session(QUERY, ALIKE[:count]) as session:
            assert session.report is not None
            found.append((session.report.stopped, session.report.steps))
            assert torch.equal(logits(tuner.model), base) == (count > FEWEST)
    assert found == [("passages", 1), ("passages", 2), ("min_transfer", 3), ("min_transfer", 4)]


def test_a_limit_in_steps_is_such_an_end() -> None:
    tuner = TestTimeTuner(tiny(), tokenizer(), budget=Budget(max_steps=3), **TOO_LITTLE)
    with tuner.session(QUERY, ALIKE) as session:
        assert session.report is not None
        assert (session.report.stopped, session.report.steps) == ("min_transfer", 3)


def test_copies_are_compared_once() -> None:
    tuner = TestTimeTuner(
        tiny(), tokenizer(), learning_rate=3e-2, first_last=False, min_transfer=-100.0
    )
    four_times = [passage for passage in ALIKE[:3] for _ in range(4)]
    base = [passage_loss(tuner.model, passage) for passage in ALIKE[:3]]
    with tuner.session(QUERY, four_times) as session:
        report = session.report
    assert report is not None
    new = [base[1] - report.losses[4], base[2] - report.losses[8]]
    assert report.transfer == pytest.approx(sum(new) / 2, rel=1e-4)


def test_more_may_be_asked_and_less() -> None:
    for least, stopped in ((1e6, "min_transfer"), (-1e6, "passages")):
        tuner = TestTimeTuner(tiny(), tokenizer(), learning_rate=1e-2, min_transfer=least)
        with tuner.session(QUERY, ALIKE) as session:
            assert session.report is not None
            assert session.report.stopped == stopped


def test_what_on_step_ends_is_not_judged() -> None:
    def twice(step: TrainingStep) -> bool:
        return step.step == 3

    tuner = TestTimeTuner(tiny(), tokenizer(), on_step=twice, **TOO_LITTLE)
    base = logits(tuner.model)
    with tuner.session(QUERY, ALIKE) as session:
        assert session.report is not None
        assert session.report.stopped == "callback"
        assert not torch.equal(logits(tuner.model), base)


def test_with_passages_before_the_base_reads_them_too() -> None:
    tuner = TestTimeTuner(tiny(), tokenizer(), passages_before=1, **HELPS)
    words = tokenizer()
    example = [*tuner._trainer.examples(QUERY, ALIKE[:2])][1]
    with torch.no_grad():
        base = float(tuner.model(input_ids=example.input_ids, labels=example.labels).loss)
    assert words.decode(example.input_ids[0]).startswith(ALIKE[0].split()[0])
    with tuner.session(QUERY, ALIKE[:2]) as session:
        report = session.report
    assert report is not None
    assert report.transfer == pytest.approx(base - report.losses[1], rel=1e-4)


def test_the_cache_keeps_the_verdict() -> None:
    tuner = TestTimeTuner(tiny(), tokenizer(), cache_bytes=10**8, **TOO_LITTLE)
    base = logits(tuner.model)
    reports = []
    for _ in range(2):
        with tuner.session(QUERY, ALIKE) as session:
            assert torch.equal(logits(tuner.model), base)
            reports.append(session.report)
    first, second = reports
    assert first is not None
    assert second is not None
    assert (first.from_cache, second.from_cache) == (False, True)
    assert (first.stopped, first.transfer) == (second.stopped, second.transfer)


@pytest.mark.parametrize("learning", [HELPS, TOO_LITTLE])
def test_ahead_as_in_a_session(learning: dict[str, Any]) -> None:
    requests: list[Any] = [(QUERY, ALIKE), (QUERY, ALIKE[:3]), (QUERY, ALIKE[::-1]), ("", ["One."])]
    serial = TestTimeTuner(tiny(), tokenizer(), **learning)
    ahead = TestTimeTuner(tiny(), tokenizer(), cache_bytes=10**8, **learning)
    state, base = State(ahead), logits(ahead.model)
    reports = ahead.train_ahead(requests, batch_size=3)
    state.check()
    for request, report in zip(requests, reports, strict=True):
        with serial.session(*request) as session:
            expected, answer = session.report, logits(serial.model)
        assert expected is not None
        assert (report.stopped, report.steps) == (expected.stopped, expected.steps)
        if expected.transfer is not None:
            assert report.transfer == pytest.approx(expected.transfer, rel=3e-2)
        with ahead.session(*request) as session:
            assert session.report is not None
            assert (session.report.from_cache, session.report.stopped) == (True, report.stopped)
            assert torch.equal(logits(ahead.model), base) == torch.equal(answer, base)
            if learning is HELPS:
                torch.testing.assert_close(logits(ahead.model), answer, rtol=1e-3, atol=1e-3)
    stopped = {report.stopped for report in reports}
    assert ("min_transfer" in stopped) == (learning is TOO_LITTLE)


def test_an_exported_adapter_answers_as_the_session_does(tmp_path: Path) -> None:
    tuner = TestTimeTuner(tiny(), tokenizer(), **TOO_LITTLE)
    with tuner.session(QUERY, ALIKE) as session:
        folder = session.export(tmp_path)
        answer = logits(tuner.model)
    loaded = PeftModel.from_pretrained(tiny(), folder)
    torch.testing.assert_close(logits(loaded), answer)


def test_a_loss_that_is_no_number_is_no_help() -> None:
    check = TransferCheck(Progress(), 0.0, base=None)  # type: ignore[arg-type]
    for _ in range(CHECKED):
        assert not check.ends_training
        check.record(math.nan, 1.0)
    assert check.ends_training


@pytest.mark.parametrize("value", [math.nan, math.inf, True, "much", 10**400])
def test_odd_values_are_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"min_transfer must be (finite|a number); got"):
        TestTimeTuner(tiny(), tokenizer(), min_transfer=value)
