"""What every low-level client has: a transport, and a way from a call to its JSON."""

from __future__ import annotations

from portico.sdk.call import Answer, Call, JsonObject
from portico.sdk.errors import InvalidAnswer
from portico.sdk.failures import read_json
from portico.sdk.media import fetch_call, read_content, read_download
from portico.sdk.transport import AsyncTransport, Transport
from portico.wire.media import MediaFile


class LowLevelClient:
    """One API section; one method per endpoint; plain values in, the server's JSON out."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def _json(self, call: Call) -> JsonObject:
        return read_object(self._transport.send(call))


class FileClient(LowLevelClient):
    """A section whose answers hold files, or tell where they lie."""

    def download(self, file: MediaFile) -> bytes:
        """The bytes of a file; fetched, without our token, when only an address came. Raises PorticoError."""
        call = fetch_call(file)
        return read_content(file) if call is None else read_download(self._transport.send(call))


class AsyncLowLevelClient:
    """The same for asyncio."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def _json(self, call: Call) -> JsonObject:
        return read_object(await self._transport.send(call))


class AsyncFileClient(AsyncLowLevelClient):
    """The same for asyncio."""

    async def download(self, file: MediaFile) -> bytes:
        """The bytes of a file; fetched, without our token, when only an address came. Raises PorticoError."""
        call = fetch_call(file)
        return read_content(file) if call is None else read_download(await self._transport.send(call))


def read_object(answer: Answer, *, tells_of_failures: bool = False) -> JsonObject:
    """The JSON object of an answer. Raises ApiError, InvalidAnswer."""
    value = read_json(answer, tells_of_failures=tells_of_failures)
    if not isinstance(value, dict):
        raise InvalidAnswer(f"The server answered with JSON that is no object but a {type(value).__name__}.")
    found: JsonObject = value
    return found
