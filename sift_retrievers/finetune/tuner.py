"""`TestTimeTuner`: a model fine-tuned on the spot for one request, and back again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from threading import Event
from time import perf_counter
from typing import Any, Literal, TypeVar

import torch
from torch import nn

from sift_retrievers.finetune.budget import Budget
from sift_retrievers.finetune.gate import gate_of
from sift_retrievers.finetune.plan import Plan, plan_of
from sift_retrievers.finetune.proof import BaseChangedError, Fingerprint, fingerprint
from sift_retrievers.finetune.report import Report
from sift_retrievers.finetune.slot import AdapterSlot
from sift_retrievers.finetune.training import Progress, example_of, train
from sift_retrievers.selection import Selection
from sift_retrievers.validation import count, positive

T = TypeVar("T")
OnError = Literal["base", "partial", "raise"]
Verify = Literal["quick", "full"] | None


class PoisonedError(RuntimeError):
    """An earlier request left the model in a state that nobody can vouch for."""


class TuningError(RuntimeError):
    """Training failed, and the policy was to say so."""


class TestTimeTuner:
    """Fine-tunes a LoRA adapter on the passages of one request, and forgets it afterwards.

    The adapter is put into the model object once and is off outside of requests. What a request
    trains is gone when it ends, whatever happened inside; the base is never written to, and every
    request proves it. One request at a time: further ones wait in a queue, threads and coroutines
    alike. Whoever calls the model past the tuner is not protected.

    Example:
        ```python
        tuner = TestTimeTuner(model, tokenizer)
        with tuner.session(query, passages) as session:  # passages in selection order
            answer = model.generate(...)
        session.report.losses
        ```
    """

    __test__ = False  # not a test, in spite of its name

    def __init__(
        self,
        model: nn.Module,
        tokenizer: Any,
        *,
        lora: Any = None,
        learning_rate: float = 5e-4,
        budget: Budget | None = None,
        alpha: float | None = None,
        min_gain: float | None = None,
        on_error: OnError = "raise",
        verify: Verify = "quick",
        seed: int = 0,
        max_passage_tokens: int = 512,
        query_as_context: bool = False,
        queue_timeout: float | None = None,
    ) -> None:
        """Put the adapter into the model.

        Args:
            model: a causal language model of transformers, in fp32 or bf16, on one device.
            tokenizer: its tokenizer.
            lora: a `peft.LoraConfig`; default: rank 8 on all linear layers.
            learning_rate: of AdamW, one step a passage.
            budget: limits of a request; default: 50 steps.
            alpha: stop by the α rule of adaptive SIFT; needs a `selection`.
            min_gain: train only if the selection promises that many nats; needs a `selection`.
            on_error: after an error in training, answer with the "base", with what was trained so
                far ("partial"), or "raise". In any case nothing stays.
            verify: how to prove that the base is unchanged after a request: "quick" (counters of
                writes and samples of every tensor), "full" (SHA-256 of every byte), or None.
            seed: of the adapter's first weights.
            max_passage_tokens: longer passages are cut.
            query_as_context: let the model read the query before each passage; the loss is on the
                passage alone.
            queue_timeout: seconds that a request waits for others at most.

        Raises:
            ImportError: without transformers and peft.
            ValueError: for settings that make no sense, a configuration that would change the
                base, or a model that cannot be tuned. The model is then as it was.
        """
        self.model, self.tokenizer = model, tokenizer
        self.learning_rate = positive(learning_rate, "learning_rate")
        self.budget = Budget() if budget is None else budget
        self.alpha = None if alpha is None else positive(alpha, "alpha")
        self.min_gain = None if min_gain is None else positive(min_gain, "min_gain")
        if on_error not in ("base", "partial", "raise"):
            raise ValueError(f'on_error must be "base", "partial" or "raise"; got {on_error!r}')
        if verify not in ("quick", "full", None):
            raise ValueError(f'verify must be "quick", "full" or None; got {verify!r}')
        self.on_error, self.verify = on_error, verify
        self.max_passage_tokens = count(max_passage_tokens, "max_passage_tokens")
        self.query_as_context = query_as_context
        self.queue_timeout = (
            None if queue_timeout is None else positive(queue_timeout, "queue_timeout")
        )
        self._poison: str | None = None
        self._gate = gate_of(model)
        self._gate.acquire(self.queue_timeout)
        try:
            self._slot = AdapterSlot(model, _lora_config() if lora is None else lora, seed)
        finally:
            self._gate.release()

    @contextmanager
    def session(
        self, query: str, passages: Sequence[str], *, selection: Selection[Any] | None = None
    ) -> Iterator[Request]:
        """Train on the passages; inside, the model is tuned.

        Args:
            query: what is asked.
            passages: texts in selection order; one step each, repeated ones again.
            selection: what `select` returned for them, for `alpha`, `min_gain` and the report.

        Raises:
            QueueTimeoutError: if others had the model for too long.
            TuningError: if training failed and `on_error` is "raise".
            PoisonedError: if an earlier request could not be undone.
            BaseChangedError: afterwards, if somebody wrote to the base meanwhile.
        """
        with self.request() as request:
            request.tune(query, passages, selection=selection)
            yield request

    @asynccontextmanager
    async def asession(
        self, query: str, passages: Sequence[str], *, selection: Selection[Any] | None = None
    ) -> AsyncIterator[Request]:
        """The same; waiting and training leave the event loop free."""
        async with self.arequest() as request:
            await request.atune(query, passages, selection=selection)
            yield request

    @contextmanager
    def request(self) -> Iterator[Request]:
        """A request whose passages are known later: inside, call `tune` of what it yields."""
        start = perf_counter()
        self._gate.acquire(self.queue_timeout)
        try:
            request = self._begin(perf_counter() - start)
            try:
                yield request
            finally:
                self._end(request)
        finally:
            self._gate.release()

    @asynccontextmanager
    async def arequest(self) -> AsyncIterator[Request]:
        """The same; waiting and proving leave the event loop free."""
        start = perf_counter()
        await self._gate.acquire_async(self.queue_timeout)
        try:
            request = await finished(asyncio.to_thread(self._begin, perf_counter() - start))
            try:
                yield request
            finally:
                await finished(asyncio.to_thread(self._end, request))
        finally:
            self._gate.release()

    def close(self) -> None:
        """Take the adapter out of the model, which is then as it was before the tuner."""
        self._gate.acquire(self.queue_timeout)
        try:
            self._slot.remove()
            self._poison = "the tuner was closed"
        finally:
            self._gate.release()

    def _begin(self, waited: float) -> Request:
        """A request on an untouched base; the gate is held."""
        if self._poison is not None:
            raise PoisonedError(f"this tuner refuses further work: {self._poison}")
        return Request(self, waited, self._fingerprint())

    def _fingerprint(self) -> Fingerprint | None:
        if self.verify is None:
            return None
        return fingerprint(self.model, self._slot.ids, full=self.verify == "full")

    def _end(self, request: Request) -> None:
        """Forget the request; what cannot be undone poisons the tuner."""
        request.closed = True
        try:
            self._slot.disable()
            self._slot.reset()
        except BaseException as error:
            self._poison = f"the adapter could not be reset: {error!r}"
            raise
        after = self._fingerprint()
        if request.before is not None and after is not None:
            changed = request.before.difference(after)
            if changed is not None:
                self._poison = f"the base model changed during a request: {changed}"
                raise BaseChangedError(self._poison)


async def finished(work: Coroutine[Any, Any, T], cancel: Callable[[], None] | None = None) -> T:
    """The result of work in a thread; a cancellation waits until the thread is done with it.

    Args:
        work: as `asyncio.to_thread` gives it.
        cancel: asks the thread to end early.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        if cancel is not None:
            cancel()
        while not task.done():  # nobody else may get the model before
            try:
                await asyncio.wait({task})
            except asyncio.CancelledError:
                continue
        if not task.cancelled():
            task.exception()  # seen: the cancellation is what counts
        raise


