"""What signing in is made of: passwords, attempts, sessions; and the external issuers that the settings name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from portico.server.access.sign_in import SignIn
from portico.server.access.sign_in.attempts import Attempts
from portico.server.access.sign_in.openid import OpenId, read_group_roles
from portico.server.access.sign_in.passwords import Passwords
from portico.server.app.ground import Ground
from portico.server.errors import StartError
from portico.server.providers.fetcher import Fetcher

if TYPE_CHECKING:
    from portico.server.access.sign_in.issuers import Fetch, Issuer

KEYS_LIMIT_BYTES = 1024 * 1024
FETCH_S = 10.0


def open_sign_in(ground: Ground) -> SignIn:
    settings = ground.settings
    if settings.root_token is not None:
        ground.tenancy.snapshot.add_root(str(settings.root_token))
    return SignIn(
        ground.tenancy,
        Passwords(settings.password_length),
        Attempts(ground.tenancy, settings.sign_in_attempts),
        access_s=settings.access_token_s,
        refresh_s=settings.refresh_token_s,
    )


def open_openid(ground: Ground) -> OpenId:
    """Raises StartError when PORTICO_OIDC_ROLES cannot be read."""
    settings = ground.settings
    try:
        roles = read_group_roles(settings.oidc_roles)
    except ValueError as error:
        raise StartError(f"PORTICO_OIDC_ROLES: {error}") from None
    addresses, audiences = (_list(text) for text in (settings.oidc_issuer, settings.oidc_audience))
    # Whoever runs this server has named them, so they may lie in a private network.
    hosts = ",".join(urlsplit(address).hostname or "" for address in addresses)
    fetcher = Fetcher(allowed=hosts, limit_bytes=KEYS_LIMIT_BYTES, timeout_s=FETCH_S)

    async def fetch(url: str) -> bytes:
        return (await fetcher.fetch(url)).data

    issuers = _make_issuers(addresses, frozenset(audiences), fetch) if addresses else []
    return OpenId(ground.tenancy, issuers, settings.oidc_groups_claim, roles)


def _make_issuers(addresses: Sequence[str], audiences: frozenset[str], fetch: Fetch) -> list[Issuer]:
    from portico.server.access.sign_in.issuers import Issuer  # here: 9 MB of libraries, and few name an issuer

    return [Issuer(address, audiences, fetch) for address in addresses]


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
