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
from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel

from benchmarks.test_time import experiment, jobs, run
from benchmarks.test_time.choosers import NEAREST
from benchmarks.test_time.fine_tuning import LoraModel, Predictor, Tunable, WholeModel
from benchmarks.test_time.language_model import new_tokenizer
from benchmarks.test_time.memory import STEPS
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


def predictor(tokenizer: Any, *, bfloat16: bool = False) -> Predictor:
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
    return Predictor(GPT2LMHeadModel(config).eval(), tokenizer, bfloat16=bfloat16)


@pytest.fixture
def tokenizer(tmp_path: Path) -> Any:
    """As it is read from the folder of a model."""
    new_tokenizer(TEXTS, 300).save_pretrained(tmp_path)
    return AutoTokenizer.from_pretrained(tmp_path)


def test_bits_per_byte_by_hand(tokenizer: Any) -> None:
    text, one = "The river, naïve.", predictor(tokenizer)
    ids = torch.tensor([[0, *tokenizer(text, add_special_tokens=False)["input_ids"]]])
    with torch.no_grad():
        logs = one.model(input_ids=ids).logits[0, :-1].double().log_softmax(-1)
    nats = -float(logs.gather(1, ids[0, 1:, None]).sum())
    assert one.bits_per_byte(text) == pytest.approx(nats / math.log(2) / 18, rel=1e-5)


def test_a_text_that_is_not_predicted_whole_is_refused(tokenizer: Any) -> None:
    with pytest.raises(ValueError, match=r"63 of \d+ tokens of a text are predicted"):
        predictor(tokenizer).bits_per_byte("river " * 200)
    without_beginning = train_tokenizer(TEXTS, vocabulary=300)
    with pytest.raises(ValueError, match="tokens of a text are predicted"):
        predictor(without_beginning).bits_per_byte("river")


