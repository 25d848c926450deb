"""Confidence intervals of means over queries, and paired comparisons of two methods."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sift_retrievers.validation import count

RESAMPLES = 10_000
CONFIDENCE = 0.95
_BLOCK = 1 << 21  # random numbers drawn at once: 16 MB, however many queries and resamples

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A mean with its bootstrap confidence interval, in the units of the values."""

    mean: float
    low: float
    high: float
    confidence: float
    """Nominal probability that the interval holds the true mean."""


@dataclass(frozen=True)
class Comparison:
    """Two methods on the same queries: the differences a − b."""

    difference: Interval
    """Mean difference. An interval above 0 is evidence that a is better, below 0 that b is."""
    p_value: float
    """Two-sided p-value of the sign-flip permutation test. Not corrected for the number of
    comparisons made."""
    wins: int
    """Number of queries on which a is higher."""
    ties: int
    """Number of queries on which they are equal."""
    losses: int
    """Number of queries on which a is lower."""


def mean_interval(
    values: npt.ArrayLike,
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Mean of the values and its percentile bootstrap interval.

    Args:
        values: `[n]`, one for each query, n ≥ 2.
        confidence: between 0 and 1.
        resamples: samples of n values, drawn with replacement.
        seed: of the draw; the same seed gives the same interval.

    Returns:
        The quantiles (1 ± confidence) / 2 of the means of the samples. Source: Efron and
        Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.

    Raises:
        ValueError: if the values are not `[n]` with n ≥ 2 and finite, or an option is out of range.
    """
    numbers = _values(values, "values")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be between 0 and 1; got {confidence!r}")
    random = np.random.default_rng(seed)
    n = len(numbers)
    means = np.concatenate(
        [
            numbers[random.integers(0, n, size=(rows, n))].mean(axis=1)
            for rows in _blocks(count(resamples, "resamples"), n)
        ]
    )
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(numbers.mean()), float(low), float(high), confidence)


def paired_comparison(
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Comparison:
    """Compare two methods by their values on the same queries.

    The interval is that of `mean_interval` for a − b. The p-value is that of the sign-flip test: if
    the methods are exchangeable on every query, each difference has either sign with probability
    one half. All sign patterns are counted where there are no more than `resamples` of them,
    otherwise as many random ones and the observed one.

    Args:
        a: `[n]`, one for each query, n ≥ 2.
        b: `[n]`, the same queries in the same order.
        confidence: of the interval, between 0 and 1.
        resamples: of the bootstrap and of the test.
        seed: of both.

    Returns:
        A `Comparison`. Source of the test: Smucker, Allan and Carterette, "A Comparison of
        Statistical Significance Tests for Information Retrieval Evaluation", CIKM 2007.

    Raises:
        ValueError: for arrays that are not `[n]` of one length n ≥ 2 and finite, or options that
            are out of range.
    """
    first, second = _values(a, "a"), _values(b, "b")
    if first.shape != second.shape:
        raise ValueError(
            f"a and b must hold the same queries; got {len(first)} and {len(second)} values"
        )
    differences = first - second
    return Comparison(
        difference=mean_interval(
            differences, confidence=confidence, resamples=resamples, seed=seed
        ),
        p_value=_sign_flip(differences, resamples, seed),
        wins=int((differences > 0).sum()),
        ties=int((differences == 0).sum()),
        losses=int((differences < 0).sum()),
    )


def _sign_flip(differences: Values, resamples: int, seed: int) -> float:
    sizes = np.abs(differences[differences != 0])  # a tie has no sign to flip
    n = len(sizes)
    # Sums that are equal in exact arithmetic may differ by rounding.
    at_least = abs(float(differences.sum())) - 1e-12 * float(sizes.sum())
    if 2**n <= resamples:
        patterns = np.arange(2**n)[:, None] >> np.arange(n) & 1
        return float((np.abs((2 * patterns - 1) @ sizes) >= at_least).mean())
    random = np.random.default_rng(seed)
    extreme = sum(
        int((np.abs((2 * random.integers(0, 2, size=(rows, n)) - 1) @ sizes) >= at_least).sum())
        for rows in _blocks(resamples, n)
    )
    return (extreme + 1) / (resamples + 1)


def _blocks(rows: int, width: int) -> Iterator[int]:
    """Numbers of rows of parts, which hold at most `_BLOCK` numbers each."""
    most = max(1, _BLOCK // width)
    for start in range(0, rows, most):
        yield min(most, rows - start)


def _values(values: npt.ArrayLike, name: str) -> Values:
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.ndim != 1 or len(numbers) < 2:
        raise ValueError(f"{name} must be [n] with n ≥ 2; got {numbers.shape}")
    wrong = ~np.isfinite(numbers)
    if wrong.any():
        raise ValueError(
            f"{name} must be finite; {int(wrong.sum())} of {len(numbers)} are NaN or infinite, the "
            f"first at position {int(wrong.argmax())}"
        )
    return numbers
