"""The fixture `road`: a test runs with the compiled functions, and without."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from sift_retrievers.acceleration import compiled, switched_off


@pytest.fixture(params=["compiled", "numpy"])
def road(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "compiled" and compiled() is None:
        pytest.skip("the extension module is not built")
    with nullcontext() if request.param == "compiled" else switched_off():
        yield request.param
