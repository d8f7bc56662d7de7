"""The audit log, low level. An API of Portico's own: /v1/audit."""

from __future__ import annotations

from typing import TypedDict, Unpack

from portico.sdk.call import Call, JsonObject, get
from portico.sdk.clients.base import AsyncLowLevelClient, LowLevelClient

PATH = "/v1/audit"
VERIFY_S = 3_600.0


class AuditFilter(TypedDict, total=False):
    """Which entries. `actor` and `target` are an id or a name; `since` and `until` a day or a time of ISO 8601.

    `project_id` narrows an organization token.
    """

    action: str | None
    kind: str | None
    actor: str | None
    target: str | None
    since: str | None
    until: str | None
    project_id: str | None


def list_call(filters: AuditFilter, count: int, cursor: str | None) -> Call:
    query = {
        "action": filters.get("action"),
        "kind": filters.get("kind"),
        "actor": filters.get("actor"),
        "target": filters.get("target"),
        "since": filters.get("since"),
        "until": filters.get("until"),
        "count": count,
        "cursor": cursor,
    }
    return get(PATH, query, {"project-id": filters.get("project_id")})


def verify_call(head: str | None) -> Call:
    """A long log takes its time."""
    return get(f"{PATH}/verify", {"head": head}).with_deadline(VERIFY_S)


class AuditClient(LowLevelClient):
    def list_audit(self, *, count: int = 100, cursor: str | None = None, **filters: Unpack[AuditFilter]) -> JsonObject:
        """GET /v1/audit: `entries`, newest first; with `nextCursor` there are more."""
        return self._json(list_call(filters, count, cursor))

    def verify_audit(self, *, head: str | None = None) -> JsonObject:
        """GET /v1/audit/verify: `valid`, `entries`, `head`; `brokenAt` and `reason` when the log was changed."""
        return self._json(verify_call(head))


class AsyncAuditClient(AsyncLowLevelClient):
    async def list_audit(
        self, *, count: int = 100, cursor: str | None = None, **filters: Unpack[AuditFilter]
    ) -> JsonObject:
        """GET /v1/audit: `entries`, newest first; with `nextCursor` there are more."""
        return await self._json(list_call(filters, count, cursor))

    async def verify_audit(self, *, head: str | None = None) -> JsonObject:
        """GET /v1/audit/verify: `valid`, `entries`, `head`; `brokenAt` and `reason` when the log was changed."""
        return await self._json(verify_call(head))
