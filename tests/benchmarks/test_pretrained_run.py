"""The whole benchmark of a pretrained model, on made-up data and a tiny random model."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_data import CountingModel, write_set
from tiny_gemma import write_tiny_gemma

from benchmarks.common.models import Embedder
from benchmarks.pretrained import experiment, inputs, jobs, prepare, run
from benchmarks.pretrained.inputs import CONTEXTS, Inputs, TextItem
from benchmarks.pretrained.jobs import Job, Outcome, Site
from benchmarks.pretrained.methods import (
    METHODS,
    NEAREST,
    RANDOM,
    SIFT_ONCE,
    STEPS,
    WITNESSES_LAST,
)
from benchmarks.pretrained.model import TunedModel
from benchmarks.test_time.choosers import Choice
from benchmarks.test_time.corpus import Text

SIZES = ["--texts", "2", "--questions", "1", "--dtype", "float32"]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # two are slower for models this small
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_tiny_gemma(tmp_path / "gemma")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two domains and two sets of questions."""
    drawn = np.random.default_rng(0)
    folder = tmp_path / "data" / "lm_domains"
    folder.mkdir(parents=True)
    for domain in ("law_dc_code", "gutenberg"):
        words = [f"{domain[:2]}{drawn.integers(100)}" for _ in range(60)]
        rows = [
            {"id": f"{i}", "parent": f"{i // 3}", "text": " ".join(drawn.choice(words, 16))}
            for i in range(120)
        ]
        with gzip.open(folder / f"{domain}.jsonl.gz", "wt", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
    corpus = [
        {"id": f"d{i}", "title": f"Town {i}", "text": f"Town {i} lies on river {i % 7}."}
        for i in range(30)
    ]
    queries = [
        {"id": f"q{i}", "text": f"On which river lies town {i}?", "answer": [f"river {i % 7}"]}
        for i in range(8)
    ]
    judged = [{"query_id": f"q{i}", "doc_id": f"d{i}"} for i in range(8)]
    for name in prepare.SETS:
        write_set(tmp_path / "data" / name, corpus, queries, judged)
    monkeypatch.setenv("SIFT_DATA", str(tmp_path / "data"))
    return tmp_path


def in_this_process(
    site: Site, some: Sequence[Job], stop: Callable[[], bool]
) -> Iterator[tuple[Job, Outcome]]:
    tuned = TunedModel.load(site.model, site.setting.device, site.setting.dtype)
    for job in some:
        if stop():
            return
        yield job, job.do(tuned)


def refuse(
    site: Site, some: Sequence[Job], stop: Callable[[], bool]
) -> Iterator[tuple[Job, Outcome]]:
    assert not some
    return iter(())


def words() -> Embedder:
    return Embedder("words", "words", CountingModel())


def test_prepared_on_one_machine_and_run_on_another(
    data: Path, model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(jobs, "done", in_this_process)
    folder, results, cache = data / "prepared", data / "results", data / "cache"
    common = ["--model", str(model), "--results", str(results)]
    made = run.main([*common, "--prepare", str(folder)], embedder=words(), cache=cache)
    assert made == 0
    names = {path.name for path in folder.iterdir()}
    assert names == {"inputs.json", "embeddings.npz", "model-files.json"}
    check_inputs(inputs.read(folder), folder)

    monkeypatch.delenv("SIFT_DATA")
    there = [*common, *SIZES, "--preset", "h100", "--device", "cpu", "--prepared", str(folder)]
    assert run.main(there) == 0
    page = (results / "h100.md").read_text()
    for part in ("## What the numbers say", "2 held-out ones of 2 domains", "2 of hotpotqa, mus"):
        assert part in page
    assert len(list(folder.glob("outcomes-*.jsonl"))) == 1

    monkeypatch.setattr(jobs, "done", refuse)
    assert run.main(there) == 0
    assert (results / "h100.md").read_text() == page  # everything came from the store

    capsys.readouterr()
    (model / "config.json").write_text((model / "config.json").read_text() + "\n")
    run.files_of.cache_clear()
    monkeypatch.setattr(jobs, "done", in_this_process)
    assert run.main([*there, "--minutes", "0"]) == 2
    error = capsys.readouterr().err
    assert "Not the files that were prepared for: ['config.json']" in error
    assert "0 texts are complete; at least 2 are needed" in error
    with pytest.raises(ValueError, match="1000 texts were asked for; there are"):
        run.main([*there, "--texts", "1000"])


def check_inputs(made: Inputs, folder: Path) -> None:
    vectors = np.load(folder / "embeddings.npz")
    assert vectors["memory"].shape == (len(made.memory), 64)
    assert len(vectors["texts"]) == len(made.texts)
    for text in made.texts:
        assert text.text not in made.memory
        for method in METHODS:
            assert len(text.choices[method.label].origins) == STEPS
    assert {text.domain for text in made.texts[:2]} == {"law_dc_code", "gutenberg"}
    assert not {text.text for text in made.texts} & {text.text for text in made.development}
    assert [question.set for question in made.questions[:2]] == ["hotpotqa", "musique"]
    for question in made.questions:
        assert set(question.passages) == set(CONTEXTS)
        assert all(0 < len(found) <= 10 for found in question.passages.values())
    asked, others = (
        {(question.set, question.text) for question in some}
        for some in (made.questions, made.development_questions)
    )
    assert others
    assert not asked & others
    nearest, copied = (
        made.texts[0].choices[f"nearest neighbours{end}"] for end in ("", ", copies")
    )
    assert copied.origins == tuple(np.repeat(nearest.origins, 4)[:STEPS].tolist())


def test_methods_that_choose_the_same_share_a_job() -> None:
    memory = [f"passage {n}" for n in range(2 * STEPS)]
    same, other = Choice(tuple(range(STEPS))), Choice(tuple(range(STEPS, 2 * STEPS)))
    choices = {method.label: same for method in METHODS} | {RANDOM.label: other}
    found = experiment._text_jobs(TextItem("text", "law", choices), memory)
    assert found[SIFT_ONCE.label] is found[NEAREST.label]
    assert found[WITNESSES_LAST.label] is not found[NEAREST.label]
    assert found[RANDOM.label].trained == tuple(memory[STEPS : STEPS + 10])
    for method in METHODS:
        job = found[method.label]
        assert set(method.views) <= set(job.views)
        start = STEPS if method is RANDOM else 0
        wanted = memory[start : start + max(method.watched)]
        if method.last_first:
            wanted.reverse()
        assert [*job.trained[: len(wanted)]] == wanted
        assert not method.in_context or job.shown == tuple(memory[:5])
    assert len({job.key for job in found.values()}) < len(METHODS) - 3


def test_any_first_texts_are_spread_over_the_domains() -> None:
    texts = [
        Text(f"{domain} {n}", domain, "p") for domain in "abc" for n in range(2 + (domain > "a"))
    ]
    found = prepare.in_turn(texts)
    assert sorted(text.text for text in found) == sorted(text.text for text in texts)
    assert {text.domain for text in found[:3]} == {*"abc"} == {text.domain for text in found[3:6]}
    assert prepare.in_turn(texts) == found


def test_without_data_it_says_what_it_expects(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SIFT_DATA", raising=False)
    assert run.main(["--model", str(model)], embedder=words(), cache=tmp_path) == 2
    assert "lm_domains/<domain>.jsonl.gz" in capsys.readouterr().err
