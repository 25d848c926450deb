"""Nothing optional is imported before it is used."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = ROOT / "sift_retrievers"


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


WITH_TORCH = ("finetune/", "selection/solvers/fused")
WITH_TYPER = ("cli/commands/",)
LIGHT = [
    file
    for file in sorted(CORE.rglob("*.py"))
    if not str(file.relative_to(CORE)).startswith((*WITH_TORCH, *WITH_TYPER))
    and "torch" not in file.stem
    and file.name != "faiss.py"
]


@pytest.mark.parametrize("file", LIGHT, ids=lambda f: str(f.relative_to(CORE)))
def test_the_core_needs_numpy_alone(file: Path) -> None:
    """torch and all that is optional is imported where a tensor or a device asks for it."""
    found = imported_on_import(ast.parse(file.read_text(encoding="utf-8")))
    assert found <= {"numpy", "sift_retrievers", *sys.stdlib_module_names}


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
