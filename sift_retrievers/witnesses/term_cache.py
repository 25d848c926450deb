"""`TermCache`: the terms of texts that come again are read once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

from sift_retrievers.witnesses.terms import Terms, read_terms


class TermCache:
    """The terms of the texts read last. Safe to share between threads.

    The text itself is the key, so a text that changed is read again.
    """

    def __init__(self, nbytes: int = 64 * 2**20) -> None:
        """Keep at most `nbytes` of terms and texts; those not used for longest go first."""
        self.limit = nbytes
        self._kept: OrderedDict[str, Terms] = OrderedDict()
        self._size = 0
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._kept.clear()
            self._size = 0

    def terms(self, texts: Sequence[str]) -> list[Terms]:
        """The terms of every text; those not kept are read in one go."""
        with self._lock:
            found = {text: self._kept.get(text) for text in texts}
            for text, known in found.items():
                if known is not None:
                    self._kept.move_to_end(text)
        missing = [text for text, known in found.items() if known is None]
        fresh = dict(zip(missing, read_terms(missing), strict=True))
        with self._lock:
            for text, terms in fresh.items():
                self._size += _size(text, terms) if text not in self._kept else 0
                self._kept[text] = terms
            while self._size > self.limit and self._kept:
                text, terms = self._kept.popitem(last=False)
                self._size -= _size(text, terms)
        return [found[text] or fresh[text] for text in texts]


def _size(text: str, terms: Terms) -> int:
    return terms.nbytes + 4 * len(text) + 200
