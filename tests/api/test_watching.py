"""A live server that is watched: metrics of two workers, spans at a collector, the export, the end of a request."""

from __future__ import annotations

import http.client
import json
import stat
import threading
from collections.abc import Iterator
from itertools import repeat
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.api.rag_house import DOCUMENTS, ask, fill_profile, make_profile, new_profile
from tests.live import LiveServer, wait_until
from tests.server.telemetry.test_traces import Collector, attributes
from tests.upstream import Upstream, answer_well, chunk, sse, stream, whole

MODEL = "openai/gpt-4o-mini"
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def watched(
    tmp_path_factory: pytest.TempPathFactory, _upstream: Upstream, collector: Collector
) -> Iterator[LiveServer]:
    environ = {
        "PORTICO_PROVIDER_OPENAI_API_KEY": "upstream-key",
        "PORTICO_PROVIDER_OPENAI_BASE_URL": _upstream.url,
        "PORTICO_WORKERS": "2",
        "PORTICO_LOCAL_MODELS": "false",
        "PORTICO_METRICS": "open",
        "PORTICO_REQUEST_LOG": "on",
        "PORTICO_OTEL_ENDPOINT": collector.url,
    }
    with LiveServer(tmp_path_factory.mktemp("watched"), environ) as live:
        yield live


def metric(server: LiveServer, name: str, **labels: str) -> float:
    answer = server.get("/metrics", token=None)
    assert answer.status == 200
    families = text_string_to_metric_families(answer.body.decode())
    samples = [
        s for family in families for s in family.samples if s.name == name and labels.items() <= s.labels.items()
    ]
    return sum(sample.value for sample in samples)


def test_the_metrics_are_those_of_all_workers(watched: LiveServer, upstream: Upstream) -> None:
    before = metric(watched, "portico_requests_total", status="completed")
    for _ in range(20):  # each on a connection of its own: the kernel spreads them over the workers
        assert watched.chat(MODEL).status == 200
    wait_until(
        lambda: metric(watched, "portico_requests_total", status="completed") == before + 20, "all requests are counted"
    )
    assert metric(watched, "portico_workers") == 2
    assert metric(watched, "portico_tokens_total", kind="input", model="gpt-4o-mini") > 0
    assert metric(watched, "portico_request_duration_seconds_count", provider="openai") >= 20
    assert metric(watched, "portico_build_info") == 1


def test_the_metrics_tell_of_the_queue_once_not_of_each_process(watched: LiveServer) -> None:
    """Of two processes each would say the same: they are not added up."""
    names = {"Unknown", "Starting", "Pending"}
    body = watched.get("/metrics", token=None).body.decode()
    found = [s for family in text_string_to_metric_families(body) for s in family.samples if "_queue_" in s.name]
    assert {s.labels["status"] for s in found if s.name == "portico_queue_documents"} == names
    plain = {s.name: s.value for s in found if not s.labels}
    assert plain == dict.fromkeys(
        ("portico_queue_jobs", "portico_queue_oldest_job_seconds", "portico_queue_runs", "portico_queue_workers"), 0.0
    )


def test_a_span_arrives_with_the_callers_trace(watched: LiveServer, upstream: Upstream, collector: Collector) -> None:
    body = {"model": MODEL, "messages": [{"role": "user", "content": "SECRET question"}]}
    answer = watched.post("/v1/chat/completions", body, {"traceparent": f"00-{TRACE}-{PARENT}-01"})
    assert answer.status == 200

    def mine() -> list[Any]:
        return [span for span in collector.spans() if span.trace_id.hex() == TRACE]

    wait_until(mine, "the span is at the collector")
    (span,) = mine()
    assert span.name == "chat gpt-4o-mini" and span.parent_span_id.hex() == PARENT
    assert attributes(span)["portico.request.id"] == answer.headers["x-request-id"]
    assert not any(b"SECRET" in sent for sent in collector.bodies)


