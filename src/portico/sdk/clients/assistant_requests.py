"""Assistants at work, low level: asked and waited for, or begun and asked about later. JSON in and JSON out.

Source: Assistant API reference, "Execution".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypedDict, Unpack

from portico.sdk.call import Call, JsonObject, Repeat, given, send_json
from portico.sdk.clients.base import AsyncLowLevelClient, LowLevelClient, read_object
from portico.sdk.clients.chat import Messages, write_messages
from portico.sdk.clients.requests import cancel_call, status_call
from portico.sdk.errors import PorticoError

ROOT = "/v1/assistant"


class AssistantRequestOptions(TypedDict, total=False):
    """What an execution can be told. `variables` as a mapping, or as the API has them; without a revision the active
    one answers, and `revision` wins over `revision_name`."""

    variables: Mapping[str, str] | Sequence[Mapping[str, str]] | None
    revision: int | None
    revision_name: str | None
    cache: bool | None
    timeout_s: float | None


def chat_call(assistant: str, messages: Messages, options: AssistantRequestOptions, *, begin: bool) -> Call:
    """POST /v1/assistant/chat, or .../begin."""
    return _call("chat", assistant, {"messages": write_messages(messages)}, options, begin=begin)


def text_call(assistant: str, prompt: str, options: AssistantRequestOptions, *, begin: bool) -> Call:
    """POST /v1/assistant/text, or .../begin."""
    return _call("text", assistant, {"prompt": prompt}, options, begin=begin)


def _call(
    kind: Literal["chat", "text"],
    assistant: str,
    asked: JsonObject,
    options: AssistantRequestOptions,
    *,
    begin: bool,
) -> Call:
    if not assistant or not assistant.strip():
        raise PorticoError("The name of the assistant is empty.", hint="`portico assistants list` shows what there is.")
    variables = options.get("variables")
    if isinstance(variables, Mapping):
        variables = [{"key": key, "value": value} for key, value in variables.items()]
    more = {
        "variables": variables,
        "revision": options.get("revision"),
        "revisionName": options.get("revision_name"),
    }
    cache = options.get("cache")
    headers = {"X-Saia-Cache-Enabled": None if cache is None else str(cache).lower()}
    path = f"{ROOT}/{kind}/begin" if begin else f"{ROOT}/{kind}"
    body = {"assistant": assistant, **asked, **given(more)}
    return send_json("POST", path, body, repeat=Repeat.WORK, headers=headers).with_deadline(options.get("timeout_s"))


class AssistantRequestsClient(LowLevelClient):
    def send_chat_request(
        self, assistant: str, messages: Messages, **options: Unpack[AssistantRequestOptions]
    ) -> JsonObject:
        """POST /v1/assistant/chat. Raises ApiError for `success` false, which comes with HTTP 200."""
        return self._json(chat_call(assistant, messages, options, begin=False))

    def begin_chat_request(
        self, assistant: str, messages: Messages, **options: Unpack[AssistantRequestOptions]
    ) -> JsonObject:
        """POST /v1/assistant/chat/begin: at once, with the `requestId` to ask about."""
        return self._json(chat_call(assistant, messages, options, begin=True))

    def send_text_request(self, assistant: str, prompt: str, **options: Unpack[AssistantRequestOptions]) -> JsonObject:
        """POST /v1/assistant/text."""
        return self._json(text_call(assistant, prompt, options, begin=False))

    def begin_text_request(self, assistant: str, prompt: str, **options: Unpack[AssistantRequestOptions]) -> JsonObject:
        """POST /v1/assistant/text/begin."""
        return self._json(text_call(assistant, prompt, options, begin=True))

    def get_request_status(self, request_id: str) -> JsonObject:
        """GET /v1/assistant/request/{requestId}/status. A request that failed is no failure of this call."""
        return read_object(self._transport.send(status_call(request_id)), tells_of_failures=True)

    def cancel_request(self, request_id: str) -> JsonObject:
        """POST /v1/assistant/request/{requestId}/cancel."""
        return read_object(self._transport.send(cancel_call(request_id)), tells_of_failures=True)


class AsyncAssistantRequestsClient(AsyncLowLevelClient):
    async def send_chat_request(
        self, assistant: str, messages: Messages, **options: Unpack[AssistantRequestOptions]
    ) -> JsonObject:
        """POST /v1/assistant/chat. Raises ApiError for `success` false, which comes with HTTP 200."""
        return await self._json(chat_call(assistant, messages, options, begin=False))

    async def begin_chat_request(
        self, assistant: str, messages: Messages, **options: Unpack[AssistantRequestOptions]
    ) -> JsonObject:
        """POST /v1/assistant/chat/begin: at once, with the `requestId` to ask about."""
        return await self._json(chat_call(assistant, messages, options, begin=True))

    async def send_text_request(
        self, assistant: str, prompt: str, **options: Unpack[AssistantRequestOptions]
    ) -> JsonObject:
        """POST /v1/assistant/text."""
        return await self._json(text_call(assistant, prompt, options, begin=False))

    async def begin_text_request(
        self, assistant: str, prompt: str, **options: Unpack[AssistantRequestOptions]
    ) -> JsonObject:
        """POST /v1/assistant/text/begin."""
        return await self._json(text_call(assistant, prompt, options, begin=True))

    async def get_request_status(self, request_id: str) -> JsonObject:
        """GET /v1/assistant/request/{requestId}/status. A request that failed is no failure of this call."""
        return read_object(await self._transport.send(status_call(request_id)), tells_of_failures=True)

    async def cancel_request(self, request_id: str) -> JsonObject:
        """POST /v1/assistant/request/{requestId}/cancel."""
        return read_object(await self._transport.send(cancel_call(request_id)), tells_of_failures=True)
