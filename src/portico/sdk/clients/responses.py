"""Responses, low level. The call is described once, in `response_call`.

Source: Responses API reference, POST /responses.
"""

from __future__ import annotations

import base64
import mimetypes
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict, Unpack

from portico.sdk.call import Call, JsonObject, Repeat, given, send_json
from portico.sdk.clients.base import AsyncLowLevelClient, LowLevelClient
from portico.sdk.errors import PorticoError
from portico.sdk.streams import AsyncJsonStream, JsonStream

PATH = "/v1/responses"
Input = str | Sequence[Mapping[str, Any]]
PDF = "application/pdf"


class ResponseOptions(TypedDict, total=False):
    """Everything a response can be asked beside model and input. None means "not given"."""

    files: Sequence[str | Path] | None  # pictures and PDFs: parts of the last message of the user
    instructions: str | None
    max_output_tokens: int | None
    temperature: float | None
    top_p: float | None
    tools: Sequence[Mapping[str, Any]] | None
    tool_choice: str | Mapping[str, Any] | None
    parallel_tool_calls: bool | None
    reasoning: Mapping[str, Any] | None
    text: Mapping[str, Any] | None
    include: Sequence[str] | None
    metadata: Mapping[str, str] | None
    truncation: str | None
    store: bool | None
    user: str | None
    conversation_id: str | None  # header `saia-conversation-id`, for agents
    cache: bool | None  # header `X-Saia-Cache-Enabled`
    timeout_s: float | None  # bound on the whole call; not for streams
    extra_body: Mapping[str, Any] | None  # members that this table does not know


_NOT_MEMBERS = ("files", "conversation_id", "cache", "timeout_s", "extra_body")


def response_call(model: str, input: Input, options: ResponseOptions, *, stream: bool) -> Call:
    """A response as a call. Raises PorticoError for what cannot be sent, such as a file that is not there."""
    if not model or not model.strip():
        raise PorticoError("The model is empty.", hint="Write it like openai/gpt-4.1; `portico llm models` lists them.")
    if not input:
        raise PorticoError("The input is empty.", hint="Give a text, or a list of items.")
    said = write_input(input, options.get("files") or ())
    members = given({name: value for name, value in options.items() if name not in _NOT_MEMBERS})
    body: JsonObject = {"model": model, "input": said, "stream": stream, **members}
    cache = options.get("cache")
    headers = {
        "saia-conversation-id": options.get("conversation_id"),
        "X-Saia-Cache-Enabled": None if cache is None else str(cache).lower(),
        "Accept": "text/event-stream" if stream else None,
    }
    call = send_json("POST", PATH, {**body, **(options.get("extra_body") or {})}, repeat=Repeat.WORK, headers=headers)
    return call if stream else call.with_deadline(options.get("timeout_s"))


def write_input(input: Input, files: Sequence[str | Path] = ()) -> str | list[JsonObject]:
    """The input with the files in its last message of the user. Raises PorticoError."""
    if not files:
        return input if isinstance(input, str) else [dict(item) for item in input]
    items: list[JsonObject] = (
        [{"role": "user", "content": input}] if isinstance(input, str) else [dict(item) for item in input]
    )
    if items[-1].get("role") != "user":
        items.append({"role": "user", "content": []})
    content = items[-1]["content"]
    parts = [{"type": "input_text", "text": content}] if isinstance(content, str) else list(content)
    items[-1]["content"] = [*parts, *(_part(Path(file)) for file in files)]
    return items


def _part(file: Path) -> JsonObject:
    kind = mimetypes.guess_type(file.name)[0] or ""
    if not (kind.startswith("image/") or kind == PDF):
        raise PorticoError(
            f"{file} is neither a picture nor a PDF.", hint="Put the text of other files into the input."
        )
    try:
        data = file.read_bytes()
    except OSError as error:
        raise PorticoError(f"{file} cannot be read: {error.strerror}.") from None
    address = f"data:{kind};base64,{base64.b64encode(data).decode()}"
    if kind == PDF:
        return {"type": "input_file", "filename": file.name, "file_data": address}
    return {"type": "input_image", "image_url": address}


class ResponsesClient(LowLevelClient):
    def create_response(self, model: str, input: Input, **options: Unpack[ResponseOptions]) -> JsonObject:
        """POST /v1/responses: the whole response."""
        return self._json(response_call(model, input, options, stream=False))

    def stream_response(self, model: str, input: Input, **options: Unpack[ResponseOptions]) -> JsonStream:
        """POST /v1/responses with `stream`: the events as they arrive."""
        return JsonStream(self._transport.open(response_call(model, input, options, stream=True)))


class AsyncResponsesClient(AsyncLowLevelClient):
    async def create_response(self, model: str, input: Input, **options: Unpack[ResponseOptions]) -> JsonObject:
        """POST /v1/responses: the whole response."""
        return await self._json(response_call(model, input, options, stream=False))

    async def stream_response(self, model: str, input: Input, **options: Unpack[ResponseOptions]) -> AsyncJsonStream:
        """POST /v1/responses with `stream`: the events as they arrive."""
        return AsyncJsonStream(await self._transport.open(response_call(model, input, options, stream=True)))
