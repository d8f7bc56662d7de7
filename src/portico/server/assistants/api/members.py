"""What the body of an assistant says of a service: `openApi` and `authentication`, checked, as they are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from portico.server.assistants.api.openapi import ROOT, read_api, read_text
from portico.server.errors import FieldRequired, OutOfRange, PatternMismatch
from portico.wire.assistants import Authentication, RevisionSettings

KIND = "api"
FIRST = RevisionSettings(temperature=0.1, max_tokens=1024)
"""What a new assistant of this kind has where its maker says nothing."""
LONGEST_DOCUMENT = 1_000_000
_LONGEST_NAME = 200
_TYPES = {"none": "none", "apikey": "apiKey"}
_AUTH_TYPES = {"basic": "Basic", "bearer": "Bearer"}
Trusts = Callable[[str], bool]
"""Whether an address lies outside, or may be called although it does not."""


def read_service(document: Any, authentication: Any) -> Mapping[str, Any]:
    """Fields of RevisionSettings that are named. Raises PatternMismatch, FieldRequired, OutOfRange with the member."""
    members: dict[str, Any] = {}
    if document is not None:
        members["open_api"] = _read_document(document)
    if authentication is not None:
        members["authentication"] = _read_authentication(authentication)
    return members


def check_service(kind: str, members: Mapping[str, Any], trusts: Trusts, *, is_new: bool) -> None:
    """Whether these members fit the kind of assistant, and their service may be called from here."""
    if kind != KIND:
        if members:
            name = ROOT if "open_api" in members else "authentication"
            raise PatternMismatch(name, f"only an assistant of type {KIND} has one")
        return
    if is_new and "open_api" not in members:
        raise FieldRequired(ROOT)
    for server in read_text(members["open_api"]).servers if "open_api" in members else ():
        if not trusts(server.url):
            hint = "this server does not call private networks; its operator may allow a host in PORTICO_FETCH_HOSTS"
            raise PatternMismatch(server.place, hint)


def _read_document(document: Any) -> str:
    """An object, or its text. The JSON text that is kept."""
    try:
        found = msgspec.json.decode(document) if isinstance(document, str) else document
        text = msgspec.json.encode(found)
        if len(text) > LONGEST_DOCUMENT:
            raise OutOfRange(ROOT, f"at most {LONGEST_DOCUMENT} bytes of JSON")
        read_api(found)
    except msgspec.DecodeError as error:
        raise PatternMismatch(ROOT, f"send the document as JSON: {error}") from None
    except RecursionError:
        raise PatternMismatch(ROOT, "the JSON is nested too deeply") from None
    return text.decode()


def _read_authentication(said: Any) -> Authentication:
    if not isinstance(said, dict):
        raise PatternMismatch("authentication", "send an object")
    kind = _one_of(said.get("type", "none"), _TYPES, "authentication.type")
    if kind == "none":
        return Authentication()
    how = _one_of(said.get("authType", "Bearer"), _AUTH_TYPES, "authentication.authType")
    secret = said.get("apiKeySecret")
    if secret is None or secret == "":
        raise FieldRequired("authentication.apiKeySecret")
    if not isinstance(secret, str) or len(secret) > _LONGEST_NAME:
        raise PatternMismatch("authentication.apiKeySecret", "name a secret of the project")
    return Authentication(type="apiKey", auth_type=how, api_key_secret=secret.strip())


def _one_of(value: Any, known: Mapping[str, str], name: str) -> str:
    found = known.get(value.lower()) if isinstance(value, str) else None
    if found is None:
        raise PatternMismatch(name, f"send {' or '.join(known.values())}")
    return found
