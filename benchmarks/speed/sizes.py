"""Sizes on the disk: an environment with langchain-core and numpy, and with SIFT beside them.

    make bench-sizes    # about a minute; writes benchmarks/speed/results/sizes.md
    python benchmarks/speed/sizes.py --quick    # the same, prints only

Two fresh virtual environments without pip; sift-retrievers and langchain-sift are built from a copy
of this checkout, with the extension where there is a C compiler. Counted are the bytes of all files
in site-packages, compiled bytecode included. Needs git, and the packages' index or a copy of it.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.common.machine import machine

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).parent / "results" / "sizes.md"
BASE: Final = ["langchain-core", "numpy"]
GOAL: Final = 1.1


def copy_of_checkout(folder: Path) -> list[str]:
    """What to install: a build leaves files beside its sources, and these are not to be ours."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():  # not one that was deleted since
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return [str(folder), str(folder / "integrations" / "langchain-sift")]


def environment(folder: Path, requirements: list[str]) -> Path:
    """The site-packages of a fresh environment with the requirements."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    install = ["install", "--quiet", "-c", str(ROOT / "constraints.txt"), *requirements]
    command = [sys.executable, "-m", "pip", "--python", str(python), *install]
    installed = subprocess.run(command, capture_output=True, text=True)
    if installed.returncode != 0:
        raise SystemExit(installed.stdout + installed.stderr)
    return next(folder.glob("lib/python*/site-packages"))


def total(folder: Path) -> int:
    """Bytes of all files."""
    return sum(file.lstat().st_size for file in folder.rglob("*") if file.is_file())


def size_of(distribution: Distribution) -> int:
    """Bytes of its files; with the bytecode that pip compiled, which it lists, too."""
    files = [Path(str(file.locate())) for file in distribution.files or []]
    return sum(file.stat().st_size for file in files if file.is_file())


def table(site: Path, base: Path) -> list[str]:
    """Every distribution that is there, the largest first."""
    known = {one.name for one in distributions(path=[str(base)])}
    lines = ["| distribution | version | MB | |", "|---|---|---|---|"]
    for one in sorted(distributions(path=[str(site)]), key=size_of, reverse=True):
        new = "" if one.name in known else "**added**"
        lines.append(f"| {one.name} | {one.version} | {size_of(one) / 1e6:.2f} | {new} |")
    return lines


def page() -> list[str]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        checkout = folder / "checkout"
        checkout.mkdir()
        ours = copy_of_checkout(checkout)
        base = environment(folder / "base", BASE)
        site = environment(folder / "with-sift", [*BASE, *ours])
        before, after = total(base), total(site)
        ratio = after / before
        built = "with" if any(site.glob("sift_retrievers/_native.*")) else "without"
        goal = "reached" if ratio <= GOAL else "**not reached**"
        return [
            "# Sizes on the disk",
            "",
            f"`python benchmarks/speed/sizes.py` on {machine(['pip'])}; {built} the extension.",
            "",
            "| environment | MB | of langchain-core with numpy |",
            "|---|---|---|",
            f"| langchain-core and numpy | {before / 1e6:.1f} | 1 |",
            f"| and sift-retrievers and langchain-sift | {after / 1e6:.1f} | {ratio:.3f} |",
            "",
            f"Goal: at most {GOAL} times, {goal}. (Version 0.1, which needed torch: 5.5 GB.)",
            "",
            *table(site, base),
        ]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="prints only")
    arguments = options.parse_args()
    lines = page()
    if arguments.quick:
        print("\n".join(lines))
    else:
        RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")
        print(f"written to {RESULTS}")


if __name__ == "__main__":
    main()
