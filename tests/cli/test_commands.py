"""What all subcommands share: exit codes, JSON, one-line errors, lightness."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from made_facts import Command, Facts

from sift_retrievers.retrieval import Hits, SelectionRules, Target, retrieve


def test_select_gives_the_retrievers_picks_with_reasons(
    sift: Command, repeated: Facts, tmp_path: Path
) -> None:
    corpus, _ = repeated.write(tmp_path)
    asked = repeated.questions[3]
    vector = json.dumps(asked["vector"])
    found = sift("select", corpus, asked["question"], "--vector", vector, "-k", 3, "--json")
    assert found.code == 0
    texts = [one["text"] for one in found.json["passages"]]
    hits = Hits(
        repeated.vectors, repeated.ids, repeated.texts, repeated.metadata, document=lambda i: i
    )
    same = retrieve(
        asked["question"],
        [Target(repeated.vectors[0] * 0 + asked["vector"], asked["question"])],
        hits,
        3,
        SelectionRules(),
    )
    # Among all passages in place of the 100 nearest: the first pick does not depend on that.
    assert texts[0] == same.picks[0].text
    assert found.json["passages"][0]["metadata"] == {"topic": 3}
    assert "adds" in found.json["passages"][0]["reason"]
    file = tmp_path / "v.json"
    file.write_text(vector)
    shown = sift("select", corpus, "--vector", file, "-k", 3, "--relevance", "vectors")
    assert shown.code == 0
    assert "% new after the passages above" in shown.out


def test_explain_writes_the_page(sift: Command, repeated: Facts, tmp_path: Path) -> None:
    corpus, _ = repeated.write(tmp_path)
    vector = json.dumps(repeated.questions[0]["vector"])
    page = tmp_path / "page.html"
    found = sift("explain", corpus, "why?", "--vector", vector, "--html", page)
    assert (found.code, found.out.strip()) == (0, str(page))
    assert page.read_text(encoding="utf-8").lower().startswith("<!doctype html>")
    assert sift("explain", corpus, "why?", "--vector", vector).out.startswith("'why?'")
    found = sift("explain", corpus, "why?", "--vector", vector, "--json")
    assert found.json["query"] == "why?"
    assert found.json["page"] is None


def test_explain_opens_the_page(
    sift: Command, repeated: Facts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda url: opened.append(url) or True)
    corpus, _ = repeated.write(tmp_path)
    vector = json.dumps(repeated.questions[0]["vector"])
    assert sift("explain", corpus, "--vector", vector, "--open").code == 0
    assert opened[0].startswith("file:")
    Path(opened[0].removeprefix("file://")).unlink()


def test_calibrate_names_the_setting(sift: Command, repeated: Facts, tmp_path: Path) -> None:
    corpus, questions = repeated.write(tmp_path)
    plot = tmp_path / "plot.svg"
    found = sift("calibrate", corpus, questions, "--json", "--plot", plot)
    assert found.code == 0
    assert found.json["labelled"]
    assert {"default", "similarity search"} <= {one["name"] for one in found.json["configurations"]}
    assert plot.read_text().startswith("<?xml")
    shown = sift("calibrate", corpus, questions).out
    assert "24 questions" in shown or "24 queries" in shown
    assert shown.strip().splitlines()[-1].startswith("SIFTRetriever(vectorstore")


def test_bad_usage_is_one_line(
    refused: Callable[..., str], repeated: Facts, tmp_path: Path
) -> None:
    corpus, questions = repeated.write(tmp_path)
    odd = tmp_path / "odd.jsonl"
    texts = tmp_path / "texts.jsonl"
    texts.write_text('{"text": "a"}\n{"text": "b"}\n{"text": "c"}\n')
    for arguments, message in [
        (["select", tmp_path / "no", "x"], "there is no "),
        (["select", tmp_path, "x"], "holds ["),
        (["select", Path(__file__), "x"], "a file of an unknown kind"),
        (["select", texts, "x"], "expected --embedding"),
        (["select", corpus, "x"], "or vectors of the questions, of dimension 16"),
        (["select", corpus], "expected a question that is not blank"),
        (["select", corpus, "  "], "expected a question that is not blank"),
        (["select", corpus, "x", "--vector", "[1, 2]"], "has dimension 2, the vectors of "),
        (["select", corpus, "x", "--vector", "[1, NaN]"], "must be a list of finite numbers"),
        (["select", corpus, "x", "--vector", "nothing.json"], "--vector must be a JSON list"),
        (["select", corpus, "x", "-k", 0], "'--k'"),
        (["select", corpus, "x", "--kernel", "no"], "kernel must be one of"),
        (["select", corpus, "x", "--lambda", -1], "lambda_ must be"),
        (["select", corpus, "x", "--min-novelty", 2], "min_novelty must be"),
        (["select", corpus, "x", "--no-such"], "No such option"),
        (["no-such"], "No such command"),
        (["compare", corpus], "Missing argument"),
        (["compare", corpus, tmp_path / "no.jsonl"], "no.jsonl"),
        (["compare", corpus, questions, "--passage", "no"], "--passage 'no' is no metadata key"),
        (["compare", corpus, questions, "--passage", "topic"], "is another metadata key meant"),
        (["calibrate", corpus, odd], "--questions: "),
        (["serve", corpus], "every question must be embedded"),
        (["serve", corpus, "--embedding", "wordllama"], "has dimension 256"),
    ]:
        assert message in refused(*arguments), arguments


def test_few_questions(refused: Callable[..., str], repeated: Facts, tmp_path: Path) -> None:
    corpus, questions = repeated.write(tmp_path)
    one = questions.read_text().splitlines()[0]
    questions.write_text(one)
    assert "expected at least two" in refused("compare", corpus, questions)
    assert "at least 20 queries; got 1" in refused("calibrate", corpus, questions)
    assert "expected at least two" in refused("doctor", corpus, "--questions", questions)


def test_texts_cannot_control_the_terminal(sift: Command, tmp_path: Path) -> None:
    file = tmp_path / "odd.jsonl"
    texts = [
        "\x1b[2Jcleared\x07",
        "[bold]markup[/bold] <b>x</b>",
        "日本語の文章です。",
        "half \ud800",
    ]
    file.write_text(
        "".join(
            json.dumps({"text": text, "vector": [1, i], "title": "[/red]"}) + "\n"
            for i, text in enumerate(texts)
        )
    )
    shown = sift("select", file, "x", "--vector", "[1, 1]", "-k", 4)
    assert shown.code == 0
    assert "\x1b" not in shown.out
    assert "\x07" not in shown.out
    assert "[bold]markup[/bold] <b>x</b>" in shown.out
    found = sift("select", file, "x", "--vector", "[1, 1]", "-k", 4, "--json").json
    assert {one["text"] for one in found["passages"]} == {*texts}
    assert sift("doctor", file, "-k", 2).code in (0, 1)


def test_a_missing_package_is_named(
    refused: Callable[..., str], repeated: Facts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus, _ = repeated.write(tmp_path)
    for module, arguments, named in [
        ("wordllama", ["select", corpus, "x", "--embedding", "wordllama"], "pip install"),
        ("sentence_transformers", ["select", corpus, "x", "--embedding", "m"], "pip install"),
        ("mcp.server", ["serve", corpus], "pip install 'sift-retrievers[mcp]'"),
        ("typer", ["--help"], "pip install 'sift-retrievers[cli]'"),
    ]:
        with monkeypatch.context() as patched:
            patched.setitem(sys.modules, module, None)
            assert named in refused(*arguments)


def test_help_and_version_are_light() -> None:
    code = "import sys; from sift_retrievers.cli.main import run; c = run(sys.argv[1:]); " + (
        "heavy = {'torch', 'faiss', 'chromadb', 'lancedb', 'pandas', 'matplotlib', 'mcp'}; "
        "print(c, sorted(heavy & set(sys.modules)))"
    )
    for arguments, shown in [(["--help"], "doctor"), (["--version"], "sift-retrievers 0")]:
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
        )
        assert shown in done.stdout
        assert done.stdout.splitlines()[-1] == "0 []"


def test_importing_the_library_loads_no_typer() -> None:
    code = "import sift_retrievers, sys; print('typer' in sys.modules, 'rich' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False False"
