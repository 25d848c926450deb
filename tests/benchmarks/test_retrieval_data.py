"""The retrieval benchmark's sets and their variants, on a made-up data folder."""

from __future__ import annotations

import gzip
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_data import CORPUS, QRELS, QUERIES, CountingModel, write_set

from benchmarks.common.data_folder import MissingDataError
from benchmarks.common.models import Embedder
from benchmarks.retrieval import data, prepare
from benchmarks.retrieval.data import load
from benchmarks.retrieval.near_duplicates import near_duplicate
from benchmarks.retrieval.sentences import LONGEST, sentences
from benchmarks.retrieval.variants import CUTOFFS, VARIANTS, changed, copies, windows


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SIFT_DATA", str(tmp_path))
    write_set(tmp_path / "musique")
    return tmp_path


@pytest.mark.parametrize(
    "text",
    [
        "It is old. | It still stands.",
        "Is it really that old? | Yes, it is of stone!",
        'He said "it is an old mill." | Then he left us.',
        "Dr. J. Smith of St. Louis met Mr. Jones there. | He was in the U.S. Army.",
        "It costs 3.50 dollars vs. Two elsewhere, e.g. Rome.",
        "A sentence of one line\n| and another line of it",
        "Das Haus ist alt. | Ältere gibt es nicht. | (Oder vielleicht doch.)",
        "It was so. then it was not.",
        "1.\n First do this. | 2.\n Then do that.",
        "Overview\n The mill is old and stands there. | It is not much used. The end",
        "Hi.",
    ],
)
def test_sentences_end_where_the_bars_are(text: str) -> None:
    expected = [" ".join(part.split()) for part in text.split("|")]
    assert sentences(text.replace("| ", "")) == expected


def test_a_blank_text_has_no_sentences() -> None:
    assert sentences(" \n\n ") == []


@given(st.text(alphabet="aB .!?\n\"'1", max_size=300))
def test_splitting_loses_no_word(text: str) -> None:
    assert " ".join(sentences(text)).split() == text.split()


def test_what_has_no_end_is_cut_at_white_space() -> None:
    parts = sentences("word " * 1000)
    assert max(map(len, parts)) <= LONGEST
    assert " ".join(parts).split() == ["word"] * 1000
    assert sentences("x" * 2000) == ["x" * 2000]


def test_a_set_as_it_is(folder: Path) -> None:
    corpus = load("musique")
    assert (corpus.name, corpus.variant) == ("musique", "plain")
    assert [p.id for p in corpus.passages] == ["town", "river", "mirror", "hills"]  # none is empty
    assert all(p.parent == p.id for p in corpus.passages)
    assert corpus.passages[0].content.startswith("Broken Bow\nBroken Bow is a town.")
    assert corpus.passages[1].content == "The river is long."
    assert [q.id for q in corpus.queries] == ["q1", "q2"]  # none without an answer
    assert corpus.queries[1].judgements.facets == {"hills": {"hills"}}


def test_passages_that_say_the_same_have_the_same_facets(folder: Path) -> None:
    judged = load("musique").queries[0].judgements
    assert judged.facets == {"town": {"1882"}, "river": {"long"}, "mirror": {"long"}}


def test_queries_are_a_fixed_sample_in_file_order(folder: Path) -> None:
    queries = [{"id": f"q{i}", "text": "?"} for i in range(400)]
    qrels = [{"query_id": f"q{i}", "doc_id": "hills"} for i in range(400)]
    write_set(folder / "hotpotqa", CORPUS, queries, qrels)
    drawn = [int(query.id[1:]) for query in load("hotpotqa").queries]
    assert len(drawn) == data.MAX_QUERIES == 300
    assert drawn == sorted(drawn)
    assert drawn == [int(query.id[1:]) for query in load("hotpotqa").queries]
    assert drawn[:5] == [0, 1, 2, 3, 5]
    assert len(load("hotpotqa", max_queries=7).queries) == 7


def with_fields(row: dict[str, Any], **fields: Any) -> list[dict[str, Any]]:
    return [{**row, **fields}]


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"corpus": with_fields(CORPUS[0], text=3)}, r"corpus.*line 1: .*strings \['id', 'text'\]"),
        ({"corpus": [*CORPUS, CORPUS[0]]}, "line 6: the id 'town' came before"),
        ({"queries": [{"id": "q1"}]}, r"queries.*line 1: .*got \{\"id\": \"q1\"\}"),
        ({"queries": [QUERIES[0], QUERIES[0]]}, "line 2: the id 'q1' came before"),
        ({"qrels": with_fields(QRELS[0], query_id="q9")}, "unknown query in .*q9"),
        ({"qrels": with_fields(QRELS[0], doc_id="sea")}, "unknown passage in .*sea"),
        ({"qrels": with_fields(QRELS[0], doc_id="empty")}, "unknown passage in .*empty"),
        ({"qrels": with_fields(QRELS[0], facet=[1])}, "the facet must be a string; got .*1"),
        ({"qrels": [{"query_id": "q1"}]}, r"qrels.*\['query_id', 'doc_id'\]"),
    ],
)
def test_files_that_are_wrong(folder: Path, part: dict[str, Any], message: str) -> None:
    write_set(folder / "musique", **part)
    with pytest.raises(ValueError, match=message):
        load("musique")


