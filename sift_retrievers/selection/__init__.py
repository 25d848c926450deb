"""Everything from arrays to picks: `select`, and what any picks leave of the uncertainty."""

from sift_retrievers.selection.posterior import gains_after, posterior_variance
from sift_retrievers.selection.result import Selection
from sift_retrievers.selection.select import select

__all__ = ["Selection", "gains_after", "posterior_variance", "select"]
