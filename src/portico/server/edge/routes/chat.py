"""POST chat completions: the documented paths, and body and headers to a ChatRequest."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import msgspec

from portico.server.access.caller import Caller
from portico.server.access.policy import require
from portico.server.edge.assistant_options import read_thread, take_assistant_options, take_search_options
from portico.server.edge.bodies import read_flag, read_members, read_model
from portico.server.edge.exchange import Exchange
from portico.server.edge.labels import read_labels
from portico.server.edge.plain_chat import maybe_plain
from portico.server.edge.routes.messages import read_messages
from portico.server.errors import FieldRequired, OutOfRange, PatternMismatch
from portico.server.gateway.answers import Answer, Stream
from portico.server.services import Services
from portico.wire.model_ref import AgentRef, SaiaRef
from portico.wire.requests import NULL, ChatRequest, Members

PATHS = (
    "/v1/chat/completions",
    "/chat/completions",
    "/chat",
    "/chat/completion",
    "/v1/chat",
    # what an OpenAI SDK calls when its base URL is the documented endpoint itself
    "/v1/chat/completions/chat/completions",
    "/chat/chat/completions",
)
PLATFORM = ("variables", "threadId", "filters", "revision", "revisionName", "store")
"""Members of the platform that no provider knows; assistants have taken theirs before these are dropped."""


def chat_completions(services: Services, caller: Caller, exchange: Exchange) -> Awaitable[Answer | Stream]:
    require(caller, "execution")
    request = read_chat_request(exchange.body)
    read_conversation(request, exchange)
    exchange.stream = request.stream
    request.labels, request.cache = read_labels(exchange.headers)
    return services.desk.answer(caller, request, exchange.request_id)


def read_conversation(request: ChatRequest, exchange: Exchange) -> None:
    """The header `saia-conversation-id`, for those who know it. A RAG assistant takes it where `threadId` is absent:
    the official SDK sends its thread in this header. Raises PatternMismatch."""
    ref = request.ref
    if isinstance(ref, AgentRef):
        request.conversation_id = exchange.header(b"saia-conversation-id")
    elif isinstance(ref, SaiaRef) and ref.type == "search":
        thread_id = request.options.thread_id
        request.conversation_id = thread_id or read_thread(
            exchange.header(b"saia-conversation-id"), "saia-conversation-id"
        )


def read_chat_request(body: bytes | bytearray) -> ChatRequest:
    """Checks what the reference constrains; every other member stays as it came. Raises BadRequest errors."""
    members = read_members(body)
    return maybe_plain(body, members) or read_chat_members(members, len(body))


def read_chat_members(members: Members, body_bytes: int) -> ChatRequest:
    """The same for members, also those that were made of another API's request."""
    ref = read_model(members)
    request = ChatRequest(ref, members, body_bytes=body_bytes)
    if type(ref) is SaiaRef:
        request.options = (take_search_options if ref.type == "search" else take_assistant_options)(members)
    request.media = read_messages(members)
    request.stream = read_flag(members, "stream")
    request.include_usage = _read_stream_options(members)
    metadata = members.get("metadata", NULL)
    check_members(members, tuple(members))
    if "tool_choice" in members:  # last: it looks whether any tools are left
        _tool_choice(members, "tool_choice")
    request.has_tools = "tools" in members
    if metadata != NULL:
        request.metadata = bytes(metadata).decode()
    return request


def check_members(members: Members, names: Iterable[str]) -> None:
    """Checks these members by what the reference constrains; those it does not know pass. Raises BadRequest errors."""
    for name in names:
        check = _CHECKS.get(name)
        if check is not None:
            check(members, name)


def _read_stream_options(members: Members) -> bool:
    raw = members.pop("stream_options", None)
    if raw is None or raw == NULL:
        return False
    try:
        options = msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        raise PatternMismatch("stream_options", "send an object") from None
    return options.get("include_usage") in (True, "true", "True", 1)


def _number(low: float, high: float, *, whole: bool = False) -> Callable[[Members, str], None]:
    """A check of a number within [low, high]; null means absent; a number in quotes is taken as the number."""

    def check(members: Members, name: str) -> None:
        value = _decode(members[name], name)
        if value is None:
            del members[name]
            return
        if isinstance(value, str):
            value = _unquote(value, name)
            members[name] = msgspec.Raw(msgspec.json.encode(value))
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise PatternMismatch(name, "send a number")
        if not low <= value <= high:  # infinite, and no number at all, too
            raise OutOfRange(name, f"send a number from {low:g} to {high:g}" if high < 2**31 else f"at least {low:g}")
        if whole and value != int(value):
            raise PatternMismatch(name, "send a whole number")

    return check


def _unquote(text: str, name: str) -> int | float:
    try:
        return int(text) if text.strip().lstrip("-").isdigit() else float(text)
    except ValueError:
        raise PatternMismatch(name, "send a number") from None


