"""The experiment of test-time fine-tuning: gradient steps, curves, and the whole command."""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_language_model import train_tokenizer
from tiny_data import CountingModel
from transformers import GPT2Config, GPT2LMHeadModel

from benchmarks.common import data_folder
from benchmarks.test_time import experiment, run, runs
from benchmarks.test_time.choosers import NEAREST, STEPS
from benchmarks.test_time.fine_tuning import LoraModel, Predictor, Tunable, WholeModel
from benchmarks.test_time.report import as_json, page
from benchmarks.test_time.settings import Setting

TEXTS = [
    "The river runs down to the old mill, where nobody has lived for a hundred years.",
    "A mill grinds corn; the wheel is turned by the river, slowly and all day long.",
    "Nobody knows who built the bridge over the river, or when it was built.",
]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # two are slower for models this small
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def predictor() -> Predictor:
    tokenizer = train_tokenizer(TEXTS, vocabulary=300)
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=64,
        n_embd=32,
        n_layer=2,
        n_head=2,
        bos_token_id=0,
        eos_token_id=0,
    )
    return Predictor(GPT2LMHeadModel(config).eval(), tokenizer)


def test_bits_per_byte_by_hand(predictor: Predictor) -> None:
    text = "The river, naïve."
    ids = torch.tensor([predictor.reading.tokenizer(text)["input_ids"]])
    with torch.no_grad():
        logs = predictor.model(input_ids=ids).logits[0, :-1].double().log_softmax(-1)
    nats = -float(logs.gather(1, ids[0, 1:, None]).sum())
    assert predictor.bits_per_byte(text) == pytest.approx(nats / math.log(2) / 18, rel=1e-5)


def test_a_text_that_the_model_cannot_read_at_once_is_refused(predictor: Predictor) -> None:
    with pytest.raises(ValueError, match=r"tokens; the model reads 64"):
        predictor.bits_per_byte("river " * 200)


