"""Beside a writer: no document of another tenant, none with what belongs to another version."""

from __future__ import annotations

import pytest
from fire import PLACES, Fire

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.mark.parametrize("name", PLACES)
def test_a_few_threads(name: str) -> None:
    check(name, threads=8, queries=8)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", PLACES)
def test_32_threads(name: str) -> None:
    slow = "lancedb" in name.lower()  # a search takes ten times as long as elsewhere
    check(name, threads=32, queries=20 if slow else 200)


def check(name: str, threads: int, queries: int) -> None:
    report = Fire(PLACES[name]).run(threads, queries)
    print(f"{name}: {report}")
    assert report.writes > 3
    assert report.documents >= 4 * threads * queries
    assert not report.wrong, report
    assert report.failed.total() <= report.own_failed.total(), report
