"""From the files to what the experiment reads: the tokenizer, the memory and the documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tokenizers import Tokenizer

from benchmarks.common.models import bundled_minilm
from benchmarks.test_time.corpus import (
    SEED,
    Reader,
    Text,
    domains,
    load,
    sequences,
    split,
    spread,
)
from benchmarks.test_time.language_model import LONGEST, new_tokenizer
from benchmarks.test_time.settings import Setting

MINILM_LONGEST = 254  # tokens between those of beginning and end
WORDS = 12  # in a run of words that counts as copied
MOST_COPIED = 0.5


@dataclass(frozen=True)
class Dataset:
    """Everything that is read, cut into sequences."""

    tokenizer: Any
    """Of the language model."""
    train: tuple[Text, ...]
    """What the model is trained on, and the memory: the passages to choose from."""
    documents: tuple[Text, ...]
    """To be predicted."""
    validation: tuple[Text, ...]
    """For choosing learning rates; parents may be those of documents, sequences are not."""
    copied: int
    """Held-out sequences that were left out: most of them stands in the training split."""


def read_dataset(setting: Setting) -> Dataset:
    """Split, train the tokenizer on the training split, cut, draw.

    Raises:
        MissingDataError: if SIFT_DATA is not set or holds none of the domains.
    """
    splits = [split(load(domain)) for domain in domains()]
    pieces = [piece for one in splits for piece in one.train]
    tokenizer = new_tokenizer([piece.text for piece in pieces], setting.vocabulary)
    readers = [
        Reader(tokenizer.backend_tokenizer, LONGEST),
        Reader(minilm_tokenizer(), MINILM_LONGEST),
    ]
    train = sequences(pieces, readers)
    held_out = sequences([piece for one in splits for piece in one.held_out], readers)
    own = without_copies(held_out, pieces)
    documents = spread(own, setting.documents_per_domain)
    taken = set(documents)
    rest = [text for text in own if text not in taken]
    return Dataset(
        tokenizer=tokenizer,
        train=tuple(train),
        documents=tuple(documents),
        validation=tuple(spread(rest, setting.validation_per_domain, seed=SEED + 1)),
        copied=len(held_out) - len(own),
    )


def without_copies(held_out: Sequence[Text], train: Iterable[Text]) -> list[Text]:
    """Those of which at most half of the runs of twelve words stand in the training split.

    Some sources repeat whole paragraphs from one parent to the next.
    """
    wanted = {run for text in held_out for run in _runs(text.text)}
    known = {run for piece in train for run in _runs(piece.text) if run in wanted}

    def share(text: Text) -> float:
        found = [run in known for run in _runs(text.text)]
        return sum(found) / max(len(found), 1)

    return [text for text in held_out if share(text) <= MOST_COPIED]


def _runs(text: str) -> Iterator[int]:
    words = text.split()
    return (hash(tuple(words[i : i + WORDS])) for i in range(len(words) - WORDS + 1))


def minilm_tokenizer() -> Tokenizer:
    """The tokenizer of the embedding model, without its limit on length."""
    tokenizer = Tokenizer.from_file(str(bundled_minilm() / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
