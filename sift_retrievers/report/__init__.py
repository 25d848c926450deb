"""The page that shows one retrieval, and what it is made from.

Stands below `sift_retrievers.retrieval`: it is given plain values.
"""

from sift_retrievers.report.inputs import MOST, SelectionInputs
from sift_retrievers.report.page import page

__all__ = ["MOST", "SelectionInputs", "page"]
