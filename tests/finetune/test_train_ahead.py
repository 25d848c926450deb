"""Adapters that are trained side by side are those of sessions one by one."""

from __future__ import annotations

from typing import Any

import pytest
from peft import IA3Config, LoraConfig
from tiny_models import PASSAGES, QUERY, logits, tiny, tokenizer
from tuner_state import EAGER, State, selection

import torch  # isort: skip

from sift_retrievers.finetune import Budget, Report, TestTimeTuner

MANY = 10**8
LONG = " ".join(PASSAGES * 2)
REQUESTS: list[Any] = [
    (QUERY, PASSAGES),
    (QUERY, ["The crown.", LONG, PASSAGES[2]]),
    ("Who held the land?", [LONG]),
    (QUERY, PASSAGES[::-1] + PASSAGES[:2]),
]


def tuner_of(model: Any, **settings: Any) -> TestTimeTuner:
    return TestTimeTuner(model, tokenizer(), **{"cache_bytes": MANY, **EAGER, **settings})


def in_session(tuner: TestTimeTuner, request: Any) -> tuple[Report, list[Any], torch.Tensor]:
    query, passages, *rest = request
    with tuner.session(query, passages, selection=rest[0] if rest else None) as session:
        assert session.report is not None
        weights = list(tuner._trainer.slot.weights())
        return session.report, weights, logits(tuner.model)


def check_like_serial(
    ahead: TestTimeTuner,
    serial: TestTimeTuner,
    requests: list[Any],
) -> None:
    state = State(ahead)
    reports = ahead.train_ahead(requests, batch_size=3)
    state.check()
    assert not any(layer._forward_hooks for layer in ahead._trainer.slot.layers)
    for request, report in zip(requests, reports, strict=True):
        expected, weights, answer = in_session(serial, request)
        restored, same_weights, same_answer = in_session(ahead, request)
        assert (report.error, report.verified) == (None, "quick")
        assert (restored.from_cache, restored.steps) == (True, report.steps)
        assert report.losses == pytest.approx(expected.losses, rel=1e-4)
        for field in ("stopped", "tokens", "sigma", "predicted_gain"):
            assert getattr(report, field) == getattr(expected, field), field
        for a, b in zip(same_weights, weights, strict=True):
            difference = float((a - b).norm() / b.norm())
            assert difference < 1e-4, difference
        changed = (answer - logits(serial.model)).float().norm()
        assert float((same_answer - answer).float().norm() / changed) < 5e-4
    state.check()


@pytest.mark.parametrize("kind", ["GPT2", "Llama", "Qwen2"])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"query_as_context": True},
        {"gradient_checkpointing": True, "budget": Budget(max_steps=4)},
        {"budget": Budget(max_tokens=40)},
    ],
    ids=lambda settings: "-".join(settings),
)
def test_losses_and_weights_are_those_of_sessions(kind: str, settings: Any) -> None:
    ahead, serial = (tuner_of(tiny(kind), **settings) for _ in range(2))
    check_like_serial(ahead, serial, REQUESTS)


@pytest.mark.parametrize("kind", ["GPT2", "Llama", "Qwen2"])
def test_in_bfloat16_as_far_from_float32_as_sessions_are(kind: str) -> None:
    ahead, alone, serial = (tuner_of(tiny(kind, torch.bfloat16)) for _ in range(3))
    exact = tuner_of(tiny(kind, torch.bfloat16).float())
    state = State(ahead)
    reports = ahead.train_ahead(REQUESTS)
    state.check()
    alone.train_ahead(REQUESTS, batch_size=1)
    for request, report in zip(REQUESTS, reports, strict=True):
        assert report.losses == pytest.approx(in_session(serial, request)[0].losses, rel=2e-2)
        by_ahead, by_one, by_session, reference = (
            torch.cat([weight.flatten() for weight in in_session(tuner, request)[1]])
            for tuner in (ahead, alone, serial, exact)
        )
        # The same computation; a batch of several only rounds differently.
        assert float((by_one - by_session).norm() / by_session.norm()) < 1e-3
        error, of_session = (by_ahead - reference).norm(), (by_session - reference).norm()
        assert float(error) < 1.5 * float(of_session), (error, of_session)