@pytest.mark.parametrize("make", [WholeModel, LoraModel])
def test_curves_are_those_of_plain_steps_and_nothing_stays(
    tokenizer: Any, make: type[Tunable]
) -> None:
    one = predictor(tokenizer)
    before = {name: p.detach().clone() for name, p in one.model.named_parameters()}
    base = one.bits_per_byte(TEXTS[2])
    tunable: Any = make(one.model)
    passages = [TEXTS[0], TEXTS[1], TEXTS[0]]
    curve = one.curve(tunable, passages, TEXTS[2], (0, 1, 3), 1e-2)
    assert set(curve) == {0, 1, 3}
    assert curve[0] == base
    assert curve[3] < curve[1] < curve[0]

    tunable.reset()
    assert one.bits_per_byte(TEXTS[2]) == base
    weights = dict(one.model.named_parameters())
    for name, weight in before.items():
        now = weights.get(name)
        now = weights[_inside(name)] if now is None else now
        assert torch.equal(now, weight), name

    optimizer = torch.optim.Adam(tunable.parameters, lr=1e-2, eps=1e-8)
    for parameter in one.model.parameters():
        parameter.requires_grad_(any(parameter is p for p in tunable.parameters))
    for passage in passages:
        ids = torch.tensor([tokenizer(passage)["input_ids"]])
        one.model(input_ids=ids, labels=ids).loss.backward()
        torch.nn.utils.clip_grad_norm_(tunable.parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()
    assert one.bits_per_byte(TEXTS[2]) == pytest.approx(curve[3], rel=1e-5)


@pytest.mark.parametrize("make", [WholeModel, LoraModel])
def test_products_in_bfloat16_see_every_step(tokenizer: Any, make: type[Tunable]) -> None:
    curves = []
    for bfloat16 in (False, True):
        one = predictor(tokenizer, bfloat16=bfloat16)
        curves.append(one.curve(make(one.model), [TEXTS[0]] * 20, TEXTS[0], (0, 2, 20), 1e-2))
    exact, fast = curves
    assert fast[0] == exact[0]  # predictions are exact
    for step in (2, 20):
        assert exact[0] - fast[step] == pytest.approx(exact[0] - exact[step], rel=0.05)


def test_training_that_diverges_is_infinitely_bad(tokenizer: Any) -> None:
    one = predictor(tokenizer)
    tunable = WholeModel(one.model)
    curve = one.curve(tunable, TEXTS, TEXTS[2], (0, 1, 3), 1e30)
    assert math.isfinite(curve[0])
    assert curve[3] == math.inf
    tunable.reset()
    assert one.bits_per_byte(TEXTS[2]) == curve[0]


TINY = Setting(
    name="tiny",
    vocabulary=320,
    width=48,
    layers=1,
    epochs=1,
    batch=8,
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


@pytest.mark.slow
def test_the_whole_experiment_on_made_up_text(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_done", _in_this_process)
    measured, about = run.carry_out(
        TINY, encode=CountingModel(), model="words", folder=data / "cache"
    )
    assert {document.domain for document in measured.documents} == {"law_dc_code", "gutenberg"}
    assert measured.learning_rates == {"full": 1e-2, "LoRA": 1e-2}  # by far, in 50 steps
    for way, methods in experiment.BY_WAY.items():
        for method in methods:
            assert np.isfinite(measured.after(way, method, STEPS)).all()
    np.testing.assert_allclose(measured.after("LoRA", NEAREST, 0), measured.base, rtol=1e-6)
    text = page(measured, about)
    for title in ("Full fine-tuning", "LoRA", "By domain", "Adaptive SIFT", "| law_dc_code | 2 |"):
        assert title in text
    assert len(json.loads(as_json(measured))["domains"]) == 4

    monkeypatch.setattr(jobs, "_done", _refuse)
    again, _ = run.carry_out(TINY, encode=CountingModel(), model="words", folder=data / "cache")
    assert page(again, about) == text  # everything came from the store


def test_jobs_that_were_broken_off_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = jobs.Site(tmp_path, ("a", "b"), "cpu", 1)
    wanted = [jobs.Job(f"text {i}", (0, 1), "full", 0.1, (0, 2)) for i in range(4)]
    asked: list[jobs.Job] = []

    def done(_: jobs.Site, some: list[jobs.Job]) -> Iterator[tuple[jobs.Job, jobs.Outcome]]:
        for one in some:
            asked.append(one)
            yield one, jobs.Outcome({0: float(one.document[-1]), 2: 0.5}, 1.0)

    monkeypatch.setattr(jobs, "_done", done)
    first = jobs.outcomes(site, wanted, "jobs")
    assert [outcome.curve[0] for outcome in first] == [0, 1, 2, 3]
    lines = site.store.read_text().splitlines(keepends=True)
    site.store.write_text("".join(lines[:3]) + lines[3][:40])
    asked.clear()
    assert jobs.outcomes(site, wanted[::-1], "jobs") == first[::-1]
    assert asked == wanted[:1:-1]
    asked.clear()
    assert jobs.outcomes(site, wanted, "jobs") == first
    assert asked == []
    other = jobs.Site(tmp_path, ("a", "c"), "cpu", 1)
    jobs.outcomes(other, [wanted[0], wanted[0]], "jobs")
    assert asked == [wanted[0]]  # another memory: nothing is taken over; twice the same: once


@pytest.mark.slow
def test_workers_do_the_same(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[jobs.Job] = []
    spawned = jobs._done

    def watched(site: jobs.Site, wanted: list[jobs.Job]) -> Iterator[tuple[jobs.Job, jobs.Outcome]]:
        here = dict(_in_this_process(site, wanted[:4]))
        there = dict(spawned(replace(site, workers=2), wanted[:4]))
        for one, found in here.items():
            assert found.curve == there[one].curve
            compared.append(one)
        yield from _in_this_process(site, wanted)

    monkeypatch.setattr(jobs, "_done", watched)
    tiny = replace(TINY, documents_per_domain=1, learning_rates={"full": (1e-2,), "LoRA": (1e-2,)})
    run.carry_out(tiny, encode=CountingModel(), model="words", folder=data / "cache")
    assert len(compared) >= 4


def test_a_worker_that_fails_stops_the_others(data: Path) -> None:
    site = jobs.Site(data, ("a", "b"), "cpu", 1)  # there is no model in the folder
    with pytest.raises(Exception, match=r"terminated abruptly|config|model"):
        jobs.outcomes(site, [jobs.Job("text", (0,), "full", 0.1, (0,))] * 3, "jobs")


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


def _inside(name: str) -> str:
    """Name of a weight once an adapter surrounds its layer."""
    layer, _, kind = name.rpartition(".")
    return f"{layer}.base_layer.{kind}"


def _in_this_process(
    site: jobs.Site, wanted: list[jobs.Job]
) -> Iterator[tuple[jobs.Job, jobs.Outcome]]:
    worker = jobs.Worker(site)
    for one in wanted:
        yield one, worker.do(one)


def _refuse(site: jobs.Site, wanted: list[jobs.Job]) -> Iterator[tuple[jobs.Job, jobs.Outcome]]:
    assert not wanted
    yield from ()
