"""Selection on arrays: `select`, and the uncertainty and the gains after any picks."""

from sift_retrievers.selection.posterior import gains_after, posterior_variance
from sift_retrievers.selection.result import Selection
from sift_retrievers.selection.select import select

__all__ = ["Selection", "gains_after", "posterior_variance", "select"]
