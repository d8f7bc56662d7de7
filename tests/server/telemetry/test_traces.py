"""Spans of requests at a real OTLP receiver: names, attributes, times, parents, and what never leaves."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from portico.server.storage.usage import UsageLine
from portico.server.telemetry.traces import MOST_WAITING, Traces
from tests.server.storage.test_journal import make_line

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class Collector(ThreadingHTTPServer):
    """Takes OTLP over HTTP as a collector does, and keeps what was sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[ExportTraceServiceRequest] = []
        self.bodies: list[bytes] = []
        self.paths: list[str] = []
        self.status = 200

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def spans(self) -> list[Span]:
        return [
            span for request in self.requests for r in request.resource_spans for s in r.scope_spans for span in s.spans
        ]


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.bodies.append(body)
        if self.server.status == 200:
            self.server.requests.append(ExportTraceServiceRequest.FromString(body))
        self.server.paths.append(self.path)
        self.send_response(self.server.status)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Not on the test's standard error."""


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    monkeypatch.setattr("portico.server.telemetry.traces.LAST_WORDS_S", 60.0)  # it answers in the end
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def send(endpoint: str, *lines: UsageLine, timeout_s: float = 60.0) -> Traces:
    """`timeout_s`: one that takes nothing is asked again and again for so long."""

    async def run() -> Traces:
        traces = Traces(endpoint, "1.2.3", interval_s=0.01)
        traces.start()
        for line in lines:
            traces.observe(line)
        await traces.close()
        return traces

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("portico.server.telemetry.traces.EXPORT_TIMEOUT_S", timeout_s)
        return asyncio.run(run())


def attributes(span: Span) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for attribute in span.attributes:
        kind = attribute.value.WhichOneof("value")
        value = getattr(attribute.value, kind or "string_value")
        found[attribute.key] = [v.string_value for v in value.values] if kind == "array_value" else value
    return found


def chat(**members: Any) -> UsageLine:
    given = {
        "operation": "chat",
        "provider": "vertex_ai",
        "model": "gemini-2.5-pro",
        "target": "gemini-2.5-pro-002",
        "stream": True,
        "finish_reason": "stop",
        "input_uncached": 10,
        "cache_read": 5,
        "output_visible": 7,
        "reasoning": 3,
        "first_byte_ms": 250.0,
        "total_ms": 1_500.0,
        "cost_picousd": 1_000_000,
    }
    return make_line(1, **{**given, **members})


def test_a_chat_has_the_names_of_the_genai_conventions(collector: Collector) -> None:
    line = chat(conversation_id="talk-1", assistant="Translator")
    send(collector.url, line)
    (span,) = collector.spans()
    found = attributes(span)
    assert span.name == "chat gemini-2.5-pro"
    assert span.kind == Span.SPAN_KIND_CLIENT
    assert found["gen_ai.operation.name"] == "chat"
    assert found["gen_ai.provider.name"] == "gcp.vertex_ai"
    assert found["gen_ai.request.model"] == "gemini-2.5-pro"
    assert found["gen_ai.response.model"] == "gemini-2.5-pro-002"
    assert found["gen_ai.usage.input_tokens"] == 15
    assert found["gen_ai.usage.output_tokens"] == 10
    assert found["gen_ai.usage.cache_read.input_tokens"] == 5
    assert found["gen_ai.usage.reasoning.output_tokens"] == 3
    assert found["gen_ai.response.finish_reasons"] == ["stop"]
    assert found["gen_ai.response.time_to_first_chunk"] == 0.25
    assert found["gen_ai.conversation.id"] == "talk-1"
    assert found["gen_ai.agent.name"] == "Translator"
    assert found["portico.request.id"] == line.request_id
    assert "error.type" not in found and span.status.code == Status.STATUS_CODE_UNSET


def test_the_span_has_the_times_of_the_request(collector: Collector) -> None:
    send(collector.url, chat(at=1_790_000_000.25, total_ms=1_500.0))
    (span,) = collector.spans()
    assert span.start_time_unix_nano == 1_790_000_000_250_000_000
    assert span.end_time_unix_nano - span.start_time_unix_nano == 1_500_000_000


def test_the_callers_span_is_the_parent(collector: Collector) -> None:
    send(collector.url, chat(traceparent=f"00-{TRACE}-{PARENT}-01"))
    (span,) = collector.spans()
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, PARENT)


