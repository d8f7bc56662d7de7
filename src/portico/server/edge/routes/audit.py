"""The audit log, `/v1/audit`: who did what, and whether the log is whole. An API of our own."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get

from portico.server.access.audit import log as audit_log
from portico.server.edge.routes.reading import caller_of, filters_of, json_response, services_of
from portico.server.storage.audit import KEY_PURPOSE
from portico.wire.audit import AuditCheck, AuditPage

Req = Request[Any, Any, Any]


@get("/v1/audit", summary="Read the audit log, newest first")
async def list_audit(request: Req) -> Response[AuditPage]:
    """`action`, `kind`, `actor`, `target`, `since`, `until`, `count` (100), and `cursor` for the page behind."""
    database = services_of(request).database
    return json_response(await audit_log.list_entries(database, caller_of(request), filters_of(request)))


@get("/v1/audit/verify", summary="Check that nobody has changed the audit log")
async def verify_audit(request: Req) -> Response[AuditCheck]:
    """`head`: one that an earlier check gave, which must still be in the log."""
    services = services_of(request)
    key, head = services.tenancy.key.for_purpose(KEY_PURPOSE), filters_of(request).get("head")
    return json_response(await audit_log.check(services.database, key, caller_of(request), head))


ROUTES = (list_audit, verify_audit)
