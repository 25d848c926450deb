"""`ModelGuard`: starts sessions on an unchanged model, and restores the model after each."""

from __future__ import annotations

from typing import Final

import torch

from sift_retrievers.finetune.errors import BaseChangedError, PoisonedError
from sift_retrievers.finetune.session import Session
from sift_retrievers.finetune.trainer import Trainer

GENERATION_SECONDS: Final = 60.0
"""How long the end of a session waits for running generations, which were told to stop."""


class ModelGuard:
    """Begins and ends the sessions of one model. The caller holds the lock of the model.

    If the model cannot be restored, all further sessions are refused with a `PoisonedError`.
    """

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._poisoned: str | None = None

    def begin(self, queue_seconds: float, tuned: bool) -> Session:
        """Start a session.

        Raises:
            PoisonedError: if an earlier session could not be undone, or the tuner was closed.
            RuntimeError: if the adapter is not in float32 any more.
        """
        self._check_usable()
        if any(parameter.dtype != torch.float32 for parameter in self._trainer.slot.parameters):
            raise RuntimeError(
                "the adapter is no longer in float32, so small training steps would be lost: the "
                "model was cast after the tuner was made. Cast the model first, then make the tuner"
            )
        session = Session(
            self._trainer,
            base=self._trainer.fingerprint(),
            queue_seconds=queue_seconds,
            tuned=tuned,
        )
        session.generations.watch()
        return session

    def end(self, session: Session) -> None:
        """End a session: stop its generations, reset the adapter, verify the base model.

        Raises:
            BaseChangedError: if the base model was changed during the session.
            PoisonedError: if a generation did not stop.
            Exception: whatever failed in the reset or the verification.
        """
        try:
            session.close()
            if not session.generations.end(GENERATION_SECONDS):
                self._poisoned = f"a generation did not end within {GENERATION_SECONDS} s"
        finally:
            self._reset_adapter()
        self._check_usable()
        self._verify_base(session)

    def close(self) -> None:
        """Remove the adapter from the model and refuse all further sessions."""
        self._trainer.slot.remove()
        self._poisoned = "the tuner was closed"

    def _check_usable(self) -> None:
        if self._poisoned is not None:
            raise PoisonedError(f"this tuner refuses to work: {self._poisoned}")

    def _reset_adapter(self) -> None:
        try:
            self._trainer.slot.disable()
            self._trainer.slot.reset()
        except BaseException as error:
            self._poisoned = f"the adapter could not be reset: {error!r}"
            raise

    def _verify_base(self, session: Session) -> None:
        try:
            after = self._trainer.fingerprint()
        except BaseException as error:
            self._poisoned = f"the base model could not be verified: {error!r}"
            raise
        if session.base is None or after is None:
            return
        change = session.base.difference(after)
        if change is not None:
            self._poisoned = f"the base model changed during a session: {change}"
            raise BaseChangedError(self._poisoned)
        session.mark_verified()