def export(server: LiveServer, request_id: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = []

    def there() -> bool:
        items = server.get("/v1/organization/request/export?count=50").json()["items"]
        found[:] = [item for item in items if item["requestId"] == request_id]
        return bool(found)

    wait_until(there, f"{request_id} is in the export")
    return found[0]


def test_a_request_is_exported_with_what_its_caller_said(watched: LiveServer, upstream: Upstream) -> None:
    body = {
        "model": MODEL,
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello?"}],
        "metadata": {"ticket": "T-1"},
    }
    headers = {"X-Saia-User-Id": "ana@acme.example", "X-Saia-Trace-Id": "trace-7", "X-Saia-Source": "tests"}
    answer = watched.post("/v1/chat/completions", body, headers)
    item = export(watched, answer.json()["requestId"])
    assert (item["user"], item["traceId"], item["source"]) == ("ana@acme.example", "trace-7", "tests")
    assert (item["provider"], item["model"], item["status"]) == ("openai", "gpt-4o-mini", "succeeded")
    assert item["metadata"] == {"ticket": "T-1"}
    assert item["cost"] == pytest.approx(answer.json()["usage"]["total_cost"])


def test_texts_are_kept_where_the_setting_says_so(watched: LiveServer, upstream: Upstream) -> None:
    body = {
        "model": MODEL,
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello?"}],
    }
    plain = watched.post("/v1/chat/completions", body)
    said = plain.json()["choices"][0]["message"]["content"]
    streamed = watched.post("/v1/chat/completions", {**body, "stream": True, "seed": 2})
    for answer in (plain, streamed):
        request_id = answer.headers["x-request-id"]
        wait_until(lambda request_id=request_id: export(watched, request_id)["output"] is not None, "the text is kept")
        item = export(watched, request_id)
        assert (item["prompt"], item["inputText"]) == ("Be kind.", "Hello?")
    assert export(watched, plain.headers["x-request-id"])["output"] == said


class Open:
    """A stream that has begun and does not end by itself."""

    def __init__(self, server: LiveServer) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        body = {"model": MODEL, "messages": [{"role": "user", "content": "x"}], "stream": True, "user": "open"}
        headers = {"Authorization": f"Bearer {server.token()}", "X-Saia-Cache-Enabled": "false"}
        self._connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
        self._answer = self._connection.getresponse()
        self.request_id = self._answer.headers["x-request-id"]

    def rest(self) -> bytes:
        data = self._answer.read()
        self._connection.close()
        return data


def test_a_running_stream_is_seen_and_ended_through_either_worker(watched: LiveServer, upstream: Upstream) -> None:
    upstream.script = lambda asked: stream(repeat(sse(chunk({"content": "x"}))), gap_s=0.02)
    opened = Open(watched)
    path = f"/v1/assistant/request/{opened.request_id}"
    wait_until(lambda: metric(watched, "portico_open_streams") == 1, "the stream is counted")
    in_a_row = 0

    def seen() -> bool:
        """Some ask the worker that does not have it, which learns nothing while the other one stands still."""
        nonlocal in_a_row
        in_a_row = in_a_row + 1 if watched.get(f"{path}/status").json().get("status") == "running" else 0
        return in_a_row >= 10

    wait_until(seen, "both workers say that it runs")
    wait_until(lambda: watched.post(f"{path}/cancel", {}).json().get("status") == "cancelled", "it is cancelled")
    rest = opened.rest()
    assert b"The request was cancelled." in rest and b"[DONE]" not in rest
    wait_until(lambda: watched.get(f"{path}/status").json().get("status") == "cancelled", "its line says so")
    assert watched.post(f"{path}/cancel", {}).json()["status"] == "cancelled"
    assert export(watched, opened.request_id)["outcome"] == "cancelled"


def test_questions_that_went_without_vectors_are_counted(watched: LiveServer, upstream: Upstream) -> None:
    name = new_profile()
    make_profile(watched, name, embeddings={"provider": "openai", "modelName": "text-embedding-3-small"})
    fill_profile(watched, name, {"leave.txt": DOCUMENTS["leave.txt"]})
    away = whole({"error": {"message": "Not now."}}, 503)
    upstream.script = lambda asked: away if asked.path.endswith("/embeddings") else answer_well(asked)
    assert metric(watched, "portico_searches_without_vectors") == 0
    assert ask(watched, name).json()["text"] == "Hello there"
    wait_until(lambda: metric(watched, "portico_searches_without_vectors") == 1, "it is counted")


def test_metrics_leave_the_folder_of_locks_and_sockets_closed(watched: LiveServer) -> None:
    """The local models refuse to use it otherwise."""
    assert stat.S_IMODE((watched.data_dir / "run").stat().st_mode) == 0o700
