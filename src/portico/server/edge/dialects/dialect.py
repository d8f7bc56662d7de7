"""How one API words what is not an answer: a refusal, the last event of a broken stream, a sign of life."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from portico.server.edge.errors import Headers, error_headers, execution_body, stream_body
from portico.server.errors import PorticoError
from portico.wire.sse import KEEP_ALIVE


def refuse(error: PorticoError, request_id: str) -> tuple[int, bytes, Headers]:
    """Status, body and headers, readable by the OpenAI SDKs and by the platform's clients."""
    return error.status, execution_body(error, request_id), error_headers(error)


def break_off(error: PorticoError, request_id: str) -> bytes:
    return b"data: %b\n\n" % stream_body(error, request_id)


class Dialect(msgspec.Struct, frozen=True):
    """`refuse` before the first byte, `break_off` after it: whole events, the last of their stream (HC-13)."""

    refuse: Callable[[PorticoError, str], tuple[int, bytes, Headers]] = refuse
    break_off: Callable[[PorticoError, str], bytes] = break_off
    keep_alive: bytes = KEEP_ALIVE


CHAT = Dialect()
