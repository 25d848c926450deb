"""The distribution builds with and without a C compiler, and carries what it should."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("build.__main__", reason="what `make build` needs is not installed")
pytest.importorskip("setuptools")

ROOT = Path(__file__).parents[2]
FILES = ("setup.py", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", "CHANGELOG.md")
LINE = "sift-retrievers: no C compiler that works"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there CC names no compiler")


def has_a_compiler() -> bool:
    header = Path(sysconfig.get_paths()["include"]) / "Python.h"
    return shutil.which("cc") is not None and header.exists()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The files of the distribution, without anything that was built from them."""
    folder = tmp_path / "source"
    built = shutil.ignore_patterns("__pycache__", "*.so", "*.pyd")
    shutil.copytree(ROOT / "sift_retrievers", folder / "sift_retrievers", ignore=built)
    for name in FILES:
        shutil.copy(ROOT / name, folder / name)
    return folder


def build(source: Path, kind: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", f"--{kind}", str(source)],
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )


def wheel_of(source: Path) -> Path:
    (wheel,) = (source / "dist").glob("*.whl")
    return wheel


@pytest.mark.skipif(not has_a_compiler(), reason="no C compiler, or no Python.h")
def test_one_wheel_for_all_versions_of_python(source: Path) -> None:
    run = build(source, "wheel", SIFT_RETRIEVERS_BUILD_EXTENSION="require")
    assert run.returncode == 0, run.stderr
    wheel = wheel_of(source)
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        assert "abi3" not in wheel.name
    else:
        assert "-cp311-abi3-" in wheel.name
    files = zipfile.ZipFile(wheel).namelist()
    assert sum("sift_retrievers/_native" in name for name in files) == 1
    assert not [name for name in files if name.endswith((".c", ".h")) or "native/" in name]


def test_without_a_compiler_the_wheel_is_for_any_platform(source: Path) -> None:
    run = build(source, "wheel", CC="/no/compiler")
    assert run.returncode == 0, run.stderr
    assert (run.stdout + run.stderr).count(LINE) == 1
    wheel = wheel_of(source)
    assert wheel.name.endswith("-py3-none-any.whl")
    assert not [name for name in zipfile.ZipFile(wheel).namelist() if "_native" in name]
    assert "sift_retrievers/py.typed" in zipfile.ZipFile(wheel).namelist()


def test_a_release_needs_the_extension(source: Path) -> None:
    run = build(source, "wheel", CC="/no/compiler", SIFT_RETRIEVERS_BUILD_EXTENSION="require")
    assert run.returncode != 0


def test_the_extension_can_be_left_out(source: Path) -> None:
    run = build(source, "wheel", SIFT_RETRIEVERS_BUILD_EXTENSION="0")
    assert run.returncode == 0, run.stderr
    assert LINE not in run.stdout + run.stderr
    assert wheel_of(source).name.endswith("-py3-none-any.whl")


def test_the_sdist_has_the_sources_and_no_tests(source: Path) -> None:
    assert build(source, "sdist").returncode == 0
    (archive,) = (source / "dist").glob("*.tar.gz")
    with tarfile.open(archive) as files:
        names = {name.partition("/")[2] for name in files.getnames()}
    sources = (ROOT / "sift_retrievers" / "native").glob("*.[ch]")
    assert {f"sift_retrievers/native/{path.name}" for path in sources} <= names
    assert not [name for name in names if name.startswith("tests")]
