"""`/metrics` for Prometheus; there is no such endpoint unless the setting `metrics` says so."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get

from portico.server.access.policy import require
from portico.server.edge.routes.reading import caller_of, services_of
from portico.server.errors import BadEndpoint
from portico.server.storage.work_status import Queue
from portico.server.telemetry.metrics import Gauge

Req = Request[Any, Any, Any]


@get("/metrics", summary="Numbers of all server processes, as Prometheus reads them", media_type="text/plain")
async def metrics(request: Req) -> Response[bytes]:
    """The text format, or OpenMetrics when `Accept` asks for it. An organization token unless it is open."""
    services = services_of(request)
    if services.metrics is None:
        raise BadEndpoint
    if services.settings.metrics != "open":
        require(caller_of(request), "organization")
    queue = _gauges(await services.work_status.maybe_read_queue())
    body, content_type = await services.metrics.render(request.headers.get("accept", ""), queue)
    return Response(body, headers={"content-type": content_type})


def _gauges(queue: Queue | None) -> dict[str, Gauge]:
    """Without those while the database is away: the numbers of the processes are served."""
    if queue is None:
        return {}
    return {
        "queue_jobs": queue.work.jobs,
        "queue_oldest_job_seconds": round(queue.work.oldest_s, 1),
        "queue_runs": queue.runs,
        "queue_workers": queue.work.living,
        "queue_documents": dict(queue.documents),
    }


ROUTES = (metrics,)
