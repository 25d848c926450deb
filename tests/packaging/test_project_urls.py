"""Before a release the address of the repository is written into the project files."""

from __future__ import annotations

import runpy
import tomllib
from collections.abc import Callable

import pytest
from built import FOLDERS, ROOT

SCRIPT = ROOT / ".github" / "scripts" / "project_urls.py"


@pytest.fixture
def with_addresses() -> Callable[[str, str], str]:
    found: Callable[[str, str], str] = runpy.run_path(str(SCRIPT))["with_addresses"]
    return found


@pytest.mark.parametrize("name", FOLDERS)
def test_a_project_gets_the_addresses_and_keeps_all_else(
    with_addresses: Callable[[str, str], str], name: str
) -> None:
    text = (FOLDERS[name] / "pyproject.toml").read_text(encoding="utf-8")
    before = tomllib.loads(text)
    after = tomllib.loads(with_addresses(text, "https://example.org/owner/name/"))
    urls = after["project"].pop("urls")
    assert urls.pop("Repository") == "https://example.org/owner/name"
    assert urls.pop("Issues") == "https://example.org/owner/name/issues"
    assert {*urls} == {"Paper", "Changelog", "Documentation"}
    del before["project"]["urls"]
    assert after == before


@pytest.mark.parametrize("home", ["", "owner/name", 'https://x"y', "https://x y"])
def test_what_is_no_address_is_refused(
    with_addresses: Callable[[str, str], str], home: str
) -> None:
    with pytest.raises(ValueError, match="https URL"):
        with_addresses("[project.urls]\n", home)
