"""How large the benchmark is, and where it runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Setting:
    """One preset; options of the command change it."""

    name: str
    texts: int
    """Held-out texts to predict, spread over the domains."""
    questions: int
    """Of each set of questions."""
    device: str
    dtype: str
    """Of the weights and the arithmetic: "float32" or "bfloat16". The adapter is always float32."""
    workers: int
    """Processes at a time, each with a model of its own."""
    threads: int
    """Of each process, on a CPU."""
    minutes: float
    """No job is begun so many minutes after the start; what is complete then is reported."""


CPU = Setting(
    name="cpu",
    texts=6,
    questions=6,
    device="cpu",
    dtype="bfloat16",
    workers=2,
    threads=1,
    minutes=37,
)
"""One step on a passage of 128 and of 200 tokens takes a core 1.4 and 2.4 s in bfloat16, 2.3 and
3.3 s in float32; two threads of one process take 0.94 and 1.3 s in bfloat16. That two processes of
one thread do more together is inferred from these times and was not measured.
"""
H100 = Setting(
    name="h100",
    texts=60,
    questions=40,
    device="cuda",
    dtype="bfloat16",
    workers=8,
    threads=1,
    minutes=6.5,
)
PRESETS = {setting.name: setting for setting in (CPU, H100)}
