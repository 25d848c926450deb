"""Spans of OpenTelemetry, kept in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

pytest.importorskip("opentelemetry.sdk")

from opentelemetry import trace
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Sampler


@contextmanager
def recorded(
    monkeypatch: pytest.MonkeyPatch, *, most: int = 10_000, sampler: Sampler = ALWAYS_ON
) -> Iterator[list[Any]]:
    """A list of the spans that end inside, filled at the end of the context.

    Args:
        monkeypatch: of the test.
        most: attributes of a span.
        sampler: which spans are recorded.
    """
    exporter, found = InMemorySpanExporter(), list[Any]()
    provider = TracerProvider(
        sampler=sampler, span_limits=SpanLimits(max_span_attributes=most), shutdown_on_exit=False
    )
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    yield found
    found += exporter.get_finished_spans()


def documents(span: Any, prefix: str) -> list[dict[str, Any]]:
    """The documents under a prefix, in the order of their numbers; metadata are read from JSON."""
    rows: dict[int, dict[str, Any]] = {}
    for name, value in span.attributes.items():
        if name.startswith(f"{prefix}."):
            number, _, key = name.removeprefix(f"{prefix}.").partition(".document.")
            rows.setdefault(int(number), {})[key] = (
                json.loads(value) if key == "metadata" else value
            )
    return [rows[number] for number in sorted(rows)]
