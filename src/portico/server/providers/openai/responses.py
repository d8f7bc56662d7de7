"""A chat request on OpenAI's Responses API, for models that are served nowhere else: items out, a chat answer back.

Nothing is stored over there (`store: false`): each request carries its whole conversation, as a chat request does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from portico.server.errors import ProviderError, ProviderUnknown
from portico.server.providers.base import Members, Outgoing, Target, Turn, read_limit
from portico.server.providers.chunks import ChunkWriter, call_member, whole_answer
from portico.server.providers.conversation import (
    Call,
    Media,
    Part,
    Result,
    Text,
    Tools,
    fitting_id,
    read_conversation,
    read_schema,
    read_tools,
    read_value,
)
from portico.server.providers.counts import guess
from portico.server.providers.openai.counts import disjoint
from portico.server.providers.openai_errors import error_of
from portico.wire.requests import NULL, ChatRequest

_encode = msgspec.json.Encoder().encode
PATH = "/responses"
_PASSED = ("temperature", "top_p", "user", "service_tier", "prompt_cache_key", "safety_identifier")
_LACKING = (
    "stop", "n", "seed", "logprobs", "top_logprobs", "logit_bias", "frequency_penalty", "presence_penalty",
    "prediction", "audio", "modalities", "web_search_options",
)  # fmt: skip
_ENDS = {"max_output_tokens": "length", "max_messages": "length", "content_filter": "content_filter"}
_STATUS = {"rate_limit_exceeded": 429, "invalid_prompt": 400, "vector_store_timeout": 504}
"""What a failure inside an answer would have been outside; those of images (`invalid_image`, ...) are 400 as well."""
_LEAST_OUTPUT = 16
_CALL_ID, _LONGEST_ID = r"[A-Za-z0-9_-]+", 64


class _Details(msgspec.Struct):
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0


class _Usage(msgspec.Struct):
    input_tokens: int = 0
    output_tokens: int = 0
    input_tokens_details: _Details | None = None
    output_tokens_details: _Details | None = None


class _Content(msgspec.Struct):
    type: str = ""
    text: str = ""
    refusal: str = ""
    annotations: list[dict[str, Any]] = []


class _Item(msgspec.Struct):
    type: str = ""
    call_id: str = ""
    name: str = ""
    arguments: str = ""
    content: list[_Content] | None = None
    summary: list[_Content] | None = None


class _Reason(msgspec.Struct):
    reason: str = ""


class _Response(msgspec.Struct):
    id: str = ""
    model: str = ""
    status: str = ""
    created_at: float = 0
    output: list[_Item] = []
    usage: _Usage | None = None
    incomplete_details: _Reason | None = None
    error: msgspec.Raw = msgspec.Raw(b"")


class _Coded(msgspec.Struct):
    code: str | None = None


class _Event(msgspec.Struct):
    type: str = ""
    delta: str = ""
    output_index: int = 0
    item: _Item | None = None
    annotation: dict[str, Any] | None = None
    response: _Response | None = None
    message: str | None = None
    code: str | None = None
    error: msgspec.Raw = msgspec.Raw(b"")


RESPONSE = msgspec.json.Decoder(_Response)
_EVENT = msgspec.json.Decoder(_Event)


class Reader(msgspec.Struct):
    """What is known between the events of one stream; `calls` maps the item's place to the call's index."""

    model: str
    writer: ChunkWriter | None = None
    calls: dict[int, int] = {}
    argued: set[int] = set()


def needs_responses(request: ChatRequest, target: Target) -> bool:
    """Whether the model answers this request on the Responses API only. One that thinks unasked (gpt-5.6) refuses
    tools elsewhere even when no effort is named: https://github.com/BerriAI/litellm/pull/34569, read 2026-11-20."""
    traits = target.traits
    if traits.api == "responses":
        return True
    if traits.tools_with_reasoning != "responses" or not request.has_tools:
        return False
    unasked = traits.effort_default or ("none" if "none" in traits.effort_values else "medium")
    return (request.effort or unasked) != "none"


