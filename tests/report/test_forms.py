"""The other forms of an explanation: printed, for rich and notebooks, as a dict, table and plot."""

from __future__ import annotations

import io
import json
import pickle
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from documents_in_memory import REAL, Doc, Store
from real_texts import real_texts

from sift_retrievers.report.notebook import settings_html
from sift_retrievers.retrieval import Explanation

QUESTION = real_texts()[1][0]


def explained(k: int = 4, **rules: Any) -> Explanation:
    return REAL.ask(QUESTION, k, **rules).explanation(k=k, lambda_=0.1)


def test_at_most_thirty_rows_are_printed() -> None:
    lines = str(explained()).splitlines()
    header = next(i for i, line in enumerate(lines) if line.lstrip().startswith("rank"))
    assert len(lines) - header - 1 == 30 + 1
    assert lines[-1] == "… and 70 more: to_pandas(), to_dict() and html(…) have all"
    assert lines[1] == "settings: k=4, lambda_=0.1"
    few = str(REAL.ask(QUESTION, 4, fetch=30).explanation())
    assert "more: to_pandas()" not in few


def test_rich_prints_the_same_picks_and_reads_no_markup() -> None:
    rich = pytest.importorskip("rich.console")
    texts = ["[bold red]not markup[/] of a question", "[/]", "plain text of a question"]
    explanation = Store([Doc(text, {}) for text in texts]).ask("[link=x]a question", 2)
    out = io.StringIO()
    console = rich.Console(file=out, width=140)
    console.print(explanation.explanation())
    shown = out.getvalue()
    for text in texts:
        assert text in shown
    assert "[link=x]a question" in shown
    out.truncate(0)
    console.print(explained())
    assert out.getvalue().count("picked") == 4
    assert "… and 70 more" in out.getvalue()


def test_the_notebook_shows_thirty_rows() -> None:
    table = explained()._repr_html_()
    assert table.count("<tr>") == 1 + 30
    assert "… and 70 more" in table
    assert 'scope="col"' in table


def test_the_dict_holds_all_and_json_takes_it() -> None:
    explanation = explained(lambda_=0.3)
    value = explanation.to_dict()
    assert json.loads(json.dumps(value, allow_nan=False)) == value
    assert [p["id"] for p in value["passages"]] == [p.id for p in explanation.passages]
    assert value["passages"][0]["witnesses"] == dict(explanation.passages[0].witnesses)
    assert value["uncertainty"] == list(explanation.uncertainty or ())
    assert value["settings"] == {"k": 4, "lambda_": 0.1}
    assert "inputs" not in value
    whole = explanation.to_dict(inputs=True)
    assert json.loads(json.dumps(whole, allow_nan=False)) == whole
    assert len(whole["inputs"]["candidates"]) == 100


def keys_of(value: Any) -> set[str]:
    if isinstance(value, dict):
        return {*value}.union(*map(keys_of, value.values()))
    return set().union(*map(keys_of, value)) if isinstance(value, list) else set()


@pytest.mark.parametrize("rules", [{}, {"relevance": "vectors"}], ids=repr)
def test_every_key_of_the_dict_is_documented(rules: dict[str, Any]) -> None:
    value = REAL.ask(QUESTION, 4, **rules).explanation().to_dict(inputs=True)
    witnesses = {name for passage in value["passages"] for name in passage.pop("witnesses")}
    page = (Path(__file__).parents[2] / "docs" / "see-it.md").read_text(encoding="utf-8")
    documented = {*re.findall(r"`(\w+)`", page)}
    assert keys_of(value) - witnesses - {"seconds"} <= documented


def test_settings_that_json_does_not_have_are_printed() -> None:
    explanation = REAL.ask(QUESTION, 4).explanation(a=len, b=float("inf"), c=True)
    assert explanation.to_dict()["settings"] == {"a": repr(len), "b": "inf", "c": True}


