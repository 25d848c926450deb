"""`StopReason`: why a selection ended."""

from __future__ import annotations

from enum import StrEnum


class StopReason(StrEnum):
    """Why a selection has the length it has."""

    K = "k"
    """k passages were picked."""
    EXHAUSTED = "exhausted"
    """Every candidate, or one of every group, was picked, and there were fewer than k."""
    BUDGET = "budget"
    """Every remaining candidate costs more than what was left of the budget."""
    ALPHA = "alpha"
    """The α rule of adaptive SIFT, see `selection.stopping.alpha_length`."""
    MIN_GAIN = "min_gain"
    """The next pick would have gained less than `min_gain`."""
    MIN_NOVELTY = "min_novelty"
    """Every remaining candidate repeats the picks: its novelty is below `min_novelty`."""
    MIN_CHANCE = "min_chance"
    """The evidence is probably not among the candidates: the chance is below `min_chance`."""
