"""The command run in this process, and two corpora that are made up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from made_facts import Command, Ended, Facts, facts

pytest.importorskip("typer")

from sift_retrievers.cli.main import run


@pytest.fixture
def sift(capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `sift` with arguments of any kind."""

    def ran(*arguments: Any) -> Ended:
        capsys.readouterr()
        code = run([str(one) for one in arguments])
        return Ended(code, *capsys.readouterr())

    return ran


@pytest.fixture
def refused(sift: Command) -> Callable[..., str]:
    """Runs `sift`, which must refuse its input in one line on stderr; the line."""

    def ran(*arguments: Any) -> str:
        ended = sift(*arguments)
        assert ended.code == 2, ended
        assert ended.out == ""
        lines = ended.err.splitlines()
        assert len(lines) == 1, ended.err
        assert lines[0].startswith("sift: ")
        return lines[0]

    return ran


@pytest.fixture
def repeated() -> Facts:
    """A corpus in which facts stand four times."""
    return facts(topics=24, copies=4)


@pytest.fixture
def distinct() -> Facts:
    """A corpus in which nothing is repeated."""
    return facts(topics=24, copies=1)
