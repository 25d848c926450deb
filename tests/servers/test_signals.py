"""Ctrl-C in the middle of a selection is a KeyboardInterrupt, and the process goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest


@pytest.mark.skipif(sys.platform == "win32", reason="signals are another matter there")
def test_interrupt(road: str) -> None:
    script = Path(__file__).with_name("interrupted.py")
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", str(script)],
        env=os.environ | {"SIFT_RETRIEVERS_COMPILED": str(int(road == "compiled"))},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        printed, said = process.communicate(timeout=15)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, said
    assert printed == "selected 20 after an interrupt\n"
