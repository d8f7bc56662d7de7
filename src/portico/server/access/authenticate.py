"""Headers in, Caller out: every way of sending a token that the API reference knows.

Names come in lower case, as the HTTP parser gives them. A known caller costs one lookup.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable

from portico.server.access.caller import Caller
from portico.server.access.snapshot import Known, TokenSnapshot, choose_project
from portico.server.errors import OutOfRange, Unauthorized


def authenticate(headers: Iterable[tuple[bytes, bytes]], snapshot: TokenSnapshot) -> Caller:
    """Raises Unauthorized, TokenBlocked, ForeignProject (403, id 2006), OutOfRange when two projects are named."""
    authorization = saia = project = None
    for name, value in headers:
        if name == b"authorization":
            authorization = value if authorization is None else _same(authorization, value)
        elif name == b"saia-auth":
            saia = value if saia is None else _same(saia, value)
        elif name[:1] == b"p" and name.translate(None, b"-_") == b"projectid" and value.strip():
            project = value if project is None else _same_project(project, value)
    # A blank Authorization is an absent one; any other wins over Saia-Auth.
    credential = saia if authorization is None or not authorization.strip() else authorization
    if credential is None:
        raise Unauthorized
    known = snapshot.cache.get((credential, project))
    if known is None:
        known = _find(credential, project, snapshot)
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


def _find(credential: bytes, project: bytes | None, snapshot: TokenSnapshot) -> Known:
    known = snapshot.find_known(read_credential(credential))
    caller = snapshot.admit(known)
    if project is not None:
        named = project.strip().decode("latin-1").lower()
        if named != caller.project_id:
            project_id, name = snapshot.find_project(caller, named)
            # A project token keeps to its own project; an organization token acts on the one it names.
            if caller.scope == "organization":
                known = choose_project(known, project_id, name)
    snapshot.remember((credential, project), known)
    return known


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
