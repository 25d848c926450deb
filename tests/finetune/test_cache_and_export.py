"""Trained adapters that are cached for the same passages, or exported for serving engines."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from peft import LoraConfig, PeftModel
from safetensors.torch import load_file
from tiny_models import CONFIGS, PASSAGES, QUERY, logits, sha256, tiny, tokenizer
from tuner_state import EAGER, State, selection

import torch  # isort: skip

from sift_retrievers.finetune import Budget, TestTimeTuner
from sift_retrievers.finetune.adapter_cache import AdapterCache, TrainedAdapter
from sift_retrievers.finetune.progress import Progress

MANY = 10**8


def answer(tuner: TestTimeTuner, passages: list[str], query: str = QUERY) -> tuple[Any, Any]:
    with tuner.session(query, passages) as session:
        return logits(tuner.model), session.report


def test_the_same_passages_are_trained_on_once() -> None:
    tuner = TestTimeTuner(tiny(), tokenizer(), cache_bytes=MANY, **EAGER)
    state = State(tuner)
    first, trained = answer(tuner, PASSAGES[:3])
    again, kept = answer(tuner, PASSAGES[:3])
    assert torch.equal(first, again)
    assert (trained.from_cache, kept.from_cache) == (False, True)
    assert (kept.losses, kept.tokens, kept.stopped) == (
        trained.losses,
        trained.tokens,
        trained.stopped,
    )
    state.check()
    assert torch.equal(answer(tuner, PASSAGES[3:])[0], answer(tuner, PASSAGES[3:])[0])
    assert torch.equal(answer(tuner, PASSAGES[:3])[0], first)
    state.check()


@pytest.mark.parametrize(
    ("passages", "query"),
    [
        (PASSAGES[:3][::-1], QUERY),
        (PASSAGES[:2], QUERY),
        ([*PASSAGES[:3], PASSAGES[0]], QUERY),
        ([PASSAGES[0], PASSAGES[1], PASSAGES[2] + "!"], QUERY),
    ],
)
def test_other_passages_are_trained_anew(passages: list[str], query: str) -> None:
    tuner = TestTimeTuner(tiny(), tokenizer(), cache_bytes=MANY, **EAGER)
    answer(tuner, PASSAGES[:3])
    assert answer(tuner, passages, query)[1].from_cache is False


def test_the_query_counts_only_where_the_model_reads_it() -> None:
    for context in (False, True):
        tuner = TestTimeTuner(tiny(), tokenizer(), cache_bytes=MANY, query_as_context=context)
        answer(tuner, PASSAGES[:2])
        assert answer(tuner, PASSAGES[:2], "Another question?")[1].from_cache is not context


def test_a_base_that_was_changed_between_requests_is_trained_anew() -> None:
    for verify in ("quick", "full", None):
        tuner = TestTimeTuner(tiny(), tokenizer(), cache_bytes=MANY, verify=verify)  # type: ignore[arg-type]
        answer(tuner, PASSAGES[:2])
        with torch.no_grad():
            tuner.model.get_input_embeddings().weight[1, 1] += 1e-3  # type: ignore[operator]
        assert answer(tuner, PASSAGES[:2])[1].from_cache is False


def test_training_that_a_time_limit_or_an_error_ended_is_not_cached() -> None:
    tuner = TestTimeTuner(
        tiny(), tokenizer(), cache_bytes=MANY, budget=Budget(None, max_seconds=1e-9)
    )
    answer(tuner, PASSAGES)
    assert len(tuner.cache) == 0
    tuner = TestTimeTuner(tiny(), tokenizer(), cache_bytes=MANY, on_error="partial")
    forward = tuner.model.forward

    def fails(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError

    tuner.model.forward = fails  # type: ignore[method-assign]
    with tuner.session(QUERY, PASSAGES):
        tuner.model.forward = forward  # type: ignore[method-assign]
    assert len(tuner.cache) == 0


def test_least_recently_used_goes_first_and_bytes_are_bounded() -> None:
    def adapter(size: int) -> TrainedAdapter:
        return TrainedAdapter((torch.zeros(size, dtype=torch.uint8),), Progress())

    cache = AdapterCache(100)
    for name in ("a", "b"):
        cache.put(name, adapter(40))
    assert cache.get("a") is not None
    cache.put("c", adapter(40))
    assert [cache.get(name) is not None for name in "abc"] == [True, False, True]
    assert (cache.size, len(cache)) == (80, 2)
    cache.put("too large", adapter(101))
    cache.put("a", adapter(90))  # the same key is the same adapter
    assert (cache.size, len(cache)) == (80, 2)


def test_the_tuners_cache_is_bounded() -> None:
    probe = TestTimeTuner(tiny(), tokenizer(), cache_bytes=MANY)
    answer(probe, PASSAGES[:1])
    one = probe.cache.size
    assert one == sum(p.numel() * 4 for p in probe._trainer.slot.parameters)
    tuner = TestTimeTuner(tiny(), tokenizer(), cache_bytes=2 * one)
    for passage in PASSAGES:
        answer(tuner, [passage])
    assert (len(tuner.cache), tuner.cache.size) == (2, 2 * one)
    with pytest.raises(ValueError, match="cache_bytes"):
        TestTimeTuner(tiny(), tokenizer(), cache_bytes=-1)


@pytest.mark.parametrize("kind", CONFIGS)
def test_peft_loads_what_was_exported(kind: str, tmp_path: Path) -> None:
    tuner = TestTimeTuner(tiny(kind), tokenizer(), **EAGER)
    state = State(tuner)
    with tuner.session(QUERY, PASSAGES[:3]) as session:
        folder, twin = session.export(tmp_path), session.export(tmp_path)
        tuned = logits(tuner.model)
    state.check()
    assert folder != twin
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([folder.name, twin.name])
    assert {"adapter_config.json", "adapter_model.safetensors"} <= {
        p.name for p in folder.iterdir()
    }
    config = json.loads((folder / "adapter_config.json").read_text())
    assert (config["peft_type"], config["inference_mode"], config["r"]) == ("LORA", True, 8)
    assert isinstance(config["target_modules"], list)
    base = tiny(kind)
    before = sha256(base)
    loaded = PeftModel.from_pretrained(base, str(folder))
    torch.testing.assert_close(logits(loaded), tuned, rtol=0, atol=0)
    with loaded.disable_adapter():
        torch.testing.assert_close(logits(loaded), logits(tiny(kind)), rtol=0, atol=0)
    del loaded
    assert sha256(tiny(kind)) == before
    weights = load_file(folder / "adapter_model.safetensors")
    assert all(name.startswith("base_model.model.") for name in weights)


@pytest.mark.parametrize("mask", [0o022, 0o002, 0o077])
def test_an_exported_folder_has_the_permissions_of_the_umask(mask: int, tmp_path: Path) -> None:
    tuner = TestTimeTuner(tiny(), tokenizer())
    before = os.umask(mask)
    try:
        with tuner.session(QUERY, PASSAGES[:1]) as session:
            folder = session.export(tmp_path / "adapters")
    finally:
        os.umask(before)
    for path in (folder, folder.parent):
        assert stat.S_IMODE(path.stat().st_mode) == 0o777 & ~mask
    for file in folder.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o666 & ~mask, file.name


def test_export_needs_a_trained_and_open_session(tmp_path: Path) -> None:
    tuner = TestTimeTuner(tiny(), tokenizer())
    with tuner.request() as session, pytest.raises(RuntimeError, match="after tune"):
        session.export(tmp_path)
    with tuner.session(QUERY, PASSAGES[:1]) as session:
        blocked = tmp_path / "a file"
        blocked.write_text("")
        with pytest.raises(OSError, match="a file"):
            session.export(blocked)
    with pytest.raises(RuntimeError, match="inside its session"):
        session.export(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a file"]


def test_the_callers_config_is_not_written_to() -> None:
    config = LoraConfig(r=4, target_modules="all-linear")
    before = config.to_dict()
    tuner = TestTimeTuner(tiny(), tokenizer(), lora=config)
    answer(tuner, PASSAGES[:1])
    assert config.to_dict() == before


def test_a_selection_of_several_targets_and_ids_are_reported() -> None:
    tuner = TestTimeTuner(tiny(), tokenizer())
    with tuner.request() as session:
        report = session.tune(QUERY, PASSAGES, selection=selection(), ids=[*"abcde"])
    assert report.passage_ids == ("e", "d", "c", "b", "a")
    with tuner.request() as session, pytest.raises(ValueError, match="ids must be 5"):
        session.tune(QUERY, PASSAGES, ids=["a"])
