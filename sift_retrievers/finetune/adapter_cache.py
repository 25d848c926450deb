"""`AdapterCache`: trained adapters, reused when a request has exactly the same passages."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

from torch import Tensor

from sift_retrievers.finetune.examples import Example
from sift_retrievers.finetune.fingerprint import Fingerprint
from sift_retrievers.finetune.progress import Progress


@dataclass(frozen=True)
class TrainedAdapter:
    """The weights of an adapter, on the CPU, and the training that led to them."""

    weights: tuple[Tensor, ...]
    progress: Progress

    @property
    def size(self) -> int:
        """Size of the weights in bytes."""
        return sum(tensor.nbytes for tensor in self.weights)


class AdapterCache:
    """Holds at most `max_bytes` of adapters and evicts the least recently used ones."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.size = 0
        """Bytes in use."""
        self._adapters: OrderedDict[str, TrainedAdapter] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._adapters)

    def get(self, key: str) -> TrainedAdapter | None:
        """Return the adapter of a key and mark it as recently used."""
        with self._lock:
            if key not in self._adapters:
                return None
            self._adapters.move_to_end(key)
            return self._adapters[key]

    def put(self, key: str, adapter: TrainedAdapter) -> None:
        """Store an adapter, unless it is larger than the whole cache."""
        with self._lock:
            if key in self._adapters or adapter.size > self.max_bytes:
                return
            self._adapters[key] = adapter
            self.size += adapter.size
            while self.size > self.max_bytes:
                _, oldest = self._adapters.popitem(last=False)
                self.size -= oldest.size


def cache_key(base: Fingerprint, settings: dict[str, Any], examples: Sequence[Example]) -> str:
    """Hash everything that a trained adapter depends on.

    Args:
        base: fingerprint of the model before training, so that a model whose weights were replaced
            finds no adapters of the old weights.
        settings: of the adapter, the optimizer and the budget; values must be JSON or have a `str`.
        examples: in training order. Their tokens represent the texts, the tokenizer and the limits
            on length.
    """
    digest = hashlib.sha256()
    digest.update(json.dumps(settings, sort_keys=True, default=str).encode())
    digest.update(repr((sorted(base.versions.items()), base.digest)).encode())
    for example in examples:
        digest.update(repr((example.input_ids.tolist(), example.labels.tolist())).encode())
    return digest.hexdigest()
