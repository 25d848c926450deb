"""Proof that a model's own tensors are what they were."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

SAMPLED = 16  # numbers of every tensor that a quick proof looks at


class BaseChangedError(RuntimeError):
    """The model's own tensors are not what they were before a request."""


@dataclass(frozen=True)
class Fingerprint:
    """The state of all tensors of a model but those of the adapter."""

    versions: dict[str, tuple[int, int]]
    """Of every tensor: where it lies, and how often it was written to."""
    digest: str
    """SHA-256 of all bytes, or of a sample of every tensor."""

    def difference(self, later: Fingerprint) -> str | None:
        """What changed, in words, or None."""
        if self.versions.keys() != later.versions.keys():
            changed = sorted(self.versions.keys() ^ later.versions.keys())
            return f"tensors came or went: {changed[:5]}"
        touched = [n for n, state in self.versions.items() if later.versions[n] != state]
        if touched:
            return f"{len(touched)} tensors were written to or replaced: {touched[:5]}"
        return None if self.digest == later.digest else "the checksum of the tensors changed"


def fingerprint(model: nn.Module, without: Collection[int], *, full: bool) -> Fingerprint:
    """Take a model's fingerprint.

    Args:
        model: any.
        without: `id` of the tensors that may change: the adapter's.
        full: hash every byte (seconds a gigabyte) instead of a few numbers of each tensor and
            the counters that torch keeps of writes to it.
    """
    versions: dict[str, tuple[int, int]] = {}
    digest = hashlib.sha256()
    samples: list[Tensor] = []
    for name, tensor in _tensors(model):
        if id(tensor) in without:
            continue
        written = 0 if tensor.is_inference() else tensor._version
        versions[name] = (tensor.data_ptr(), written)
        flat = tensor.detach().reshape(-1)
        if full:
            digest.update(name.encode())
            digest.update(flat.contiguous().view(torch.uint8).cpu().numpy().data)
        elif flat.numel():
            # In whole numbers: beyond 2**24 a float32 misses the last element.
            at = torch.arange(SAMPLED, device=flat.device) * (flat.numel() - 1) // (SAMPLED - 1)
            samples.append(flat[at].double())
    if samples:
        digest.update(torch.cat([sample.cpu() for sample in samples]).numpy().tobytes())
    return Fingerprint(versions, digest.hexdigest())


def _tensors(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Parameters and buffers, but those that are no part of a checkpoint.

    Models make these anew as they go: the frequencies of rotary embeddings for longer texts, say.
    """
    yield from model.named_parameters()
    for prefix, module in model.named_modules():
        for name, buffer in module.named_buffers(recurse=False):
            if name not in module._non_persistent_buffers_set:
                yield f"{prefix}.{name}", buffer
