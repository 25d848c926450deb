"""All errors of test-time fine-tuning."""

from __future__ import annotations


class TuningError(RuntimeError):
    """Training failed, and the tuner's `on_error` is "raise"."""


class NonFiniteLossError(ArithmeticError):
    """The loss of a passage, or its gradient, is NaN or infinite."""


class NoRequestError(RuntimeError):
    """A retriever was to train outside of any session, where nothing would undo the training."""


class QueueTimeoutError(TimeoutError):
    """The model was busy with other requests for longer than `queue_timeout`."""


class DeadlockError(RuntimeError):
    """Two requests hold one model each, and each needs the model of the other."""


class BaseChangedError(RuntimeError):
    """The weights of the base model changed during a session."""


class PoisonedError(RuntimeError):
    """The tuner refuses to work, because the model may not be in its original state."""
