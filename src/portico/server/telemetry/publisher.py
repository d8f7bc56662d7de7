"""Publishes the numbers of this process once a second, and answers what Prometheus asks with the sum of all."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from portico.server.telemetry.metrics import Gauge, Metrics
from portico.server.telemetry.metrics_files import MetricsFiles, encode

INTERVAL_S = 1.0
_log = logging.getLogger(__name__)


class Publisher:
    """A background task of one process. Raises OSError when the folder cannot be written."""

    def __init__(self, metrics: Metrics, directory: Path, interval_s: float = INTERVAL_S) -> None:
        self._metrics = metrics
        self._files = MetricsFiles(directory)
        self._interval_s = interval_s
        self._published = b""
        self._one_at_a_time = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._failing = False

    def start(self) -> None:
        """Needs a running loop."""
        self._task = asyncio.create_task(self._run(), name="metrics-publisher")

    def watch(self, name: str, ask: Callable[[], float]) -> None:
        """Publishes one gauge more; `exposition.py` knows its name."""
        self._metrics.watch(name, ask)

    async def render(self, accept: str, queue: Mapping[str, Gauge] | None = None) -> tuple[bytes, str]:
        """The numbers of all processes of this data folder, in the format that `accept` asks for, and its type.

        `queue`: gauges of the whole installation, by the names that `exposition.py` knows; they are not added up.
        """
        from portico.server.telemetry.exposition import expose

        await self._publish()
        return await asyncio.to_thread(lambda: expose(*self._files.collect(), accept, queue or {}))

    async def close(self) -> None:
        """The last numbers go to the past, where the next start finds them."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        try:
            await self._publish()
            await asyncio.to_thread(self._files.close)
        except OSError as error:
            _log.warning("The last second of the metrics is lost: %s", error)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._interval_s)
            try:
                await self._publish()
                self._failing = False
            except OSError as error:  # a full disk: the numbers stay in memory, the next second tries again
                if not self._failing:
                    _log.warning("Metrics are not published: %s", error)
                self._failing = True

    async def _publish(self) -> None:
        async with self._one_at_a_time:
            encoded = encode(self._metrics.snapshot())
            if encoded != self._published:
                await asyncio.to_thread(self._files.publish, encoded)
                self._published = encoded
