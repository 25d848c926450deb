"""The keyword arguments of `select`, and which of them go together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypedDict

import numpy as np

from sift_retrievers.arrays import ArrayLike
from sift_retrievers.coverage import Coverage
from sift_retrievers.kernels.names import KernelLike
from sift_retrievers.selection.problem import Objective

if TYPE_CHECKING:
    import torch


class SelectOptions(TypedDict, total=False):
    """The keyword arguments of `select`, for functions that pass them on; see `select`."""

    kernel: KernelLike | Coverage | ArrayLike
    lambda_: float
    objective: str
    relevance: ArrayLike | None
    replacement: bool
    alpha: float | None
    min_gain: float | None
    costs: ArrayLike | None
    budget: float | ArrayLike | None
    groups: ArrayLike | None
    ids: ArrayLike | None
    device: str | torch.device | None
    solver: str | None


A_COVERAGE: Final = "a Coverage"
SIMILARITIES: Final = "a matrix of similarities"
REFUSED: Final = {
    A_COVERAGE: ("replacement", "alpha", "ids", "device", "solver"),
    SIMILARITIES: ("alpha", "ids", "device", "solver"),
}
"""Options that do not go together with what stands in place of a kernel."""


def check_together(kind: str, options: SelectOptions) -> None:
    """Check the options that came with a kernel of one of the kinds in `REFUSED`.

    Such a kernel does not involve the query, so its objective is "undirected". The default of
    `select`, "variance", is accepted in its place.

    Raises:
        ValueError: for options that do not go together with it.
    """
    wrong = [name for name in REFUSED[kind] if _is_set(options.get(name))]
    objective = options.get("objective", Objective.VARIANCE)
    allowed = isinstance(objective, str) and objective in (
        Objective.VARIANCE,
        Objective.UNDIRECTED,
    )
    if wrong or not allowed:
        raise ValueError(
            f'{kind} goes with the objective "undirected", and such a kernel without '
            f"{', '.join(REFUSED[kind])}; got {wrong or objective!r}"
        )


def _is_set(value: Any) -> bool:
    return not (value is None or (isinstance(value, bool | np.bool_) and not value))
