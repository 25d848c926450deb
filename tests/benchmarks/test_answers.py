"""How likely an answer is: prompts, the cache, the table, and a tiny model read piece by piece."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.common import gemma
from benchmarks.common.data_folder import MissingDataError
from benchmarks.retrieval.answers import (
    GOLD,
    NO_CONTEXT,
    Ask,
    Job,
    answer_nats,
    answers_of,
    compare,
    prompt_of,
)


class Words:
    """An answer costs 1 nat a letter if the prompt holds it, otherwise 2; a token is a word."""

    def __init__(self, name: str = "words", dies_after: int | None = None) -> None:
        self.name, self.dies_after = name, dies_after
        self.asked: list[Ask] = []

    def cut(self, text: str, tokens: int) -> str:
        return " ".join(text.split()[:tokens])

    def nats(self, asks: Sequence[Ask]) -> Iterator[float]:
        for prompt, answer in asks:
            if len(self.asked) == self.dies_after:
                raise KeyboardInterrupt
            self.asked.append((prompt, answer))
            yield len(answer) * (1.0 if answer in prompt else 2.0)


QUESTIONS = ["Where?", "Who?", "When?"]
ANSWERS = [("Rome",), ("Ada Lovelace", "Ada"), ("1984",)]
FOUND = [("It is Rome.",), ("It was Ada.",), ("In 1984.",)]
LOST = [("Nothing.",), ("Nobody.",), ("Never.",)]


def test_the_prompt() -> None:
    assert prompt_of("Who?", ["One.", "Two."]) == "One.\n\nTwo.\n\nQuestion: Who?\nAnswer:"
    assert prompt_of("Who?", []) == "Question: Who?\nAnswer:"


def test_the_first_passages_are_shown_and_cut(tmp_path: Path) -> None:
    reader = Words()
    job = Job("Who?", ("a b c d", "e", "f"), ("x",))
    answer_nats([job], reader, passages=2, tokens=3, folder=tmp_path)
    assert reader.asked == [(prompt_of("Who?", ["a b c", "e"]), "x")]


def test_the_likeliest_answer_counts(tmp_path: Path) -> None:
    jobs = [Job("Who?", ("Ada Lovelace",), ("Ada Lovelace", "Ada", "The countess"))]
    np.testing.assert_array_equal(answer_nats(jobs, Words(), folder=tmp_path), [3.0])


def test_the_same_prompt_is_read_once(tmp_path: Path) -> None:
    reader = Words()
    jobs = [Job("Who?", ("a", "b"), ("x",)), Job("Who?", ("b", "a"), ("x",))]
    first = answer_nats([*jobs, jobs[0]], reader, folder=tmp_path)
    assert len(reader.asked) == 2
    again = answer_nats([*jobs, jobs[0]], reader, folder=tmp_path)
    assert len(reader.asked) == 2
    np.testing.assert_array_equal(first, again)


def test_another_model_has_other_figures(tmp_path: Path) -> None:
    first, second = Words("a"), Words("b")
    for reader in (first, second):
        answer_nats([Job("Who?", (), ("x",))], reader, folder=tmp_path)
    assert len(second.asked) == 1


def test_a_run_that_is_killed_keeps_what_was_read(tmp_path: Path) -> None:
    jobs = [Job(f"Who is {i}?", (), ("x",)) for i in range(5)]
    with pytest.raises(KeyboardInterrupt):
        answer_nats(jobs, Words(dies_after=3), folder=tmp_path)
    reader = Words()
    answer_nats(jobs, reader, folder=tmp_path)
    assert len(reader.asked) == 2


def test_a_figure_that_is_no_number_is_not_kept(tmp_path: Path) -> None:
    class Broken(Words):
        def nats(self, asks: Sequence[Ask]) -> Iterator[float]:
            yield from (float("nan") for _ in asks)

    job = Job("Who?", (), ("x",))
    with pytest.raises(ValueError, match="words returned nan nats for 'x'"):
        answer_nats([job], Broken(), folder=tmp_path)
    assert answer_nats([job], Words(), folder=tmp_path) == [2.0]


def test_no_jobs(tmp_path: Path) -> None:
    assert answer_nats([], Words(), folder=tmp_path).shape == (0,)


@pytest.mark.parametrize("answers", [(), ("",), ("x", " ")])
def test_a_question_without_an_answer(answers: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="needs answers that are not empty"):
        Job("Who?", (), answers)


def test_methods_are_compared_with_the_last(tmp_path: Path) -> None:
    table = compare(
        QUESTIONS,
        ANSWERS,
        {"lost": LOST, "found": FOUND},
        reader=Words(),
        gold=FOUND,
        folder=tmp_path,
    )
    rows = {row.method: row for row in table.rows}
    assert list(rows) == [NO_CONTEXT, "lost", "found", GOLD]
    np.testing.assert_array_equal(rows["found"].nats, [4, 3, 4])
    np.testing.assert_array_equal(rows["lost"].nats, [8, 6, 8])
    assert rows["found"].difference is None
    assert rows["lost"].difference is not None
    assert rows["lost"].difference.difference.mean == pytest.approx(11 / 3)
    assert rows["lost"].difference.wins == 3
    np.testing.assert_array_equal(rows[GOLD].nats, rows["found"].nats)
    lines = str(table).splitlines()
    assert lines[0] == "| method | nats of the answer | − found | p |"
    assert lines[3].startswith("| lost | 7.33 [6.00, 8.00] | +3.67 [+3.00, +4.00] | 0.25")
    assert lines[4] == "| found | 3.67 [3.00, 4.00] | – | – |"
    assert {line.count("|") for line in lines} == {5}


def test_only_the_methods(tmp_path: Path) -> None:
    table = compare(
        QUESTIONS, ANSWERS, {"found": FOUND}, reader=Words(), no_context=False, folder=tmp_path
    )
    assert [row.method for row in table.rows] == ["found"]


def test_what_does_not_fit(tmp_path: Path) -> None:
    def wrong(answers: Sequence[Sequence[str]], contexts: dict[str, list[tuple[str, ...]]]) -> None:
        compare(QUESTIONS, answers, contexts, reader=Words(), folder=tmp_path)

    with pytest.raises(ValueError, match=r"each of 3 questions in 'answers'; got 2"):
        wrong(ANSWERS[:2], {"found": FOUND})
    with pytest.raises(ValueError, match=r"each of 3 questions in 'found'; got 1"):
        wrong(ANSWERS, {"found": FOUND[:1]})
    with pytest.raises(ValueError, match="contexts must hold methods"):
        wrong(ANSWERS, {})
    with pytest.raises(ValueError, match="not called 'no context'"):
        wrong(ANSWERS, {NO_CONTEXT: FOUND})
    with pytest.raises(ValueError, match="expected a list of texts for each question; got 'Rome'"):
        wrong(["Rome", "Ada", "1984"], {"found": FOUND})


def test_the_answers_of_a_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIFT_DATA", str(tmp_path))
    with pytest.raises(MissingDataError, match=r"queries\.jsonl\.gz"):
        answers_of("musique")
    (tmp_path / "musique").mkdir()

    def write(*given: object) -> None:
        with gzip.open(tmp_path / "musique" / "queries.jsonl.gz", "wt", encoding="utf-8") as file:
            for i, answer in enumerate(given):
                file.write(json.dumps({"id": f"q{i}", "text": "Who?", "answer": answer}) + "\n")

    write("Ada", ["Rome", "Rome ", ""], [], None)
    assert answers_of("musique") == {"q0": ("Ada",), "q1": ("Rome",)}
    write([])
    with pytest.raises(MissingDataError, match="holds no answers"):
        answers_of("musique")


def test_without_the_package_the_message_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gemma, "NEEDED", {"no_such_module": "no-such-package"})
    with pytest.raises(MissingDataError, match="pip install no-such-package"):
        gemma.reader(folder=tmp_path)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of Gemma's kind with random weights, a window of 8 tokens, and bytes as tokens."""
    transformers = pytest.importorskip("transformers")
    tokenizers = pytest.importorskip("tokenizers")
    folder = tmp_path_factory.mktemp("tiny")
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: i for i, token in enumerate(["<bos>", *alphabet])}
    bytes_only = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=vocabulary, merges=[]))
    bytes_only.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_only.post_processor = tokenizers.processors.TemplateProcessing(
        single="<bos> $A", special_tokens=[("<bos>", 0)]
    )
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=bytes_only, bos_token="<bos>"
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.Gemma3TextConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=3,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        query_pre_attn_scalar=16,
        sliding_window=8,
        layer_types=["sliding_attention", "full_attention", "sliding_attention"],
        initializer_range=0.3,
        bos_token_id=0,
        eos_token_id=None,
        pad_token_id=None,
    )
    transformers.Gemma3ForCausalLM(config).save_pretrained(folder)
    return folder


