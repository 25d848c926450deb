"""Choose relevance, kernel and λ′ from a user's own corpus and queries.

The integrations wrap this for their stores: `langchain_sift.calibrate`,
`llama_index.retrievers.sift.calibrate`.
"""

from sift_retrievers.calibration.calibrate import calibrate, calibration_of
from sift_retrievers.calibration.expected_coverage import expected_coverage
from sift_retrievers.calibration.pool import Pool
from sift_retrievers.calibration.report import Calibration, Score
from sift_retrievers.calibration.setting import DEFAULT, NEAREST, Setting, grid

__all__ = [
    "DEFAULT",
    "NEAREST",
    "Calibration",
    "Pool",
    "Score",
    "Setting",
    "calibrate",
    "calibration_of",
    "expected_coverage",
    "grid",
]
