"""One call of the API as a value: what is sent, how it may be repeated, what came back. No I/O.

A call is described once, in `clients/`; `exchange.py` says how it goes, `transport.py` makes it go, sync or async.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

JsonObject = dict[str, Any]
QueryValue = str | int | float | bool | None

JSON_HEADERS = {"Content-Type": "application/json"}
LISTING_DEADLINE_S = 60.0


class Repeat(Enum):
    """When a failed call may be sent again.

    SAFE: it changes nothing, so on any failure that may pass. WORK: it costs money, so only when the server did not
    begin: no connection, or a refusal (429, 503) that says when to come back. NEVER: it changes something.
    """

    SAFE = "safe"
    WORK = "work"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Call:
    """What is sent. `deadline_s` bounds the whole call, body included; None leaves only the bound on silence.

    `pieces` gives a body that is too large for `body`, anew for each attempt.
    """

    method: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    repeat: Repeat = Repeat.SAFE
    deadline_s: float | None = None
    with_credentials: bool = True
    pieces: Callable[[], Iterable[bytes]] | None = None

    def with_deadline(self, deadline_s: float | None) -> Call:
        return self if deadline_s is None else replace(self, deadline_s=deadline_s)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, read whole. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def request_id(self) -> str | None:
        return self.headers.get("x-request-id")


@dataclass(frozen=True, slots=True)
class Options:
    """How a client behaves. `timeout_s` bounds silence: the wait for an answer, or for the next piece of it."""

    timeout_s: float = 600.0
    connect_timeout_s: float = 10.0
    max_retries: int = 2


def get(
    path: str, query: Mapping[str, QueryValue] | None = None, headers: Mapping[str, str | None] | None = None
) -> Call:
    """A read of something small."""
    return Call("GET", path, write_query(query or {}), given(headers or {}), deadline_s=LISTING_DEADLINE_S)


def send_json(
    method: str, path: str, body: object, *, repeat: Repeat, headers: Mapping[str, str | None] | None = None
) -> Call:
    """A call with a JSON body."""
    return Call(method, path, (), JSON_HEADERS | given(headers or {}), msgspec.json.encode(body), repeat)


def given(members: Mapping[str, Any]) -> dict[str, Any]:
    """The members that have a value: None means "not given" everywhere in the SDK."""
    return {name: value for name, value in members.items() if value is not None}


def write_query(query: Mapping[str, QueryValue]) -> list[tuple[str, str]]:
    """Query members as text; booleans are `true` and `false`."""
    return [
        (name, str(value).lower() if isinstance(value, bool) else str(value)) for name, value in given(query).items()
    ]


def path_segment(text: str) -> str:
    """One segment of a path: a slash or a question mark in a name must not become part of the route."""
    return quote(text, safe=":")


def join_url(base_url: str, call: Call) -> str:
    """Base and path with exactly one slash between them; a path prefix of the base is kept.

    A call to another host, such as the download of a file, has a whole address for its path.
    """
    if "://" in call.path[:8]:
        return call.path
    url = f"{base_url.rstrip('/')}/{call.path.lstrip('/')}"
    return f"{url}?{urlencode(call.query)}" if call.query else url
