"""Chat completions, low level. The call is described once, in `completion_call`.

Source: Chat API reference, POST /v1/chat/completions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict, Unpack

from portico.sdk.call import Call, JsonObject, Repeat, given, send_json
from portico.sdk.clients.base import AsyncLowLevelClient, LowLevelClient
from portico.sdk.errors import PorticoError
from portico.sdk.streams import AsyncJsonStream, JsonStream

PATH = "/v1/chat/completions"

MessageParam = str | Mapping[str, Any]
Messages = str | Mapping[str, Any] | Sequence[MessageParam]


class ChatOptions(TypedDict, total=False):
    """Everything a chat completion can be asked beside model and messages. None means "not given"."""

    temperature: float | None
    top_p: float | None
    max_tokens: int | None
    max_completion_tokens: int | None
    frequency_penalty: float | None
    presence_penalty: float | None
    stop: str | Sequence[str] | None
    n: int | None
    seed: int | None
    logprobs: bool | None
    top_logprobs: int | None
    user: str | None
    store: bool | None
    metadata: Mapping[str, str] | None
    response_format: Mapping[str, Any] | None
    tools: Sequence[Mapping[str, Any]] | None
    tool_choice: str | Mapping[str, Any] | None
    parallel_tool_calls: bool | None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | str | None
    thinking: Mapping[str, Any] | None
    web_search_options: Mapping[str, Any] | None
    stream_options: Mapping[str, Any] | None
    variables: Mapping[str, str] | Sequence[Mapping[str, str]] | None
    filters: Sequence[Mapping[str, Any]] | None
    thread_id: str | None
    revision: int | None
    revision_name: str | None
    conversation_id: str | None  # header `saia-conversation-id`: keeps a flow's session, lets an agent reuse its work
    cache: bool | None  # header `X-Saia-Cache-Enabled`: the server's default for chat is on
    timeout_s: float | None  # bound on the whole call; not for streams, whose silence is bounded by the client
    extra_body: Mapping[str, Any] | None  # members that this table does not know


_HEADERS = ("conversation_id", "cache", "timeout_s", "extra_body")
_RENAMED = {"thread_id": "threadId", "revision_name": "revisionName"}


def completion_call(model: str, messages: Messages, options: ChatOptions, *, stream: bool) -> Call:
    """A chat completion as a call. Raises PorticoError for what cannot be sent."""
    if not model or not model.strip():
        raise PorticoError(
            "The model is empty.", hint="Write it like openai/gpt-4o-mini; `portico llm` lists what there is."
        )
    members = {name: value for name, value in options.items() if name not in _HEADERS and value is not None}
    if isinstance(variables := members.get("variables"), Mapping):
        members["variables"] = [{"key": key, "value": value} for key, value in variables.items()]
    body: JsonObject = {"model": model, "messages": write_messages(messages), "stream": stream}
    body |= {_RENAMED.get(name, name): value for name, value in members.items()}
    cache = options.get("cache")
    headers = {
        "saia-conversation-id": options.get("conversation_id"),
        "X-Saia-Cache-Enabled": None if cache is None else str(cache).lower(),
        "Accept": "text/event-stream" if stream else None,
    }
    call = send_json("POST", PATH, {**body, **(options.get("extra_body") or {})}, repeat=Repeat.WORK, headers=headers)
    return call if stream else call.with_deadline(options.get("timeout_s"))


def write_messages(messages: Messages) -> list[JsonObject]:
    """A list of message objects; a string stands for a message of the user."""
    entries = [messages] if isinstance(messages, str | Mapping) else messages
    return [{"role": "user", "content": entry} if isinstance(entry, str) else given(entry) for entry in entries]


class ChatClient(LowLevelClient):
    def chat_completion(self, model: str, messages: Messages, **options: Unpack[ChatOptions]) -> JsonObject:
        """POST /v1/chat/completions: the whole answer."""
        return self._json(completion_call(model, messages, options, stream=False))

    def stream_chat_completion(self, model: str, messages: Messages, **options: Unpack[ChatOptions]) -> JsonStream:
        """POST /v1/chat/completions with `stream`: the chunks as they arrive."""
        return JsonStream(self._transport.open(completion_call(model, messages, options, stream=True)))


class AsyncChatClient(AsyncLowLevelClient):
    async def chat_completion(self, model: str, messages: Messages, **options: Unpack[ChatOptions]) -> JsonObject:
        """POST /v1/chat/completions: the whole answer."""
        return await self._json(completion_call(model, messages, options, stream=False))

    async def stream_chat_completion(
        self, model: str, messages: Messages, **options: Unpack[ChatOptions]
    ) -> AsyncJsonStream:
        """POST /v1/chat/completions with `stream`: the chunks as they arrive."""
        return AsyncJsonStream(await self._transport.open(completion_call(model, messages, options, stream=True)))
