"""Bits per byte: the loss of a language model in units that do not depend on its tokenizer."""

from __future__ import annotations

import math

from sift_retrievers.validation import count


def bits_per_byte(nats: float, byte_count: int) -> float:
    """Σ −ln p over the tokens of a text, divided by ln 2 and by its bytes.

    Args:
        nats: the summed negative log-likelihood of the text, in nats; not a mean.
        byte_count: bytes of the text in UTF-8, at least 1.

    Returns:
        Bits per byte. Source: Gao et al., "The Pile", arXiv 2101.00027, section 3.1.

    Raises:
        ValueError: if the nats are negative or not finite, or the bytes no positive whole number.
    """
    if not (math.isfinite(nats) and nats >= 0):
        raise ValueError(f"nats must be finite and at least 0; got {nats!r}")
    return nats / (math.log(2) * count(byte_count, "byte_count"))