def test_an_explanation_can_be_pickled_and_compared() -> None:
    explanation = explained()
    again = pickle.loads(pickle.dumps(explanation))
    assert again == explanation
    assert again.to_dict(inputs=True) == explanation.to_dict(inputs=True)


def test_the_table_has_a_row_for_each_passage() -> None:
    pandas = pytest.importorskip("pandas")
    explanation = explained()
    frame = explanation.to_pandas()
    assert len(frame) == 100
    assert frame["text"].tolist() == [passage.text for passage in explanation.passages]
    assert frame["rank"].tolist()[:4] == [0, 1, 2, 3]
    assert frame["rank"].isna().sum() == 96
    assert frame["witness_cosine"].tolist() == [p.similarity for p in explanation.passages]
    empty = Store([], REAL.vectors[:0]).ask(QUESTION, 4).explanation().to_pandas()
    assert isinstance(empty, pandas.DataFrame)
    assert len(empty) == 0
    assert {"rank", "text", "information_gain"} <= {*empty.columns}


def test_the_plot_shows_all_candidates_and_what_picks_added(tmp_path: Any) -> None:
    pytest.importorskip("matplotlib")
    figure = explained(6).plot(tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes()[:4] == b"\x89PNG"
    where, worth = figure.axes
    drawn = [len(dots.get_offsets()) for dots in where.collections]
    assert drawn == [94, 6]
    assert len(worth.patches) == 6
    assert where.get_title()
    assert where.get_xlabel()
    assert worth.get_xlabel() == "information gain, nats"


@pytest.mark.parametrize("texts", [[], ["$x_$ {\\"], ["a" * 500, "b"], ["", ""]], ids=repr)
def test_odd_texts_are_drawn_and_shown(texts: list[str], tmp_path: Any) -> None:
    pytest.importorskip("matplotlib")
    store = Store([Doc(text) for text in texts], REAL.vectors[: len(texts)])
    explanation = store.ask("$\\frac{1}{", 3).explanation()
    explanation.plot(tmp_path / "plot.svg")
    assert str(explanation)
    assert explanation._repr_html_()


@pytest.mark.parametrize("package", ["matplotlib", "pandas"])
def test_a_missing_package_is_named_with_its_extra(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [*sys.modules]:
        if name.partition(".")[0] == package:
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    call = explained().plot if package == "matplotlib" else explained().to_pandas
    with pytest.raises(ImportError, match=r"pip install 'sift-retrievers\[report\]'"):
        call()


def test_settings_are_shown_as_text() -> None:
    table = settings_html("<b>", {"store": "<script>", "none": None, "f": len, "k": 4})
    assert "<script>" not in table
    assert "<b>" not in table
    assert "none" not in table
    assert "<code>4</code>" in table
    assert "len(…)" in table


def test_the_retriever_of_langchain_shows_its_settings() -> None:
    langchain_sift = pytest.importorskip("langchain_sift")
    stores = pytest.importorskip("langchain_core.vectorstores")
    models = pytest.importorskip("langchain_core.embeddings")
    store = stores.InMemoryVectorStore(models.DeterministicFakeEmbedding(size=8))
    table = langchain_sift.SIFTRetriever(store, k=3, lambda_=0.25)._repr_html_()
    for text in ("SIFTRetriever", "InMemoryVectorStore", "0.25", "fetch_k", "200", "phrases"):
        assert text in table


def test_the_retriever_of_llama_index_shows_its_settings() -> None:
    core = pytest.importorskip("llama_index.core")
    sift = pytest.importorskip("llama_index.retrievers.sift")
    index = core.VectorStoreIndex([], embed_model=core.MockEmbedding(8))
    table = sift.SIFTRetriever(index, 3, lambda_=0.25)._repr_html_()
    for text in ("SIFTRetriever", "SimpleVectorStore", "0.25", "fetch_top_k", "200", "phrases"):
        assert text in table
