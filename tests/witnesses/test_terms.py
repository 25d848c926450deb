"""Terms of texts: which words count as the same, in all scripts, and how long reading takes."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from real_texts import real_texts
from slow_terms import folded, slow_terms

from sift_retrievers.witnesses.array_reading import CHUNK
from sift_retrievers.witnesses.characters import MOST_CHARACTERS, fold
from sift_retrievers.witnesses.reading import read_terms
from sift_retrievers.witnesses.term_cache import TermCache
from sift_retrievers.witnesses.terms import Terms, combined

# Texts of many scripts, with characters that need special treatment.
SCRIPTS = [
    "the quick brown fox  JUMPS over",
    "Müller Straße ÅNGSTRÖM ﬁne ＦＵＬＬ",
    "東京都は日本の首都です。佐々木 カタカナ ｶﾞｷﾞ",
    "ภาษาไทยไม่มีช่องว่าง ຄົນລາວ မြန်မာ ខ្មែរ",
    "한국어는 띄어쓰기가 있다",
    "مُحَمَّد العربية ﷺ آية",
    "שָׁלוֹם בית־ספר",
    "हिन्दी में मात्राएँ क्‍ष",
    "❤️ 👩‍👩‍👧 🇩🇪 1️⃣ 😀",
    "\u200f\u202etfel\u202c \u00ad\ufeff\u200b\x00\x07\x1b\x7f\u2028",
    "AB_1234 x-17/b 3.14 (1999) e.g. (",
    "\n\n  \t\r\n",
    "\ud800 \udfff",
]
SOME_UNICODE = st.text(
    st.one_of(st.sampled_from("".join(SCRIPTS)), st.characters(max_codepoint=0xFFFF)), max_size=150
)


def words(text: str) -> list[int]:
    return list(read_terms([text])[0].words.tolist())


def grams(text: str) -> set[int]:
    return set(read_terms([text])[0].grams.tolist())


def sequence_hash(hashes: Any) -> int:
    """The hash of a sequence of words."""
    so_far = hashes[:1]
    for i in range(1, len(hashes)):
        so_far = combined(so_far, hashes[i : i + 1])
    return int(so_far[0])


def as_lists(terms: Terms) -> tuple[Any, ...]:
    return (
        terms.words.tolist(),
        terms.phrases.tolist(),
        terms.grams.tolist(),
        terms.head_words,
        terms.head_grams,
        terms.name,
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Müller", "MULLER"),
        ("Straße", "STRASSE"),
        ("ﬁnance oﬃce", "finance office"),
        ("ＦＵＬＬ　ｗｉｄｔｈ", "full width"),
        ("co\u00adoperation", "cooperation"),
        ("na\u200dive \ufeffstart", "naive start"),
        (unicodedata.normalize("NFC", "Đặng Ångström café"), "Đặng Ångström café"),
        (unicodedata.normalize("NFD", "Đặng Ångström café"), "đang angstrom cafe"),
        ("İstanbul", "istanbul"),
        ("ΣΊΣΥΦΟΣ", "Σίσυφος"),
        ("ｶﾞｷﾞ", "ガギ"),  # half width
        (unicodedata.normalize("NFD", "がぎぐ"), "がぎぐ"),  # dakuten by itself
        (unicodedata.normalize("NFD", "한국어"), "한국어"),
        ("مُحَمَّد", "محمد"),
        ("محـــمد", "محمد"),
        ("שָׁלוֹם", "שלום"),
        ("葛\U000e0100城市", "葛城市"),  # a variant of the glyph
        ("①⑵", "1(2)"),
        ("\u200fabc\u200e \u202edef\u202c", "abc def"),
        ("don\u2019t", "don't"),
        ("1️⃣ ❤️ step", "1 ❤ step"),
    ],
)
def test_what_is_written_differently_and_is_the_same(one: str, other: str) -> None:
    assert words(one) == words(other) != []
    assert grams(one) == grams(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("か", "が"), ("हिन्दी", "हन्द"), ("ไม่", "ไม"), ("AB1234", "AB1235"), ("ab", "ba"), ("a", "aa")],
)
def test_what_differs(one: str, other: str) -> None:
    assert words(one) != words(other)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("AB_1234 x-17/b", ["AB", "1234", "x", "17", "b"]),
        ("snake_case_name", ["snake", "case", "name"]),
        ("בית־ספר", ["בית", "ספר"]),  # the hyphen of Hebrew
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("한국어는 띄어쓰기", ["한국어는", "띄어쓰기"]),
        ("one\x00two\x07three\u2028four", ["one", "two", "three", "four"]),
        ("left\ud800right", ["left", "right"]),
        ("東京都", ["東京", "京都"]),
        ("佐々木", ["佐々", "々木"]),
        ("日本 x 語", ["日本", "x", "語"]),
        ("ไทย", ["ไท", "ทย"]),
        ("GPT4は新しい", ["GPT4", "は新", "新し", "しい"]),
    ],
)
def test_where_words_end(text: str, parts: list[str]) -> None:
    assert words(text) == [word for part in parts for word in words(part)]
    assert len(words(text)) == len(parts)


@pytest.mark.parametrize(
    "text", ["", " \n\t", "…!?—", "😀👍", "❤️", "🇩🇪", "\u200b\u200f", "\ud800", "_"]
)
def test_texts_without_words(text: str) -> None:
    terms = read_terms([text])[0]
    assert len(terms.words) == len(terms.grams) == 0
    assert len(terms.phrases) == bool(text.strip())  # the text itself, or none if it is blank
    assert terms.name is None
    assert terms.phrases.tolist() == read_terms([f" {text}\n"])[0].phrases.tolist()


def test_texts_without_words_that_differ() -> None:
    phrases = [terms.phrases.tolist() for terms in read_terms(["😀", "👍", "", "?!"])]
    assert len({str(phrase) for phrase in phrases}) == 4


def test_inflected_forms_share_most_grams() -> None:
    for one, other in [
        ("regulation", "regulations"),
        ("Versicherung", "Versicherungen"),
        ("Krankenversicherung", "Versicherung"),
    ]:
        shared = grams(one) & grams(other)
        assert len(shared) >= 0.6 * min(len(grams(one)), len(grams(other)))
    assert not grams("regulation") & grams("quark")


def test_part_numbers_are_found_by_their_parts() -> None:
    assert set(words("AB 1234")) == set(words("ab_1234-X")) - set(words("x"))
    assert grams("AB1234") & grams("XAB1234Y")


@given(st.lists(SOME_UNICODE, max_size=12))
@settings(max_examples=300, derandomize=True, deadline=None)
@example(texts=SCRIPTS)
@example(texts=[*SCRIPTS, "", *SCRIPTS[::-1]])
def test_many_texts_at_once_give_what_one_by_one_does(texts: list[str]) -> None:
    together = read_terms(texts)
    assert [*map(as_lists, together)] == [as_lists(read_terms([text])[0]) for text in texts]


def test_several_chunks_give_what_one_by_one_does() -> None:
    passages, _ = real_texts()
    texts = [f"{title}\n{text}" for title, text in passages[:500]] + SCRIPTS
    texts += ["x" * MOST_CHARACTERS, "wort " * 30_000, "東" * (MOST_CHARACTERS + 5), "\u00ad" * 9]
    assert sum(map(len, texts)) > 2 * CHUNK
    for order in (texts, texts[::-1]):
        for found, text in zip(read_terms(order), order, strict=True):
            assert as_lists(found) == as_lists(read_terms([text])[0])


def correspond(pairs: Sequence[tuple[Hashable, int]]) -> None:
    """Assert that strings are equal exactly if their hashes are."""
    assert len(dict(pairs)) == len({number for _, number in pairs}) == len(set(pairs))


def check_against_slow(texts: Sequence[str]) -> None:
    all_words: list[tuple[Hashable, int]] = []
    all_phrases: list[tuple[Hashable, int]] = []
    all_grams: list[tuple[Hashable, int]] = []
    for text, found in zip(texts, read_terms(texts), strict=True):
        slow = slow_terms(text)
        assert fold(text) == folded(text)
        all_words += zip(slow.words, found.words.tolist(), strict=True)
        all_phrases += zip(slow.phrases, found.phrases.tolist(), strict=True)
        all_grams += zip(slow.grams, found.grams.tolist(), strict=True)
        assert (found.head_words, found.head_grams) == (slow.head_words, slow.head_grams)
        if slow.name is None:
            assert found.name is None
        else:
            name = np.concatenate([read_terms([word])[0].words for word in slow.name])
            assert found.name == (sequence_hash(found.words[: len(slow.name)]), len(slow.name))
            if all(len(words(word)) == 1 for word in slow.name):
                assert found.name[0] == sequence_hash(name)
    for pairs in (all_words, all_phrases, all_grams):
        correspond(pairs)


@given(st.lists(SOME_UNICODE, max_size=6))
@settings(max_examples=300, derandomize=True, deadline=None)
@example(texts=SCRIPTS)
def test_terms_are_those_of_the_definition(texts: list[str]) -> None:
    check_against_slow(texts)


def test_terms_of_real_texts_are_those_of_the_definition() -> None:
    passages, questions = real_texts()
    check_against_slow([f"{title}\n{text}" for title, text in passages[:150]] + [*questions])


def test_terms_of_random_letters_are_those_of_the_definition() -> None:
    random = np.random.default_rng(0)
    letters = np.array([*"abcdefgh  \n", "ä", "東", "京", "\u00ad", "_"])
    check_against_slow(["".join(random.choice(letters, size=400)) for _ in range(60)])


@pytest.mark.parametrize(
    "text",
    [
        "word " * 250_000,
        "a" * 1_250_000,
        "東京" * 600_000,
        "ﷺ" * 1_250_000,  # each is decomposed into 18 characters
        "\u0301" * 1_250_000,
        "\n" * 1_250_000,
        "\u00ad" * 1_250_000,
        "(" * 1_250_000,
    ],
    ids=["words", "one word", "dense", "expanding", "accents", "lines", "hyphens", "brackets"],
)
def test_a_megabyte_takes_a_moment(text: str) -> None:
    began = time.process_time()
    found = read_terms([text, text])
    assert time.process_time() - began < 5
    assert len(found[0].words) <= MOST_CHARACTERS
    assert as_lists(found[0]) == as_lists(read_terms([text[:MOST_CHARACTERS]])[0])


def test_what_stands_behind_the_limit_is_not_read() -> None:
    long = "word " * 20_000
    assert len(long) == MOST_CHARACTERS
    assert as_lists(read_terms([long + "unread"])[0]) == as_lists(read_terms([long])[0])


def test_the_head_is_the_first_line_or_80_characters_of_it() -> None:
    one = read_terms(["Short title\nand a text below"])[0]
    assert one.head_words == 2
    assert one.head_grams == len(read_terms(["Short title"])[0].grams)
    long = read_terms(["word " * 100])[0]
    assert long.head_words == 16
    assert read_terms(["\n  \nTitle\ntext"])[0].head_words == 1  # blank lines do not count


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Marie Curie\nwas born in Warsaw", "marie curie"),
        ("Dune Two (1984 film)\nis a film", "dune two"),
        ("Dune (1984 film)\nis a film", None),  # a single word is no name
        ("Overview\nThis manual", None),
        ("Éric Rohmer\nfilms", "eric rohmer"),
        ("東京タワー\nは塔である", "東京タワー"),
        ("Marie Curie", None),  # nothing below it
        ("Marie Curie\n \n", None),
        ("abc\ntext", None),  # too short
        ("w" * 61 + "\ntext", None),
        ("(1984)\ntext", None),
        ("!!!!!!\ntext", None),  # no word
        ("a sentence that goes on and on and on, as first lines of texts do.\ntext", None),
    ],
)
def test_the_name_is_a_short_first_line(text: str, name: str | None) -> None:
    found = read_terms([text])[0].name
    if name is None:
        assert found is None
    else:
        named = read_terms([name])[0].words
        assert found == (sequence_hash(named), len(named))


def test_no_texts() -> None:
    assert read_terms([]) == []
    assert TermCache().blocks([]) == []
