"""What a benchmark ran on, for its report."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path

import torch

PACKAGES = (
    "numpy",
    "torch",
    "pyversity",
    "langchain-core",
    "llama-index-core",
    "activeft",
)


def machine(packages: Sequence[str] = PACKAGES) -> str:
    """Processor, GPU, threads, versions and date, as one line."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = names[0].split(":")[1].strip() if names else model
    if torch.cuda.is_available():
        model = f"{torch.cuda.get_device_name()}; {model}"
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return (
        f"{model}, {os.cpu_count()} cores, {torch.get_num_threads()} threads; {platform.system()}, "
        f"Python {platform.python_version()}, {versions}; {date.today()}"
    )
