"""`TestTimeTuner`: fine-tunes a model for one request at a time, and restores it afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from time import perf_counter
from typing import Any, Self

from torch import nn

from sift_retrievers.finetune.adapter_cache import AdapterCache
from sift_retrievers.finetune.adapter_slot import AdapterSlot, default_lora
from sift_retrievers.finetune.budget import Budget
from sift_retrievers.finetune.checkpointing import checkpointable_layers
from sift_retrievers.finetune.current_session import (
    check_outside_session,
    current_session,
    enter_session,
    held_turns,
    leave_session,
)
from sift_retrievers.finetune.errors import NoRequestError
from sift_retrievers.finetune.model_guard import ModelGuard
from sift_retrievers.finetune.model_lock import lock_of
from sift_retrievers.finetune.open_request import AsyncRequest, OpenRequest
from sift_retrievers.finetune.report import Report
from sift_retrievers.finetune.session import Session
from sift_retrievers.finetune.settings import OnError, TunerSettings, Verify
from sift_retrievers.finetune.train_ahead import AheadRequest, AheadTraining
from sift_retrievers.finetune.trainer import Trainer
from sift_retrievers.finetune.training_step import OnStep
from sift_retrievers.selection import Selection


class TestTimeTuner:
    """Trains an adapter on the passages of one request, and discards it afterwards.

    The adapter is put into the model object once, and is off between requests. When a request ends,
    its adapter is reset, whatever happened. The weights of the base model are never written to;
    unless `verify=None`, this is checked after every request. One request at a time: others wait in
    one queue, threads and coroutines alike.

    Calls of the model that bypass the tuner are not protected. `close` the tuner before you save
    the model, whose weights have other names while the adapter is in it.

    Example:
        ```python
        tuner = TestTimeTuner(model, tokenizer)
        with tuner.session(query, passages) as session:  # passages in selection order
            answer = model.generate(...)
        session.report.losses
        ```
    """

    __test__ = False  # pytest would collect the class because of its name

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
        min_transfer: float | None = 0.0,
        on_error: OnError = "raise",
        verify: Verify = "quick",
        cache_bytes: int = 0,
        seed: int = 0,
        lambda_: float | None = None,
        max_passage_tokens: int = 512,
        query_as_context: bool = False,
        passages_before: int = 0,
        first_last: bool = True,
        gradient_checkpointing: bool = False,
        queue_timeout: float | None = 300.0,
        on_step: OnStep | None = None,
    ) -> None:
        """Put the adapter into the model.

        Args:
            model: a causal language model of transformers, in fp32 or bf16, on one device.
            tokenizer: of the model.
            lora: a `peft.LoraConfig`, with `use_rslora` or `use_dora` if you like, or a
                `peft.IA3Config`; default: LoRA of rank 8 on all linear layers.
            learning_rate: of AdamW; each passage takes one step.
            budget: limits on the training of a request; default: 20 steps.
            alpha: stop training by the α rule of adaptive SIFT, so that the compute follows the
                expected gain. Needs a `selection`.
            min_gain: train only if the selection predicts at least this gain, in nats. Needs a
                `selection`.
            min_transfer: the base model answers unless training lowers the loss of passages that it
                has not come to yet by so many nats per token, mean of the first four. None: no such
                check, which costs four forward passes.
            on_error: what to do if training fails: answer with the "base" model, answer with what
                was trained so far ("partial"), or "raise". The adapter is reset in any case.
            verify: how to check after a request that the base model is unchanged: "quick" (counters
                of writes, and a sample of each tensor), "full" (SHA-256 of every byte), or None.
            cache_bytes: size of a cache of trained adapters on the CPU, for requests with exactly
                the same passages; 0: no cache.
            seed: of the adapter's first weights.
            lambda_: λ′ with which retrievers select the passages to train on as SIFT's paper does,
                with replacement. None: they train on what they would return first, none twice; with
                `alpha` or `min_gain`, which need SIFT's uncertainty, on SIFT's selection, λ′ = 0.1.
            max_passage_tokens: longer passages are cut.
            query_as_context: put the query before each passage; the loss is on the passage alone.
            passages_before: put so many of the passages trained on before in front of each passage,
                as a chain shows them to the model; the loss is on the passage alone.
            first_last: train in reverse order, so that the best passage comes last. Not with a
                limit in seconds or tokens, at which training might end before it.
            gradient_checkpointing: recompute activations for the gradient, instead of keeping
                them: less memory, more time.
            queue_timeout: seconds that a request waits for the model; None: forever.
            on_step: called with a `TrainingStep` after each gradient step, in the thread that
                trains. If it returns True, training ends and the model answers with what was
                trained so far. (tqdm's `update` returns True at times: do not pass its result on.)
                An exception in it is an error of training, for `on_error` to handle. Not called
                when the adapter comes from the cache.

        Raises:
            ImportError: if transformers or peft is not installed.
            TypeError: if `on_step` cannot be called, or `lora` is of another class.
            ValueError: if a setting is not allowed, if `lora` would change the base model, or if
                the model cannot be tuned. The model is then unchanged.
        """
        settings = TunerSettings(
            learning_rate=learning_rate,
            budget=Budget() if budget is None else budget,
            alpha=alpha,
            min_gain=min_gain,
            min_transfer=min_transfer,
            on_error=on_error,
            verify=verify,
            cache_bytes=cache_bytes,
            lambda_=lambda_,
            max_passage_tokens=max_passage_tokens,
            query_as_context=query_as_context,
            passages_before=passages_before,
            first_last=first_last,
            gradient_checkpointing=gradient_checkpointing,
            queue_timeout=queue_timeout,
            on_step=on_step,
        )
        if gradient_checkpointing:
            checkpointable_layers(model)
        self.model, self.tokenizer, self.settings = model, tokenizer, settings
        self.cache = AdapterCache(cache_bytes)
        self._lock = lock_of(model)
        with self._lock.hold(settings.queue_timeout, held_turns()):
            slot = AdapterSlot(model, default_lora() if lora is None else lora, seed)
        self._trainer = Trainer(model, tokenizer, slot, self.cache, settings)
        self._guard = ModelGuard(self._trainer)

    @contextmanager
    def session(
        self, query: str, passages: Sequence[str], *, selection: Selection[Any] | None = None
    ) -> Iterator[Session]:
        """Train on the passages; inside, the model answers with the trained adapter.

        Args:
            query: what is asked.
            passages: texts in selection order; each takes one gradient step, repeated ones too.
            selection: the result of `select` for the passages; `alpha`, `min_gain` and the report
                use it.

        Raises:
            QueueTimeoutError: if the model was busy for longer than `queue_timeout`.
            DeadlockError: inside a session of another tuner, if a request that holds this model
                waits for the other one.
            TuningError: if training failed and `on_error` is "raise".
            PoisonedError: if an earlier request could not be undone.
            BaseChangedError: at the end, if the base model was changed meanwhile.
        """
        with self.request() as session:
            session.tune(query, passages, selection=selection)
            yield session

    def asession(
        self, query: str, passages: Sequence[str], *, selection: Selection[Any] | None = None
    ) -> AbstractAsyncContextManager[Session]:
        """Async version of `session`."""

        async def train(session: Session) -> None:
            await session.atune(query, passages, selection=selection)

        return AsyncRequest(self, self._guard, self._lock, tuned=True, train=train)

    @contextmanager
    def request(self, *, tuned: bool = True) -> Iterator[Session]:
        """Open a session whose passages are not known yet; train in it with `Session.tune`.

        Args:
            tuned: whether retrievers with `fine_tune=tuner` train in the session. With False the
                base model answers, and no other request changes it meanwhile.

        Raises:
            DeadlockError, QueueTimeoutError, PoisonedError, BaseChangedError: as `session` does.
        """
        check_outside_session(self)
        start = perf_counter()
        turn = self._lock.acquire(self.settings.queue_timeout, held_turns())
        request = OpenRequest(self._guard, self._lock, turn)
        try:
            session = request.begin(perf_counter() - start, tuned)
            enter_session(self, request)
            yield session
        finally:
            leave_session(self, request)
            request.end()
        session.generations.raise_stream_error()

    def arequest(self, *, tuned: bool = True) -> AsyncRequest:
        """Async version of `request`."""
        return AsyncRequest(self, self._guard, self._lock, tuned=tuned)

    def train_ahead(self, requests: Sequence[AheadRequest], *, batch_size: int = 8) -> list[Report]:
        """Train the adapters of several requests side by side, and put them into the cache.

        Later sessions on exactly the same passages restore them from there. Needs `cache_bytes`.

        Args:
            requests: `(query, passages)` or `(query, passages, selection)`, as `session` takes
                them. Those that are in the cache are skipped; repeated ones are trained once.
            batch_size: how many are trained at once; each step takes one passage of each.

        Returns:
            One report for each request. An error of one request, such as a loss that is not
            finite, is in its report; the request is then not in the cache.

        Raises:
            ValueError: if the cache is too small for all, the adapter is not LoRA or rsLoRA on
                linear layers, or as `Session.tune` does.
            TuningError, TypeError, PoisonedError, …: as `session` does.
        """
        ahead = AheadTraining(self._trainer, requests, batch_size)
        with self.request(tuned=False) as session:
            reports = ahead.run(session)
        return ahead.verified(reports)

    async def atrain_ahead(
        self, requests: Sequence[AheadRequest], *, batch_size: int = 8
    ) -> list[Report]:
        """Async version of `train_ahead`. A cancellation ends training after the current step."""
        ahead = AheadTraining(self._trainer, requests, batch_size)
        async with self.arequest(tuned=False) as session:
            reports = await ahead.arun(session)
        return ahead.verified(reports)

    def current_session(self) -> Session:
        """Return the open session that the calling code runs in, also in a framework's threads.

        Raises:
            NoRequestError: if there is none.
        """
        session = current_session(self)
        if session is None:
            raise NoRequestError(
                "there is no open request of this tuner here, so nothing would undo the training. "
                "Run the chain by wrap(tuner, chain), or inside `with tuner.request():`. For the "
                "tools of an agent, leave fine_tune out and use the middleware SIFTFineTuning"
            )
        return session

    def close(self) -> None:
        """Remove the adapter from the model, which is then as it was before the tuner was made."""
        check_outside_session(self)
        with self._lock.hold(self.settings.queue_timeout, held_turns()):
            self._guard.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return the tuner itself: it belongs to one model object, which copied chains share."""
        return self

    def __reduce__(self) -> Any:
        raise TypeError("a TestTimeTuner belongs to a model in this process and cannot be pickled")

    def check_model(self, model: Any, owner: str) -> None:
        """Check that `model`, which `owner` calls, is the tuner's.

        Raises:
            ValueError: if it is another torch module.
        """
        if isinstance(model, nn.Module) and lock_of(model) is not self._lock:
            raise ValueError(
                f"{owner} calls a {type(model).__name__} that is not the tuner's model: make the "
                "tuner with TestTimeTuner(*transformers_model(llm)), from the llm that it calls"
            )
