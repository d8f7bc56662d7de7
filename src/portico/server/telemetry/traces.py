"""OpenTelemetry traces: one span per request, made when it is over, with the names of the GenAI conventions.

Lines go in from the hot path into a bounded queue; a thread turns them into spans and sends them by OTLP/HTTP. Never
the content of a request, never an address of a provider. Nothing of OpenTelemetry is imported unless it is wanted.
"""

from __future__ import annotations

import asyncio
import logging
import re
import threading
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from portico.server.telemetry.line import Line
from portico.server.telemetry.span import attributes_of, span_name

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan

INTERVAL_S = 1.0
LONGEST_PAUSE_S = 30.0
MOST_WAITING = 20_000
BATCH = 512
TRIES = 6
EXPORT_TIMEOUT_S = 3.0
LAST_WORDS_S = 5.0
"""How long the end of the server waits for a collector."""
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_SIGNAL = "/v1/traces"
_log = logging.getLogger(__name__)


class Traces:
    """`observe` once per request; a background task of one process sends. `endpoint` is the collector's base URL."""

    def __init__(self, endpoint: str, version: str, interval_s: float = INTERVAL_S) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
        from opentelemetry.sdk.trace.sampling import DEFAULT_ON

        made: list[ReadableSpan] = []

        class Collecting(SpanProcessor):
            """Ended spans into `made`; those that are not sampled do not come here."""

            def on_end(self, span: ReadableSpan) -> None:
                made.append(span)

        # It says each failure twice, every second; what there is to say, we say once.
        logging.getLogger("opentelemetry.exporter").setLevel(logging.CRITICAL)
        base = endpoint.rstrip("/")
        self._exporter = OTLPSpanExporter(
            endpoint=base if base.endswith(_SIGNAL) else base + _SIGNAL, timeout=EXPORT_TIMEOUT_S
        )
        resource = Resource.create({"service.name": "portico", "service.version": version})
        provider = TracerProvider(resource=resource, sampler=DEFAULT_ON, shutdown_on_exit=False)
        provider.add_span_processor(Collecting())
        self._tracer = provider.get_tracer("portico", version)
        self._waiting: deque[Line] = deque()
        self._made = made
        self._interval_s = self._pause_s = interval_s
        self._task: asyncio.Task[None] | None = None
        self._sending = threading.Lock()
        self._end_at = float("inf")
        self._failures = 0
        self.dropped = 0

    def observe(self, line: Line) -> None:
        if len(self._waiting) < MOST_WAITING:
            self._waiting.append(line)
        else:
            self._drop(1)

    def start(self) -> None:
        """Needs a running loop."""
        self._task = asyncio.create_task(self._run(), name="traces")

    async def close(self) -> None:
        """Sends what waits, as far as the collector takes it within a few seconds."""
        self._end_at = time.monotonic() + LAST_WORDS_S
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await asyncio.to_thread(self._end)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._pause_s)
            if self._waiting or self._made:
                await asyncio.to_thread(self._hand_over)

    def _hand_over(self) -> None:
        """Until nothing waits or the collector does not take it; what was made and not sent is sent first."""
        with self._sending:
            while (self._made or self._waiting) and time.monotonic() < self._end_at:
                for _ in range(min(BATCH - len(self._made), len(self._waiting))):
                    self._make_span(self._waiting.popleft())
                    time.sleep(0)  # the loop that serves requests need not wait for a whole batch
                if self._made and not self._send():
                    return

    def _send(self) -> bool:
        from opentelemetry.sdk.trace.export import SpanExportResult

        if self._exporter.export(self._made) is SpanExportResult.SUCCESS:
            if self._failures:
                _log.info("The collector takes spans again.")
            self._failures, self._pause_s = 0, self._interval_s
            self._made.clear()
            return True
        self._failures += 1
        self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)
        if self._failures == 1:
            _log.warning("The collector takes no spans; they wait.")
        if self._failures % TRIES == 0:  # it may be this batch that it does not like
            self._drop(len(self._made))
            self._made.clear()
        return False

    def _end(self) -> None:
        self._hand_over()
        self._exporter.shutdown()  # type: ignore[no-untyped-call]

    def _make_span(self, line: Line) -> None:
        from opentelemetry.trace import SpanKind, Status, StatusCode

        begin = round(line.at * 1e6) * 1_000  # a float knows no nanoseconds of today
        span = self._tracer.start_span(
            span_name(line),
            context=_parent(line.traceparent),
            kind=SpanKind.CLIENT,  # what the conventions ask of a span about one call of a model
            attributes=attributes_of(line),
            start_time=begin,
        )
        if line.status == "failed":
            span.set_status(Status(StatusCode.ERROR))
        span.end(begin + round(line.total_ms * 1e3) * 1_000)

    def _drop(self, count: int) -> None:
        if not self.dropped:
            _log.warning("Spans are dropped: the collector does not take them, or not fast enough.")
        self.dropped += count


def _parent(traceparent: str) -> Context:
    """The caller's span as W3C Trace Context writes it; no span for anything else. Source: w3.org/TR/trace-context."""
    from opentelemetry.context import Context
    from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

    found = _TRACEPARENT.fullmatch(traceparent) if traceparent else None
    if found is None or traceparent.startswith("ff"):
        return Context()
    trace_id, span_id, flags = int(found[1], 16), int(found[2], 16), TraceFlags(int(found[3], 16))
    parent = SpanContext(trace_id, span_id, is_remote=True, trace_flags=flags)
    return set_span_in_context(NonRecordingSpan(parent), Context()) if parent.is_valid else Context()
