"""What would be published: what it holds, and that it can be installed and used.

`make test-wheels` installs what these tests need. The package index must be reachable.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest
from built import FOLDERS, ROOT, Environment, build, run
from packaging.requirements import Requirement

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

LANGCHAIN = """
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_sift import SIFTRetriever
store = InMemoryVectorStore(DeterministicFakeEmbedding(size=16))
store.add_documents([Document(f"Fact {i % 4} about bees.") for i in range(8)])
found = SIFTRetriever(store, k=3).invoke("bees?")
assert len({d.page_content for d in found}) == 3, found
from sift_retrievers import acceleration
assert acceleration.compiled() is not None
"""
LLAMA_INDEX = """
from llama_index.core import MockEmbedding, VectorStoreIndex
from llama_index.core.schema import TextNode
from llama_index.postprocessor.sift import SIFTRerank
from llama_index.retrievers.sift import SIFTRetriever
model = MockEmbedding(8)
nodes = [TextNode(text=f"Fact {i % 4} about bees.") for i in range(8)]
found = SIFTRetriever(VectorStoreIndex(nodes, embed_model=model), 3).retrieve("bees?")
assert len({n.text for n in found}) == 3, found
assert len(SIFTRerank(top_n=2, embed_model=model).postprocess_nodes(found, query_str="b?")) == 2
"""


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("dist"), tmp_path_factory.mktemp("sources"))


def wheel(dist: Path, name: str) -> zipfile.ZipFile:
    (file,) = dist.glob(f"{name}-*.whl")
    return zipfile.ZipFile(file)


def metadata(dist: Path, name: str) -> Message:
    opened = wheel(dist, name)
    (file,) = [n for n in opened.namelist() if n.endswith(".dist-info/METADATA")]
    return message_from_bytes(opened.read(file))


def tracked(folder: Path) -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "."], cwd=folder, capture_output=True, text=True, check=False
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout: what belongs to the packages is not known")
    return listed.stdout.splitlines()


@pytest.mark.parametrize("name", FOLDERS)
def test_a_wheel_holds_its_packages_and_nothing_else(dist: Path, name: str) -> None:
    roots = {"llama_index_retrievers_sift": "llama_index"}
    root = roots.get(name, name) + "/"
    held = {n for n in wheel(dist, name).namelist() if ".dist-info/" not in n}
    expected = {
        file
        for file in tracked(FOLDERS[name])
        if file.startswith(root) and not file.endswith((".c", ".h"))
    }
    native = {n for n in held if n.startswith("sift_retrievers/_native.")}
    assert held - native == expected
    assert len(native) == (1 if name == "sift_retrievers" else 0)
    assert any(n.endswith("/py.typed") for n in held)
    licences = [n for n in wheel(dist, name).namelist() if n.endswith("licenses/LICENSE")]
    assert len(licences) == 1


@pytest.mark.parametrize("name", FOLDERS)
def test_a_source_distribution_can_be_built_again_and_holds_no_tests(dist: Path, name: str) -> None:
    (file,) = dist.glob(f"{name}-*.tar.gz")
    with tarfile.open(file) as opened:
        held = {n.partition("/")[2] for n in opened.getnames()}
    assert not [n for n in held if n.startswith(("tests", "benchmarks", "."))]
    assert {"LICENSE", "README.md", "pyproject.toml", "PKG-INFO"} <= held
    if name == "sift_retrievers":
        assert {"setup.py", "sift_retrievers/native/native.h"} <= held


def test_the_index_accepts_them(dist: Path) -> None:
    run(sys.executable, "-m", "twine", "check", "--strict", *sorted(dist.iterdir()))


@pytest.mark.parametrize("name", FOLDERS)
def test_distributions_need_the_same_series_of_one_another(dist: Path, name: str) -> None:
    described = metadata(dist, name)
    version = described["Version"]
    needed = [Requirement(one) for one in described.get_all("Requires-Dist") or []]
    for one in needed:
        if one.name == "sift-retrievers" and name != "sift_retrievers":
            assert str(one.specifier) == f"~={version}"
    assert described["License-Expression"] == "MIT"
    urls = described.get_all("Project-URL") or []
    assert any(url.startswith("Paper, https://arxiv.org/") for url in urls)


def test_a_package_says_it_has_examples_and_has_them() -> None:
    folder = FOLDERS["llama_index_retrievers_sift"]
    assert "contains_example = true" in (folder / "pyproject.toml").read_text(encoding="utf-8")
    assert [*folder.glob("examples/*.ipynb")]


@pytest.fixture(scope="module")
def langchain(tmp_path_factory: pytest.TempPathFactory, dist: Path) -> Environment:
    made = Environment(tmp_path_factory.mktemp("langchain"), dist)
    made.install("langchain-sift")
    return made


def test_langchain_sift_alone_works(langchain: Environment) -> None:
    langchain.pip("check")
    langchain.runs(LANGCHAIN)
    names = {one["name"] for one in json.loads(langchain.pip("list", "--format=json"))}
    assert "sift-retrievers" in names
    assert not names & {"torch", "llama-index-core", "transformers", "matplotlib"}


def test_the_llama_index_package_alone_works(
    tmp_path_factory: pytest.TempPathFactory, dist: Path
) -> None:
    made = Environment(tmp_path_factory.mktemp("llama_index"), dist)
    made.install("llama-index-retrievers-sift")
    made.pip("check")
    made.runs(LLAMA_INDEX)


@pytest.mark.parametrize("name", ["langchain_sift", "llama_index_retrievers_sift"])
def test_the_extras_need_extras_that_the_core_has(dist: Path, name: str) -> None:
    known = set(metadata(dist, "sift_retrievers").get_all("Provides-Extra") or [])
    described = metadata(dist, name)
    asked = {
        extra
        for one in map(Requirement, described.get_all("Requires-Dist") or [])
        for extra in one.extras
        if one.name == "sift-retrievers"
    }
    assert "finetune" in described.get_all("Provides-Extra", [])
    assert {"finetune"} <= asked <= known


def test_the_extra_for_fine_tuning_alone_finds_the_core(langchain: Environment, dist: Path) -> None:
    """Resolved, not installed: torch has some gigabytes. It takes minutes all the same."""
    said = langchain.pip(
        *("install", "--dry-run", "--quiet", "--ignore-installed", "--report", "-"),
        *("--find-links", dist, "-c", ROOT / "constraints.txt", "langchain-sift[finetune]"),
    )
    report = json.loads(said)
    chosen = {one["metadata"]["name"].lower() for one in report["install"]}
    assert {"langchain-sift", "sift-retrievers", "torch", "transformers", "peft"} <= chosen
