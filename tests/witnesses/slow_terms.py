"""The definition of terms as readable, slow code with strings. Shares no code with the package."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

MOST = 100_000
DENSE = (
    (0x0E00, 0x0EFF),
    (0x1000, 0x109F),
    (0x1780, 0x17FF),
    (0x3005, 0x3007),
    (0x3040, 0x30FF),
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)
SIGNS = (
    (0x0300, 0x036F),
    (0x0591, 0x05BD),
    (0x05BF, 0x05BF),
    (0x05C1, 0x05C2),
    (0x05C4, 0x05C5),
    (0x05C7, 0x05C7),
    (0x0610, 0x061A),
    (0x0640, 0x0640),
    (0x064B, 0x065F),
    (0x0670, 0x0670),
    (0x06D6, 0x06DC),
    (0x06DF, 0x06E4),
    (0x06E7, 0x06E8),
    (0x06EA, 0x06ED),
    (0x180B, 0x180D),
    (0x180F, 0x180F),
    (0x1AB0, 0x1AFF),
    (0x1DC0, 0x1DFF),
    (0x20D0, 0x20FF),
    (0xFE00, 0xFE0F),
    (0xFE20, 0xFE2F),
    (0xE0100, 0xE01EF),
)


@dataclass(frozen=True)
class SlowTerms:
    """As `Terms`, with strings instead of hashes."""

    words: list[str]
    phrases: list[tuple[str, ...]]
    grams: list[str]
    head_words: int
    head_grams: int
    name: tuple[str, ...] | None


def within(character: str, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(low <= ord(character) <= high for low, high in ranges)


def folded(text: str) -> str:
    text = unicodedata.normalize("NFKD", text[:MOST]).casefold()
    text = "".join(c for c in text if not within(c, SIGNS))
    return unicodedata.normalize("NFC", text)[:MOST]


def kind(c: str) -> str:
    category = unicodedata.category(c)
    if within(c, DENSE):
        return "dense" if category[0] in "LMN" else "gap"
    if category[0] in "LMN":
        return "letter"
    return "dropped" if category == "Cf" and ord(c) > 127 else "gap"


def slow_terms(text: str) -> SlowTerms:
    whole = folded(text).lstrip()
    line, _, rest = whole.partition("\n")
    name_end = len(line.split("(")[0].rstrip())
    named = 4 <= name_end <= 60 and rest.strip() != ""
    # Each character that counts, with its place in the folded text.
    kept = [(place, c, kind(c)) for place, c in enumerate(whole) if kind(c) != "dropped"]
    kinds = [k for _, _, k in kept] + ["gap"]
    words: list[tuple[int, str]] = []
    grams: list[tuple[int, str]] = []
    i = 0
    while i < len(kept):
        place, c, k = kept[i]
        if k == "letter":
            j = i
            while kinds[j] == "letter":
                j += 1
            word = "".join(c for _, c, _ in kept[i:j])
            words.append((place, word))
            edged = f"_{word}_"
            grams += [(kept[i + n][0], edged[n : n + 4]) for n in range(len(word) - 1)]
            i = j
            continue
        if k == "dense":
            if kinds[i + 1] == "dense":
                words.append((place, c + kept[i + 1][1]))
            elif i == 0 or kinds[i - 1] != "dense":
                words.append((place, c))
            grams.append((place, c))
        i += 1
    only = [word for _, word in words]
    framed = ["<begin>", *only, "<end>"]
    head = min(len(line), 80)
    name = tuple(word for place, word in words if place < name_end) if named else ()
    return SlowTerms(
        words=only,
        phrases=[tuple(framed[n : n + 3]) for n in range(len(only))]
        or ([(whole.strip(),)] if whole.strip() else []),
        grams=[gram for _, gram in grams],
        head_words=sum(place < head for place, _ in words),
        head_grams=sum(place < head for place, _ in grams),
        name=name if len(name) > 1 else None,
    )
