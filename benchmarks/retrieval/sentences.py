"""A short sentence splitter: enough to cut passages into chunks as text splitters do."""

from __future__ import annotations

import re

# Punctuation, closing quotes or brackets, white space, and what is not a lower-case letter next.
BOUNDARY = re.compile(r"[.!?]+[\"'”’)\]]*\s+(?=[\"'“‘(\[]*[^\Wa-z_])")
ABBREVIATION = re.compile(
    r"[a-z]|mrs?|ms|dr|prof|st|jr|sr|gen|col|lt|sgt|capt|rev|hon|gov|sen|rep|vs|vol|fig|inc|ltd"
    r"|co|corp|e\.g|i\.e|cf|approx|ca|u\.s|u\.k|u\.n|ph\.d"
)
SHORTEST, LONGEST = 20, 500


def sentences(text: str) -> list[str]:
    """The sentences of a text, in order; none for a blank text.

    A sentence ends with a line, or at `.`, `!`, `?` before white space and a word that does not
    begin in lower case, unless an abbreviation or an initial ("J.") stands before it. Fragments
    under `SHORTEST` characters (headings, list numbers, lines of code) go with what follows. What
    is longer than `LONGEST` characters (tables, code) is cut at white space, so that a chunk of
    three stays near the 256 tokens that small embedding models read.
    """
    pieces = [piece for line in text.splitlines() for piece in _ends(line.strip()) if piece]
    joined: list[str] = []
    for piece in pieces:
        if joined and _is_fragment(joined[-1]):
            joined[-1] = f"{joined[-1]} {piece}"
        else:
            joined.append(piece)
    if len(joined) > 1 and _is_fragment(joined[-1]):
        last = joined.pop()
        joined[-1] = f"{joined[-1]} {last}"
    return [part for piece in joined for part in _cut(piece)]


def _ends(line: str) -> list[str]:
    """One line cut at the ends of its sentences."""
    found, start = [], 0
    for end in BOUNDARY.finditer(line):
        word = line[start : end.start()].rsplit(maxsplit=1)[-1:]
        before = word[0].strip("\"'“‘([").lower() if word else ""
        if line[end.start()] == "." and ABBREVIATION.fullmatch(before):
            continue
        found.append(line[start : end.end()].rstrip())
        start = end.end()
    return [*found, line[start:]]


def _is_fragment(piece: str) -> bool:
    """Whether a piece is short and no sentence: three words and a full stop make one."""
    whole = len(piece.split()) >= 3 and piece.rstrip("\"'”’)]").endswith((".", "!", "?"))
    return len(piece) < SHORTEST and not whole


def _cut(sentence: str) -> list[str]:
    """Parts of at most `LONGEST` characters; a longer word stays whole."""
    parts: list[str] = []
    for word in sentence.split():
        if parts and len(parts[-1]) + 1 + len(word) <= LONGEST:
            parts[-1] = f"{parts[-1]} {word}"
        else:
            parts.append(word)
    return parts
