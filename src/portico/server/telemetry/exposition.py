"""Rows of numbers as Prometheus reads them: its text format, or OpenMetrics, whichever is asked for."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from portico import __version__
from portico.server.telemetry.metrics import (
    ATTEMPTS,
    COST_PICOUSD,
    DURATION_BOUNDS_MS,
    DURATION_BUCKETS,
    DURATION_MS,
    FIRST_TOKEN_BOUNDS_MS,
    FIRST_TOKEN_BUCKETS,
    FIRST_TOKEN_MS,
    IMAGES,
    REQUESTS,
    TOKEN_KINDS,
    TOKENS,
    Gauge,
    Key,
    Row,
    Snapshot,
)

OPERATION, PROVIDER, MODEL, STATUS, HTTP_STATUS, CACHE, ERROR = range(7)
_PROVIDER_ERRORS = frozenset(("100", "150", "151", "152", "153"))
"""Documented ids of what a provider did: timeout, unknown error, rate limit, quota, over capacity."""
_GAUGES = {
    "open_requests": "Requests that are being answered right now.",
    "open_streams": "Event streams that are open right now.",
    "journal_backlog_bytes": "Usage that is in the journal and not yet in PostgreSQL.",
    "request_log_backlog": "Texts of requests that wait to be written.",
    "request_log_dropped": "Texts of requests that were dropped because too many waited, since the processes started.",
    "searches_without_vectors": "Questions to RAG assistants that were searched by words alone, as the embedding model"
    " failed, since the processes started.",
}
_QUEUE = {
    "queue_jobs": ("", "Jobs that wait for a worker."),
    "queue_oldest_job_seconds": ("", "How long the oldest of them has waited."),
    "queue_runs": ("", "Runs that workers have begun and not ended."),
    "queue_workers": ("", "Workers for documents that live."),
    "queue_documents": ("status", "Documents that are not indexed yet."),
}
"""Of the whole installation; the label, where there is one, and what it says."""


def expose(
    snapshot: Snapshot, processes: int, accept: str, queue: Mapping[str, Gauge] = MappingProxyType({})
) -> tuple[bytes, str]:
    """The body and its content type for a header `Accept`. `queue`: gauges of the installation."""
    encoder, content_type = choose_encoder(accept)
    return encoder(_Numbers(snapshot, processes, queue)), content_type


class _Numbers(Collector):
    def __init__(self, snapshot: Snapshot, processes: int, queue: Mapping[str, Gauge]) -> None:
        self._queue = queue
        self._rows = snapshot.rows
        self._gauges = snapshot.gauges
        self._processes = processes

    def collect(self) -> Iterator[Metric]:
        yield self._count(
            "portico_requests",
            "Requests to models, also those that failed.",
            {"operation": OPERATION, "provider": PROVIDER, "model": MODEL, "status": STATUS}
            | {"http_status": HTTP_STATUS, "cache": CACHE},
            lambda row: row[REQUESTS],
        )
        model = {"operation": OPERATION, "provider": PROVIDER, "model": MODEL}
        yield self._histogram(
            "portico_request_duration_seconds",
            "From the request to the last byte of its answer.",
            (DURATION_BUCKETS, DURATION_MS, DURATION_BOUNDS_MS),
        )
        yield self._histogram(
            "portico_time_to_first_token_seconds",
            "From the request to the first output of a streamed answer.",
            (FIRST_TOKEN_BUCKETS, FIRST_TOKEN_MS, FIRST_TOKEN_BOUNDS_MS),
        )
        yield self._tokens()
        yield self._count("portico_images", "Pictures made.", model, lambda row: row[IMAGES])
        yield self._count("portico_cost_usd", "Cost in USD.", model, lambda row: row[COST_PICOUSD] / 1e12)
        yield self._count("portico_attempts", "Tries at providers.", model, lambda row: row[ATTEMPTS])
        yield self._count(
            "portico_provider_errors",
            "Requests that failed because of a provider, by the documented id.",
            {"provider": PROVIDER, "model": MODEL, "error": ERROR},
            lambda row: row[REQUESTS],
            lambda key: key[STATUS] == "failed" and key[ERROR] in _PROVIDER_ERRORS,
        )
        for name, text in _GAUGES.items():
            if name in self._gauges:
                yield GaugeMetricFamily(f"portico_{name}", text, self._gauges[name])
        for name, (label, text) in _QUEUE.items():
            if name in self._queue:
                yield _gauge(f"portico_{name}", text, label, self._queue[name])
        yield GaugeMetricFamily("portico_workers", "Server processes of this data folder that live.", self._processes)
        build = GaugeMetricFamily("portico_build_info", "What is running.", labels=("version", "python"))
        build.add_metric((__version__, platform.python_version()), 1)
        yield build

    def _count(
        self,
        name: str,
        text: str,
        labels: dict[str, int],
        value: Callable[[Row], float],
        counts: Callable[[Key], bool] = lambda _: True,
    ) -> Metric:
        sums: dict[tuple[str, ...], float] = {}
        for key, row in self._rows.items():
            if counts(key) and (amount := value(row)):
                shown = _labels(key, labels.values())
                sums[shown] = sums.get(shown, 0) + amount
        family = CounterMetricFamily(name, text, labels=tuple(labels))
        for shown, amount in sums.items():
            family.add_metric(shown, amount)
        return family

    def _tokens(self) -> Metric:
        sums: dict[tuple[str, ...], float] = {}
        for key, row in self._rows.items():
            for place, kind in enumerate(TOKEN_KINDS):
                if amount := row[TOKENS + place]:
                    shown = (kind, *_labels(key, (PROVIDER, MODEL)))
                    sums[shown] = sums.get(shown, 0) + amount
        text = "Tokens; no token is counted in two kinds."
        family = CounterMetricFamily("portico_tokens", text, labels=("kind", "provider", "model"))
        for shown, amount in sums.items():
            family.add_metric(shown, amount)
        return family

    def _histogram(self, name: str, text: str, layout: tuple[int, int, Sequence[int]]) -> Metric:
        first, total, bounds = layout
        sums: dict[tuple[str, ...], list[float]] = {}
        for key, row in self._rows.items():
            buckets = row[first : first + len(bounds) + 1]
            if any(buckets):
                own = sums.setdefault(_labels(key, (OPERATION, PROVIDER, MODEL)), [0.0] * (len(bounds) + 2))
                for place, amount in enumerate((*buckets, row[total])):
                    own[place] += amount
        family = HistogramMetricFamily(name, text, labels=("operation", "provider", "model"))
        for shown, (*buckets, milliseconds) in sums.items():
            family.add_metric(shown, _cumulative(buckets, bounds), milliseconds / 1000)
        return family


def _gauge(name: str, text: str, label: str, gauge: Gauge) -> Metric:
    if not isinstance(gauge, dict):
        return GaugeMetricFamily(name, text, gauge)
    family = GaugeMetricFamily(name, text, labels=(label,))
    for value, number in gauge.items():
        family.add_metric((value,), number)
    return family


def _cumulative(buckets: Sequence[float], bounds: Sequence[int]) -> list[tuple[str, float]]:
    shown, count = [], 0.0
    for bound, amount in zip((*(str(bound / 1000) for bound in bounds), "+Inf"), buckets, strict=True):
        count += amount
        shown.append((bound, count))
    return shown


def _labels(key: Key, places: Iterable[int]) -> tuple[str, ...]:
    return tuple(str(key[place]) for place in places)
