"""Embeddings that are kept, candidates that are exact, and the table made of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_data import CountingModel, write_set

from benchmarks.common import embeddings
from benchmarks.common.embeddings import embed
from benchmarks.common.models import MODELS, Embedder
from benchmarks.retrieval import prepare
from benchmarks.retrieval.pools import nearest


def test_each_text_is_embedded_once_and_order_is_kept(tmp_path: Path) -> None:
    model = CountingModel()
    texts = ["one two", "three", "one two", "a somewhat longer text"]
    vectors = embed(texts, encode=model, model="words", folder=tmp_path)
    assert model.calls == [["a somewhat longer text", "one two", "three"]]  # longest first
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors, CountingModel()(texts))
    again = embed([*texts, "new"], encode=model, model="words", folder=tmp_path)
    assert model.calls[1:] == [["new"]]
    np.testing.assert_array_equal(again[:4], vectors)


def test_another_model_has_other_vectors(tmp_path: Path) -> None:
    first, second = CountingModel(), CountingModel()
    embed(["one"], encode=first, model="a", folder=tmp_path)
    embed(["one"], encode=second, model="b", folder=tmp_path)
    assert len(second.calls) == 1


def test_a_run_that_is_killed_keeps_what_was_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embeddings, "CHUNK", 4)
    texts = [f"text number {i}" for i in range(10)]
    model = CountingModel()

    def killed(some: list[str]) -> Any:
        if len(model.calls) == 2:
            raise KeyboardInterrupt
        return model(some)

    with pytest.raises(KeyboardInterrupt):
        embed(texts, encode=killed, model="words", folder=tmp_path)
    model.calls.clear()
    vectors = embed(texts, encode=model, model="words", folder=tmp_path)
    assert sum(map(len, model.calls)) == 2
    np.testing.assert_array_equal(vectors, CountingModel()(texts))


def test_wordllama_needs_no_torch_and_gives_unit_vectors() -> None:
    code = """
import sys
import numpy as np
from benchmarks.common.models import MODELS
model = MODELS["wordllama"]()
vectors = model.encode(["The mill is old.", "", "An old mill.", "Fish and chips"])
assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
assert vectors[0] @ vectors[2] > vectors[0] @ vectors[3]
assert "torch" not in sys.modules
"""
    root = Path(embeddings.__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_models_have_names_of_their_own_in_the_cache() -> None:
    found = [make() for make in MODELS.values()]
    assert [one.name for one in found] == [*MODELS]
    assert len({one.version for one in found}) == len(found)


def test_no_texts(tmp_path: Path) -> None:
    assert len(embed([], encode=CountingModel(), model="words", folder=tmp_path)) == 0


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (np.ones((1, 4)) / 2, r"must return \[2, d\] for 2 texts; got \(1, 4\)"),
        (np.ones((2, 4)), r"vectors of length 1; got one of length 2\.0"),
        (np.full((2, 4), np.nan), "vectors of length 1; got one of length nan"),
    ],
)
def test_a_model_that_is_wrong_leaves_nothing_behind(
    tmp_path: Path, returned: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        embed(["a", "b"], encode=lambda _: returned, model="m", folder=tmp_path)
    model = CountingModel()
    embed(["a", "b"], encode=model, model="m", folder=tmp_path)
    assert len(model.calls[0]) == 2


def test_pools_are_the_nearest_with_equal_cosines_by_position(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    vectors = random.normal(size=(90, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    queries, passages = vectors[:20], np.concatenate([vectors[20:], vectors[20:]])
    pools = nearest(queries, passages, 25, folder=tmp_path)
    scores = queries @ passages.T
    expected = [sorted(range(140), key=lambda j: (-row[j], j))[:25] for row in scores]
    np.testing.assert_array_equal(pools.positions, expected)
    np.testing.assert_array_equal(
        pools.cosines, np.take_along_axis(scores, pools.positions.astype(int), axis=1)
    )


def test_pools_come_from_the_cache_of_the_same_vectors_only(tmp_path: Path) -> None:
    eye = np.eye(4, dtype=np.float32)
    first = nearest(eye[:2], eye, 3, folder=tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
    second = nearest(eye[:2], eye, 3, folder=tmp_path)
    np.testing.assert_array_equal(first.positions, second.positions)
    np.testing.assert_array_equal(first.cosines, second.cosines)
    assert len(list(tmp_path.iterdir())) == 1
    assert nearest(eye[1:3], eye, 3, folder=tmp_path).positions[0, 0] == 1
    assert nearest(eye[:2], eye, 9, folder=tmp_path).positions.shape == (2, 4)
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize(
    ("queries", "passages", "size"),
    [((2, 3), (4, 5), 2), ((3,), (4, 3), 2), ((2, 3), (0, 3), 2), ((2, 3), (4, 3), 0)],
)
def test_pools_of_what_does_not_fit(
    tmp_path: Path, queries: tuple[int, ...], passages: tuple[int, ...], size: int
) -> None:
    with pytest.raises(ValueError, match=r"expected queries \[Q, d\].*got \("):
        nearest(np.ones(queries, np.float32), np.ones(passages, np.float32), size, folder=tmp_path)


def test_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SIFT_DATA", str(tmp_path))
    write_set(tmp_path / "musique")
    model = CountingModel()
    embedder = Embedder("words", "words", model)
    prepared = prepare.prepare("musique", "plain", embedder, folder=tmp_path / "cache")
    assert prepared.queries.shape == (2, 64)
    assert prepared.store.vectors.shape == (4, 64)
    assert prepared.rows.shape == (2, 4)
    assert prepared.titles(0)[prepared.rows[0].tolist().index(0)] == "Broken Bow"
    assert prepared.texts(0)[prepared.rows[0].tolist().index(0)] == prepared.store.contents[0]
    # Of four passages found for each query, two are the same; all evidence is among them.
    cells = [cell.strip() for cell in prepare.row(prepared).split("|")[1:-1]]
    assert cells[:6] == ["musique", "plain", "4", "2", "1.50", "25.0%"]
    assert cells[-1] == "1.000"
    assert len(cells) == prepare.HEADER.splitlines()[0].count("|") - 1
    monkeypatch.setattr(prepare, "prepare", lambda *_: prepared)
    assert prepare.main(["--sets", "musique", "--variants", "plain"]) == 0
    assert prepare.row(prepared) in capsys.readouterr().out
