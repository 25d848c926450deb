"""Choose relevance, kernel and λ′ from a user's own corpus and queries.

`langchain_sift.calibrate` and `llama_index.retrievers.sift.calibrate` do this for a store and texts
of queries; `calibrate` here does it for arrays.
"""

from sift_retrievers.calibration.calibrate import calibrate
from sift_retrievers.calibration.configuration import (
    DEFAULT,
    NEAREST,
    Configuration,
    default_configurations,
)
from sift_retrievers.calibration.query_candidates import QueryCandidates
from sift_retrievers.calibration.result import Calibration

__all__ = [
    "DEFAULT",
    "NEAREST",
    "Calibration",
    "Configuration",
    "QueryCandidates",
    "calibrate",
    "default_configurations",
]
