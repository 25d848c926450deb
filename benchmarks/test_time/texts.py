"""From the files to what the experiment reads: the tokenizer, the memory and the documents."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from tokenizers.processors import TemplateProcessing

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
from minilm import bundled_minilm
from small_language_model import END, POSITIONS, train_tokenizer

from benchmarks.test_time.corpus import SEED, Reader, Text, domains, load, sample, sequences, split
from benchmarks.test_time.settings import Setting

MINILM_TOKENS = 256


@dataclass(frozen=True)
class Texts:
    """Everything that is read, cut into sequences."""

    tokenizer: Any
    """Of the language model; puts a token of beginning before each text."""
    train: tuple[Text, ...]
    memory: tuple[Text, ...]
    """Passages to choose from: all of `train`, or a sample of it."""
    documents: tuple[Text, ...]
    """To be predicted."""
    validation: tuple[Text, ...]
    """For choosing learning rates; parents may be those of documents, sequences are not."""


def read_texts(setting: Setting) -> Texts:
    """Split, train the tokenizer on the training split, cut, draw.

    Raises:
        MissingDataError: if SIFT_DATA is not set or holds none of the domains.
    """
    splits = [split(load(domain)) for domain in domains()]
    pieces = [piece for one in splits for piece in one.train]
    tokenizer = train_tokenizer([piece.text for piece in pieces], setting.vocabulary)
    backend = tokenizer.backend_tokenizer
    backend.post_processor = TemplateProcessing(
        single=f"{END} $A", special_tokens=[(END, tokenizer.bos_token_id)]
    )
    readers = [Reader(backend, POSITIONS - 1), Reader(minilm_tokenizer(), MINILM_TOKENS - 2)]
    train = sequences(pieces, readers)
    held_out = sequences([piece for one in splits for piece in one.held_out], readers)
    documents = sample(held_out, setting.documents_per_domain)
    taken = set(documents)
    rest = [text for text in held_out if text not in taken]
    return Texts(
        tokenizer=tokenizer,
        train=tuple(train),
        memory=tuple(sample(train, setting.passages_per_domain)),
        documents=tuple(documents),
        validation=tuple(sample(rest, setting.validation_per_domain, seed=SEED + 1)),
    )


def minilm_tokenizer() -> Tokenizer:
    """The tokenizer of the embedding model, without its limit on length."""
    tokenizer = Tokenizer.from_file(str(bundled_minilm() / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
