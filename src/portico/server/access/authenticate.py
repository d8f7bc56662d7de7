"""Headers in, Caller out: every way of sending a token that the API reference knows; API tokens and access tokens.

Names come in lower case, as the HTTP parser gives them. A known caller costs one lookup.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection

from portico.server.access.caller import Caller
from portico.server.access.session_refusals import CredentialUnknown, Unverified
from portico.server.access.snapshot import Known, TokenSnapshot, choose_project
from portico.server.errors import Forbidden, OutOfRange, Unauthorized
from portico.server.kit.guids import read_guid

Headers = Collection[tuple[bytes, bytes]]


def authenticate(headers: Headers, snapshot: TokenSnapshot) -> Caller:
    """Raises Unauthorized, TokenBlocked, ForeignProject (403, id 2006), OutOfRange when two projects are named.

    For access tokens also the refusals of `People.check`, Forbidden, and Unverified for one to be verified first.
    """
    authorization = saia = key = project = None
    for name, value in headers:
        if name == b"authorization":
            authorization = value if authorization is None else _same(authorization, value)
        elif name == b"saia-auth":
            saia = value if saia is None else _same(saia, value)
        elif name == b"x-api-key":
            key = value if key is None else _same(key, value)
        elif name[:1] == b"p" and name.translate(None, b"-_") == b"projectid" and value.strip():
            project = value if project is None else _same_project(project, value)
    # A blank header is an absent one. Authorization wins over Saia-Auth, both over the header of Anthropic's SDKs.
    credential = authorization
    if credential is None or not credential.strip():
        credential = key if saia is None or not saia.strip() else saia
    if credential is None:
        raise Unauthorized
    known = snapshot.cache.get((credential, project))
    if known is None:
        known = _find(credential, project, headers, snapshot)
    return snapshot.admit(known)


def read_credential(value: bytes) -> str:
    """The token in one header value: `Bearer <token>`, `Basic base64(<token>:)` or the bare token.

    Raises Unauthorized when it is none of them.
    """
    match value.split():
        case [scheme, token] if scheme.lower() == b"bearer":
            return _text(token)
        case [scheme, encoded] if scheme.lower() == b"basic":
            return _read_basic(encoded)
        case [token] if token.lower() not in (b"bearer", b"basic"):
            return _text(token)
    raise Unauthorized


def _find(credential: bytes, project: bytes | None, headers: Headers, snapshot: TokenSnapshot) -> Known:
    token = read_credential(credential)
    known = snapshot.maybe_known(snapshot.hash_of(token))
    if known is None:
        return Known(_find_user(token, project, headers, snapshot), True, None)
    caller = snapshot.admit(known)
    if project is not None and caller.scope != "installation":
        named = project.strip().decode("latin-1").lower()
        if named != caller.project_id:
            project_id, name = snapshot.find_project(caller, named)
            # A project token keeps to its own project; an organization token acts on the one it names.
            if caller.scope == "organization":
                known = choose_project(known, project_id, name)
    snapshot.remember((credential, project), known)
    return known


def _find_user(token: str, project: bytes | None, headers: Headers, snapshot: TokenSnapshot) -> Caller:
    """Whose access token it is, in the project and organization that the headers name. Not in the cache of tokens,
    whose keys know no organization."""
    organization = _find_organization(headers)
    people, key = snapshot.people, (token, project, organization)
    signed_in = people.cache.get(key)
    if signed_in is not None:
        people.check(signed_in.session)
        return signed_in.caller
    session = people.maybe_session(snapshot.hash_of(token))
    if session is None:
        raise Unverified(token) if people.external_issuers and token.count(".") == 2 else CredentialUnknown()
    signed_in = people.find(session, _read_id(project), _read_id(organization))
    people.remember(key, signed_in)
    return signed_in.caller


def _find_organization(headers: Headers) -> bytes | None:
    organization = None
    for name, value in headers:
        if name[:1] == b"o" and name.translate(None, b"-_") == b"organizationid" and value.strip():
            if organization is not None and value.strip().lower() != organization.strip().lower():
                raise OutOfRange("organization-id", "the headers name two organizations")
            organization = value
    return organization


def _read_id(value: bytes | None) -> str:
    """A UUID of a header, "" for none. Raises Forbidden for anything else: it is no place of the user's."""
    if value is None:
        return ""
    return read_guid(value.strip().decode("ascii", "replace"), Forbidden)


def _read_basic(encoded: bytes) -> str:
    """The reference puts the token in the username field and leaves the password empty."""
    try:
        user, colon, password = base64.b64decode(encoded, validate=True).partition(b":")
    except binascii.Error:
        raise Unauthorized from None
    if not user or not colon or password:
        raise Unauthorized
    return _text(user)


def _text(token: bytes) -> str:
    try:
        return token.decode("ascii")
    except UnicodeDecodeError:
        raise Unauthorized from None


def _same(first: bytes, second: bytes) -> bytes:
    """Two credentials under one name are a mistake or an attack on a proxy before us; neither is believed."""
    if first.strip() != second.strip():
        raise Unauthorized
    return first


def _same_project(first: bytes, second: bytes) -> bytes:
    if first.strip().lower() != second.strip().lower():
        raise OutOfRange("project-id", "the headers name two projects")
    return first
