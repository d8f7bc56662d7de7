"""Numbers of this process: one usage line in, a few additions to a row of plain numbers; no metrics library in sight.

A row belongs to one combination of labels and holds everything that is counted for it. `metrics_files.py` brings the
rows of all processes together, `exposition.py` turns them into what Prometheus reads.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable

import msgspec

from portico.server.telemetry.line import Line

# Bucket bounds recommended by the GenAI semantic conventions of OpenTelemetry, in milliseconds here.
DURATION_BOUNDS_MS = (10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5120, 10240, 20480, 40960, 81920)
FIRST_TOKEN_BOUNDS_MS = (1, 5, 10, 20, 40, 60, 80, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000)
TOKEN_KINDS = ("input", "cache_read", "cache_write", "output", "reasoning", "audio_input", "audio_output")

# Places in a row.
REQUESTS, DURATION_MS, FIRST_TOKENS, FIRST_TOKEN_MS, ATTEMPTS, COST_PICOUSD, IMAGES = range(7)
TOKENS = 7
DURATION_BUCKETS = TOKENS + len(TOKEN_KINDS)
FIRST_TOKEN_BUCKETS = DURATION_BUCKETS + len(DURATION_BOUNDS_MS) + 1
ROW = FIRST_TOKEN_BUCKETS + len(FIRST_TOKEN_BOUNDS_MS) + 1

MOST_MODELS = 200
MOST_ROWS = 4_000
OTHER = "other"

Key = tuple[str, str, str, str, int, str, str]
"""operation, provider, model, status, HTTP status, cache, error id."""
Row = list[float]
Gauge = float | dict[str, float]
"""A number, or one for each value of a label."""


class Snapshot(msgspec.Struct):
    """The numbers of one process, or of several added up; `gauges` are of the moment and never outlive a process."""

    rows: dict[Key, Row] = {}
    gauges: dict[str, float] = {}

    def add(self, other: Snapshot) -> None:
        """Adds the rows of another one to these."""
        for key, row in other.rows.items():
            own = self.rows.get(key)
            if own is None:
                if len(self.rows) >= MOST_ROWS:
                    key = _without_model(key)
                own = self.rows.setdefault(key, [0] * ROW)
            self.rows[key] = [a + b for a, b in zip(own, row, strict=True)]

    def add_gauges(self, other: Snapshot) -> None:
        for name, value in other.gauges.items():
            self.gauges[name] = self.gauges.get(name, 0) + value


class Metrics:
    """`observe` once per request. `gauges` are asked when the numbers are published, not while requests pass."""

    def __init__(self, gauges: dict[str, Callable[[], float]] | None = None) -> None:
        self._gauges = dict(gauges or {})
        self._rows: dict[Key, Row] = {}
        self._models: set[tuple[str, str]] = set()
        self.observed = 0

    def watch(self, name: str, ask: Callable[[], float]) -> None:
        """One gauge more."""
        self._gauges[name] = ask

    def observe(self, line: Line) -> None:
        key = (line.operation, line.provider, line.model, line.status, line.http_status, line.cache, line.error)
        row = self._rows.get(key)
        if row is None:
            row = self._find_row(key)
        self.observed += 1
        total_ms = line.total_ms
        row[REQUESTS] += 1
        row[DURATION_MS] += total_ms
        row[DURATION_BUCKETS + bisect_left(DURATION_BOUNDS_MS, total_ms)] += 1
        row[ATTEMPTS] += line.attempts
        row[COST_PICOUSD] += line.cost_picousd
        row[TOKENS] += line.input_uncached
        row[TOKENS + 3] += line.output_visible
        if line.cache_read or line.cache_write_5m or line.cache_write_1h:
            row[TOKENS + 1] += line.cache_read
            row[TOKENS + 2] += line.cache_write_5m + line.cache_write_1h
        if line.reasoning:
            row[TOKENS + 4] += line.reasoning
        if line.audio or line.audio_in or line.images:
            row[TOKENS + 5] += line.audio_in
            row[TOKENS + 6] += line.audio
            row[IMAGES] += line.images
        if line.stream:
            first_ms = line.first_byte_ms
            row[FIRST_TOKENS] += 1
            row[FIRST_TOKEN_MS] += first_ms
            row[FIRST_TOKEN_BUCKETS + bisect_left(FIRST_TOKEN_BOUNDS_MS, first_ms)] += 1

    def snapshot(self) -> Snapshot:
        """The rows themselves, not copies: encode them before the next request."""
        return Snapshot(self._rows, {name: ask() for name, ask in self._gauges.items()})

    def _find_row(self, key: Key) -> Row:
        """A new row, or that of `other` once there are too many: open providers take any name for a model."""
        model = key[1:3]
        # names that only ever fail, a stranger's inventions among them, must not use up the room of the others
        most = MOST_MODELS if key[3] == "completed" else MOST_MODELS // 2
        if (model not in self._models and len(self._models) >= most) or len(self._rows) >= MOST_ROWS:
            key = _without_model(key)
        else:
            self._models.add(model)
        return self._rows.setdefault(key, [0] * ROW)


def _without_model(key: Key) -> Key:
    return (key[0], key[1], OTHER, *key[3:])
