"""`Fingerprint`: tells whether the tensors of the base model have changed."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

SAMPLED: Final = 16
"""Elements of each tensor that a quick fingerprint hashes."""


@dataclass(frozen=True)
class Fingerprint:
    """The state of all tensors of a model, without those of the adapter."""

    versions: dict[str, tuple[int, int]]
    """For each tensor its address and torch's count of the writes to it."""
    digest: str
    """SHA-256 of all bytes, or of a few elements of each tensor."""

    def difference(self, later: Fingerprint) -> str | None:
        """Describe what changed between two fingerprints; None if nothing did."""
        if self.versions.keys() != later.versions.keys():
            changed = sorted(self.versions.keys() ^ later.versions.keys())
            return f"tensors were added or removed: {changed[:5]}"
        touched = [n for n, state in self.versions.items() if later.versions[n] != state]
        if touched:
            return f"{len(touched)} tensors were written to or replaced: {touched[:5]}"
        return None if self.digest == later.digest else "the checksum of the tensors changed"


def fingerprint(model: nn.Module, without: Collection[int], *, full: bool) -> Fingerprint:
    """Take the fingerprint of a model.

    Args:
        model: any module.
        without: `id` of the tensors to leave out: those of the adapter.
        full: hash every byte, which takes seconds per gigabyte. Otherwise hash a few elements of
            each tensor, and rely on torch's counters of writes.
    """
    versions: dict[str, tuple[int, int]] = {}
    digest = hashlib.sha256()
    samples: list[Tensor] = []
    for name, tensor in _checkpoint_tensors(model):
        if id(tensor) in without:
            continue
        writes = 0 if tensor.is_inference() else tensor._version
        versions[name] = (tensor.data_ptr(), writes)
        flat = tensor.detach().reshape(-1)
        if full:
            digest.update(name.encode())
            digest.update(flat.contiguous().view(torch.uint8).cpu().numpy().data)
        elif flat.numel():
            # Integers, because float32 cannot represent positions beyond 2**24.
            at = torch.arange(SAMPLED, device=flat.device) * (flat.numel() - 1) // (SAMPLED - 1)
            samples.append(flat[at].double())
    if samples:
        digest.update(torch.cat([sample.cpu() for sample in samples]).numpy().tobytes())
    return Fingerprint(versions, digest.hexdigest())


def _checkpoint_tensors(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Yield the parameters and those buffers that a checkpoint contains.

    A model may recompute the other buffers at any time, for example the frequencies of rotary
    embeddings when a text is longer.
    """
    yield from model.named_parameters()
    for prefix, module in model.named_modules():
        for name, buffer in module.named_buffers(recurse=False):
            if name not in module._non_persistent_buffers_set:
                yield f"{prefix}.{name}", buffer
