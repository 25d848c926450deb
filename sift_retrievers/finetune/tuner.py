"""`TestTimeTuner`: a model fine-tuned on the spot for one request, and back again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from time import perf_counter
from typing import Any, Literal, Self

import torch
from torch import nn

from sift_retrievers.finetune.adapter_cache import AdapterCache
from sift_retrievers.finetune.budget import Budget
from sift_retrievers.finetune.checkpointing import checkpointable_layers
from sift_retrievers.finetune.errors import NoRequestError, PoisonedError
from sift_retrievers.finetune.gate import gate_of
from sift_retrievers.finetune.open_requests import ended, open_request, opened
from sift_retrievers.finetune.proof import BaseChangedError, Fingerprint, fingerprint
from sift_retrievers.finetune.request import Request
from sift_retrievers.finetune.slot import AdapterSlot
from sift_retrievers.finetune.threads import finished, in_thread
from sift_retrievers.selection import Selection
from sift_retrievers.validation import count, positive

OnError = Literal["base", "partial", "raise"]
Verify = Literal["quick", "full"] | None
GENERATION_SECONDS = 60.0  # that a request waits for a generation which it asked to end


class TestTimeTuner:
    """Fine-tunes a LoRA adapter on the passages of one request, and forgets it afterwards.

    The adapter is put into the model object once and is off outside of requests. What a request
    trains is gone when it ends, whatever happened inside; the base is never written to, and unless
    `verify=None` every request proves it. One request at a time: further ones wait in a queue,
    threads and coroutines alike. Whoever calls the model past the tuner is not protected. `close`
    it before the model is saved: its weights have other names while the adapter is in it.

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
        cache_bytes: int = 0,
        seed: int = 0,
        lambda_: float = 0.1,
        max_passage_tokens: int = 512,
        query_as_context: bool = False,
        gradient_checkpointing: bool = False,
        queue_timeout: float | None = 300.0,
    ) -> None:
        """Put the adapter into the model.

        Args:
            model: a causal language model of transformers, in fp32 or bf16, on one device.
            tokenizer: its tokenizer.
            lora: a `peft.LoraConfig`; default: rank 8 on all linear layers.
            learning_rate: of AdamW, one step a passage.
            budget: limits of a request; default: 50 steps.
            alpha: stop by the α rule of adaptive SIFT, which makes the compute follow the expected
                gain; needs a `selection`.
            min_gain: train only if the selection promises that many nats; needs a `selection`.
            on_error: after an error in training, answer with the "base", with what was trained so
                far ("partial"), or "raise". In any case nothing stays.
            verify: how to prove that the base is unchanged after a request: "quick" (counters of
                writes and samples of every tensor), "full" (SHA-256 of every byte), or None.
            cache_bytes: keep trained adapters on the CPU, at most so many bytes, for requests whose
                passages come again exactly so; 0 keeps none.
            seed: of the adapter's first weights.
            lambda_: λ′ of the selection with replacement that the hooks of retrievers make for
                training. The paper's is 0.01; 0.1 was better in every comparison of
                benchmarks/test_time.
            max_passage_tokens: longer passages are cut.
            query_as_context: let the model read the query before each passage; the loss is on the
                passage alone.
            gradient_checkpointing: compute what the layers give a second time for the gradient,
                instead of keeping it: less memory, more time.
            queue_timeout: seconds that a request waits for others at most; None: forever.

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
        self.lambda_ = positive(lambda_, "lambda_")
        self.cache = AdapterCache(0 if cache_bytes == 0 else count(cache_bytes, "cache_bytes"))
        self.gradient_checkpointing = gradient_checkpointing
        if gradient_checkpointing:
            checkpointable_layers(model)
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
    def request(self, *, tuned: bool = True) -> Iterator[Request]:
        """A request whose passages are known later: inside, call `tune` of what it yields.

        Args:
            tuned: whether the retrievers' hooks train in it; without, the model answers as it is,
                and no other request changes it meanwhile.
        """
        start = self._may_wait()
        self._gate.acquire(self.queue_timeout)
        try:
            request = self._begin(perf_counter() - start, tuned)
            try:
                opened(self, request)
                yield request
            finally:
                ended(self, request)
                self._end(request)
        finally:
            self._gate.release()
        _raise_streamed(request)

    @asynccontextmanager
    async def arequest(self, *, tuned: bool = True) -> AsyncIterator[Request]:
        """The same; waiting and proving leave the event loop free."""
        start = self._may_wait()
        await self._gate.acquire_async(self.queue_timeout)
        try:
            begin = in_thread(self._begin, perf_counter() - start, tuned)
            request = await finished(begin, undo=self._end)
            try:
                opened(self, request)
                yield request
            finally:
                ended(self, request)
                await finished(in_thread(self._end, request))
        finally:
            self._gate.release()
        _raise_streamed(request)

    def current_request(self) -> Request:
        """The request that encloses the calling code, also in threads that frameworks start.

        Raises:
            NoRequestError: outside of any.
        """
        request = open_request(self)
        if request is None:
            raise NoRequestError(
                "there is no request to train for: what is trained now would stay in the model. "
                "Run the chain by wrap(tuner, chain), or inside `with tuner.request():`; for the "
                "tools of an agent leave fine_tune out and use the middleware SIFTFineTuning"
            )
        return request

    def close(self) -> None:
        """Take the adapter out of the model, which is then as it was before the tuner."""
        self._may_wait()
        self._gate.acquire(self.queue_timeout)
        try:
            self._slot.remove()
            self._poison = "the tuner was closed"
        finally:
            self._gate.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Itself: it belongs to one model object, as what a copied chain calls does."""
        return self

    def __reduce__(self) -> Any:
        raise TypeError("a TestTimeTuner belongs to a model in this process and cannot be pickled")

    def check_model(self, model: Any, owner: str) -> None:
        """See that an answer comes from the model that is tuned.

        Raises:
            ValueError: if it is another transformers model.
        """
        if isinstance(model, nn.Module) and gate_of(model) is not self._gate:
            raise ValueError(
                f"{owner} calls a {type(model).__name__} that is not the tuner's model: make the "
                "tuner with TestTimeTuner(*transformers_model(llm)) from its llm"
            )

    def trained_by(self) -> dict[str, Any]:
        """The settings that a trained adapter depends on."""
        return {
            "lora": self._slot.config.to_dict(),
            "learning_rate": self.learning_rate,
            "seed": self._slot.seed,
            "max_steps": self.budget.max_steps,
            "max_tokens": self.budget.max_tokens,
        }

    def _may_wait(self) -> float:
        """The time, if the calling code is not inside a request that it would wait for."""
        if open_request(self) is not None:
            raise RuntimeError(
                "a request of this tuner encloses this one, which would wait for its end forever: "
                "wrap the whole chain once"
            )
        return perf_counter()

    def _begin(self, waited: float, tuned: bool) -> Request:
        """A request on an untouched base; the gate is held."""
        if self._poison is not None:
            raise PoisonedError(f"this tuner refuses further work: {self._poison}")
        if any(parameter.dtype != torch.float32 for parameter in self._slot.parameters):
            raise RuntimeError(
                "the adapter is no longer in float32, in which alone small steps count: the model "
                "was cast after the tuner was made. Cast it first, then make the tuner"
            )
        request = Request(self, waited, self._fingerprint(), tuned=tuned)
        request.generations.watch()
        return request

    def _fingerprint(self) -> Fingerprint | None:
        if self.verify is None and self.cache.max_bytes == 0:
            return None
        return fingerprint(self.model, self._slot.ids, full=self.verify == "full")

    def _end(self, request: Request) -> None:
        """Forget the request; what cannot be undone poisons the tuner."""
        try:
            request.close()
            if not request.generations.end(GENERATION_SECONDS):
                self._poison = f"a generation did not end within {GENERATION_SECONDS} s"
        finally:
            self._forget()
        if self._poison is not None:
            raise PoisonedError(f"this tuner refuses further work: {self._poison}")
        try:
            after = self._fingerprint()
        except BaseException as error:
            self._poison = f"the base could not be compared: {error!r}"
            raise
        if request.before is not None and after is not None:
            changed = request.before.difference(after)
            if changed is not None:
                self._poison = f"the base model changed during a request: {changed}"
                raise BaseChangedError(self._poison)
            request.proved()

    def _forget(self) -> None:
        try:
            self._slot.disable()
            self._slot.reset()
        except BaseException as error:
            self._poison = f"the adapter could not be reset: {error!r}"
            raise


def _raise_streamed(request: Request) -> None:
    """The error of a generation in another thread, which its stream could not raise."""
    if request.generations.error is not None:
        raise RuntimeError("the generation of a stream failed") from request.generations.error


def _lora_config() -> Any:
    try:
        from peft import LoraConfig
    except ImportError as error:
        raise ImportError(
            "test-time fine-tuning needs transformers and peft: "
            "pip install 'sift-retrievers[finetune]'"
        ) from error
    return LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM")
