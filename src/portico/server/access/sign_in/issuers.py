"""External OpenID Connect issuers: a signed token in, its claims out. Keys are fetched when first needed, and kept.

Signatures only by public keys (RS256, PS256, ES256, Ed25519): never `none`, never a shared secret.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from portico.server.access.session_refusals import TokenExpired, TokenNotValid
from portico.server.access.sign_in.unproven import read_object, read_part, read_text
from portico.server.errors import PorticoError
from portico.server.kit.clock import Clock, system_clock

ALGORITHMS = ["RS256", "PS256", "ES256", "Ed25519"]
LEEWAY_S = 60.0
KEYS_LIVE_S = 3600.0
REFETCH_S = 60.0
"""The least time between two fetches of the keys of an issuer, however many unknown key ids come."""
_END_OF_TIME = 253_402_300_800  # the year 10000
Fetch = Callable[[str], Awaitable[bytes]]
Claims = Mapping[str, Any]
Key = RSAKey | ECKey | OKPKey
_KINDS: Mapping[str, type[Key]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}


class Issuer:
    """One issuer by its address; `fetch` reads an address through the guarded fetcher."""

    def __init__(self, address: str, audiences: frozenset[str], fetch: Fetch, clock: Clock = system_clock) -> None:
        self.address = address
        self._audiences = audiences
        self._fetch = fetch
        self._clock = clock
        self._keys: dict[str, Key] = {}
        self._fetched_at = float("-inf")
        self._fetching = asyncio.Lock()

    async def verify(self, token: str) -> Claims:
        """Raises TokenNotValid (401, id 114), TokenExpired (401, id 103)."""
        header = read_part(token, 0)
        if header.get("alg") not in ALGORITHMS:
            raise TokenNotValid
        key = await self._find_key(str(header.get("kid", "")))
        try:
            claims = jwt.decode(token, key, algorithms=ALGORITHMS).claims
        except (JoseError, ValueError, TypeError):
            raise TokenNotValid from None
        self._check(claims)
        return claims

    def _check(self, claims: Claims) -> None:
        named = claims.get("aud")
        audiences = {named} if isinstance(named, str) else set(map(str, named)) if isinstance(named, list) else set()
        if claims.get("iss") != self.address or not audiences & self._audiences or not read_text(claims, "sub"):
            raise TokenNotValid
        ends, begins, now = _time(claims.get("exp")), _time(claims.get("nbf", 0)), self._clock()
        if ends is None or begins is None or begins > now + LEEWAY_S:
            raise TokenNotValid
        if ends <= now:
            raise TokenExpired

    async def _find_key(self, key_id: str) -> Key:
        key = self._maybe_key(key_id)
        if key is None or self._clock() - self._fetched_at > KEYS_LIVE_S:
            async with self._fetching:
                if self._clock() - self._fetched_at >= REFETCH_S:
                    await self._fetch_keys()
            key = self._maybe_key(key_id)
        if key is None:
            raise TokenNotValid
        return key

    def _maybe_key(self, key_id: str) -> Key | None:
        if not key_id and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(key_id)

    async def _fetch_keys(self) -> None:
        """A failure keeps the keys that are there; it counts as a try, so that the issuer is not asked in a storm."""
        self._fetched_at = self._clock()
        try:
            found = read_object(await self._fetch(f"{self.address.rstrip('/')}/.well-known/openid-configuration"))
            address = read_text(found, "jwks_uri")
            if read_text(found, "issuer") != self.address or not _is_as_safe(address, self.address):
                raise TokenNotValid("The issuer's own description does not fit its address.")
            listed = read_object(await self._fetch(address)).get("keys")
        except PorticoError as error:
            if not self._keys:
                raise TokenNotValid(f"The keys of the issuer cannot be read: {error.message}") from error
            return
        self._keys = dict(filter(None, map(_read_key, listed if isinstance(listed, list) else [])))


def _read_key(member: object) -> tuple[str, Key] | None:
    """Keys of other kinds, and those for encryption, are not for us."""
    if not isinstance(member, dict) or member.get("use", "sig") != "sig" or "d" in member:
        return None
    kind = _KINDS.get(str(member.get("kty")))
    try:
        return None if kind is None else (str(member.get("kid", "")), kind.import_key(member))
    except (JoseError, ValueError, TypeError):
        return None


def _is_as_safe(address: str, than: str) -> bool:
    return urlsplit(address).scheme == "https" or urlsplit(than).scheme == "http"


def _time(value: object) -> float | None:
    """Unix seconds that a calendar can hold: the library's JSON lets NaN and infinities through."""
    known = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _END_OF_TIME
    return value if known and isinstance(value, int | float) else None