def write_response(request: ChatRequest, target: Target, turn: Turn) -> Outgoing:
    """The request as items."""
    turn.reader = Reader(target.model)
    conversation, tools = read_conversation(request), read_tools(request)
    items = [item for turned in conversation.turns for item in _items(turned.role, turned.parts)]
    body: Members = {"model": target.upstream_model, "input": items, "store": False}
    if conversation.system:
        body["instructions"] = "\n\n".join(conversation.system)
    _write_limit(body, request, turn)
    if request.effort:
        body["reasoning"] = {"effort": request.effort}
    _write_tools(body, tools)
    _write_format(body, request)
    for name in _PASSED:
        if name in request.members:
            body[name] = request.members[name]
    turn.adjusted += [f"{name} dropped" for name in _LACKING if request.members.get(name, NULL) != NULL]
    if request.stream and target.traits.streaming:  # else the whole answer becomes a stream here
        body["stream"] = True
    return Outgoing(PATH, _encode(body), request.stream)


def _items(role: str, parts: Sequence[Part]) -> list[Members]:
    """Calls and results are items of their own; texts and files between them make messages."""
    items: list[Members] = []
    content: list[Members] = []

    def close_message() -> None:
        if content:
            items.append({"type": "message", "role": role, "content": content.copy()})
            content.clear()

    for part in parts:
        if isinstance(part, Text):
            content.append({"type": "output_text" if role == "assistant" else "input_text", "text": part.text})
        elif isinstance(part, Media):
            content.append(_media(part))
        elif isinstance(part, Call):
            close_message()
            called = {"call_id": _fit(part.id), "name": part.name, "arguments": part.arguments}
            items.append({"type": "function_call", **called})
        elif isinstance(part, Result):
            items.append({"type": "function_call_output", "call_id": _fit(part.id), "output": _output(part)})
    close_message()
    return items


def _fit(call_id: str) -> str:
    return fitting_id(call_id, _CALL_ID, _LONGEST_ID)


def _output(result: Result) -> str | list[Members]:
    """A text, or parts where the tool answered with files."""
    if all(isinstance(part, Text) for part in result.parts):
        return result.text
    return [
        {"type": "input_text", "text": part.text} if isinstance(part, Text) else _media(part) for part in result.parts
    ]


def _media(part: Media) -> Members:
    address = part.url or f"data:{part.media_type};base64,{part.data}"
    if part.kind == "image":
        return {"type": "input_image", "image_url": address}
    if part.url:
        return {"type": "input_file", "file_url": address}
    return {"type": "input_file", "filename": part.name or "file", "file_data": address}


def _write_limit(body: Members, request: ChatRequest, turn: Turn) -> None:
    limit = read_limit(request)
    if not limit:
        return
    sent = body["max_output_tokens"] = raise_limit(limit)
    if sent != limit:
        turn.adjusted.append(f"max_tokens {limit}->{sent}")


def raise_limit(limit: int) -> int:
    """A lower one is refused over there."""
    return max(limit, _LEAST_OUTPUT)


def _write_tools(body: Members, tools: Tools) -> None:
    flat = [
        {
            "type": "function",
            "name": tool.name,
            "description": tool.description,
            "parameters": tool.parameters or {"type": "object", "properties": {}},
            "strict": bool(tool.strict),  # over there a tool is strict unless it says not
        }
        for tool in tools.functions
    ]
    if flat or tools.native:
        body["tools"] = [*flat, *tools.native]
    if tools.choice:
        body["tool_choice"] = {"type": "function", "name": tools.name} if tools.choice == "named" else tools.choice
    if tools.parallel is not None:
        body["parallel_tool_calls"] = tools.parallel


def _write_format(body: Members, request: ChatRequest) -> None:
    """What a chat request has in `response_format` and in `verbosity` stands in `text` there."""
    kind, schema, name = read_schema(request)
    text: Members = {}
    if kind == "json_object":
        text["format"] = {"type": "json_object"}
    elif kind == "json_schema":
        inner = (read_value(request, "response_format") or {})["json_schema"]
        strict = {"strict": inner["strict"]} if isinstance(inner.get("strict"), bool) else {}
        text["format"] = {"type": "json_schema", "name": name, "schema": schema, **strict}
    if request.members.get("verbosity", NULL) != NULL:
        text["verbosity"] = request.members["verbosity"]
    if text:
        body["text"] = text


