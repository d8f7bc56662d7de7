"""The Responses API: its requests become chat requests, chat answers become its responses and events."""

from __future__ import annotations

import msgspec

from portico.server.edge.dialects.dialect import Dialect
from portico.server.edge.errors import stream_body
from portico.server.errors import PorticoError
from portico.server.kit.ascii_json import ascii_encode

PATHS = ("/responses", "/v1/responses")


def break_off(error: PorticoError, request_id: str) -> bytes:
    """An `error` event: typed as the API has it, and with the member `error` that the SDKs and our clients look for."""
    told = {"type": "error", "code": str(error.code), "message": error.message, "param": error.param}
    more = msgspec.json.decode(stream_body(error, request_id), type=dict[str, msgspec.Raw])
    return b"event: error\ndata: %b\n\n" % ascii_encode({**told, **more})


DIALECT = Dialect(break_off=break_off)