def test_what_is_not_read_again_changes_nothing(tiny: Path) -> None:
    reader = gemma.CausalReader(tiny, "tiny")
    assert reader.name == "tiny float32"
    start = "A passage that several prompts share."
    asks = [
        (prompt_of("Who?", [start, "Second."]), "Ada"),
        (prompt_of("Who?", [start, "Second."]), "Ada Lovelace"),
        (prompt_of("Who?", [start, "Other, longer than the second."]), "Ada"),
        (prompt_of("Who?", [start]), "A"),
        (prompt_of("Who?", []), "Ada"),
        (prompt_of("Who?", [start]), "Ada"),
    ]
    together = list(reader.nats(asks))
    for (prompt, answer), nats in zip(asks, together, strict=True):
        asked = reader.tokenizer(prompt)["input_ids"]
        wanted = reader.tokenizer(" " + answer, add_special_tokens=False)["input_ids"]
        assert len(asked) == 1 + len(prompt)
        with torch.inference_mode():
            logits = reader.model(torch.tensor([asked + wanted]), use_cache=False).logits[0]
        log_p = torch.log_softmax(logits.double(), dim=-1)
        expected = -sum(float(log_p[len(asked) - 1 + i, token]) for i, token in enumerate(wanted))
        assert nats == pytest.approx(expected, abs=1e-3)


def test_a_passage_is_cut_at_a_token(tiny: Path) -> None:
    reader = gemma.CausalReader(tiny, "tiny")
    assert reader.cut("twelve bytes", 6) == "twelve"
    assert reader.cut("twelve bytes", 12) == "twelve bytes"
    assert reader.cut("", 3) == ""
