"""Questions with their gold passages, read from the files of evaluation tools.

`read_questions` reads a plain JSONL, JSON or CSV, and those of LangSmith, Ragas and DeepEval. None
of these packages is needed, and no account. The `calibrate` of both integrations and the command
`sift` take such files by their path.
"""

from sift_retrievers.evaluation.matching import GoldAmong, gold_among
from sift_retrievers.evaluation.question import Question
from sift_retrievers.evaluation.read import as_questions, read_questions

__all__ = ["GoldAmong", "Question", "as_questions", "gold_among", "read_questions"]
