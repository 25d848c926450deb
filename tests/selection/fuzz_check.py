"""Whether a selection is what the definitions say, pick by pick, up to rounding."""

from __future__ import annotations

from typing import Any

import numpy as np
from fuzz_calls import Call, Truth

from sift_retrievers import StopReason


def check_answer(call: Call, chosen: Any) -> None:
    """Compare objectives and gains with brute force, never lists of picks: there are near-ties.

    Raises:
        AssertionError: if they differ.
    """
    indices, gains, variance = (
        np.asarray(values) for values in (chosen.indices, chosen.gains, chosen.variance)
    )
    reasons = [chosen.stop_reason] if call.single else list(chosen.stop_reason)
    if call.single:
        indices, gains, variance = indices[None], gains[None], variance[None]
    k = int(call.k) if call.k <= 2**16 else indices.shape[1]
    assert indices.shape == gains.shape == (len(call.truths), k)
    assert variance.shape == (len(call.truths), k + 1)
    assert type(chosen.indices) is type(chosen.gains)
    exact = 1e-9 if gains.dtype == np.float64 and not call.read_as_float32 else 1e-5
    for b, truth in enumerate(call.truths):
        made = int((indices[b] >= 0).sum())
        assert (indices[b, made:] == -1).all()
        assert not gains[b, made:].any()
        assert (variance[b, made:] == variance[b, made]).all()
        assert (gains[b] >= 0).all()
        assert (np.diff(variance[b]) <= 0).all()
        ratio = truth.oracle.gram.diagonal().max(initial=0.0) / truth.oracle.noise
        if not call.exactly or ratio > 1e7:
            assert np.isfinite(variance).all()
            assert np.isfinite(gains).all()
            continue
        checked = _Checked(call, truth, exact)
        picks: list[int] = []
        for n in range(made):
            picks.append(checked.pick(int(indices[b, n]), picks, float(gains[b, n])))
            checked.uncertainty(picks, float(variance[b, n + 1]))
        checked.end(picks, reasons[b], call.k)


class _Checked:
    """One query's truth, and how exact its answer has to be."""

    def __init__(self, call: Call, truth: Truth, exact: float) -> None:
        self.call, self.truth, self.oracle = call, truth, truth.oracle
        oracle = truth.oracle
        largest = oracle.gram.diagonal().max(initial=0.0)
        prior = oracle.prior.diagonal()
        self.start = oracle.variance([])
        # Rounding is in units of the largest variance, and magnified by 1/λ′.
        self.share = exact * max(1.0, largest / prior.min(), (largest / oracle.noise))
        self.nats = exact * max(1.0, largest / oracle.noise) + truth.blur
        self.share += 2 * truth.blur
        self.variance = oracle.objective == "variance"

    def scores(self, picks: list[int]) -> Any:
        score = self.oracle.scores(picks)
        if self.variance:
            score = score / self.start
        truth = self.truth
        left = truth.budget - truth.costs[picks].sum()
        used = {truth.groups[i] for i in picks} - {None}
        allowed = [
            truth.costs[j] <= left + 1e-9 and truth.groups[j] not in used for j in range(len(score))
        ]
        return np.where(allowed, score, -np.inf)

    def pick(self, index: int, before: list[int], gain: float) -> int:
        """The position of the pick, which is one of the best, with the gain that it has."""
        score = self.scores(before)
        near = self.share if self.variance else self.nats
        named = [j for j, name in enumerate(self.truth.positions) if name == index]
        assert named, f"{index} is no candidate"
        pick = max(named, key=lambda j: score[j])
        assert score[pick] > -np.inf, f"{index} may not be picked after {before}"
        regret = float(score.max() - score[pick])
        assert regret <= near, f"pick {index} after {before}: regret {regret:.2e} > {near:.2e}"
        if self.variance:
            ratio = self.oracle.variance(before) / self.oracle.variance([*before, pick])
            left = self.oracle.variance([*before, pick]) / self.start
            found, expected = gain * left, 0.5 * float(np.log(ratio)) * left
        else:
            found = gain
            expected = float(self.oracle.scores(before, as_ranked=False)[pick])
        assert abs(found - expected) <= near, f"gain {found} for {expected}, within {near:.2e}"
        return pick

    def uncertainty(self, picks: list[int], variance: float) -> None:
        if self.call.matrix:
            return
        error = abs(variance - self.oracle.variance(picks)) / self.start
        assert error <= self.share, f"variance after {picks} wrong by {error:.2e} of σ²_0"

    def end(self, picks: list[int], reason: StopReason, k: int) -> None:
        """Why it ended there."""
        score = self.scores(picks)
        more = bool((score > -np.inf).any()) and len(picks) < k
        if reason == StopReason.K:
            assert len(picks) == k
        elif reason in (StopReason.EXHAUSTED, StopReason.BUDGET):
            assert not more, f"{reason} after {picks}, and there was more"
        elif reason == StopReason.MIN_GAIN:
            least = self.call.options["min_gain"]
            best = self._gain_of_best(picks, score)
            assert best <= least * (1 + 1e-6) + 2 * self.nats + self.share
        else:
            assert reason == StopReason.ALPHA
            assert len(picks) >= 1 or not more
        if more and reason == StopReason.K:
            raise AssertionError("fewer than k")

    def _gain_of_best(self, picks: list[int], score: Any) -> float:
        best = int(score.argmax())
        if not self.variance:
            return float(score[best])
        after = self.oracle.variance([*picks, best])
        return 0.5 * float(np.log(self.oracle.variance(picks) / after))
