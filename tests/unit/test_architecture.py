"""Dependencies point one way, and nothing optional is imported before it is used."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = ROOT / "sift_retrievers"
LANGCHAIN = ROOT / "integrations" / "langchain-sift" / "langchain_sift"


def imported(file: Path) -> set[str]:
    """Modules that a file imports anywhere, with what it takes from them."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("file", sorted(CORE.rglob("*.py")), ids=lambda f: str(f.relative_to(CORE)))
def test_the_core_knows_no_framework(file: Path) -> None:
    frameworks = ("langchain", "llama_index")
    assert not [name for name in imported(file) if name.startswith(frameworks)]


@pytest.mark.parametrize(
    ("part", "forbidden"),
    [
        ("kernels", ("sift_retrievers.selection",)),
        ("selection/solvers", ("sift_retrievers.selection.select",)),
        ("selection", ("sift_retrievers.retrieval", "sift_retrievers.witnesses")),
        ("finetune", ("sift_retrievers.retrieval", "sift_retrievers.selection.solvers")),
        ("metrics", ("sift_retrievers.selection", "sift_retrievers.retrieval")),
        ("calibration", ("sift_retrievers.finetune", "sift_retrievers.selection")),
    ],
)
def test_inside_the_core_retrieval_stands_on_selection_on_kernels(
    part: str, forbidden: tuple[str, ...]
) -> None:
    for file in files_of([part]):
        assert not [name for name in imported(file) if name.startswith(forbidden)], file


def test_one_file_of_retrieval_knows_the_tuner() -> None:
    tuner = "sift_retrievers.finetune"
    knows = [f for f in files_of(["retrieval"]) if any(n.startswith(tuner) for n in imported(f))]
    assert [file.name for file in knows] == ["fine_tuning.py"]


def files_of(parts: list[str]) -> list[Path]:
    return [
        file
        for part in parts
        for file in ([CORE / part] if part.endswith(".py") else sorted((CORE / part).rglob("*.py")))
    ]


ALONE = [
    "witnesses",
    "coverage.py",
    "coverage_greedy.py",
    "stop_reason.py",
    "acceleration.py",
    "once.py",
    "forking.py",
]
"""What a user of another engine could take as it is: Python and numpy."""


@pytest.mark.parametrize("file", files_of(ALONE), ids=lambda f: str(f.relative_to(CORE)))
def test_witnesses_and_coverage_stand_on_numpy_alone(file: Path) -> None:
    own = tuple(f"sift_retrievers.{part.removesuffix('.py')}" for part in ALONE)
    own = (*own, "sift_retrievers._native")
    for name in imported(file):
        if name.startswith("sift_retrievers"):
            assert name.startswith(own), name
        else:
            assert name.split(".")[0] in {"numpy", "__future__", *sys.stdlib_module_names}, name


def imported_on_import(tree: ast.Module) -> set[str]:
    """Packages that are imported when a module is: not in functions, not for type checkers."""
    found: set[str] = set()
    left: list[ast.AST] = [*tree.body]
    while left:
        node = left.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            left += node.orelse
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
        left += ast.iter_child_nodes(node)
    return found


WITH_TORCH = ("finetune/", "selection/solvers/fused.py")
LIGHT = [
    file
    for file in sorted(CORE.rglob("*.py"))
    if not str(file.relative_to(CORE)).startswith(WITH_TORCH)
    and "torch" not in file.stem
    and file.name != "faiss.py"
]


@pytest.mark.parametrize("file", LIGHT, ids=lambda f: str(f.relative_to(CORE)))
def test_the_core_needs_numpy_alone(file: Path) -> None:
    """torch and all that is optional is imported where a tensor or a device asks for it."""
    found = imported_on_import(ast.parse(file.read_text(encoding="utf-8")))
    assert found <= {"numpy", "sift_retrievers", *sys.stdlib_module_names}


def test_coverage_knows_nothing_of_witnesses() -> None:
    assert not [name for name in imported(CORE / "coverage.py") if ".witnesses" in name]


HEAVY = (
    "torch",
    "numba",
    "transformers",
    "peft",
    "matplotlib",
    "triton",
    "scipy",
    "faiss",
    "chromadb",
    "array_api_compat",
    "sift_retrievers.finetune",
    "sift_retrievers.calibration",
    "sift_retrievers.metrics",
)


def loaded_by(code: str) -> list[str]:
    """The heavy modules that a fresh process has loaded once it ran the code."""
    code += f"\nimport sys; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return list(ast.literal_eval(done.stdout.splitlines()[-1]))


