"""Choose relevance, kernel and λ′ from a user's own corpus and queries.

`langchain_sift.calibrate` and `llama_index.retrievers.sift.calibrate` do this for a store and texts
of queries; `calibrate` here does it for arrays.
"""

from sift_retrievers.calibration.calibrate import calibrate
from sift_retrievers.calibration.configuration import Configuration
from sift_retrievers.calibration.query_candidates import QueryCandidates
from sift_retrievers.calibration.result import Calibration

__all__ = [
    "Calibration",
    "Configuration",
    "QueryCandidates",
    "calibrate",
]
