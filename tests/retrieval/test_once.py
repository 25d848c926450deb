"""`once`: computed once, by whoever asks first, and nobody waits for anybody."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from sift_retrievers.once import once


@dataclass(frozen=True)
class Work:
    """Waits in its property until it is let go."""

    begun: threading.Event
    go: threading.Event
    calls: list[int]

    @once
    def value(self) -> object:
        """A value."""
        self.calls.append(1)
        self.begun.set()
        self.go.wait(20)
        return object()


def work(go: bool) -> Work:
    made = Work(threading.Event(), threading.Event(), [])
    if go:
        made.go.set()
    return made


def test_it_is_computed_once_for_each_instance() -> None:
    one, two = work(True), work(True)
    assert one.value is one.value
    assert one.value is not two.value
    assert one.calls == [1]
    assert Work.value.__doc__ == "A value."


def test_one_instance_does_not_wait_for_another() -> None:
    slow, quick = work(False), work(True)
    thread = threading.Thread(target=lambda: slow.value)
    thread.start()
    assert slow.begun.wait(20)
    found: list[object] = []
    other = threading.Thread(target=lambda: found.append(quick.value))
    other.start()
    other.join(10)
    assert len(found) == 1
    slow.go.set()
    thread.join(20)