def test_rslora_with_ranks_of_each_layer() -> None:
    def lora() -> Any:
        return LoraConfig(
            r=4, lora_alpha=8, use_rslora=True, target_modules="all-linear",
            rank_pattern={"q_proj": 2},
        )  # fmt: skip

    ahead, serial = (tuner_of(tiny(), lora=lora()) for _ in range(2))
    check_like_serial(ahead, serial, REQUESTS)


def test_alpha_and_min_gain_as_in_sessions() -> None:
    request = (QUERY, PASSAGES, selection())
    ahead, serial = (tuner_of(tiny(), alpha=2.0) for _ in range(2))
    check_like_serial(ahead, serial, [request])
    skipping = tuner_of(tiny(), min_gain=100.0)
    reports = skipping.train_ahead([request, (QUERY, [])])
    assert [(r.stopped, r.steps) for r in reports] == [("min_gain", 0), ("empty", 0)]
    assert len(skipping.cache) == 0
    with pytest.raises(ValueError, match="pass selection="):
        ahead.train_ahead([(QUERY, PASSAGES)])


def test_what_is_cached_is_skipped_and_repetitions_are_trained_once() -> None:
    tuner = tuner_of(tiny())
    in_session(tuner, REQUESTS[1])
    steps: list[Any] = []
    tuner.settings.__dict__["on_step"] = steps.append
    reports = tuner.train_ahead([REQUESTS[0], REQUESTS[1], REQUESTS[0]])
    assert [report.from_cache for report in reports] == [False, True, True]
    assert reports[0].losses == reports[2].losses
    assert len(steps) == len(PASSAGES)
    assert len(tuner.cache) == 2
    assert tuner.train_ahead([]) == []


def test_a_cache_that_is_too_small_is_refused_before_training() -> None:
    one = sum(p.nbytes for p in tuner_of(tiny())._trainer.slot.parameters)
    for bytes_, message in ((0, f"at least {one} for each"), (3 * one, f"need {4 * one}")):
        tuner = tuner_of(tiny(), cache_bytes=bytes_)
        state = State(tuner)
        with pytest.raises(ValueError, match=message):
            tuner.train_ahead(REQUESTS)
        assert len(tuner.cache) == 0
        state.check()
    tuner = tuner_of(tiny(), cache_bytes=2 * one)
    for _ in range(2):  # old adapters make room, those of this call do not
        in_session(tuner, (QUERY, PASSAGES[:1]))
        tuner.train_ahead(REQUESTS[:2])
        assert all(in_session(tuner, request)[0].from_cache for request in REQUESTS[:2])


@pytest.mark.parametrize(
    "lora",
    [
        LoraConfig(target_modules="all-linear", use_dora=True),
        LoraConfig(target_modules=["embed_tokens", "q_proj"]),
        IA3Config(target_modules=["k_proj", "down_proj"], feedforward_modules=["down_proj"]),
    ],
    ids=["dora", "embedding", "ia3"],
)
def test_other_adapters_are_refused(lora: Any) -> None:
    tuner = tuner_of(tiny(), lora=lora)
    state = State(tuner)
    with pytest.raises(ValueError, match="needs LoRA or rsLoRA on linear layers"):
        tuner.train_ahead(REQUESTS)
    state.check()


def test_wrong_arguments() -> None:
    tuner = tuner_of(tiny())
    for requests in ([1], ["a question"], [(QUERY,)], [(QUERY, "a text")], [(QUERY, [1])]):
        with pytest.raises(TypeError, match="request 0"):
            tuner.train_ahead(requests)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="batch_size"):
        tuner.train_ahead(REQUESTS, batch_size=0)
    with tuner.request(), pytest.raises(RuntimeError, match="inside a request"):
        tuner.train_ahead(REQUESTS)
