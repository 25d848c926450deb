"""Everything from arrays to picks: `select`, and what any picks leave of the uncertainty."""

from sift_retrievers.selection.arguments import (
    FLOAT64_NOISE_FLOOR,
    ProblemOptions,
    build_problem,
)
from sift_retrievers.selection.posterior import (
    gains_after,
    posterior_variance,
)
from sift_retrievers.selection.problem import Objective, Picks, Problem
from sift_retrievers.selection.result import Selection
from sift_retrievers.selection.select import SelectOptions, select

__all__ = [
    "FLOAT64_NOISE_FLOOR",
    "Objective",
    "Picks",
    "Problem",
    "ProblemOptions",
    "SelectOptions",
    "Selection",
    "build_problem",
    "gains_after",
    "posterior_variance",
    "select",
]
