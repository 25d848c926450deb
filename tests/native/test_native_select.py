"""`_native.select` against brute force, and against buffers and sizes that do not fit."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from typing import Any

import numpy as np
import pytest
from raw_problems import (
    COSINE,
    ENTROPY,
    EXPONENTIAL,
    LINEAR,
    SHARED_NOISE,
    UNDIRECTED,
    VARIANCE,
    RawProblem,
    check,
    random_problem,
)

native: Any = pytest.importorskip(
    "sift_retrievers._native", reason="the compiled functions were not built", exc_type=ImportError
)

FINE, NOT_FINITE, ZERO_TARGET, OUT_OF_RANGE, BAD_ID = range(5)
BUFFERS = [
    "vectors",
    "ids",
    "targets",
    "relevance",
    "whitening",
    "costs",
    "budget",
    "groups",
]
SIZES = ["P", "N", "d", "K", "B", "m", "k"]


def plain(
    kernel: int = COSINE, objective: int = VARIANCE, *, double: bool = False, **changes: Any
) -> RawProblem:
    """Two queries with one pool of 12 candidates each, nothing optional."""
    random = np.random.default_rng(7)
    real = np.float64 if double else np.float32
    values: dict[str, Any] = {
        "double_precision": int(double),
        "vectors": random.normal(size=(2, 12, 24)).astype(real),
        "P": 2,
        "N": 12,
        "d": 24,
        "ids": None,
        "K": 12,
        "targets": random.normal(size=(2, 1, 24)).astype(real),
        "B": 2,
        "m": 1,
        "kernel": kernel,
        "parameter_a": 3.0,
        "parameter_b": 1.0,
        "gamma": -1.0,
        "standardized": 0,
        "relevance": None,
        "rounding": 1e-6,
        "objective": objective,
        "whitening": np.ones((2, 1, 1), dtype=real) if objective == ENTROPY else None,
        "noise": 0.5,
        "positive_only": 0,
        "replacement": 0,
        "costs": None,
        "budget": None,
        "groups": None,
        "k": 4,
    }
    return RawProblem(**(values | changes))


@pytest.mark.parametrize("start", range(0, 1500, 100))
def test_picks_gains_and_variance_are_those_of_the_definitions(start: int) -> None:
    for seed in range(start, start + 100):
        try:
            check(random_problem(seed), native.select)
        except AssertionError as error:
            raise AssertionError(f"random_problem({seed}): {error}") from error


@pytest.mark.parametrize("kernel", [COSINE, LINEAR, EXPONENTIAL, SHARED_NOISE])
@pytest.mark.parametrize("objective", [VARIANCE, ENTROPY, UNDIRECTED])
@pytest.mark.parametrize("double", [False, True])
def test_larger_problems(kernel: int, objective: int, double: bool) -> None:
    random = np.random.default_rng(kernel)
    real = np.float64 if double else np.float32
    groups = random.normal(size=(20, 300)) / 17
    pool = groups[random.integers(0, 20, size=1200)] + random.normal(size=(1200, 300)) / 60
    problem = plain(
        kernel,
        objective,
        double=double,
        vectors=pool[None].astype(real),
        P=1,
        N=1200,
        K=1200,
        d=300,
        targets=(groups[:2, None] + random.normal(size=(2, 1, 300)) / 30).astype(real),
        k=25,
    )
    if objective == ENTROPY and kernel == LINEAR:
        squares = (problem.targets.astype(np.float64) ** 2).sum(axis=2)
        problem.whitening = np.ascontiguousarray(1 / np.sqrt(squares)[..., None], dtype=real)
    check(problem, native.select)


@pytest.mark.parametrize("objective", [VARIANCE, ENTROPY, UNDIRECTED])
def test_a_shared_pool_answers_like_the_pools_of_their_own(objective: int) -> None:
    """Squared lengths and products are then computed once for all queries: to the same bits."""
    random = np.random.default_rng(3)
    pool = random.normal(size=(1, 500, 100)).astype(np.float32)
    targets = random.normal(size=(19, 1, 100)).astype(np.float32)
    white = np.ones((19, 1, 1), dtype=np.float32) if objective == ENTROPY else None
    sizes: dict[str, Any] = {"N": 500, "K": 500, "d": 100, "B": 19, "k": 20}
    shared = plain(
        COSINE, objective, vectors=pool, P=1, targets=targets, whitening=white, **sizes
    ).solve(native.select)
    every = np.ascontiguousarray(np.broadcast_to(pool, (19, 500, 100)))
    own = plain(
        COSINE, objective, vectors=every, P=19, targets=targets, whitening=white, **sizes
    ).solve(native.select)
    rows = np.ascontiguousarray(np.broadcast_to(np.arange(500), (19, 500)))
    by_ids = plain(
        COSINE, objective, vectors=pool, P=1, ids=rows, targets=targets, whitening=white, **sizes
    ).solve(native.select)
    for got in (own, by_ids):
        for expected, answer in zip(shared, got, strict=True):
            np.testing.assert_array_equal(answer, expected)


def test_ids_into_a_large_matrix_touch_no_other_row() -> None:
    matrix = np.full((1, 2000, 24), np.nan, dtype=np.float32)
    rows = np.array([[3, -1, 1999, 700], [700, 3, -1, -1]])
    matrix[0, [3, 700, 1999]] = np.random.default_rng(0).normal(size=(3, 24))
    problem = plain(vectors=matrix, P=1, N=2000, ids=rows, K=4)
    status, indices, _, _ = problem.solve(native.select)
    assert status == FINE
    assert sorted(indices[0]) == [-1, 0, 2, 3]
    assert sorted(indices[1]) == [-1, -1, 0, 1]


def test_ten_costs_of_a_tenth_fit_a_budget_of_one() -> None:
    costs = np.full((2, 12), 0.1)
    for objective in (VARIANCE, UNDIRECTED):
        problem = plain(objective=objective, costs=costs, budget=np.array([1.0, 0.3]), k=12)
        _, indices, _, _ = problem.solve(native.select)
        assert (indices >= 0).sum(axis=1).tolist() == [10, 3]


@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("objective", [VARIANCE, ENTROPY, UNDIRECTED])
def test_of_equal_candidates_the_first_is_picked(objective: int, double: bool) -> None:
    random = np.random.default_rng(5)
    for count in range(1, 40):
        passage, target = random.normal(size=(2, 24))
        problem = plain(
            COSINE,
            objective,
            double=double,
            vectors=np.tile(passage, (2, count, 1)),
            targets=np.tile(target, (2, 1, 1)),
            N=count,
            K=count,
            k=count,
        )
        problem.vectors = problem.vectors.astype(problem.real)
        problem.targets = problem.targets.astype(problem.real)
        _, indices, _, _ = problem.solve(native.select)
        np.testing.assert_array_equal(indices, np.tile(np.arange(count), (2, 1)))


@pytest.mark.parametrize("scale", [1e20, 1e-20, 1e150])
def test_relevance_is_standardized_whatever_its_scale(scale: float) -> None:
    relevance = np.random.default_rng(1).normal(size=(2, 12))
    weighted: dict[str, Any] = {"gamma": 0.7, "standardized": 1, "rounding": 1e-6}
    expected = plain(relevance=relevance, **weighted).solve(native.select)
    got = plain(relevance=relevance * scale, **weighted).solve(native.select)
    np.testing.assert_array_equal(got[1], expected[1])
    np.testing.assert_allclose(got[2], expected[2], rtol=1e-5)


def test_relevances_that_differ_by_rounding_are_not_stretched() -> None:
    """Rounding is in units of the largest: a deviation of 0.01 is nothing beside a million."""
    relevance = 1e6 * (1 + 1e-8 * np.random.default_rng(1).normal(size=(2, 12)))
    weighted: dict[str, Any] = {"gamma": 1.0, "standardized": 1}
    equal = plain(relevance=np.ones((2, 12)), rounding=1e-6, **weighted).solve(native.select)
    loose = plain(relevance=relevance, rounding=1e-6, **weighted).solve(native.select)
    exact = plain(relevance=relevance, rounding=0.0, **weighted).solve(native.select)
    np.testing.assert_allclose(loose[3], equal[3], rtol=0.02)
    assert np.abs(exact[3] - equal[3]).max() > 0.1


@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("array", ["vectors", "targets"])
def test_what_is_wrong_with_a_vector_is_said(array: str, double: bool) -> None:
    def status(value: float, kernel: int = COSINE, *, whole: bool = True) -> int:
        problem = plain(kernel, double=double)
        vector = getattr(problem, array)[1, 0]
        vector[slice(None) if whole else slice(5, 6)] = value
        with np.errstate(over="ignore"):
            return int(problem.solve(native.select)[0])

    tiny, huge = (1e-170, 1e170) if double else (1e-25, 1e25)
    assert status(np.nan, whole=False) == NOT_FINITE
    assert status(np.inf, whole=False) == NOT_FINITE
    assert status(0.0) == (ZERO_TARGET if array == "targets" else FINE)
    assert status(tiny) == OUT_OF_RANGE
    assert status(huge) == OUT_OF_RANGE
    assert status(huge, LINEAR) == OUT_OF_RANGE
    assert status(1e-6) == FINE
    if array == "vectors":
        assert status(tiny, LINEAR) == FINE


@pytest.mark.parametrize("wrong", [-2, 12, 2**40, -(2**63), 2**63 - 1])
def test_an_id_that_is_no_row_is_said(wrong: int) -> None:
    ids = np.zeros((2, 5), dtype=np.int64)
    ids[1, 4] = wrong
    matrix = np.ones((1, 12, 24), dtype=np.float32)
    assert plain(vectors=matrix, P=1, ids=ids, K=5).solve(native.select)[0] == BAD_ID


def everything() -> RawProblem:
    """With every optional array."""
    problem = plain(
        objective=ENTROPY,
        ids=np.zeros((2, 5), dtype=np.int64),
        K=5,
        P=1,
        relevance=np.ones((2, 5)),
        gamma=0.5,
        costs=np.ones((2, 5)),
        budget=np.ones(2),
        groups=np.zeros((2, 5), dtype=np.int64),
    )
    problem.vectors = np.ascontiguousarray(problem.vectors[:1])
    assert problem.solve(native.select)[0] == FINE
    return problem


@pytest.mark.parametrize("name", BUFFERS)
def test_a_buffer_of_another_length_raises(name: str) -> None:
    whole = getattr(everything(), name)
    flat = whole.reshape(-1)
    wider = np.append(flat, flat[:1])
    for wrong in (flat[:-1], flat[:0], wider, flat[::2], flat.astype(np.int8), b"", wider[1:2]):
        problem = everything()
        setattr(problem, name, wrong)
        with pytest.raises(ValueError, match=name):
            problem.solve(native.select)
    raw = np.zeros(whole.nbytes + 1, dtype=np.int8)[1:]  # the right length, at an odd address
    problem = everything()
    setattr(problem, name, raw)
    with pytest.raises(ValueError, match="multiple"):
        problem.solve(native.select)
    problem = everything()
    setattr(problem, name, 3)
    with pytest.raises(TypeError):
        problem.solve(native.select)


@pytest.mark.parametrize("number", range(3))
def test_an_output_that_does_not_fit_raises(number: int) -> None:
    problem = everything()
    for change in ("short", "long", "frozen", "bytes", "strided"):
        outputs: list[Any] = list(problem.outputs())
        array = outputs[number]
        if change == "short":
            outputs[number] = array.reshape(-1)[:-1].copy()
        elif change == "long":
            outputs[number] = np.append(array, array)
        elif change == "frozen":
            array.flags.writeable = False
        elif change == "bytes":
            outputs[number] = bytes(array.nbytes)
        else:
            outputs[number] = np.repeat(array, 2, axis=1)[:, ::2]
        with pytest.raises(ValueError, match=["indices", "gains", "variance"][number]):
            native.select(*problem.arguments(), *outputs)


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize(
    "wrong", [-1, -(2**63), 2**31, 2**61, 2**62, 2**63 - 1, 2**63, 2**64, 2**200, -(2**200)]
)
def test_a_size_that_does_not_fit_raises(name: str, wrong: int) -> None:
    problem = everything()
    outputs = problem.outputs()
    setattr(problem, name, wrong)
    with pytest.raises(ValueError):  # noqa: PT011 - of any argument that it contradicts
        native.select(*problem.arguments(), *outputs)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("kernel", 4),
        ("kernel", -1),
        ("objective", 3),
        ("objective", 2**80),
        ("double_precision", 2),
        ("noise", 0.0),
        ("noise", -1.0),
        ("noise", np.nan),
        ("gamma", np.inf),
        ("parameter_a", np.nan),
        ("whitening", None),
        ("costs", None),
    ],
)
def test_a_choice_that_there_is_not_raises(name: str, wrong: Any) -> None:
    problem = everything()
    setattr(problem, name, wrong)
    with pytest.raises(ValueError):  # noqa: PT011
        problem.solve(native.select)


def test_the_number_of_arguments_is_checked() -> None:
    problem = everything()
    with pytest.raises(TypeError, match="29 arguments"):
        native.select(*problem.arguments())


def test_same_call_same_bits_from_many_threads() -> None:
    problem = random_problem(11)
    expected = problem.solve(native.select)
    answers: list[tuple[Any, ...]] = []

    def run() -> None:
        answers.extend(problem.solve(native.select) for _ in range(50))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 200
    for answer in answers:
        for got, wanted in zip(answer, expected, strict=True):
            np.testing.assert_array_equal(got, wanted)


@pytest.mark.skipif(sys.platform == "win32", reason="os.kill ends the process there")
@pytest.mark.parametrize("objective", [VARIANCE, UNDIRECTED])
def test_a_long_call_is_interrupted(objective: int) -> None:
    """Minutes of work, and Ctrl-C after a moment."""
    vectors = np.random.default_rng(0).normal(size=(1, 4000, 64)).astype(np.float32)
    sizes: dict[str, Any] = {"P": 1, "N": 4000, "K": 4000, "d": 64, "B": 2000, "k": 2000}
    targets = np.random.default_rng(1).normal(size=(2000, 1, 64)).astype(np.float32)
    problem = plain(COSINE, objective, vectors=vectors, targets=targets, **sizes)
    # A process in the background may have been told to ignore it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    begun = time.monotonic()
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            problem.solve(native.select)
    finally:
        timer.join()
        signal.signal(signal.SIGINT, before)
    assert time.monotonic() - begun < 20
