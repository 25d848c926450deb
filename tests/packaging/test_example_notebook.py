"""The example in the package of LlamaIndex prints what stands in it."""

from __future__ import annotations

import contextlib
import io
import json
from typing import Any

import pytest
from built import FOLDERS

NOTEBOOK = FOLDERS["llama_index_retrievers_sift"] / "examples" / "sift.ipynb"


def test_the_outputs_are_those_of_the_cells() -> None:
    pytest.importorskip("llama_index.core")
    names: dict[str, Any] = {"__name__": "example"}
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    compared = 0
    for cell in cells:
        if cell["cell_type"] != "code":
            continue
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec("".join(cell["source"]), names)
        kept = "".join("".join(output["text"]) for output in cell["outputs"])
        assert printed.getvalue() == kept
        compared += bool(kept)
    assert compared == 4
