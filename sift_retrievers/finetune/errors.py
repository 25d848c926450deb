"""What can go wrong with a request, by name."""

from __future__ import annotations


class PoisonedError(RuntimeError):
    """An earlier request left the model in a state that nobody can vouch for."""


class TuningError(RuntimeError):
    """Training failed, and the policy was to say so."""


class NoRequestError(RuntimeError):
    """Something was to be trained outside of any request, where nobody would undo it."""
