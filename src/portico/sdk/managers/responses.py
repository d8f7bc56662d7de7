"""Responses, high level: typed responses, streams of typed events."""

from __future__ import annotations

from typing import Unpack

from portico.sdk.clients.responses import AsyncResponsesClient, Input, ResponseOptions, ResponsesClient
from portico.sdk.managers.base import read
from portico.sdk.response_stream import AsyncResponseStream, ResponseStream
from portico.wire.responses import Response


class Responses:
    """`client.responses`: the Responses API, for every chat model."""

    def __init__(self, client: ResponsesClient) -> None:
        self._client = client

    def create(self, model: str, input: Input, **options: Unpack[ResponseOptions]) -> Response:
        """The whole response. `input` may be the text of a single question; `files` are pictures and PDFs."""
        return read(Response, self._client.create_response(model, input, **options))

    def stream(self, model: str, input: Input, **options: Unpack[ResponseOptions]) -> ResponseStream:
        """The response as it is made. Raises before the first event when the server refuses."""
        return ResponseStream(self._client.stream_response(model, input, **options))


class AsyncResponses:
    """The same for asyncio."""

    def __init__(self, client: AsyncResponsesClient) -> None:
        self._client = client

    async def create(self, model: str, input: Input, **options: Unpack[ResponseOptions]) -> Response:
        """The whole response. `input` may be the text of a single question; `files` are pictures and PDFs."""
        return read(Response, await self._client.create_response(model, input, **options))

    async def stream(self, model: str, input: Input, **options: Unpack[ResponseOptions]) -> AsyncResponseStream:
        """The response as it is made. Raises before the first event when the server refuses."""
        return AsyncResponseStream(await self._client.stream_response(model, input, **options))