def test_a_caller_who_does_not_sample_gets_no_span(collector: Collector) -> None:
    send(collector.url, chat(traceparent=f"00-{TRACE}-{PARENT}-00"))
    assert collector.spans() == []


@pytest.mark.parametrize(
    "header",
    ["", "nonsense", f"ff-{TRACE}-{PARENT}-01", f"00-{'0' * 32}-{PARENT}-01", f"00-{TRACE}-{'0' * 16}-01", "00-x-y-01"],
)
def test_no_usable_parent_begins_a_trace(collector: Collector, header: str) -> None:
    send(collector.url, chat(traceparent=header))
    (span,) = collector.spans()
    assert span.parent_span_id == b"" and span.trace_id.hex() != TRACE


def test_a_failure_has_its_id_as_error_type(collector: Collector) -> None:
    send(collector.url, chat(status="failed", http_status=429, error="151"), chat(status="failed", http_status=500))
    by_id, by_status = sorted(collector.spans(), key=lambda span: attributes(span)["error.type"])
    assert attributes(by_id)["error.type"] == "151" and attributes(by_status)["error.type"] == "500"
    assert by_id.status.code == Status.STATUS_CODE_ERROR


def test_embeddings_are_called_as_the_conventions_call_them(collector: Collector) -> None:
    send(collector.url, chat(operation="embedding", stream=False), chat(operation="rerank", model="", stream=False))
    assert sorted(span.name for span in collector.spans()) == ["embeddings gemini-2.5-pro", "rerank"]


def test_resource_and_path_are_those_of_otlp(collector: Collector) -> None:
    send(f"{collector.url}/", chat())
    send(f"{collector.url}/v1/traces", chat())
    assert collector.paths == ["/v1/traces", "/v1/traces"]
    resource = collector.requests[0].resource_spans[0].resource
    named = {a.key: a.value.string_value for a in resource.attributes}
    assert named["service.name"] == "portico" and named["service.version"] == "1.2.3"


def test_no_content_and_no_personal_data_leaves(collector: Collector) -> None:
    send(collector.url, chat(metadata='{"note":"SECRET1"}', end_user="SECRET2", saia_user_id="SECRET3"))
    assert collector.bodies and not any(b"SECRET" in body for body in collector.bodies)


def test_many_spans_all_arrive(collector: Collector) -> None:
    send(collector.url, *(chat() for _ in range(3_000)))
    assert len(collector.spans()) == 3_000


def test_a_collector_that_is_away_costs_bounded_memory_and_time(caplog: pytest.LogCaptureFixture) -> None:
    line = chat()
    traces = send("http://127.0.0.1:9", *([line] * (MOST_WAITING + 5)), timeout_s=3.0)
    assert traces.dropped == 5
    assert caplog.text.count("Spans are dropped") == 1
    assert len(caplog.records) == 2  # and that the collector takes none


def test_spans_wait_for_a_collector_that_comes_back(collector: Collector, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "portico")
    collector.status = 503

    async def run() -> Traces:
        traces = Traces(collector.url, "1", interval_s=0.01)
        traces.start()
        for _ in range(700):
            traces.observe(chat())
        async with asyncio.timeout(60):
            while "takes no spans" not in caplog.text:
                await asyncio.sleep(0.01)
            collector.status = 200
            while "takes spans again" not in caplog.text:
                await asyncio.sleep(0.01)
        await traces.close()
        return traces

    assert asyncio.run(run()).dropped == 0
    taken = [s.span_id for s in collector.spans()]
    assert len(taken) == len(set(taken)) == 700


def test_spans_that_a_collector_refuses_do_not_hold_up_the_others(
    collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    collector.status = 400

    async def run() -> Traces:
        traces = Traces(collector.url, "1", interval_s=0.001)
        traces.start()
        traces.observe(chat())
        async with asyncio.timeout(60):
            while not traces.dropped:
                await asyncio.sleep(0.01)
            collector.status = 200
            traces.observe(chat(model="other"))
            while not collector.requests:
                await asyncio.sleep(0.01)
        await traces.close()
        return traces

    assert asyncio.run(run()).dropped == 1
    assert [span.name for span in collector.spans()] == ["chat other"]


def test_nothing_of_opentelemetry_is_loaded_unless_wanted() -> None:
    code = "import sys, portico.server.app.rooms; print([m for m in sys.modules if m.startswith('opentelemetry')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