class Request:
    """One request that has the model to itself."""

    def __init__(
        self, tuner: TestTimeTuner, queue_seconds: float, before: Fingerprint | None
    ) -> None:
        self.report: Report | None = None
        """What was trained; None before `tune`."""
        self.before = before
        """The base's fingerprint, before anything was done."""
        self.closed = False
        self._tuner = tuner
        self._queue_seconds = queue_seconds
        self._stop = Event()

    def tune(
        self, query: str, passages: Sequence[str], *, selection: Selection[Any] | None = None
    ) -> Report:
        """Train the adapter and switch it on until the request ends.

        Raises:
            TuningError: if training failed and the policy is "raise".
            RuntimeError: if the request is over, or was tuned already.
            TypeError: for passages that are no texts.
        """
        if self.closed or self.report is not None:
            raise RuntimeError("a request is tuned once, before it ends")
        if isinstance(passages, str) or not all(isinstance(text, str) for text in passages):
            raise TypeError("passages must be a sequence of texts, in selection order")
        tuner = self._tuner
        plan = plan_of(len(passages), selection, tuner.alpha, tuner.min_gain)
        progress, error = Progress(), None
        if plan.passages:
            error = self._train(query, passages[: plan.passages], progress)
        self.report = self._reported(plan, progress, error)
        if error is not None and tuner.on_error == "raise":
            raise TuningError(f"training failed: {error}") from error
        return self.report

    async def atune(
        self, query: str, passages: Sequence[str], *, selection: Selection[Any] | None = None
    ) -> Report:
        """The same in a thread. A cancellation is heard between steps, and waited for."""
        work = asyncio.to_thread(self.tune, query, passages, selection=selection)
        return await finished(work, cancel=self._stop.set)

    def _train(self, query: str, passages: Sequence[str], progress: Progress) -> Exception | None:
        """Make the steps; what remains of an error, by the policy."""
        tuner, slot = self._tuner, self._tuner._slot
        device = next(tuner.model.parameters()).device
        context = query if tuner.query_as_context else None
        examples = [
            partial(example_of, tuner.tokenizer, text, context, tuner.max_passage_tokens, device)
            for text in passages
        ]
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        slot.enable()
        try:
            train(
                slot,
                examples,
                learning_rate=tuner.learning_rate,
                budget=tuner.budget,
                progress=progress,
                stop=self._stop.is_set,
            )
        except Exception as error:
            if tuner.on_error != "partial" or progress.torn:
                slot.disable()
            return error
        return None

    def _reported(self, plan: Plan, progress: Progress, error: Exception | None) -> Report:
        device = next(self._tuner.model.parameters()).device
        stopped = plan.stopped
        if error is not None:
            stopped = "error"
        elif progress.stopped != "passages":
            stopped = progress.stopped
        return Report(
            stopped=stopped,
            losses=tuple(progress.losses),
            tokens=progress.tokens,
            seconds=progress.seconds,
            queue_seconds=self._queue_seconds,
            sigma=plan.sigma,
            predicted_gain=plan.predicted_gain,
            error=None if error is None else repr(error),
            peak_memory=torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None,
        )


def _lora_config() -> Any:
    try:
        from peft import LoraConfig
    except ImportError as error:
        raise ImportError(
            "test-time fine-tuning needs transformers and peft: "
            "pip install 'sift-retrievers[finetune]'"
        ) from error
    return LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM")
