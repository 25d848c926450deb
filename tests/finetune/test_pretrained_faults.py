"""Gemma 3 270M is bit-identical after whatever fails in a session, and after a hundred sessions.

`make test-pretrained` runs this; the tests are skipped where the model cannot be had.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from test_pretrained import sha256
from test_tuner_faults import FAULTS, BoomError, failing_at

import torch  # isort: skip

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.common.data_folder import MissingDataError
from benchmarks.common.gemma import gemma_folder
from sift_retrievers.finetune import (
    Budget,
    QueueTimeoutError,
    TestTimeTuner,
    TrainingStep,
    TuningError,
)

QUERY = "What turns the wheel of the mill?"
PASSAGES = [
    "The wheel of the mill is turned by the river.",
    "The mill was built in 1712 by the parish.",
    "The river rises in the northern hills.",
]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def loaded() -> tuple[Any, Any]:
    try:
        folder = gemma_folder()
    except MissingDataError as error:
        pytest.skip(f"{error}: run `make test-pretrained`")
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
    return model.eval(), AutoTokenizer.from_pretrained(folder)


class Checked:
    """The model with a tuner, and what it was before."""

    def __init__(self, model: Any, words: Any, settings: dict[str, Any]) -> None:
        self.model, self.words = model, words
        self.logits_before, self.digest = self.logits(), sha256(model, set())
        fixed = {"min_transfer": None, "first_last": False, "verify": "quick"}
        self.tuner = TestTimeTuner(model, words, **{**fixed, **settings})
        self.weights = self.tuner._trainer.slot.weights()

    def logits(self) -> torch.Tensor:
        with torch.no_grad():
            ids = torch.tensor([self.words(QUERY)["input_ids"]])
            found: torch.Tensor = self.model(input_ids=ids).logits
        return found

    def check(self) -> None:
        slot = self.tuner._trainer.slot
        assert not self.tuner._lock.held
        assert torch.equal(self.logits(), self.logits_before)
        for weight, before in zip(slot.weights(), self.weights, strict=True):
            assert torch.equal(weight, before)
        assert all(parameter.grad is None for parameter in self.model.parameters())


@pytest.fixture
def make(loaded: tuple[Any, Any]) -> Iterator[Callable[..., Checked]]:
    """Makes a tuner; when the test is over, every byte of the base is compared."""
    made: list[Checked] = []

    def tuner_with(**settings: Any) -> Checked:
        made.append(Checked(*loaded, settings))
        return made[-1]

    yield tuner_with
    for one in made:
        one.check()
        one.tuner.close()
        assert sha256(one.model, set()) == one.digest


@pytest.mark.parametrize("error", [*FAULTS, KeyboardInterrupt()])
@pytest.mark.parametrize("policy", ["raise", "base", "partial"])
def test_a_forward_pass_fails(make: Any, policy: str, error: BaseException) -> None:
    one = make(on_error=policy)
    restore = failing_at(one.model, 2, error)
    handled = isinstance(error, Exception) and policy != "raise"
    expected = TuningError if isinstance(error, Exception) else type(error)
    try:
        if handled:
            with one.tuner.session(QUERY, PASSAGES) as session:
                assert session.report is not None
                assert (session.report.stopped, session.report.steps) == ("error", 1)
        else:
            with pytest.raises(expected), one.tuner.session(QUERY, PASSAGES):
                raise AssertionError("not reached")
    finally:
        restore()


@pytest.mark.parametrize("where", ["loss", "gradient"])
def test_a_number_is_not_finite(make: Any, where: str) -> None:
    one = make(on_error="base")
    forward = one.model.forward

    def nan(*args: Any, **kwargs: Any) -> Any:
        output = forward(*args, **kwargs)
        if output.loss is not None and where == "loss":
            output.loss = output.loss * torch.nan
        elif output.loss is not None:
            output.loss.register_hook(lambda gradient: gradient * torch.nan)
        return output

    one.model.forward = nan
    try:
        with one.tuner.session(QUERY, PASSAGES) as session:
            assert session.report is not None
            assert "NonFiniteLossError" in str(session.report.error)
    finally:
        del one.model.forward


def test_the_optimizer_fails(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    one = make(on_error="partial")
    step = torch.optim.AdamW.step

    def fails(self: Any, *args: Any) -> Any:
        step(self, *args)
        raise BoomError("in the middle of a step")

    monkeypatch.setattr(torch.optim.AdamW, "step", fails)
    with one.tuner.session(QUERY, PASSAGES) as session:
        assert session.report is not None
        assert session.report.stopped == "error"
        assert torch.equal(one.logits(), one.logits_before), "half a step is not used"


@pytest.mark.parametrize("error", [BoomError(), KeyboardInterrupt(), GeneratorExit()])
def test_an_error_after_training(make: Any, error: BaseException) -> None:
    one = make(budget=Budget(max_steps=1))
    changed: list[bool] = []

    def answer() -> None:
        changed.append(not torch.equal(one.logits(), one.logits_before))
        raise error

    with pytest.raises(type(error)), one.tuner.session(QUERY, PASSAGES):
        answer()
    assert changed == [True]


def test_on_step_fails(make: Any) -> None:
    def fails(_: TrainingStep) -> None:
        raise BoomError("no such dashboard")

    one = make(on_step=fails)
    with pytest.raises(TuningError), one.tuner.session(QUERY, PASSAGES):
        raise AssertionError("not reached")


@pytest.mark.parametrize("budget", [Budget(max_seconds=1e-3), Budget(max_tokens=5)])
def test_a_limit_ends_training(make: Any, budget: Budget) -> None:
    one = make(budget=budget)
    with one.tuner.session(QUERY, PASSAGES) as session:
        assert session.report is not None
        assert session.report.steps < len(PASSAGES)


async def test_cancelled_while_training_waiting_and_answering(make: Any) -> None:
    one = make(budget=Budget(max_steps=None))

    async def ask(passages: list[str], seconds: float) -> None:
        async with one.tuner.asession(QUERY, passages):
            await asyncio.sleep(seconds)

    for passages, seconds in ((PASSAGES * 100, 0.0), (PASSAGES[:1], 600.0)):
        first = asyncio.ensure_future(ask(passages, seconds))
        await asyncio.sleep(3)
        assert one.tuner._lock.held
        waiting = asyncio.ensure_future(ask(PASSAGES, 0))
        await asyncio.sleep(0.1)
        for task in (waiting, first):
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        one.check()


def test_a_generation_outlives_its_session(make: Any) -> None:
    one = make(budget=Budget(max_steps=1))
    ids = one.words(QUERY, return_tensors="pt")
    done: list[int] = []

    def generate() -> None:
        made = one.model.generate(**ids, max_new_tokens=2000, do_sample=False, eos_token_id=-1)
        done.append(made.shape[1])

    with one.tuner.session(QUERY, PASSAGES):
        thread = threading.Thread(target=generate)
        thread.start()
        time.sleep(1)
    thread.join(60)
    assert done
    assert done[0] < 2000, "the end of the session stopped it"


def test_the_queue_times_out(make: Any) -> None:
    one = make(queue_timeout=0.05, budget=Budget(max_steps=1))
    found: list[BaseException] = []

    def other() -> None:
        try:
            with one.tuner.session(QUERY, PASSAGES):
                raise AssertionError("not reached")
        except BaseException as error:
            found.append(error)

    with one.tuner.session(QUERY, PASSAGES):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert isinstance(found[0], QueueTimeoutError)


def test_training_that_does_not_transfer_is_not_used(make: Any) -> None:
    one = make(min_transfer=0.0, learning_rate=2e-2)
    unlike = [
        "for (i = 0; i < n; i++) free(rows[i]);",
        "Der Fluss entspringt in den Bergen im Norden.",
        "Patients with acute renal failure were excluded.",
        "E4 c5 Nf3 d6 d4 cxd4 Nxd4 Nf6 Nc3 a6",
        "SELECT name FROM rivers WHERE length > 100;",
    ]
    with one.tuner.session(QUERY, unlike) as session:
        assert session.report is not None
        assert session.report.transfer is not None
        assert session.report.transfer < 0
        assert session.report.stopped == "min_transfer"
        assert torch.equal(one.logits(), one.logits_before)


def test_a_hundred_sessions_leave_nothing_behind(make: Any) -> None:
    one = make(budget=Budget(max_steps=1))
    sizes, tuned = [], []
    for n in range(100):
        with one.tuner.session(QUERY, [PASSAGES[n % 3]]) as session:
            assert session.report is not None
            if n in (3, 99):
                tuned.append(one.logits())
        sizes.append(resident())
    assert torch.equal(*tuned), "the last session is as the fourth"
    assert max(sizes[90:]) - max(sizes[5:15]) < 64 * 2**20, "bytes"


def resident() -> int:
    """Bytes of memory of this process."""
    pages = Path("/proc/self/statm")
    if not pages.exists():
        return 0
    return int(pages.read_text().split()[1]) * 4096