SELECT = """
import numpy as np
from sift_retrievers import gains_after, posterior_variance, select
pool = np.random.default_rng(0).standard_normal((30, 8), np.float32)
for kernel in ("cosine", "linear", "exponential", "relevance", "shared_noise"):
    for objective in ("variance", "entropy", "undirected"):
        select(pool[0], pool, 5, kernel=kernel, objective=objective, device="cpu")
        select(pool[:2, None], pool.tolist(), 5, kernel=kernel, objective=objective, alpha=0.5)
select(pool[0], pool, 5, costs=np.ones(30), budget=3.0, groups=np.arange(30) // 2)
posterior_variance(pool[0], pool), gains_after(pool[0], pool, [1])
"""

LANGCHAIN_RETRIEVAL = """
import langchain_sift
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_sift import SIFTCompressor, SIFTRetriever
store = InMemoryVectorStore(DeterministicFakeEmbedding(size=16))
store.add_documents([Document(f"text {i} of {i % 3}") for i in range(30)])
for rule in ({}, {"relevance": "vectors"}, {"kernel": "cosine"}, {"device": "cpu", "alpha": 0.5}):
    retriever = SIFTRetriever(store, k=3, **rule)
    assert len(retriever.invoke("text 3")) > 0
    str(retriever.explain("text 3"))
SIFTCompressor(vectorstore=store).compress_documents(retriever.invoke("text 3"), "text 3")
"""

LLAMA_INDEX_RETRIEVAL = """
from llama_index.core import MockEmbedding, VectorStoreIndex
from llama_index.core.schema import TextNode
from llama_index.postprocessor.sift import SIFTRerank
from llama_index.retrievers.sift import SIFTRetriever
model = MockEmbedding(8)
index = VectorStoreIndex([TextNode(text=f"text {i}") for i in range(9)], embed_model=model)
for rule in ({}, {"relevance": "vectors"}, {"kernel": "cosine"}):
    retriever = SIFTRetriever(index, 3, **rule)
    found = retriever.retrieve("text 3")
    assert len(found) > 0
    str(retriever.explain("text 3"))
SIFTRerank(top_n=2, embed_model=model).postprocess_nodes(found, query_str="text 3")
"""


@pytest.mark.parametrize(
    ("package", "code"),
    [
        ("sift_retrievers", "import sift_retrievers"),
        ("sift_retrievers", SELECT),
        ("sift_retrievers", "import sift_retrievers.retrieval.fine_tuning"),
        ("langchain_sift", "import langchain_sift; dir(langchain_sift)"),
        ("langchain_sift", LANGCHAIN_RETRIEVAL),
        ("llama_index.retrievers.sift", LLAMA_INDEX_RETRIEVAL),
    ],
)
def test_what_is_not_used_is_not_loaded(package: str, code: str) -> None:
    pytest.importorskip(package)
    assert loaded_by(code) == []


def test_the_faiss_index_loads_faiss_alone() -> None:
    pytest.importorskip("faiss")
    code = """
import faiss, numpy as np
from sift_retrievers.activeft import ActiveFTIndex
from sift_retrievers.faiss import SIFTIndex
vectors = np.random.default_rng(0).standard_normal((50, 8), np.float32)
index = faiss.IndexFlatL2(8)
index.add(vectors)
assert SIFTIndex(index).search(vectors[:3], 4)[1].shape == (3, 4)
queries = vectors[:6].reshape(3, 2, 8)
assert ActiveFTIndex(index, alpha=0.5).batch_search(queries, 4)[1].shape == (3, 4)
"""
    assert loaded_by(code) == ["faiss"]


def test_without_torch_a_device_says_what_to_install() -> None:
    """`None` in `sys.modules` is how Python is told that a package is not there."""
    pytest.importorskip("langchain_sift")
    code = (
        LANGCHAIN_RETRIEVAL
        + """
import sys
sys.modules["torch"] = None
for setting, extra in (({"device": "cuda"}, "torch"), ({"fine_tune": object()}, "finetune")):
    try:
        SIFTRetriever(store, **setting)
    except ImportError as error:
        assert f"pip install 'sift-retrievers[{extra}]'" in str(error), error
    else:
        raise AssertionError(setting)
del sys.modules["torch"]
"""
    )
    assert loaded_by(code) == []


@pytest.mark.parametrize("file", sorted((LANGCHAIN / "stores").glob("*.py")), ids=lambda f: f.name)
def test_adapters_import_no_store(file: Path) -> None:
    at_module_level = ast.parse(file.read_text(encoding="utf-8")).body
    names = {
        name.split(".")[0]
        for node in at_module_level
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [])
        + ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [])
    }
    own = {"__future__", "numpy", "langchain_core", "langchain_sift", "sift_retrievers"}
    assert names <= own | set(sys.stdlib_module_names)
