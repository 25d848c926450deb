"""What a benchmark ran on, for its report."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = (
    "numpy",
    "torch",
    "pyversity",
    "bm25s",
    "langchain-core",
    "langchain-classic",
    "llama-index-core",
    "wordllama",
)


def machine(packages: Sequence[str] = PACKAGES) -> str:
    """Processor, GPU, threads, versions and date, as one line; packages that are there."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = names[0].split(":")[1].strip() if names else model
    threads = ""
    torch = sys.modules.get("torch")  # what was not imported did not compute anything
    if torch is not None:
        threads = f", {torch.get_num_threads()} threads"
        if torch.cuda.is_available():
            model = f"{torch.cuda.get_device_name()}; {model}"
    versions = ", ".join(filter(None, map(_version, packages)))
    return (
        f"{model}, {os.cpu_count()} cores{threads}; {platform.system()}, "
        f"Python {platform.python_version()}, {versions}; {date.today()}"
    )


def _version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return ""