def read_response(body: bytes, turn: Turn) -> Members:
    """A whole answer as a chat completion."""
    try:
        response = RESPONSE.decode(body)
    except (msgspec.DecodeError, RecursionError):
        raise ProviderUnknown("the provider's answer is not a response") from None
    raise_failure(response)
    parts = [part for item in response.output for part in item.content or ()]
    thoughts = [part.text for item in response.output if item.type == "reasoning" for part in item.summary or ()]
    calls = [item for item in response.output if item.type == "function_call"]
    finish_turn(response, turn, bool(calls))
    more: Members = {}
    refusal = "".join(part.refusal for part in parts)
    if refusal:
        more["refusal"] = refusal
    annotations = [_annotation(one) for part in parts for one in part.annotations]
    if annotations:
        more["annotations"] = annotations
    return whole_answer(
        response.id,
        response.model,
        content="".join(part.text for part in parts if part.type == "output_text"),
        finish_reason=turn.finish_reason,
        calls=[call_member(item.call_id, item.name, item.arguments) for item in calls],
        reasoning="\n\n".join(thoughts),
        more=more,
    )


def read_event(data: bytes, turn: Turn) -> Sequence[bytes]:
    """One event of a stream as chunks."""
    try:
        event = _EVENT.decode(data)
    except (msgspec.DecodeError, RecursionError):
        raise ProviderUnknown("the provider's stream holds something that is not an event") from None
    reader: Reader = turn.reader
    writer = reader.writer
    if writer is None:
        answer = event.response or _Response()
        writer = reader.writer = ChunkWriter(answer.id or "resp", answer.model or reader.model)
    match event.type:
        case "response.output_text.delta":
            turn.seen_tokens += guess(event.delta)
            return (writer.text(event.delta),)
        case "response.refusal.delta":
            turn.seen_tokens += guess(event.delta)
            return (writer.members({"refusal": event.delta}),)
        case "response.reasoning_summary_text.delta":
            turn.seen_tokens += guess(event.delta)
            return (writer.reasoning(event.delta),)
        case "response.output_item.added" if event.item and event.item.type == "function_call":
            reader.calls[event.output_index] = writer.calls
            return (writer.begin_call(event.item.call_id, event.item.name),)
        case "response.function_call_arguments.delta":
            turn.seen_tokens += guess(event.delta)
            reader.argued.add(event.output_index)
            return (writer.arguments(event.delta, reader.calls.get(event.output_index)),)
        case "response.output_item.done" if event.item and event.item.type == "function_call":
            if event.output_index in reader.argued:
                return ()
            return (writer.arguments(event.item.arguments or "{}", reader.calls.get(event.output_index)),)
        case "response.completed" | "response.incomplete":
            finish_turn(event.response or _Response(), turn, bool(reader.calls))
            return (writer.finish(turn.finish_reason),)
        case "response.failed":
            raise_failure(event.response or _Response(status="failed"))
        case "error":
            given = event.error if len(event.error) else _encode({"message": event.message, "code": event.code})
            raise failure_of(msgspec.Raw(given))
        case "response.output_text.annotation.added" if event.annotation:
            return (writer.members({"annotations": [_annotation(event.annotation)]}),)
    return ()


def finish_turn(response: _Response, turn: Turn, called: bool) -> None:
    """How it ended, and the tokens it took, into `turn`."""
    reason = response.incomplete_details.reason if response.incomplete_details else ""
    turn.finish_reason = _ENDS.get(reason) or ("tool_calls" if called else "stop")
    usage = response.usage
    if usage is None:
        return
    inner, outer = usage.input_tokens_details or _Details(), usage.output_tokens_details or _Details()
    tokens = turn.tokens = disjoint(
        usage.input_tokens,
        usage.output_tokens,
        cached=inner.cached_tokens,
        written=inner.cache_write_tokens,
        reasoning=outer.reasoning_tokens,
    )
    turn.usage_members = {
        "prompt_tokens_details": {"cached_tokens": tokens.cache_read},
        "completion_tokens_details": {"reasoning_tokens": tokens.reasoning},
    }


def raise_failure(response: _Response) -> None:
    """Raises ProviderError for a response that failed with status 200 (HC-13)."""
    if len(response.error) and response.error != NULL:
        raise failure_of(response.error)
    if response.status == "failed":
        raise ProviderUnknown("the provider could not make the answer")


def failure_of(error: msgspec.Raw) -> ProviderError:
    """The error that the same failure would have been outside of an answer of status 200."""
    try:
        code = msgspec.json.decode(error, type=_Coded).code or ""
    except (msgspec.DecodeError, RecursionError):
        code = ""
    return error_of(400 if "image" in code else _STATUS.get(code, 502), {}, error)


def _annotation(given: dict[str, Any]) -> Members:
    if given.get("type") != "url_citation":
        return given
    return {"type": "url_citation", "url_citation": {k: v for k, v in given.items() if k != "type"}}
