"""Settings of all tests of fine-tuning."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from sift_retrievers.finetune import TestTimeTuner


@pytest.fixture(autouse=True, scope="package")
def one_thread() -> Iterator[None]:
    """Models this small are slower on several threads, much so on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def no_transfer_check() -> Iterator[None]:
    """Random models learn too little from a few passages: by default they would never be tuned.

    test_transfer.py tests the check.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TestTimeTuner.__init__.__kwdefaults__ or {}, "min_transfer", None)
        yield
