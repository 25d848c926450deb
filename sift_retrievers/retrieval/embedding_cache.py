"""`EmbeddingCache`: keeps the vectors of texts, so that no text is embedded twice."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from sift_retrievers.arrays import as_numpy
from sift_retrievers.forking import repair_after_fork
from sift_retrievers.retrieval.work import Direct, Work, finished
from sift_retrievers.validation import count

Vector = npt.NDArray[np.float32]


class EmbeddingCache:
    """The vectors of the texts used last, by model and text.

    The text itself is the key, so a text that changed in the store is embedded anew. Safe to share
    between threads and retrievers.
    """

    def __init__(self, size: int = 10_000) -> None:
        """Keep the vectors of at most `size` texts; the ones not used for longest go first."""
        self.size = count(size, "size")
        self._vectors: OrderedDict[tuple[int, str], Vector] = OrderedDict()
        self._models: dict[int, object] = {}  # held, so that no id() is used again by another model
        self._lock = Lock()
        repair_after_fork(self)

    def __len__(self) -> int:
        return len(self._vectors)

    def embed(
        self,
        model: object,
        texts: Sequence[str],
        embed_documents: Callable[[list[str]], Sequence[Sequence[float]]],
    ) -> Vector:
        """Vectors `[n, d]` of n texts; those not in the cache are embedded in one call.

        A blank text is not embedded, because embedding services refuse it: it gets a zero vector,
        from which no kernel gains anything.

        Args:
            model: whose vectors they are.
            texts: n, repeated ones are embedded once.
            embed_documents: the model's call for a list of texts.

        Raises:
            ValueError: if the model does not return one vector a text, all of one dimension.
        """
        return finished(self.aembed(Direct(), model, texts, embed_documents))

    async def aembed(
        self,
        work: Work,
        model: object,
        texts: Sequence[str],
        embed_documents: Callable[[list[str]], Sequence[Sequence[float]]],
        native: Callable[[list[str]], Awaitable[Sequence[Sequence[float]]]] | None = None,
    ) -> Vector:
        """As `embed`, in a coroutine.

        Args:
            work: makes the model's call.
            model: as for `embed`.
            texts: as for `embed`.
            embed_documents: as for `embed`.
            native: the model's own asynchronous call for a list of texts, where it has one.
        """
        known, missing = self._look_up(model, texts)
        if missing:
            given = await work.call("embed", model, embed_documents, missing, native=native)
            known |= self._remembered(model, missing, given)
        dim = next((len(vector) for vector in known.values()), 0)
        rows = np.zeros((len(texts), dim), dtype=np.float32)
        for i, text in enumerate(texts):
            if text in known:
                rows[i] = known[text]
        return rows

    def _look_up(self, model: object, texts: Sequence[str]) -> tuple[dict[str, Vector], list[str]]:
        known: dict[str, Vector] = {}
        missing: dict[str, None] = {}
        with self._lock:
            for text in texts:
                vector = self._vectors.get((id(model), text))
                if vector is not None:
                    self._vectors.move_to_end((id(model), text))
                    known[text] = vector
                elif text.strip():
                    missing[text] = None
        return known, [*missing]

    def _remembered(
        self, model: object, texts: list[str], embedded: Sequence[Sequence[float]]
    ) -> dict[str, Vector]:
        """The vectors that the model gave some texts, which are kept."""
        name = f"what {type(model).__name__} gives texts"
        given = np.asarray(as_numpy(embedded, name), dtype=np.float32)
        if given.ndim != 2 or len(given) != len(texts):
            raise ValueError(
                f"{type(model).__name__} must give each of {len(texts)} texts one vector, all of "
                f"one dimension; got an array of shape {given.shape}"
            )
        vectors = dict(zip(texts, given, strict=True))
        with self._lock:
            self._models[id(model)] = model
            for text, vector in vectors.items():
                self._vectors[id(model), text] = vector.copy()  # alone, not a view of the batch
            while len(self._vectors) > self.size:
                self._vectors.popitem(last=False)
            if len(self._models) > 1:
                used = {model_id for model_id, _ in self._vectors}
                self._models = {i: m for i, m in self._models.items() if i in used}
        return vectors

    def __getstate__(self) -> dict[str, Any]:
        """A pickled cache comes back empty: models are known by identity."""
        return {"size": self.size}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["size"])  # type: ignore[misc]

    def after_fork(self) -> None:
        """`sift_retrievers.forking`."""
        held, self._lock = self._lock.locked(), Lock()
        if held:
            self._vectors, self._models = OrderedDict(), {}
