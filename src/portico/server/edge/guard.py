"""Headers to Caller, for every route. A route is closed unless it stands in OPEN_PATHS."""

from __future__ import annotations

from collections.abc import Iterable

from portico.server.access.authenticate import authenticate
from portico.server.access.caller import Caller
from portico.server.access.snapshot import TokenSnapshot

OPEN_PATHS = frozenset(
    {
        "/",
        "/health",
        "/ready",
        "/v1/system/status",
        "/schema/openapi.json",
    }
)
"""Health needs no credential (errors reference, "Health"); the OpenAPI document describes, it gives nothing away."""


class Guard:
    """Asks `access` who calls. Raises Unauthorized, TokenBlocked or ForeignProject."""

    __slots__ = ("_snapshot",)

    def __init__(self, snapshot: TokenSnapshot) -> None:
        self._snapshot = snapshot

    def admit(self, headers: Iterable[tuple[bytes, bytes]]) -> Caller:
        return authenticate(headers, self._snapshot)
