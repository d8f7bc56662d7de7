"""Headers to Caller, for every route. A route is closed unless it stands in OPEN_PATHS."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress

from portico.server.access.authenticate import Headers, authenticate
from portico.server.access.caller import Caller
from portico.server.access.session_refusals import CredentialUnknown, TokenMissing, Unverified
from portico.server.access.snapshot import TokenSnapshot
from portico.server.errors import Unauthorized

OPEN_PATHS = frozenset(
    {
        "/",
        "/health",
        "/ready",
        "/v1/system/status",
        "/schema/openapi.json",
        # signing in: who comes here has no token yet, or shows one that the handler reads itself
        "/oauth/access_token",
        "/oauth/gam/access_token",
        "/oauth/gam/v2.0/access_token",
        "/oauth/gam/userinfo",
        "/oauth/gam/v2.0/userinfo",
        "/oauth/gam/signin",
        "/oauth/revoke",
        "/openid/userinfo",
        "/setup",
        "/v1/gam/authentication-types",
    }
)
"""Health needs no credential (errors reference, "Health"); the OpenAPI document describes, it gives nothing away."""
SIGNED_IN_PATHS = ("/v2/admin/organizations", "/admin/organizations")
"""Taken with an access token only: the official clients wait for `Access token not found` when it is unknown."""
METRICS_PATH = "/metrics"
"""Open where the setting `metrics` says so, closed otherwise."""


async def refuse(token: str) -> None:
    """Without external issuers nobody's tokens are verified."""
    raise Unauthorized


class Guard:
    """Asks `access` who calls. Raises Unauthorized, TokenBlocked or ForeignProject."""

    open_paths = OPEN_PATHS

    def __init__(
        self,
        snapshot: TokenSnapshot,
        *,
        open_metrics: bool = False,
        note: Callable[[Caller], None] = lambda _: None,
        verify: Callable[[str], Awaitable[None]] = refuse,
    ) -> None:
        """`note` is told of everyone who is let in, and must cost next to nothing. `verify` looks at a token of an
        external issuer that is seen for the first time; it raises Unauthorized, and may be driven (kit/drive.py)."""
        self._snapshot = snapshot
        self._verify = verify
        self._note = note
        if open_metrics:
            self.open_paths = OPEN_PATHS | {METRICS_PATH}

    def admit(self, headers: Headers) -> Caller:
        caller = authenticate(headers, self._snapshot)
        self._note(caller)
        return caller

    async def admit_first(self, headers: Headers) -> Caller:
        """As `admit`; what is not known yet, but may be a token of an external issuer, is verified first."""
        try:
            return self.admit(headers)
        except Unverified as unverified:
            await self._verify(unverified.token)
            return self.admit(headers)

    async def admit_to(self, path: str, headers: Headers) -> Caller:
        """As `admit_first`. Raises TokenMissing (401, id 112) for an unknown token at one of SIGNED_IN_PATHS."""
        try:
            return await self.admit_first(headers)
        except CredentialUnknown:
            if path.startswith(SIGNED_IN_PATHS):
                raise TokenMissing from None
            raise

    def refuse_stranger(self, headers: Headers) -> None:
        """As `admit`, but at once: what would have to be verified first passes."""
        with suppress(Unverified):
            self.admit(headers)
