"""Builds the distributions from copies of their sources, as `make build` does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = {
    "sift_retrievers": ROOT,
    "langchain_sift": ROOT / "integrations" / "langchain-sift",
    "llama_index_retrievers_sift": ROOT / "integrations" / "llama-index-retrievers-sift",
}
LEFT_OUT = shutil.ignore_patterns(
    ".*",
    "build",
    "dist",
    "*.egg-info",
    "__pycache__",
    "*.so",
    "*.pyd",
    "benchmarks",
    "integrations",
)


def run(*command: str | Path, **variables: str) -> str:
    """The output of a command that must succeed."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | variables
    done = subprocess.run(
        [*map(str, command)], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def build(into: Path, scratch: Path) -> Path:
    """Build sdist and wheel of each distribution, the wheels from the sdists.

    Args:
        into: the folder for the files.
        scratch: an empty folder.
    """
    for package in ("build", "hatchling", "twine"):
        pytest.importorskip(package, reason=f"make test-wheels installs {package}")
    for name, folder in FOLDERS.items():
        copy = scratch / name
        shutil.copytree(folder, copy, ignore=LEFT_OUT)
        run(sys.executable, "-m", "build", "--no-isolation", "--outdir", into, copy)
    return into


class Environment:
    """An empty virtual environment."""

    def __init__(self, folder: Path, wheels: Path) -> None:
        run(sys.executable, "-m", "venv", folder)
        self.wheels = wheels
        windows = os.name == "nt"
        self.python = folder / ("Scripts/python.exe" if windows else "bin/python")

    def install(self, *packages: str) -> str:
        """Install packages, from the folder of wheels or the package index."""
        return self.pip("install", "--quiet", "--find-links", self.wheels, *packages)

    def pip(self, *arguments: str | Path) -> str:
        return run(self.python, "-m", "pip", "--disable-pip-version-check", *arguments)

    def runs(self, code: str) -> str:
        return run(self.python, "-I", "-c", code)
