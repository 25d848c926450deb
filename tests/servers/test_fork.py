"""A worker that is forked after use finds what its parent found, and does not hang."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from server_packages import skip_without_packages

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes do not fork here")
WHAT = ["select", "InMemory", "FAISS", "LlamaIndex"]


@pytest.mark.parametrize("how", ["os.fork", "multiprocessing"])
@pytest.mark.parametrize("what", WHAT)
def test_forked_after_use(fresh: Callable[..., str], how: str, what: str) -> None:
    skip_without_packages(what)
    printed = fresh("forking.py", how, what)
    assert printed.startswith("4 of 4"), printed


@pytest.mark.parametrize("what", WHAT)
def test_forked_while_other_threads_are_at_work(fresh: Callable[..., str], what: str) -> None:
    skip_without_packages(what)
    printed = fresh("forking.py", "busy", what)
    assert printed.startswith("20 of 20"), printed
