"""Near-duplicates of a text, as mirrors, reprints and later versions of a page make them.

Nothing is taken out, so a copy holds every fact of its original: what was judged of the one is true
of the other.
"""

from __future__ import annotations

import random
import re

from benchmarks.retrieval.sentences import sentences

HEADERS = (
    "From Wikipedia, the free encyclopedia.",
    "Home > Articles > Reference",
    "Share | Print | Save",
    "This page was last edited on 3 May 2020.",
    "Archived copy, retrieved on 14 March 2021.",
    "Please read our terms of use before you continue.",
)
FOOTERS = (
    "Text is available under a Creative Commons licence.",
    "All rights reserved.",
    "Was this page helpful?",
    "See also | Related pages | Contact us",
    "Last reviewed: November 2018.",
    "Copyright notice | Privacy | Cookies",
)
WORDS = {
    "after": "following",
    "also": "in addition",
    "although": "though",
    "and": "as well as",
    "another": "a further",
    "around": "roughly",
    "because": "since",
    "before": "prior to",
    "began": "started",
    "big": "large",
    "built": "constructed",
    "but": "yet",
    "called": "named",
    "can": "may",
    "during": "in the course of",
    "each": "every",
    "founded": "established",
    "got": "received",
    "help": "assist",
    "important": "significant",
    "include": "comprise",
    "known": "recognised",
    "located": "situated",
    "made": "produced",
    "many": "numerous",
    "near": "close to",
    "often": "frequently",
    "such as": "for example",
    "until": "till",
    "use": "employ",
    "used": "employed",
    "usually": "generally",
    "while": "whereas",
}
WORD = re.compile(rf"\b({'|'.join(sorted(WORDS, key=len, reverse=True))})\b")
MOST_WORDS = 4
SPACES = ("  ", "\n", "\t", " \n")
SPACED = 0.1  # share of the gaps between words that `_spaced` changes, at least one


def near_duplicate(text: str, draw: random.Random) -> str:
    """The text after two or three of the edits below.

    Differs from `text`, and may equal another one that was drawn.
    """
    edited = text
    chosen = draw.sample(EDITS, draw.choice((2, 3)))
    for edit in sorted(chosen, key=EDITS.index):
        edited = edit(edited, draw)
    return edited if edited != text else _headed(text, draw)


def _reworded(text: str, draw: random.Random) -> str:
    """Up to `MOST_WORDS` words replaced by others of the same meaning."""
    places = list(WORD.finditer(text))
    chosen = draw.sample(places, min(MOST_WORDS, len(places)))
    for place in sorted(chosen, key=lambda p: -p.start()):
        text = text[: place.start()] + WORDS[place[0]] + text[place.end() :]
    return text


def _swapped(text: str, draw: random.Random) -> str:
    """Two neighbouring sentences in the other order; as it is where there is only one."""
    parts = sentences(text)
    if len(parts) < 2:
        return text
    first = draw.randrange(len(parts) - 1)
    parts[first], parts[first + 1] = parts[first + 1], parts[first]
    return " ".join(parts)


def _capitals(text: str, draw: random.Random) -> str:
    """One sentence in capitals, or all of the text in lower case."""
    if draw.random() < 0.3:
        return text.lower()
    sentence = draw.choice(sentences(text) or [text])
    return text.replace(sentence, sentence.upper(), 1)


def _spaced(text: str, draw: random.Random) -> str:
    """White space beside words changed: doubled blanks, line breaks, tabs."""
    words = text.split(" ")
    if len(words) < 2:
        return text
    changed = draw.sample(range(1, len(words)), max(1, int(SPACED * len(words))))
    gaps = [" "] * (len(words) - 1)
    for gap in changed:
        gaps[gap - 1] = draw.choice(SPACES)
    return words[0] + "".join(gap + word for gap, word in zip(gaps, words[1:], strict=True))


def _headed(text: str, draw: random.Random) -> str:
    return f"{draw.choice(HEADERS)}\n{text}"


def _footed(text: str, draw: random.Random) -> str:
    return f"{text}\n{draw.choice(FOOTERS)}"


EDITS = (_reworded, _swapped, _capitals, _spaced, _headed, _footed)
"""In the order in which they are made: new line breaks must not count as ends of sentences."""
