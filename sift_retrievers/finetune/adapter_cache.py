"""`AdapterCache`: trained adapters, for requests that come again word by word."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

from torch import Tensor

from sift_retrievers.finetune.proof import Fingerprint
from sift_retrievers.finetune.training import Example, Progress


@dataclass(frozen=True)
class TrainedAdapter:
    """An adapter's weights on the CPU, and how they came to be."""

    weights: tuple[Tensor, ...]
    progress: Progress

    @property
    def size(self) -> int:
        """Bytes of the weights."""
        return sum(tensor.nbytes for tensor in self.weights)


class AdapterCache:
    """Least recently used adapters go first; all together take at most `max_bytes`."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.size = 0
        """Bytes taken."""
        self._adapters: OrderedDict[str, TrainedAdapter] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._adapters)

    def get(self, key: str) -> TrainedAdapter | None:
        """The adapter of a key, which counts as its use."""
        with self._lock:
            if key not in self._adapters:
                return None
            self._adapters.move_to_end(key)
            return self._adapters[key]

    def put(self, key: str, adapter: TrainedAdapter) -> None:
        """Keep an adapter; one that is larger than the whole cache is not kept."""
        with self._lock:
            if key in self._adapters or adapter.size > self.max_bytes:
                return
            self._adapters[key] = adapter
            self.size += adapter.size
            while self.size > self.max_bytes:
                _, oldest = self._adapters.popitem(last=False)
                self.size -= oldest.size


def key_of(base: Fingerprint, settings: dict[str, Any], examples: Sequence[Example]) -> str:
    """Names everything that a trained adapter depends on.

    Args:
        base: of the model as it is now, so that new weights in the same object find nothing.
        settings: of the adapter, the optimizer and the budget; JSON, or what has a `str`.
        examples: in order; their tokens stand for texts, tokenizer and length limits.
    """
    digest = hashlib.sha256()
    digest.update(json.dumps(settings, sort_keys=True, default=str).encode())
    digest.update(repr((sorted(base.versions.items()), base.digest)).encode())
    for example in examples:
        digest.update(repr((example.input_ids.tolist(), example.labels.tolist())).encode())
    return digest.hexdigest()
