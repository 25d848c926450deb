"""The texts of the experiment: fifteen domains, split by parent, cut into short sequences.

A sequence is what the language model reads at once and what one passage of the memory is. It is
short enough that the embedding model sees all of it, too.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from benchmarks.common.data_folder import MissingDataError, data_folder, json_lines

SEED = 20241008  # splits and samples are drawn before anything is measured on them
HELD_OUT = 0.1  # share of the pieces of a domain, at least, that nothing is trained on
SHORTEST = 32  # tokens; what is shorter after cutting is left out
_GAP = re.compile(r"\s")

SOURCES = {
    "wikitext2": "WikiText-2, valid and test (CC BY-SA 3.0)",
    "wikipedia_raw": "Wikipedia articles of SQuAD 2.0 (CC BY-SA 4.0)",
    "gutenberg": "seven books of GITenberg (public domain)",
    "shakespeare": "karpathy/char-rnn, tinyshakespeare (public domain)",
    "code_python": "networkx, requests, TheAlgorithms/Python, jinja (BSD-3, Apache-2.0, MIT)",
    "latex_math": "stacks/stacks-project, HoTT/book (GFDL 1.2+, CC BY-SA 3.0)",
    "math_competition": "MATH, test (MIT)",
    "math_gsm8k": "GSM8K, train (MIT)",
    "law_dc_code": "Code of the District of Columbia (CC0)",
    "irc_ubuntu": "irc-disentanglement, #ubuntu (CC BY 4.0)",
    "medical_nih": "MedQuAD (CC BY 4.0)",
    "abstracts_cs": "SciTLDR-A, abstracts (Apache-2.0)",
    "docs_peps": "python/peps (public domain, CC0)",
    "reviews_movies": "movie_reviews of NLTK (CC BY 4.0)",
    "speeches_us": "state_union and inaugural of NLTK (public domain)",
}
LAYOUT = "\n".join(
    [
        "SIFT_DATA must name a folder with files of gzipped JSON lines:",
        "",
        "  lm_domains/<domain>.jsonl.gz    {id, parent, text}",
        "",
        "parent: the book, article or file that a piece of text was cut from; pieces of one parent",
        "stand in their order. The domains and their sources:",
        "",
        *(f"  {name:<17} {source}" for name, source in SOURCES.items()),
    ]
)


@dataclass(frozen=True)
class Text:
    """A piece of a file, or a sequence cut from one."""

    text: str
    domain: str
    parent: str


@dataclass(frozen=True)
class Split:
    """Texts to train on and texts to predict; no parent is on both sides."""

    train: tuple[Text, ...]
    held_out: tuple[Text, ...]


@dataclass(frozen=True)
class Reader:
    """A tokenizer and how much of a text its model reads."""

    tokenizer: Tokenizer
    longest: int
    """Tokens, without those that mark beginning and end."""

    def starts(self, text: str) -> npt.NDArray[np.int64]:
        """First character of every token."""
        offsets = self.tokenizer.encode(text, add_special_tokens=False).offsets
        return np.array([start for start, _ in offsets], dtype=np.int64)


def domains() -> list[str]:
    """The domains whose files are there.

    Raises:
        MissingDataError: if there are none.
    """
    folder = data_folder(LAYOUT) / "lm_domains"
    found = [name for name in SOURCES if (folder / f"{name}.jsonl.gz").is_file()]
    if not found:
        raise MissingDataError(f"No domain was found in {folder}.\n\n{LAYOUT}")
    return found


def load(domain: str) -> list[Text]:
    """The pieces of a domain, in the order of its file.

    Raises:
        MissingDataError: if SIFT_DATA is not set.
        ValueError: for a line that is no JSON object with the fields of `LAYOUT`.
    """
    file = data_folder(LAYOUT) / "lm_domains" / f"{domain}.jsonl.gz"
    rows = json_lines(file, ("id", "parent", "text"))
    return [Text(row["text"], domain, row["parent"]) for row in rows]


def split(pieces: Sequence[Text], share: float = HELD_OUT) -> Split:
    """Whole parents held out, drawn at random until they hold `share` of a domain's pieces.

    A domain that is a single book loses the end of it, and the piece before that end, which
    continues into it, is left out.
    """
    by_parent: dict[str, list[Text]] = defaultdict(list)
    for piece in pieces:
        by_parent[piece.parent].append(piece)
    wanted = share * len(pieces)
    if len(by_parent) == 1:
        end = len(pieces) - int(np.ceil(wanted))
        return Split(train=tuple(pieces[: end - 1]), held_out=tuple(pieces[end:]))
    order = sorted(by_parent)
    random.Random(SEED).shuffle(order)
    train, held_out = list[Text](), list[Text]()
    for parent in order:
        (held_out if len(held_out) < wanted else train).extend(by_parent[parent])
    return Split(tuple(train), tuple(held_out))


def sequences(pieces: Iterable[Text], readers: Sequence[Reader]) -> list[Text]:
    """The pieces cut at white space so that every reader sees all of each sequence."""
    return [
        Text(cut, piece.domain, piece.parent)
        for piece in pieces
        for cut in _cut(piece.text, readers, slack=0)
    ]


def _cut(text: str, readers: Sequence[Reader], slack: int) -> Iterator[str]:
    starts = [reader.starts(text) for reader in readers]
    position = 0
    while position < len(text):
        end = len(text)
        for reader, first in zip(readers, starts, strict=True):
            beyond = int(np.searchsorted(first, position)) + reader.longest - slack
            if beyond < len(first):
                end = min(end, int(first[beyond]))
        if end < len(text):
            middle = (position + end) // 2
            gaps = [gap.start() for gap in _GAP.finditer(text, middle, end)]
            end = gaps[-1] if gaps else end
        found = text[position:end].strip()
        position = end
        lengths = [len(reader.starts(found)) for reader in readers]
        if any(n > r.longest for n, r in zip(lengths, readers, strict=True)):
            yield from _cut(found, readers, slack + 8)  # it begins with other tokens, now
        elif min(lengths) >= SHORTEST:
            yield found


def spread(texts: Sequence[Text], per_domain: int, seed: int = SEED) -> list[Text]:
    """At most so many texts of every domain, from as many parents as there are, at random."""
    drawn = random.Random(seed)
    found = []
    for domain in dict.fromkeys(text.domain for text in texts):
        by_parent: dict[str, list[Text]] = defaultdict(list)
        for text in texts:
            if text.domain == domain:
                by_parent[text.parent].append(text)
        parents = sorted(by_parent)
        drawn.shuffle(parents)
        for parent in parents:
            drawn.shuffle(by_parent[parent])
        rounds = zip_longest(*(by_parent[parent] for parent in parents))
        in_turn = (text for one in rounds for text in one if text is not None)
        found += islice(in_turn, per_domain)
    return found
