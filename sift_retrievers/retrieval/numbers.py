"""What a framework's copy of a chosen passage says of the pick: written in one place."""

from __future__ import annotations

from typing import Any

from sift_retrievers.retrieval.retrieval import Retrieval


def pick_numbers(retrieval: Retrieval[Any]) -> list[dict[str, Any]]:
    """The numbers of every pick, in selection order.

    - `rank`: from 0;
    - `information_gain`: nats, comparable between questions;
    - `novelty`: 0…1, the share of what it says that the picks before it did not;
    - `uncertainty`: what is left open after it, 1 before the first pick (of m targets with an
      objective about the answer: m);
    - `similarity`: cosine to the query;
    - `word_share`: share of the question's words that it has, rare ones weighing more; only where
      words were heard;
    - `evidence_chance`: 0…1, that the evidence is among the candidates at all, and
      `evidence_probably_missing`;
    - `vectors`: in what the vectors differ from the model's; only where they do;
    - `relevance_score`: 0…1, falls strictly in selection order.
    """
    choice, judged = retrieval.outcome.choice, retrieval.judged
    shares = (
        None if judged.words is None else judged.scores_by_witness["share"][choice.picks].tolist()
    )
    left = choice.uncertainty
    columns = zip(
        choice.gains.tolist(),
        choice.novelty.tolist(),
        [None] * len(choice.picks) if left is None else left[1:].tolist(),
        choice.similarities[choice.picks].tolist(),
        choice.scores.tolist(),
        strict=True,
    )
    found = []
    for rank, (gain, novelty, uncertainty, similarity, score) in enumerate(columns):
        numbers: dict[str, Any] = {
            "rank": rank,
            "information_gain": gain,
            "novelty": novelty,
            "uncertainty": uncertainty,
            "similarity": similarity,
        }
        if shares is not None:
            numbers["word_share"] = shares[rank]
        numbers["evidence_chance"] = judged.chance
        numbers["evidence_probably_missing"] = judged.probably_missing
        if retrieval.hits.note is not None:
            numbers["vectors"] = retrieval.hits.note
        numbers["relevance_score"] = score
        found.append(numbers)
    return found