def test_a_line_that_is_no_json(folder: Path) -> None:
    with gzip.open(folder / "musique" / "queries.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write("id,text\n")
    with pytest.raises(ValueError, match=r"queries.*line 1: expected an object .* got id,text"):
        load("musique")


def test_unknown_names(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"one of \['ramdocs', .*got 'nq'"):
        load("nq")
    with pytest.raises(ValueError, match=r"one of \['plain', .*got 'mirrors'"):
        prepare.prepare("musique", "mirrors", Embedder("words", "words", CountingModel()))


def test_missing_data_says_what_is_expected(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(MissingDataError, match=r"squad_dev/corpus\.jsonl\.gz, .*qrels"):
        load("squad_dev")
    (folder / "musique" / "qrels.jsonl.gz").unlink()
    with pytest.raises(MissingDataError, match=r"^Not found: \S*/musique/qrels\.jsonl\.gz\."):
        load("musique")
    monkeypatch.setenv("SIFT_DATA", str(folder / "nowhere"))
    assert prepare.main([]) == 2
    printed = capsys.readouterr().err
    assert "nowhere', which is no folder" in printed
    for name in data.SOURCES:
        assert name in printed


def test_the_command_without_data_ends_with_code_2() -> None:
    done = subprocess.run(
        [sys.executable, prepare.__file__, "--sets", "ramdocs"],
        env={},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("SIFT_DATA is not set.")
    assert "HanNight/RAMDocs" in done.stderr
    assert "Traceback" not in done.stderr


def test_windows_overlap_and_are_judged_as_their_passage(folder: Path) -> None:
    cut = windows(load("musique"))
    assert cut.variant == "windows"
    texts = {p.id: p.text for p in cut.passages}
    assert texts == {
        "town#0": "Broken Bow Broken Bow is a town. It was founded in 1882. It has a mill.",
        "town#1": "It was founded in 1882. It has a mill. The mill is old.",
        "river#0": "The river is long.",
        "mirror#0": "The river is long.",
        "hills#0": "Hills There are hills. Dr. J. Smith climbed them.",
    }
    assert [p.content for p in cut.passages] == [p.text for p in cut.passages]
    assert {p.parent for p in cut.passages if p.id.startswith("town")} == {"town"}
    assert cut.queries[0].judgements.facets == {
        "town#0": {"1882"},
        "town#1": {"1882"},
        "river#0": {"long"},
        "mirror#0": {"long"},
    }
    assert cut.queries[1].judgements.facets == {"hills#0": {"hills"}}


def many(folder: Path, count: int) -> data.RetrievalSet:
    rows = [{**CORPUS[0], "id": f"t{i}", "text": f"{CORPUS[0]['text']} {i}."} for i in range(count)]
    judged = [{"query_id": "q1", "doc_id": row["id"], "facet": "1882"} for row in rows]
    write_set(folder / "musique", rows, QUERIES[:1], judged)
    return load("musique")


@pytest.mark.parametrize("vary", [copies, changed])
def test_a_third_of_the_corpus_comes_three_times_more(folder: Path, vary: Any) -> None:
    corpus = many(folder, 60)
    more = vary(corpus)
    assert more.variant == vary.__name__
    assert more.passages[:60] == corpus.passages
    added = more.passages[60:]
    assert len(added) == 20 * 3
    texts = {p.id: p.text for p in corpus.passages}
    for first in range(0, 60, 3):
        three = added[first : first + 3]
        (parent,) = {copy.parent for copy in three}
        assert [copy.id for copy in three] == [f"{parent}~{n}" for n in (1, 2, 3)]
        different = {texts[parent], *(copy.text for copy in three)}
        assert len(different) == (1 if vary is copies else 4)
    judged = more.queries[0].judgements
    assert len(judged.facets) == 120
    assert judged.all_facets == {"1882"}
    assert vary(corpus) == more
    assert vary(corpus, seed=1) != more


def test_copies_and_changed_repeat_the_same_passages(folder: Path) -> None:
    corpus = many(folder, 60)
    assert [p.id for p in copies(corpus).passages] == [p.id for p in changed(corpus).passages]


def test_every_variant_has_its_cutoffs() -> None:
    assert CUTOFFS.keys() == VARIANTS.keys()


@given(st.integers(0, 10_000))
def test_a_near_duplicate_keeps_every_fact(seed: int) -> None:
    text = (
        "Port Blair is the capital of the islands. It is located in the Bay of Bengal. "
        "It also houses a museum, which began in 1975."
    )
    copy = near_duplicate(text, random.Random(seed))
    assert copy != text
    assert near_duplicate(text, random.Random(seed)) == copy
    words = " ".join(copy.lower().split())  # letter case and white space may be changed
    for fact in ("port blair", "capital of the islands", "bay of bengal", "museum", "1975"):
        assert fact in words


def test_near_duplicates_change_case_and_white_space() -> None:
    text = "The mill is old. It stands by the river, where the road ends."
    made = [near_duplicate(text, random.Random(seed)) for seed in range(100)]
    assert any("THE MILL IS OLD." in copy for copy in made)
    assert any(text.lower() in copy for copy in made)
    assert any("  " in copy or "\t" in copy for copy in made)


@pytest.mark.parametrize("text", ["x", "The river is long.", "and and and"])
def test_even_a_short_text_gets_near_duplicates(folder: Path, text: str) -> None:
    copies = {near_duplicate(text, random.Random(seed)) for seed in range(50)}
    assert len(copies) >= 4
    assert text not in copies
