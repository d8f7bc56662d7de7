"""A chat request as Ollama takes it: texts and pictures apart, sampling in `options`, a schema as `format`."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

import msgspec

from portico.server.errors import MediaNotSupported
from portico.server.providers.base import Members, Target, Turn
from portico.server.providers.conversation import (
    Call,
    Conversation,
    Media,
    Part,
    Result,
    Text,
    Thought,
    Tools,
    Turned,
    read_conversation,
    read_schema,
    read_stop,
    read_tools,
    read_value,
)
from portico.server.providers.unsupported import note_dropped
from portico.wire.requests import NULL, ChatRequest

_OPTIONS = (
    "temperature", "top_p", "top_k", "min_p", "seed", "presence_penalty", "frequency_penalty", "repeat_penalty",
    "repeat_last_n", "num_ctx", "num_gpu", "num_thread", "num_keep",
)  # fmt: skip
_LEVELS = ("low", "medium", "high")


def write_body(request: ChatRequest, target: Target, turn: Turn) -> Members:
    members: Members = {"model": target.upstream_model, "messages": write_messages(read_conversation(request))}
    members["stream"] = request.stream
    tools = read_tools(request)
    if tools.functions and tools.choice != "none":
        members["tools"] = [_tool(tool.name, tool.description, tool.parameters) for tool in tools.functions]
        _note_choice(tools, turn)
    kind, schema, _ = read_schema(request)
    if kind:
        members["format"] = schema or "json"
    if request.effort or request.budget is not None:
        members["think"] = _think(request, target, turn)
    options = _options(request)
    if options:
        members["options"] = options
    keep_alive = request.members.get("keep_alive", NULL)
    if keep_alive != NULL:
        members["keep_alive"] = keep_alive
    note_dropped(request, ("logit_bias", "logprobs", "top_logprobs", "n"), turn)
    return members


def _options(request: ChatRequest) -> Members:
    """Ollama's own `options` object goes first; the members of the OpenAI request have priority."""
    given = request.members
    own = read_value(request, "options")
    options: Members = own if isinstance(own, dict) else {}
    for name in _OPTIONS:
        if given.get(name, NULL) != NULL:
            options[name] = given[name]
    limit = given.get("max_completion_tokens", NULL)
    limit = given.get("max_tokens", NULL) if limit == NULL else limit
    if limit != NULL:
        options["num_predict"] = limit
    stop = read_stop(request)
    if stop:
        options["stop"] = stop
    return options


def _think(request: ChatRequest, target: Target, turn: Turn) -> bool | str:
    """Off, on, or a level; gpt-oss has levels only and cannot be turned off."""
    effort = request.effort
    if effort == "none" or (not effort and request.budget == 0):
        if "gpt-oss" not in target.upstream_model:
            return False
        turn.adjusted.append("reasoning_effort none->low")
        return "low"
    return effort if effort in _LEVELS else True


def _note_choice(tools: Tools, turn: Turn) -> None:
    """The API always leaves the choice to the model."""
    if tools.choice in ("required", "named"):
        turn.adjusted.append(f"tool_choice {tools.choice}->auto")
    if tools.parallel is False:
        turn.adjusted.append("parallel_tool_calls dropped")


def _tool(name: str, description: str, parameters: dict[str, Any] | None) -> Members:
    schema = parameters or {"type": "object", "properties": {}}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": schema}}


# messages -------------------------------------------------------------------------------------------------------


def write_messages(conversation: Conversation) -> list[Members]:
    messages: list[Members] = [{"role": "system", "content": text} for text in conversation.system]
    for turned in conversation.turns:
        messages += _write_assistant(turned) if turned.role == "assistant" else _write_user(turned)
    return messages


def _write_user(turned: Turned) -> list[Members]:
    """Results first, each a message of its own."""
    messages: list[Members] = [
        {"role": "tool", "tool_name": part.name, "tool_call_id": part.id, **_content(part.parts)}
        for part in turned.parts
        if isinstance(part, Result)
    ]
    said = [part for part in turned.parts if isinstance(part, Text | Media)]
    return [*messages, {"role": "user", **_content(said)}] if said else messages


def _write_assistant(turned: Turned) -> list[Members]:
    said = [part for part in turned.parts if isinstance(part, Text | Media)]
    message: Members = {"role": "assistant", **_content(said)}
    thoughts = "".join(part.text for part in turned.parts if isinstance(part, Thought))
    if thoughts:
        message["thinking"] = thoughts
    calls = [
        {"id": part.id, "function": {"name": part.name, "arguments": _arguments(part.arguments)}}
        for part in turned.parts
        if isinstance(part, Call)
    ]
    if calls:
        message["tool_calls"] = calls
    return [message] if said or thoughts or calls else []


def _content(parts: Sequence[Part]) -> Members:
    """Texts joined, pictures in a list. Raises MediaNotSupported for any other file but texts."""
    texts: list[str] = []
    images: list[str] = []
    for part in parts:
        if isinstance(part, Text):
            texts.append(part.text)
        elif isinstance(part, Media) and part.kind == "image" and part.data:
            images.append(part.data)
        elif isinstance(part, Media) and part.kind == "text" and part.data:
            texts.append(_text_of(part))
        else:
            raise MediaNotSupported(param="messages")
    content: Members = {"content": "\n".join(texts)}
    if images:
        content["images"] = images
    return content


def _text_of(part: Media) -> str:
    try:
        return base64.b64decode(part.data).decode("utf-8", "replace")
    except binascii.Error:
        raise MediaNotSupported(param="messages") from None


def _arguments(text: str) -> msgspec.Raw | Members:
    """The object as the model wrote it (HC-02); a text that is none is wrapped, since the API takes objects only."""
    try:
        msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError):
        return {"arguments": text}
    return msgspec.Raw(text.encode())
