"""In which order passages are trained on, and which of them stand before each one."""

from __future__ import annotations

from typing import Any

import pytest
from tiny_models import PASSAGES, QUERY, tiny, tokenizer

from sift_retrievers.finetune import Budget, TestTimeTuner
from sift_retrievers.finetune.examples import IGNORED

FOUR = [*PASSAGES[:3], PASSAGES[0]]


def examples(passages: list[str] = FOUR, **settings: Any) -> list[tuple[int, str, str]]:
    """Position, context and passage of every step."""
    words = tokenizer()
    with TestTimeTuner(tiny(), words, **{"first_last": False, **settings}) as tuner:
        return [
            (
                one.position,
                words.decode(one.input_ids[one.labels == IGNORED]),
                words.decode(one.input_ids[one.labels != IGNORED]),
            )
            for one in tuner._trainer.examples(QUERY, passages)
        ]


def test_alone_and_the_best_last_unless_asked() -> None:
    with TestTimeTuner(tiny(), tokenizer()) as tuner:
        default = [one.position for one in tuner._trainer.examples(QUERY, FOUR)]
    assert default == [3, 2, 1, 0]
    found = examples()
    assert [position for position, _, _ in found] == [0, 1, 2, 3]
    assert all(context == "" for _, context, _ in found)


def test_the_first_comes_last() -> None:
    assert [step[0] for step in examples(first_last=True)] == [3, 2, 1, 0]
    cut = examples(first_last=True, budget=Budget(max_steps=2))
    assert [step[0] for step in cut] == [1, 0], "what is left out are the last passages"
    for limit in (Budget(max_seconds=9), Budget(max_tokens=999)):
        order = [step[0] for step in examples(first_last=True, budget=limit)]
        assert order == [0, 1, 2, 3], "a limit might be reached before the first passage"


def test_others_stand_before_each_and_are_left_out_of_the_loss() -> None:
    alone = {position: passage for position, _, passage in examples()}
    contexts = [step[1] for step in examples(passages_before=2)]
    assert contexts[0] == ""
    for step, before in ((1, [0]), (2, [0, 1]), (3, [1, 2])):
        places = [contexts[step].find(alone[other]) for other in before]
        assert -1 not in places
        assert places == sorted(places), "the one that was trained on last stands next to it"
    both = examples(passages_before=1, first_last=True)
    assert [alone[1] in step[1] for step in both] == [False, False, False, True]
    assert all(step[2].strip() in alone[step[0]] for step in both)


def test_no_passage_stands_before_itself() -> None:
    twice = examples([PASSAGES[0], PASSAGES[0]], passages_before=1)
    assert [context for _, context, _ in twice] == ["", ""]


def test_the_report_names_the_passages_in_training_order() -> None:
    with (
        TestTimeTuner(tiny(), tokenizer(), first_last=True, passages_before=1) as tuner,
        tuner.request() as session,
    ):
        report = session.tune(QUERY, FOUR, ids=["a", "b", "c", "d"])
        assert report.passage_ids == ("d", "c", "b", "a")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"passages_before": -1}, "passages_before must be a whole number of at least 0; got -1"),
        ({"passages_before": 1.5}, "passages_before"),
        ({"first_last": "yes"}, "first_last must be True or False; got 'yes'"),
    ],
)
def test_odd_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TestTimeTuner(tiny(), tokenizer(), **settings)
