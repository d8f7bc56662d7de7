"""Numbers of one process and of all: what is counted, what is bounded, and what no death of a process may lose."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from portico.server.telemetry import metrics_files
from portico.server.telemetry.exposition import expose
from portico.server.telemetry.metrics import MOST_MODELS, MOST_ROWS, Metrics, Snapshot
from portico.server.telemetry.metrics_files import MetricsFiles, encode
from portico.server.telemetry.publisher import Publisher
from tests.calls import count_steps
from tests.server.storage.test_journal import make_line

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def line(**members: Any) -> Any:
    given = {"operation": "chat", "provider": "openai", "model": "gpt-4o", "status": "completed", "http_status": 200}
    return make_line(1, **{**given, **members})


def counted(*lines: Any) -> Metrics:
    metrics = Metrics()
    for one in lines:
        metrics.observe(one)
    return metrics


def read(snapshot: Snapshot, processes: int = 1) -> Samples:
    body, content_type = expose(snapshot, processes, "text/plain")
    assert content_type.startswith("text/plain; version=0.0.4")
    families = read_text(body.decode())
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def value(samples: Samples, name: str, **labels: str) -> float:
    """The sum of the samples of a name that have these labels."""
    return sum(v for (found, have), v in samples.items() if found == name and labels.items() <= dict(have).items())


def test_a_request_is_counted_once_with_its_labels() -> None:
    metrics = counted(line(cache="MISS"), line(cache="MISS"), line(status="failed", http_status=429, error="151"))
    samples = read(metrics.snapshot())
    labels = {"operation": "chat", "provider": "openai", "model": "gpt-4o"}
    assert value(samples, "portico_requests_total", **labels, status="completed", http_status="200", cache="MISS") == 2
    assert value(samples, "portico_requests_total", status="failed", http_status="429", cache="") == 1
    assert value(samples, "portico_requests_total") == 3
    assert value(samples, "portico_provider_errors_total", provider="openai", error="151") == 1


def test_a_refusal_of_ours_is_no_error_of_the_provider() -> None:
    samples = read(counted(line(status="failed", http_status=429, error="154")).snapshot())
    assert value(samples, "portico_requests_total", status="failed") == 1
    assert value(samples, "portico_provider_errors_total") == 0


def test_gauges_of_the_installation_stand_beside_those_of_the_processes() -> None:
    snapshot = Snapshot()
    snapshot.add_gauges(Snapshot(gauges={"open_requests": 2}))
    snapshot.add_gauges(Snapshot(gauges={"open_requests": 3}))
    body, _ = expose(snapshot, 2, "text/plain", {"queue_jobs": 7, "queue_documents": {"Unknown": 4, "Pending": 1}})
    samples = {
        (s.name, s.labels.get("status", "")): s.value for f in read_text(body.decode()) for s in f.samples
    }  # fmt: skip
    assert samples["portico_open_requests", ""] == 5
    assert samples["portico_queue_jobs", ""] == 7
    assert (samples["portico_queue_documents", "Unknown"], samples["portico_queue_documents", "Pending"]) == (4, 1)
    assert not any(name == "portico_queue_runs" for name, _ in samples), "what nobody knows is left out"


def test_tokens_cost_and_attempts_are_summed() -> None:
    one = line(
        input_uncached=10, cache_read=4, cache_write_5m=2, cache_write_1h=1, output_visible=7, reasoning=3,
        audio=5, audio_in=6, images=2, attempts=3, cost_picousd=2_500_000_000_000,
    )  # fmt: skip
    samples = read(counted(one, one).snapshot())
    kinds = {
        kind: value(samples, "portico_tokens_total", kind=kind, model="gpt-4o")
        for kind in ("input", "cache_read", "cache_write", "output", "reasoning", "audio_input", "audio_output")
    }
    assert kinds == {
        "input": 20, "cache_read": 8, "cache_write": 6, "output": 14, "reasoning": 6,
        "audio_input": 12, "audio_output": 10,
    }  # fmt: skip
    assert value(samples, "portico_cost_usd_total") == 5.0
    assert value(samples, "portico_attempts_total") == 6
    assert value(samples, "portico_images_total") == 4


def test_histograms_are_cumulative_and_in_seconds() -> None:
    plain = [line(total_ms=ms, stream=False) for ms in (5, 10, 11, 100_000)]
    samples = read(counted(*plain, line(total_ms=30, first_byte_ms=0.5, stream=True)).snapshot())
    name = "portico_request_duration_seconds"
    assert value(samples, f"{name}_bucket", le="0.01") == 2  # a bound belongs to its bucket
    assert value(samples, f"{name}_bucket", le="0.02") == 3
    assert value(samples, f"{name}_bucket", le="81.92") == 4
    assert value(samples, f"{name}_bucket", le="+Inf") == value(samples, f"{name}_count") == 5
    assert value(samples, f"{name}_sum") == pytest.approx(100.056)
    first = "portico_time_to_first_token_seconds"
    assert value(samples, f"{first}_count") == 1 and value(samples, f"{first}_bucket", le="0.001") == 1


def test_openmetrics_is_given_when_it_is_asked_for() -> None:
    asked = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3"
    body, content_type = expose(counted(line()).snapshot(), 1, asked)
    assert content_type.startswith("application/openmetrics-text; version=1.0.0")
    found = {family.name: family for family in read_openmetrics(body.decode())}
    assert found["portico_requests"].samples[0].value == 1


def test_invented_models_end_in_other() -> None:
    metrics = Metrics()
    for number in range(3 * MOST_MODELS):
        metrics.observe(line(model=f"m{number}", status="failed", http_status=404))
    for number in range(3 * MOST_MODELS):
        metrics.observe(line(model=f"real{number}"))
    samples = read(metrics.snapshot())
    models = {dict(labels)["model"] for name, labels in samples if name == "portico_requests_total"}
    assert len(models) <= MOST_MODELS + 1 and "other" in models
    assert sum(model.startswith("real") for model in models) >= MOST_MODELS // 2
    assert value(samples, "portico_requests_total") == 6 * MOST_MODELS


def test_rows_are_bounded_too() -> None:
    metrics = Metrics()
    for number in range(MOST_ROWS + 500):
        metrics.observe(line(http_status=number))
    total = Snapshot()
    total.add(metrics.snapshot())
    assert sum(row[0] for row in total.rows.values()) == MOST_ROWS + 500
    assert len({key for key in total.rows if key[2] != "other"}) <= MOST_ROWS


def test_what_is_observed_costs_a_few_steps_however_much_was_before() -> None:
    metrics, one = Metrics(), line(stream=True)
    first = count_steps(lambda: metrics.observe(one))
    for number in range(MOST_ROWS + 500):
        metrics.observe(line(http_status=number))
    assert first <= 34
    assert count_steps(lambda: metrics.observe(one)) == first


# several processes ------------------------------------------------------------------------------------------


def total(files: MetricsFiles) -> tuple[float, int]:
    snapshot, processes = files.collect()
    return sum(row[0] for row in snapshot.rows.values()), processes


def test_the_numbers_of_all_processes_are_added(tmp_path: Path) -> None:
    first, second = MetricsFiles(tmp_path), MetricsFiles(tmp_path)
    first.publish(encode(counted(line(), line()).snapshot()))
    second.publish(encode(counted(line()).snapshot()))
    assert total(first) == total(second) == (3, 2)
    second.publish(encode(counted(line(), line(), line()).snapshot()))
    assert total(first) == (5, 2)


def test_gauges_are_added_and_end_with_their_process(tmp_path: Path) -> None:
    first, second = MetricsFiles(tmp_path), MetricsFiles(tmp_path)
    for files in (first, second):
        files.publish(encode(Metrics({"open_streams": lambda: 3.0}).snapshot()))
    assert first.collect()[0].gauges == {"open_streams": 6.0}
    second.close()
    assert first.collect()[0].gauges == {"open_streams": 3.0}


def test_what_a_process_counted_outlives_it(tmp_path: Path) -> None:
    first, second = MetricsFiles(tmp_path), MetricsFiles(tmp_path)
    first.publish(encode(counted(line()).snapshot()))
    second.publish(encode(counted(line(), line()).snapshot()))
    second.close()
    assert total(first) == (3, 1)
    first.close()
    third = MetricsFiles(tmp_path)
    assert total(third) == (3, 0)
    assert sorted(p.name for p in tmp_path.iterdir() if p.suffix == ".numbers") == []


CHILD = """
import sys, time
from pathlib import Path
from portico.server.telemetry.metrics_files import MetricsFiles, encode
from tests.server.telemetry.test_metrics import counted, line
files = MetricsFiles(Path(sys.argv[1]))
files.publish(encode(counted(line(), line(), line()).snapshot()))
print("published", flush=True)
time.sleep(60)
"""


def test_a_killed_process_is_counted_once_and_for_ever(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None and child.stdout.readline() == "published\n"
    files = MetricsFiles(tmp_path)
    assert total(files) == (3, 1)
    child.send_signal(signal.SIGKILL)
    child.wait(60)
    child.stdout.close()
    assert [total(files) for _ in range(3)] == [(3, 0)] * 3
    assert len(list(tmp_path.glob("*.lock"))) == 2  # our own, and that of the folder


@pytest.mark.parametrize("dies_at", ["unlink", "replace"])
def test_dying_while_the_past_is_written_counts_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies_at: str
) -> None:
    files, dead = MetricsFiles(tmp_path), MetricsFiles(tmp_path)
    dead.publish(encode(counted(line(), line()).snapshot()))
    with monkeypatch.context() as patch:

        def die(*_: object) -> None:
            raise KeyboardInterrupt

        patch.setattr(Path, dies_at, die)
        with pytest.raises(KeyboardInterrupt):
            dead.close()
    assert [total(files) for _ in range(2)] == [(2, 0)] * 2


def test_a_file_of_another_version_is_left_out_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files = MetricsFiles(tmp_path)
    (tmp_path / "1-abcd.numbers").write_bytes(b"\x93nonsense")
    (tmp_path / metrics_files._PAST).write_bytes(b"nonsense")
    files.publish(encode(counted(line()).snapshot()))
    assert total(files) == (1, 1)
    assert "Left out of the metrics" in caplog.text and "begin anew" in caplog.text


def test_the_publisher_shows_what_was_counted_just_now(tmp_path: Path) -> None:
    async def run() -> tuple[bytes, bytes]:
        metrics = Metrics({"open_streams": lambda: 1.0})
        publisher = Publisher(metrics, tmp_path / "run" / "metrics", interval_s=0.01)
        publisher.start()
        metrics.observe(line())
        shown, _ = await publisher.render("")
        metrics.observe(line())
        await publisher.close()
        other = Publisher(Metrics(), tmp_path / "run" / "metrics")
        after, _ = await other.render("")
        await other.close()
        return shown, after

    shown, after = asyncio.run(run())
    assert b'status="completed"} 1.0' in shown and b"portico_open_streams 1.0" in shown
    assert b'status="completed"} 2.0' in after and b"portico_open_streams" not in after
    assert (tmp_path / "run" / "metrics").stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_written_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = 0

    def publish(self: MetricsFiles, encoded: bytes) -> None:
        nonlocal tries
        tries += 1
        really(self, encoded)

    really = MetricsFiles.publish
    monkeypatch.setattr(MetricsFiles, "publish", publish)

    async def run() -> None:
        metrics = Metrics()
        publisher = Publisher(metrics, tmp_path / "metrics", interval_s=0.005)
        for entry in (tmp_path / "metrics").iterdir():
            entry.unlink()
        (tmp_path / "metrics").rmdir()
        publisher.start()
        metrics.observe(line())
        async with asyncio.timeout(60):
            while tries < 4:  # the fourth begins when three have failed
                await asyncio.sleep(0.01)
        await publisher.close()

    asyncio.run(run())
    assert caplog.text.count("Metrics are not published") == 1
