"""What watches the requests: metrics, traces and the log of texts, each only where a setting asks for it."""

from __future__ import annotations

from contextlib import AsyncExitStack

from portico import __version__
from portico.server.errors import StartError
from portico.server.gateway.ledger import Observer  # lead: the ledger tells the observers, not the journal
from portico.server.gateway.requests.log import RequestLog
from portico.server.gateway.requests.running import Running
from portico.server.kit.shared_process.folder import make_private_folder
from portico.server.settings import Settings
from portico.server.storage.database import Database
from portico.server.storage.journal import Journal
from portico.server.telemetry.metrics import Metrics
from portico.server.telemetry.publisher import Publisher
from portico.server.telemetry.traces import Traces


def open_request_log(settings: Settings, database: Database, stack: AsyncExitStack) -> RequestLog:
    log = RequestLog(
        database,
        enabled=settings.request_log == "on",
        limit_bytes=settings.request_log_limit_bytes,
        days=settings.request_log_days,
    )
    log.start()
    stack.push_async_callback(log.close)
    return log


def open_telemetry(
    settings: Settings, journal: Journal, running: Running, log: RequestLog, stack: AsyncExitStack
) -> tuple[Publisher | None, list[Observer]]:
    """Who publishes the metrics, if anybody does; and who wants to hear of every usage line."""
    publisher: Publisher | None = None
    observers: list[Observer] = []
    if settings.metrics != "off":
        metrics = _make_metrics(journal, running, log)
        publisher = _open_publisher(settings, metrics, stack)
        observers.append(metrics.observe)
    if settings.otel_endpoint:
        traces = Traces(settings.otel_endpoint, __version__)
        traces.start()
        stack.push_async_callback(traces.close)
        observers.append(traces.observe)
    return publisher, observers


def _make_metrics(journal: Journal, running: Running, log: RequestLog) -> Metrics:
    return Metrics(
        {
            "open_requests": lambda: running.open_requests,
            "open_streams": lambda: running.open_streams,
            "journal_backlog_bytes": lambda: journal.backlog_bytes,
            "request_log_backlog": lambda: log.waiting,
            "request_log_dropped": lambda: log.dropped,
        }
    )


def _open_publisher(settings: Settings, metrics: Metrics, stack: AsyncExitStack) -> Publisher:
    directory = settings.data_dir / "run" / "metrics"
    try:
        make_private_folder(directory.parent)  # before anything is put into it: the local models refuse an open one
        publisher = Publisher(metrics, directory)
    except OSError as error:
        raise StartError(f"The metrics cannot be written to {directory}: {error.strerror or error}") from error
    publisher.start()
    stack.push_async_callback(publisher.close)
    return publisher
