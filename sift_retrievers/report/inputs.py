"""`SelectionInputs`: what one selection was made from, so that it can be made again."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sift_retrievers.coverage import GAMMA
from sift_retrievers.kernels.kernel import Kernel
from sift_retrievers.kernels.products import unit_vectors
from sift_retrievers.report.layout import principal_places
from sift_retrievers.report.marked import SHOWN, marked_texts
from sift_retrievers.report.phrase_numbers import near_copies, phrase_numbers, run_lengths
from sift_retrievers.report.word_terms import naming_passages, terms_found
from sift_retrievers.selection.precision import FLOAT32_STEEPNESS
from sift_retrievers.selection.solvers.reference import whitening
from sift_retrievers.witnesses.mentions import BEST
from sift_retrievers.witnesses.phrases import BASE_WEIGHT
from sift_retrievers.witnesses.relevance import MENTION_WEIGHT, WORD_SCORE_WEIGHTS
from sift_retrievers.witnesses.texts import PassageTexts
from sift_retrievers.witnesses.words import K1, B

Float64 = npt.NDArray[np.float64]

MOST: Final = 1_000
"""Candidates up to which a selection is laid open: the values of all pairs are among the inputs."""


@dataclass(frozen=True, eq=False)
class SelectionInputs:
    """n candidates of one question, in the order of the store, and the rules of the selection."""

    questions: Sequence[str | None]
    """Texts of the m targets; None for one that is only a vector."""
    targets: npt.NDArray[Any]
    """`[m, d]` their vectors."""
    vectors: npt.NDArray[Any]
    """`[n, d]` of the candidates."""
    cosines: Float64
    """`[m, n]` of targets and candidates."""
    ids: Sequence[str | None]
    texts: Sequence[str]
    titles: Sequence[str | None] | None
    allowed: npt.NDArray[np.bool_]
    """`[n]` which reach the threshold."""
    scores: Float64 | None
    """`[n]` of the scorer or reranker."""
    costs: Float64 | None
    """`[n]` tokens."""
    groups: npt.NDArray[np.int64] | None
    """`[n]` a number for the parent of each."""
    k: int
    lambda_: float
    objective: str
    weights: Mapping[str, float]
    """Of the witnesses "vectors", "words" and "scores"."""
    kernel: Kernel | None
    """None: repetition is found in phrases."""
    replacement: bool
    stopping: Mapping[str, float | None]
    """"alpha", "min_gain", "min_novelty", "min_chance" and "max_tokens"."""

    def to_dict(self) -> dict[str, Any]:
        """The inputs as a dict that JSON can hold; what each key means is in docs/see-it.md."""
        n = len(self.vectors)
        read = (
            PassageTexts.read(self.texts, self.titles) if any(map(str.strip, self.texts)) else None
        )
        phrases = None if read is None else phrase_numbers(read)
        distinct = None if read is None else _distinct(read)
        x, q = (unit_vectors(a.astype(np.float64)) for a in (self.vectors, self.targets))
        pairs = (x @ x.T).astype(np.float32)
        places, asked, share = principal_places(x, q)
        marked = marked_texts(self.texts, self.questions)
        copies = near_copies(phrases, distinct, pairs)
        return {
            "k": self.k,
            "lambda": self.lambda_,
            "objective": self.objective,
            "witness_weights": dict(self.weights),
            "replacement": self.replacement,
            "stopping": dict(self.stopping),
            "fewest_candidates": next((i + 1 for i, t in enumerate(self.texts) if t.strip()), 1)
            if self.kernel is None
            else 1,
            "constants": {
                "k1": K1,
                "b": B,
                "word_score_weights": dict(WORD_SCORE_WEIGHTS),
                "mention_weight": MENTION_WEIGHT,
                "naming_passages": BEST,
                "base_weight": BASE_WEIGHT,
            },
            "layout": {"targets": asked.tolist(), "variance_share": share},
            "candidates": [
                {
                    "id": self.ids[i],
                    "title": None if self.titles is None else self.titles[i],
                    "parts": [[text, level] for text, level in marked[i]],
                    "characters_left_out": max(len(self.texts[i]) - SHOWN, 0),
                    "cosines": self.cosines[:, i].tolist(),
                    "score": None if self.scores is None else float(self.scores[i]),
                    "cost": None if self.costs is None else float(self.costs[i]),
                    "group": None if self.groups is None else int(self.groups[i]),
                    "allowed": bool(self.allowed[i]),
                    "zero": not self.vectors[i].any(),
                    "near_copy_of": copies[i],
                    "place": places[i].tolist(),
                }
                for i in range(n)
            ],
            "words": None if read is None else self._words(read),
            "phrases": None if phrases is None else [run_lengths(one) for one in phrases],
            "pair_cosines": _packed_triangle(pairs, "<f4"),
            "kernel": {"name": "phrases", "gamma": GAMMA}
            if self.kernel is None
            else self._kernel_values(self.kernel),
        }

    def _words(self, read: PassageTexts) -> dict[str, Any]:
        arrays = read.arrays
        return {
            "word_counts": arrays.word_counts.tolist(),
            "gram_counts": arrays.gram_counts.tolist(),
            "head_words": arrays.head_words.tolist(),
            "head_grams": arrays.head_grams.tolist(),
            "first_of_equal": [*read.first_of_equal],
            "named_by": naming_passages(read),
            "targets": [
                None if question is None else terms_found(question, read)
                for question in self.questions
            ],
        }

    def _kernel_values(self, kernel: Kernel) -> dict[str, Any]:
        base, weighting = kernel.unweighted, kernel.weighting
        x = base.features(self.vectors.astype(np.float64)[None])
        q = base.features(self.targets.astype(np.float64)[None])
        prior = np.asarray(base.prior(q), dtype=np.float64)
        double = self.vectors.dtype.itemsize == 8 or self.targets.dtype.itemsize == 8
        return {
            "name": repr(kernel),
            "gamma": None if weighting is None else weighting.gamma,
            "standardized": weighting is not None and weighting.standardized,
            "positive_only": bool(kernel.positive_only),
            "double": double or not kernel.steepness <= FLOAT32_STEEPNESS,
            "covariances": _packed_triangle(np.asarray(base(x, x))[0], "<f8"),
            "cross": np.asarray(base.cross(q, x), dtype=np.float64)[0].tolist(),
            "prior": prior[0].diagonal().tolist(),
            "whitening": whitening(prior)[0].tolist(),
        }


def _distinct(read: PassageTexts) -> list[int]:
    """How many different phrases each passage has."""
    ends = np.cumsum(read.arrays.phrase_counts)[:-1]
    return [len(np.unique(one)) for one in np.split(read.arrays.phrases, ends)]


def _packed_triangle(matrix: npt.NDArray[Any], kind: str) -> str:
    """The lower triangle of a symmetric matrix with its diagonal, row by row, in base64."""
    rows = matrix[np.tril_indices(len(matrix))]
    return base64.b64encode(rows.astype(kind).tobytes()).decode("ascii")
