"""`TermCache`: keeps the terms of texts, so that a text which is retrieved again is not re-read."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Sequence
from threading import Lock

from sift_retrievers.forking import repair_after_fork
from sift_retrievers.witnesses.reading import read_blocks
from sift_retrievers.witnesses.titled import TitledText, full_text


class TermCache:
    """The terms of recently used texts. Safe to share between threads.

    The key is the text itself, so a changed text is read again.
    """

    def __init__(self, nbytes: int = 64 * 2**20) -> None:
        """Keep at most `nbytes` of terms and texts; the least recently used ones are dropped."""
        self.limit = nbytes
        self._kept: OrderedDict[TitledText, bytes] = OrderedDict()
        self._size = 0
        self._lock = Lock()
        repair_after_fork(self)

    def __len__(self) -> int:
        return len(self._kept)

    def clear(self) -> None:
        """Drop all entries."""
        with self._lock:
            self._kept.clear()
            self._size = 0

    def after_fork(self) -> None:
        """In a forked child: a new lock, and no entries if another thread was changing them."""
        held, self._lock = self._lock.locked(), Lock()
        if held:
            self.clear()

    def blocks(self, texts: Sequence[TitledText]) -> list[bytes]:
        """The terms of every text, one block each (see `terms`). Missing ones are read together."""
        with self._lock:
            found = [*map(self._kept.get, texts)]
            if all(found) and self._size <= self.limit:
                if self._size > self.limit / 2:  # below that nothing will be dropped soon
                    deque(map(self._kept.move_to_end, texts), maxlen=0)
                return found  # type: ignore[return-value]  # all(found): none is None
        missing = [*{text: None for text, known in zip(texts, found, strict=True) if not known}]
        fresh = dict(zip(missing, read_blocks([*map(full_text, missing)]), strict=True))
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


def _size(text: TitledText, block: bytes) -> int:
    characters = len(text) if isinstance(text, str) else len(text[0]) + len(text[1])
    return len(block) + 4 * characters + 200
