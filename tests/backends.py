"""The backends that run on a CPU, for parametrised tests."""

from importlib.util import find_spec

import pytest

without_numba = pytest.mark.skipif(find_spec("numba") is None, reason="numba is not installed")
COMPILED = pytest.param("compiled", marks=without_numba)
CPU_BACKENDS = [COMPILED, "single", "reference"]
