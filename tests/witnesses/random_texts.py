"""Random texts of any script, with unusual characters, and passages that share words."""

from __future__ import annotations

import numpy as np

# Where characters are drawn from: first and last code point.
BLOCKS = (
    (0x20, 0x7E),
    (0x20, 0x7E),
    (0x00, 0x1F),  # NUL, tabs, lines, separators
    (0x80, 0x24F),  # Latin with accents, soft hyphens, no-break spaces
    (0x300, 0x36F),  # accents by themselves
    (0x370, 0x52F),  # Greek, Cyrillic
    (0x590, 0x6FF),  # Hebrew, Arabic
    (0x900, 0x97F),  # Devanagari
    (0xE00, 0xEFF),  # Thai, Lao
    (0x1000, 0x109F),
    (0x13A0, 0x13FF),  # Cherokee, folded to upper case
    (0x2000, 0x206F),  # joiners, directions, line separators
    (0x2460, 0x24FF),  # numbers in circles
    (0x3000, 0x30FF),
    (0x4E00, 0x9FFF),
    (0xAC00, 0xD7A3),  # Korean
    (0xD800, 0xDFFF),  # halves of pairs
    (0xF900, 0xFFFF),  # compatibility forms, variants, full and half width
    (0x1F300, 0x1FAFF),  # emoji
    (0x20000, 0x3FFFF),
    (0xE0000, 0xE01EF),  # tags, variants
    (0, 0x10FFFF),
)
WORDS = ("the", "Marie", "Curie", "was", "born", "in", "Łódź", "東京タワー", "co\u00adop", "(1984)")


def random_text(random: np.random.Generator, most: int = 300) -> str:
    """Characters of up to three blocks, with blanks and line ends among them."""
    size = int(random.integers(0, most))
    some = [BLOCKS[i] for i in random.integers(0, len(BLOCKS), size=random.integers(1, 4))]
    low, high = np.array(some).T
    which = random.integers(0, len(some), size=size)
    codes = random.integers(low[which], high[which] + 1)
    gaps = random.random(size)
    codes[gaps < 0.12] = 0x20
    codes[gaps < 0.02] = 0x0A
    codes[gaps < 0.005] = 0x28
    return "".join(map(chr, codes.tolist()))


def random_passage(random: np.random.Generator, most: int = 60) -> str:
    """A passage of words that other passages have too, sometimes below a title."""
    size = int(random.integers(0, most))
    body = " ".join(WORDS[i] for i in random.integers(0, len(WORDS), size=size))
    if random.random() < 0.6:
        title = " ".join(WORDS[i] for i in random.integers(0, len(WORDS), size=random.integers(4)))
        return f"{title}\n{body}"
    return body
