"""Selects from many candidates until it is interrupted, then once more.

    python interrupted.py

Prints "ready" before and "selected 20 after an interrupt" at the end.
"""

from __future__ import annotations

import signal

from server_work import RULES, pool

from sift_retrievers import select


def main() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
    candidates = pool(10_000, 64)
    print("ready", flush=True)
    try:
        for _ in range(100_000):
            select(candidates[0], candidates, 100, **RULES["default"])
    except KeyboardInterrupt:
        found = select(candidates[0], candidates, 20, **RULES["default"])
        print(f"selected {(found.indices >= 0).sum()} after an interrupt")


if __name__ == "__main__":
    main()
