"""Health and the status document: open, without a credential."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from litestar import Request, Response, get

from portico import __version__
from portico.server.edge.routes.reading import json_response, services_of
from portico.server.storage.work_status import Work

_SEE_LOG = "It failed; the server's log says why."  # the reason may name folders and hosts, and this route is open
Req = Request[Any, Any, Any]


def _status() -> dict[str, Any]:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return {"running": True, "timestamp": now, "version": __version__}


@get(["/", "/v1/system/status"], summary="Status of the installation")
async def system_status(request: Req) -> Response[dict[str, Any]]:
    """Workers and what waits for them only as numbers: this route is open, and which hosts there are is nobody's."""
    services = services_of(request)
    models = [{**m, "error": _SEE_LOG if m["error"] else ""} for m in services.local_status()]
    return json_response({**_status(), "localModels": models, **_work(await services.work_status.maybe_read())})


def _work(work: Work | None) -> dict[str, Any]:
    if work is None:
        return {}
    seen = {} if work.seen_s is None else {"lastSeenSeconds": round(work.seen_s, 1)}
    return {
        "workers": {"living": work.living, **seen},
        "queue": {"jobs": work.jobs, "oldestSeconds": round(work.oldest_s, 1)},
    }


@get("/health", summary="Whether the process answers")
async def health() -> Response[dict[str, Any]]:
    return json_response({"status": "ok", **_status()})


@get("/ready", summary="Whether requests can be served")
async def ready(request: Req) -> Response[dict[str, Any]]:
    """200 when the database answers, 503 otherwise; asked once a second. Known tokens are served in both cases."""
    await services_of(request).database.probe()
    return json_response({**_status(), "ready": True})


ROUTES = (system_status, health, ready)
