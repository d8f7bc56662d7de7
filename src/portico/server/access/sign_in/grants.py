"""The grants of the token endpoint: fields of a form in, an access token out."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from hmac import compare_digest

from portico.server.access.sign_in.refusals import GrantNotValid, UnsupportedGrant
from portico.server.access.sign_in.sessions import SCOPE, SignIn, Visitor
from portico.server.access.tenancy import clean_text
from portico.server.errors import FieldRequired, PatternMismatch, Unauthorized
from portico.server.kit.hashing import random_text
from portico.server.storage.setup_links import CodeRow, insert_code, take_code
from portico.server.storage.users import UserRow, maybe_user
from portico.wire.auth import AccessToken

CODE_LIFE_S = 60.0
# Nothing in it could end a header or a rule of the page's policy.
_REDIRECT = re.compile(r"(https?)://([a-zA-Z0-9.-]+|\[[0-9a-fA-F:]+\])(:\d{1,5})?([/?][!-~]*)?")
_OWN_HOST = ("127.0.0.1", "localhost", "[::1]")
Fields = Mapping[str, str]


async def grant(sign_in: SignIn, fields: Fields, address: str, *, client_required: bool = False) -> AccessToken:
    """By `grant_type`: password (default), refresh_token, authorization_code, client_credentials.

    Raises FieldRequired (400, id 9), UnsupportedGrant (400, id 8), GrantNotValid (401), RefreshRefused (401, id 101)
    and the other refusals of sessions, TooManyAttempts (429).
    """
    if client_required:
        need(fields, "client_id")
    kind = fields.get("grant_type", "").strip() or "password"
    visitor = Visitor(fields.get("client_id", "").strip(), address, fields.get("scope", "").replace("+", " ") or SCOPE)
    match kind:
        case "password":
            return await sign_in.with_password(need(fields, "username"), need(fields, "password"), visitor)
        case "refresh_token":
            return await sign_in.refresh(need(fields, "refresh_token"))
        case "authorization_code":
            return await _redeem(sign_in, fields, visitor)
        case "client_credentials":
            return _exchange(sign_in, need(fields, "client_id"), need(fields, "client_secret"))
    raise UnsupportedGrant


def need(fields: Fields, name: str) -> str:
    """Raises FieldRequired (400, id 9)."""
    value = fields.get(name, "")
    if not value.strip():
        raise FieldRequired(name)
    return value


async def make_code(sign_in: SignIn, user: UserRow, fields: Fields) -> str:
    """What the sign-in page hands to the program that sent the user there, after `check_request`."""
    code = random_text("ac_")
    row = CodeRow(
        user.user_id,
        fields["client_id"],
        fields["redirect_uri"],
        fields["code_challenge"],
        fields.get("scope", "").replace("+", " ") or SCOPE,
    )
    expires_at = datetime.now(UTC) + timedelta(seconds=CODE_LIFE_S)
    async with sign_in.tenancy.database.begin() as connection:
        await insert_code(connection, sign_in.tenancy.key.hash_token(code), row, expires_at)
    return code


def check_request(fields: Fields, hosts: Collection[str]) -> None:
    """What the sign-in page was asked for. Only with PKCE (RFC 7636, S256). It leads back to a program on the user's
    own host, or by https to one of `hosts`: whoever may choose where codes go may sign in as the user (RFC 9700, 2.1).

    Raises FieldRequired, PatternMismatch.
    """
    if fields.get("response_type", "code") != "code":
        raise PatternMismatch("response_type", "send code")
    if fields.get("code_challenge_method", "S256") != "S256":
        raise PatternMismatch("code_challenge_method", "send S256")
    for name in ("client_id", "code_challenge", "redirect_uri"):
        need(fields, name)
    for name in ("client_id", "code_challenge", "scope"):
        if clean_text(fields.get(name, "")) != fields.get(name, "").strip():
            raise PatternMismatch(name, "it has characters that cannot be kept")
    found = _REDIRECT.fullmatch(fields["redirect_uri"])
    if found is None or not (found[2] in _OWN_HOST or (found[1] == "https" and found[2].lower() in hosts)):
        hint = "send an http address of your own host, or an https address of PORTICO_SIGN_IN_HOSTS"
        raise PatternMismatch("redirect_uri", hint)


async def _redeem(sign_in: SignIn, fields: Fields, visitor: Visitor) -> AccessToken:
    code, verifier = need(fields, "code"), need(fields, "code_verifier")
    tenancy, now = sign_in.tenancy, datetime.now(UTC)
    async with tenancy.database.begin() as connection:
        row = await take_code(connection, tenancy.key.hash_token(code), now)
    challenge = urlsafe_b64encode(sha256(verifier.encode("utf-8", "replace")).digest()).rstrip(b"=").decode()
    if (
        row is None
        or not compare_digest(row.challenge.encode(), challenge.encode())
        or row.client_id != visitor.client_id
        or row.redirect_uri != fields.get("redirect_uri", "")
    ):
        raise GrantNotValid
    async with tenancy.database.begin() as connection:
        user = await maybe_user(connection, row.user_id)
        if user is None or not user.active:
            raise GrantNotValid
        token = await sign_in.begin_session(connection, user, Visitor(row.client_id, visitor.address, row.scope))
    await tenancy.snapshot.people.refresh(users={row.user_id})
    return token


def _exchange(sign_in: SignIn, client_id: str, secret: str) -> AccessToken:
    """A program's own credentials are an API token, its id and its text: that token is the access token."""
    snapshot = sign_in.tenancy.snapshot
    try:
        known = snapshot.find_known(secret.strip())
        caller = snapshot.admit(known)
    except Unauthorized:
        raise GrantNotValid from None
    if caller.scope == "installation" or not compare_digest(
        caller.token_id.encode(), client_id.strip().lower().encode()
    ):
        raise GrantNotValid
    return AccessToken(secret.strip(), expires_in=sign_in.seconds_left(known.expires_at))
