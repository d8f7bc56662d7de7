"""What every low-level client has: a transport, and a way from a call to its JSON."""

from __future__ import annotations

from typing import Any

from portico.sdk.call import Call, JsonObject
from portico.sdk.errors import InvalidAnswer
from portico.sdk.failures import read_json
from portico.sdk.transport import AsyncTransport, Transport


class LowLevelClient:
    """One API section; one method per endpoint; plain values in, the server's JSON out."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def _json(self, call: Call) -> JsonObject:
        return _object(read_json(self._transport.send(call)))


class AsyncLowLevelClient:
    """The same for asyncio."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def _json(self, call: Call) -> JsonObject:
        return _object(read_json(await self._transport.send(call)))


def _object(value: Any) -> JsonObject:
    if not isinstance(value, dict):
        raise InvalidAnswer(f"The server answered with JSON that is no object but a {type(value).__name__}.")
    return value