@pytest.mark.parametrize("make", [WholeModel, LoraModel])
def test_curves_are_those_of_plain_steps_and_nothing_stays(
    predictor: Predictor, make: type[Tunable]
) -> None:
    before = {name: p.detach().clone() for name, p in predictor.model.named_parameters()}
    base = predictor.bits_per_byte(TEXTS[2])
    tunable: Any = make(predictor.model)
    passages = [TEXTS[0], TEXTS[1], TEXTS[0]]
    curve = predictor.curve(tunable, passages, TEXTS[2], (0, 1, 3), 1e-2)
    assert set(curve) == {0, 1, 3}
    assert curve[0] == base
    assert curve[3] < curve[1] < curve[0]

    tunable.reset()
    assert predictor.bits_per_byte(TEXTS[2]) == base
    weights = dict(predictor.model.named_parameters())
    for name, weight in before.items():
        now = weights.get(name)
        now = weights[_inside(name)] if now is None else now
        assert torch.equal(now, weight), name

    optimizer = torch.optim.Adam(tunable.parameters, lr=1e-2, eps=1e-8)
    for parameter in predictor.model.parameters():
        parameter.requires_grad_(any(parameter is p for p in tunable.parameters))
    for passage in passages:
        ids = torch.tensor([predictor.reading.tokenizer(passage)["input_ids"]])
        predictor.model(input_ids=ids, labels=ids).loss.backward()
        torch.nn.utils.clip_grad_norm_(tunable.parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()
    assert predictor.bits_per_byte(TEXTS[2]) == pytest.approx(curve[3], rel=1e-5)


TINY = Setting(
    name="tiny",
    vocabulary=320,
    width=48,
    layers=1,
    epochs=1,
    batch=8,
    passages_per_domain=60,
    documents_per_domain=2,
    validation_per_domain=1,
    learning_rates={"full": (1e-3, 1e-2), "LoRA": (1e-2,)},
    workers=1,
    device="cpu",
)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    drawn = np.random.default_rng(0)
    folder = tmp_path / "data" / "lm_domains"
    folder.mkdir(parents=True)
    for domain in ("law_dc_code", "gutenberg"):
        words = [f"{domain[:3]}{drawn.integers(1000)}" for _ in range(80)]
        rows = [
            {
                "id": f"{domain}-{i}",
                "parent": f"{i // 3}",
                "text": " ".join(drawn.choice(words, 60)),
            }
            for i in range(90)
        ]
        with gzip.open(folder / f"{domain}.jsonl.gz", "wt", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
    monkeypatch.setenv("SIFT_DATA", str(tmp_path / "data"))
    return tmp_path


def test_the_whole_experiment_on_made_up_text(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "_make", _in_this_process)
    measured, about = run.run(TINY, encode=CountingModel(), model="words", folder=data / "cache")
    assert {document.domain for document in measured.documents} == {"law_dc_code", "gutenberg"}
    assert measured.learning_rates["full"] == min(
        (1e-3, 1e-2), key=lambda rate: measured.sweep["full", rate]
    )
    for way, methods in experiment.BY_WAY.items():
        for method in methods:
            assert np.isfinite(measured.after(way, method, STEPS)).all()
    np.testing.assert_allclose(measured.after("LoRA", NEAREST, 0), measured.base, rtol=1e-6)
    half = (measured.after("full", NEAREST, 20) + measured.after("full", NEAREST, 30)) / 2
    np.testing.assert_allclose(measured.between("full", NEAREST, 25.0), half)
    text = page(measured, about)
    for title in ("Full fine-tuning", "LoRA", "By domain", "Adaptive SIFT", "| law_dc_code | 2 |"):
        assert title in text
    assert len(json.loads(as_json(measured))["domains"]) == 4

    monkeypatch.setattr(runs, "_make", _refuse)
    again, _ = run.run(TINY, encode=CountingModel(), model="words", folder=data / "cache")
    assert page(again, about) == text  # everything came from the store


def test_a_run_that_was_broken_off_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = runs.Site(tmp_path, ("a", "b"), "cpu", 1)
    wanted = [runs.Run(f"text {i}", (0, 1), "full", 0.1, (0, 2)) for i in range(4)]
    asked: list[runs.Run] = []

    def make(_: runs.Site, some: list[runs.Run]) -> Iterator[tuple[runs.Run, runs.Made]]:
        for one in some:
            asked.append(one)
            yield one, runs.Made({0: float(one.document[-1]), 2: 0.5}, 1.0)

    monkeypatch.setattr(runs, "_make", make)
    first = runs.make_all(site, wanted, "runs")
    assert [made.curve[0] for made in first] == [0, 1, 2, 3]
    lines = site.store.read_text().splitlines(keepends=True)
    site.store.write_text("".join(lines[:2]) + lines[2][:40])
    asked.clear()
    assert runs.make_all(site, wanted[::-1], "runs") == first[::-1]
    assert asked == wanted[:1:-1]
    other = runs.Site(tmp_path, ("a", "c"), "cpu", 1)
    asked.clear()
    runs.make_all(other, [wanted[0], wanted[0]], "runs")
    assert asked == [wanted[0]]  # another memory: nothing is taken over; twice the same: once


@pytest.mark.slow
def test_workers_make_the_same_curves(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[runs.Run] = []
    spawned = runs._make

    def watched(site: runs.Site, wanted: list[runs.Run]) -> Iterator[tuple[runs.Run, runs.Made]]:
        made.extend(wanted[:4])
        here = dict(_in_this_process(site, wanted[:4]))
        there = dict(spawned(replace(site, workers=2), wanted[:4]))
        for one, found in here.items():
            assert found.curve == there[one].curve
        yield from _in_this_process(site, wanted)

    monkeypatch.setattr(runs, "_make", watched)
    tiny = replace(TINY, documents_per_domain=1, learning_rates={"full": (1e-2,), "LoRA": (1e-2,)})
    run.run(tiny, encode=CountingModel(), model="words", folder=data / "cache")
    assert len(made) >= 4


def test_without_data_it_says_what_it_expects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SIFT_DATA", raising=False)
    assert run.main(["--results", str(tmp_path)]) == 2
    assert "lm_domains/<domain>.jsonl.gz" in capsys.readouterr().err
    monkeypatch.setenv("SIFT_DATA", str(tmp_path))
    assert run.main(["--results", str(tmp_path)]) == 2
    assert "No domain was found" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    assert issubclass(data_folder.MissingDataError, Exception)


def _inside(name: str) -> str:
    """Name of a weight once an adapter surrounds its layer."""
    layer, _, kind = name.rpartition(".")
    return f"{layer}.base_layer.{kind}"


def _in_this_process(
    site: runs.Site, wanted: list[runs.Run]
) -> Iterator[tuple[runs.Run, runs.Made]]:
    worker = runs.Worker(site)
    for one in wanted:
        yield one, worker.make(one)


def _refuse(site: runs.Site, wanted: list[runs.Run]) -> Iterator[tuple[runs.Run, runs.Made]]:
    assert not wanted
    yield from ()
