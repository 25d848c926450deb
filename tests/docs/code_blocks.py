"""Runs the code blocks of one page of the documentation, in their order, in one namespace.

- `python`: run. After `<!--- skip: next "why" -->` a block is only compiled, and the names that it
  imports are looked up where their package is installed.
- `text` right after a Python block: what that block printed, compared line by line.
- `bash`: parsed. Its make targets, the folders and extras that it installs, and the commands and
  options of `sift` must exist; nothing is run.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import io
import re
import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import Any
from unittest import SkipTest

import typer
from sybil import Example, Sybil
from sybil.evaluators.python import pad
from sybil.parsers.markdown import CodeBlockParser, SkipParser

ROOT = Path(__file__).parents[2]
OURS = (
    "sift_retrievers",
    "langchain_sift",
    "llama_index.retrievers.sift",
    "llama_index.postprocessor.sift",
)


class Page:
    """A Markdown file whose code blocks can be run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.compiled_only: list[Example] = []
        self.output = ""
        self._printed: tuple[int, str] | None = None
        parsers = [
            CodeBlockParser("python", self._python),
            CodeBlockParser("text", self._text),
            CodeBlockParser("bash", bash),
            SkipParser(),
        ]
        self.document = Sybil(parsers).parse(path)

    def run(self, given: dict[str, Any]) -> None:
        """Run every block; `given` stands in for names that blocks which are not run would set."""
        self.document.namespace.update(given, __name__=f"page_{self.path.stem}".replace("-", "_"))
        for example in self.document.examples():
            try:
                example.evaluate()
            except SkipTest:
                self.compiled_only.append(example)
                tree = compile_block(example)
                if isinstance(tree, ast.Module):
                    look_up_imports(tree)

    def _python(self, example: Example) -> None:
        printed = io.StringIO()
        code = compile(source_of(example), example.path, "exec")
        with contextlib.redirect_stdout(printed):
            exec(code, example.namespace)
        self.output += printed.getvalue()
        self._printed = (example.end, printed.getvalue())

    def _text(self, example: Example) -> None:
        if self._printed is None:
            return
        end, printed = self._printed
        if example.document.text[end : example.start].strip():
            return  # something stands between the two: no output of that block
        assert lines_of(printed) == lines_of(example.parsed), (
            f"{self.path.name}, line {example.line}: the block above printed\n{printed}"
        )


def lines_of(text: str) -> list[str]:
    """The lines without trailing blanks."""
    return [line.rstrip() for line in text.strip().splitlines()]


def source_of(example: Example) -> str:
    """The block, with blank lines before it so that tracebacks show the line of the page."""
    padded: str = pad(example.parsed, example.line + example.parsed.line_offset)
    return padded


def compile_block(example: Example) -> ast.Module | None:
    """Check the syntax of a block that is not run; None: it is not Python."""
    if example.region.evaluator is bash:
        bash(example)
        return None
    compile(source_of(example), example.path, "exec")
    return ast.parse(example.parsed)


def look_up_imports(tree: ast.Module) -> None:
    """Import what a block imports; a package of others may be missing, a name of it not."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            wanted = [(alias.name, None) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            wanted = [(node.module, alias.name) for alias in node.names]
        else:
            continue
        for module, name in wanted:
            try:
                found = importlib.import_module(module)
            except ImportError:
                ours = any(module == own or module.startswith(f"{own}.") for own in OURS)
                assert not ours, f"no module {module}"
                continue
            assert name is None or hasattr(found, name), f"{module} has no {name}"


def bash(example: Example) -> None:
    """Check the syntax, make targets, installed folders with their extras, and calls of `sift`."""
    text = str(example.parsed)
    parsed = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True, check=False)
    assert parsed.returncode == 0, parsed.stderr
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["make"]:
            for target in words[1:]:
                assert target in make_targets(), f"no make target {target}"
        elif words[:2] == ["pip", "install"]:
            for word in words[2:]:
                check_distribution(word)
        elif words[:1] == ["sift"]:
            check_call_of_sift(words[1:])


def make_targets() -> set[str]:
    """The targets of the Makefile."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return {*re.findall(r"^([a-z-]+):", makefile, re.MULTILINE)}


def check_distribution(word: str) -> None:
    """Check a folder that `pip install` is given: a distribution, which has the extras."""
    found = re.fullmatch(r"\./sift-retrievers(?:/([\w/-]+))?(?:\[([\w,]+)\])?", word)
    if found is None:
        return
    manifest = (ROOT / (found[1] or "") / "pyproject.toml").read_text(encoding="utf-8")
    extras = tomllib.loads(manifest)["project"].get("optional-dependencies", {})
    for extra in (found[2] or "").split(","):
        assert not extra or extra in extras, f"{word}: no extra {extra}"


def check_call_of_sift(words: list[str]) -> None:
    """Parse the arguments of the command `sift`, without running it."""
    from sift_retrievers.cli.commands.app import app

    if not words or words[0].startswith("-"):
        return
    command: Any = typer.main.get_command(app)
    command.commands[words[0]].make_context(words[0], words[1:])
