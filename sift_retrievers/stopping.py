"""When enough is enough: rules that cut a selection to a prefix.

Both rules look at the picks in order and stop at the first that fails; a later pick that would pass
again is not taken back in.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sift_retrievers.stop_reason import StopReason

__all__ = ["StopReason", "alpha_length", "min_gain_length"]


def alpha_length(variance: Tensor, targets: int, alpha: float) -> Tensor:
    """Passages kept by adaptive SIFT: the n − 1 before the first n with σ_n > 1/(α n), at least 1.

    It ends early where the uncertainty stays high, nothing at hand helps, and cannot act before
    n > 1/(α σ_n): made for fine-tuning, where it makes compute follow the expected gain.

    Args:
        variance: `[B, k + 1]` posterior variance summed over the targets; σ_n is the root of its
            mean over the targets.
        targets: m.
        alpha: α > 0; 0.15 to 0.5 is usual for vectors of unit length.

    Returns:
        `[B]` lengths, at most k. Source: arXiv 2410.08020, section 5.
    """
    k = variance.shape[1] - 1
    n = torch.arange(1, k + 1, device=variance.device)
    too_high = (variance[:, 1:] / targets).sqrt() > 1.0 / (alpha * n)
    return _first(too_high).clamp_min(1)


def min_gain_length(gains: Tensor, min_gain: float) -> Tensor:
    """Passages before the first pick that gains less than `min_gain` nats; may be none: `[B]`."""
    return _first(gains < min_gain)


def _first(mask: Tensor) -> Tensor:
    """Position of the first true element of each row; the row's length where there is none."""
    position = mask.to(torch.uint8).argmax(dim=1)
    return torch.where(mask.any(dim=1), position, mask.shape[1])
