"""A chat request as Mistral's chat completions take it: like OpenAI's, but strict on ids, roles and unknown members."""

from __future__ import annotations

from typing import Any

import msgspec

from portico.server.providers.base import Members, Target, Turn
from portico.server.providers.budgets import effort_of
from portico.server.providers.conversation import (
    Call,
    Conversation,
    Media,
    Part,
    Result,
    Text,
    Thought,
    Turned,
    fitting_id,
    read_conversation,
    read_stop,
    read_value,
)
from portico.server.providers.openai.foreign import own_tool
from portico.server.providers.unsupported import note_dropped
from portico.wire.requests import NULL, ChatRequest

_KNOWN = (
    "top_p", "presence_penalty", "frequency_penalty", "min_tokens", "repetition_penalty", "top_k", "logprobs",
    "top_logprobs", "prediction", "parallel_tool_calls", "prompt_mode", "safe_prompt", "guardrails", "metadata",
    "prompt_cache_key", "tools",
)  # fmt: skip
"""Members that pass as they came; the API refuses those it does not know."""
_LARGEST_TEMPERATURE = 1.5
_ID = r"[a-zA-Z0-9]{9}"
_ID_LENGTH = 9
_BETWEEN = "OK."
"""The API refuses a user's message directly behind a tool's: the assistant says this in between."""


def write_body(request: ChatRequest, target: Target, turn: Turn) -> Members:
    members: Members = {"model": target.upstream_model}
    thinks = target.traits.thinking_mode != "none" or "magistral" in target.upstream_model
    members["messages"] = write_messages(read_conversation(request), thinks)
    for name in _KNOWN:
        raw = request.members.get(name, NULL)
        if raw != NULL:
            members[name] = raw
    if request.dialect == "messages" and request.has_tools:  # may carry marks that this API does not know
        members["tools"] = [own_tool(tool) for tool in read_value(request, "tools")]
    _write_numbers(members, request, turn)
    _write_choice(members, request)
    form = read_value(request, "response_format")
    if form and form.get("type") != "text":
        members["response_format"] = form
    if request.effort or request.budget is not None:
        _write_thinking(members, request, target)
    note_dropped(request, ("logit_bias", "n"), turn)
    return members


def _write_numbers(members: Members, request: ChatRequest, turn: Turn) -> None:
    given = request.members
    temperature = read_value(request, "temperature")
    if temperature is not None:
        if temperature > _LARGEST_TEMPERATURE:
            turn.adjusted.append(f"temperature {temperature:g}->{_LARGEST_TEMPERATURE:g}")
            temperature = _LARGEST_TEMPERATURE
        members["temperature"] = temperature
    limit = given.get("max_completion_tokens", NULL)
    limit = given.get("max_tokens", NULL) if limit == NULL else limit
    if limit != NULL:
        members["max_tokens"] = limit
    seed = given.get("seed", given.get("random_seed", NULL))
    if seed != NULL:
        members["random_seed"] = seed
    stop = read_stop(request)
    if stop:
        members["stop"] = stop


def _write_choice(members: Members, request: ChatRequest) -> None:
    choice = read_value(request, "tool_choice")
    if choice is not None and "tools" in members:
        members["tool_choice"] = "any" if choice == "required" else choice


def _write_thinking(members: Members, request: ChatRequest, target: Target) -> None:
    """Magistral thinks by a mode of its prompt, the others by an effort; no model knows budgets."""
    effort = request.effort
    if not effort:
        effort = "none" if request.budget == 0 else effort_of(request.budget or 0, target.traits) or "high"
    if "magistral" in target.upstream_model:
        members["prompt_mode"] = None if effort == "none" else "reasoning"
    elif effort != "none" or "none" in target.traits.effort_values:
        members["reasoning_effort"] = effort


# messages -------------------------------------------------------------------------------------------------------


def write_messages(conversation: Conversation, thinks: bool) -> list[Members]:
    """System texts first, in one message; the last message of an assistant is the beginning of the answer."""
    messages: list[Members] = []
    if conversation.system:
        messages.append({"role": "system", "content": "\n\n".join(conversation.system)})
    for turned in conversation.turns:
        messages += _write_assistant(turned, thinks) if turned.role == "assistant" else _write_user(turned)
    if messages and messages[-1]["role"] == "assistant" and "tool_calls" not in messages[-1]:
        messages[-1]["prefix"] = True
    return messages


def _write_user(turned: Turned) -> list[Members]:
    results: list[Members] = [
        {
            "role": "tool",
            "tool_call_id": fitting_id(part.id, _ID, _ID_LENGTH, ""),
            "name": part.name,
            "content": _content(part.parts),
        }
        for part in turned.parts
        if isinstance(part, Result)
    ]
    said = [part for part in turned.parts if not isinstance(part, Result)]
    if results and said:
        results.append({"role": "assistant", "content": _BETWEEN})
    return [*results, {"role": "user", "content": _content(said)}] if said else results


def _write_assistant(turned: Turned, thinks: bool) -> list[Members]:
    calls = [
        {
            "id": fitting_id(part.id, _ID, _ID_LENGTH, ""),
            "type": "function",
            "function": {"name": part.name, "arguments": part.arguments},
        }
        for part in turned.parts
        if isinstance(part, Call)
    ]
    said = [part for part in turned.parts if isinstance(part, Text | Media) or (thinks and isinstance(part, Thought))]
    message: Members = {"role": "assistant", "content": _content(said)}
    if calls:
        message["tool_calls"] = calls
    return [message] if said or calls else []


def _content(parts: Any) -> str | list[Members]:
    """A text alone as a string, anything else as chunks."""
    chunks = [chunk for part in parts for chunk in _chunk(part)]
    if not chunks:
        return ""
    if len(chunks) == 1 and chunks[0]["type"] == "text":
        return str(chunks[0]["text"])
    return chunks


def _chunk(part: Part) -> list[Members]:
    if isinstance(part, Text):
        return [{"type": "text", "text": part.text}]
    if isinstance(part, Thought):
        if not part.text:
            return []
        signed = {"signature": part.signature} if part.signature else {}
        return [{"type": "thinking", "thinking": [{"type": "text", "text": part.text}], **signed}]
    assert isinstance(part, Media)
    if part.kind == "audio":
        return [{"type": "input_audio", "input_audio": part.data or part.url}]
    address = part.url or f"data:{part.media_type};base64,{part.data}"
    if part.kind == "image":
        return [{"type": "image_url", "image_url": address}]
    named = {"document_name": part.name} if part.name else {}
    return [{"type": "document_url", "document_url": address, **named}]


encode = msgspec.json.Encoder().encode
