"""`TermCache`: the terms of texts that come again are read once."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Sequence
from threading import Lock

from sift_retrievers.forking import set_right_after_fork
from sift_retrievers.witnesses.reading import read_blocks
from sift_retrievers.witnesses.titled import Titled, whole


class TermCache:
    """The terms of the texts read last. Safe to share between threads.

    The text itself is the key, so a text that changed is read again.
    """

    def __init__(self, nbytes: int = 64 * 2**20) -> None:
        """Keep at most `nbytes` of terms and texts; those not used for longest go first."""
        self.limit = nbytes
        self._kept: OrderedDict[Titled, bytes] = OrderedDict()
        self._size = 0
        self._lock = Lock()
        set_right_after_fork(self)

    def __len__(self) -> int:
        return len(self._kept)

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._kept.clear()
            self._size = 0

    def after_fork(self) -> None:
        """`sift_retrievers.forking`."""
        held, self._lock = self._lock.locked(), Lock()
        if held:
            self.clear()

    def blocks(self, texts: Sequence[Titled]) -> list[bytes]:
        """The terms of every text as a block; those not kept are read in one go."""
        with self._lock:
            found = [*map(self._kept.get, texts)]
            if all(found) and self._size <= self.limit:
                if self._size > self.limit / 2:  # before that nothing will have to go soon
                    deque(map(self._kept.move_to_end, texts), maxlen=0)
                return found  # type: ignore[return-value]  # none is None
        missing = [*{text: None for text, known in zip(texts, found, strict=True) if not known}]
        fresh = dict(zip(missing, read_blocks([*map(whole, missing)]), strict=True))
        blocks = {text: known or fresh[text] for text, known in zip(texts, found, strict=True)}
        with self._lock:
            for text, block in blocks.items():
                self._size += _size(text, block) if text not in self._kept else 0
                self._kept[text] = block
                self._kept.move_to_end(text)
            while self._size > self.limit and self._kept:
                text, block = self._kept.popitem(last=False)
                self._size -= _size(text, block)
        return [blocks[text] for text in texts]


def _size(text: Titled, block: bytes) -> int:
    characters = len(text) if isinstance(text, str) else len(text[0]) + len(text[1])
    return len(block) + 4 * characters + 200
