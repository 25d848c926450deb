"""The two sizes of the experiment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Setting:
    """How large the experiment is, and where it runs."""

    name: str
    vocabulary: int
    width: int
    layers: int
    epochs: int
    """Of pretraining on the training split."""
    batch: int
    documents_per_domain: int
    validation_per_domain: int
    """Documents that learning rates are chosen on; no others."""
    learning_rates: Mapping[str, tuple[float, ...]]
    """Way of fine-tuning → those that are tried."""
    workers: int
    """Processes that fine-tune at the same time."""
    device: str


SMALL = Setting(
    name="small",
    vocabulary=4096,
    width=192,
    layers=4,
    epochs=2,
    batch=16,
    documents_per_domain=5,
    validation_per_domain=1,
    learning_rates={"full": (1e-4, 3e-4, 1e-3), "LoRA": (1e-3, 3e-3, 1e-2)},
    workers=2,
    device="cpu",
)
GPU = Setting(
    name="gpu",
    vocabulary=16384,
    width=528,
    layers=8,
    epochs=2,
    batch=64,
    documents_per_domain=10,
    validation_per_domain=1,
    learning_rates={"full": (3e-5, 1e-4, 3e-4, 1e-3), "LoRA": (3e-4, 1e-3, 3e-3, 1e-2)},
    workers=6,
    device="cuda",
)
SETTINGS = {setting.name: setting for setting in (SMALL, GPU)}