def _drop(members: Members, name: str) -> None:
    del members[name]


def _boolean(members: Members, name: str) -> None:
    if members[name] == NULL:  # absent, not false
        del members[name]
        return
    value = read_flag(members, name)
    members[name] = msgspec.Raw(b"true" if value else b"false")


def _decode(raw: msgspec.Raw, name: str) -> Any:
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError as error:
        raise PatternMismatch(name, str(error)) from None
    except RecursionError:
        raise PatternMismatch(name, "the JSON is nested too deeply") from None


def _stop(members: Members, name: str) -> None:
    value = _decode(members[name], name)
    if value is None:
        del members[name]
    elif isinstance(value, list):
        if len(value) > 4:
            raise OutOfRange(name, "at most 4 sequences")
        if not all(isinstance(item, str) for item in value):
            raise PatternMismatch(name, "send a string or an array of strings")
    elif not isinstance(value, str):
        raise PatternMismatch(name, "send a string or an array of strings")


def _metadata(members: Members, name: str) -> None:
    """Kept for the request log; no provider gets it."""
    value = _decode(members.pop(name), name)
    if value is not None and not isinstance(value, dict):
        raise PatternMismatch(name, "send an object")
    if value and len(value) > 16:
        raise OutOfRange(name, "at most 16 pairs")


def _tools(members: Members, name: str) -> None:
    """Flat tools become the OpenAI form; an empty array or null means no tools."""
    tools = _decode(members[name], name)
    if not tools:
        del members[name]
        return
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        raise PatternMismatch(name, "send an array of tools")
    members[name] = msgspec.Raw(msgspec.json.encode([_tool(tool) for tool in tools]))


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    """One tool in the OpenAI form. Objects that are neither form (`{"googleSearch":{}}`) belong to the provider."""
    function = tool.get("function")
    if isinstance(function, dict):
        if not isinstance(function.get("name"), str) or not function["name"]:
            raise FieldRequired("tools.function.name")
        return tool
    if isinstance(tool.get("name"), str) and tool.get("type") in (None, "function"):
        kept = {k: v for k, v in tool.items() if k in ("name", "description", "parameters", "strict")}
        return {"type": "function", "function": {k: v for k, v in kept.items() if v is not None}}
    if tool.get("type") == "function":
        raise FieldRequired("tools.function")
    return tool


def _tool_choice(members: Members, name: str) -> None:
    """Unwraps the vendor's `{"tool_choice": ...}`; checks the documented forms."""
    choice = _decode(members[name], name)
    if isinstance(choice, dict) and set(choice) == {"tool_choice"}:
        choice = choice["tool_choice"]
    if isinstance(choice, dict) and isinstance(choice.get("function"), dict):
        choice = {"type": "function", "function": {"name": choice["function"].get("name")}}
    if choice is None or "tools" not in members:
        del members[name]
        return
    if choice not in ("none", "auto", "required") and not isinstance(choice, dict):
        raise PatternMismatch(name, "send none, auto, required or a function")
    members[name] = msgspec.Raw(msgspec.json.encode(choice))


def _response_format(members: Members, name: str) -> None:
    value = _decode(members[name], name)
    if value is None:
        del members[name]
        return
    kind = value.get("type") if isinstance(value, dict) else None
    if kind not in ("text", "json_object", "json_schema"):
        raise PatternMismatch("response_format.type", "send text, json_object or json_schema")
    if kind == "json_schema":
        wrapped = value.get("json_schema")
        if not isinstance(wrapped, dict) or not isinstance(wrapped.get("schema"), dict | bool):
            raise FieldRequired("response_format.json_schema.schema")


def _text(members: Members, name: str) -> None:
    value = _decode(members[name], name)
    if value is None:
        del members[name]
    elif not isinstance(value, str):
        raise PatternMismatch(name, "send a string")


_BIG = float(2**53)
_CHECKS: dict[str, Callable[[Members, str], None]] = {
    "temperature": _number(0, 2),
    "top_p": _number(0, 1),
    "max_tokens": _number(1, _BIG, whole=True),
    "max_completion_tokens": _number(1, _BIG, whole=True),
    "max_output_tokens": _number(1, _BIG, whole=True),
    "frequency_penalty": _number(-2, 2),
    "presence_penalty": _number(-2, 2),
    "n": _number(1, 128, whole=True),
    "seed": _number(-(2.0**63), 2.0**63, whole=True),
    "logprobs": _boolean,
    "top_logprobs": _number(0, 20, whole=True),
    "parallel_tool_calls": _boolean,
    "stop": _stop,
    "user": _text,
    "metadata": _metadata,
    "tools": _tools,
    "response_format": _response_format,
    "reasoning_effort": _text,
    **dict.fromkeys(PLATFORM, _drop),
}
