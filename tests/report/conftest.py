"""A headless Chromium, and the store of real passages that the tests of retrieval use."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "retrieval"))

from chromium import Chromium


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    """Skips where there is no Chromium, no driver for it, or no selenium."""
    binary = shutil.which("chromium") or shutil.which("chromium-browser")
    binary = binary or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if binary is None or driver is None:
        pytest.skip("no Chromium with chromedriver: apt-get install chromium chromium-driver")
    pytest.importorskip("selenium", reason="no selenium: pip install 'sift-retrievers[page]'")
    browser = Chromium(binary, driver)
    yield browser
    browser.quit()
