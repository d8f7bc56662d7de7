"""A request of the Responses API to the members of a chat request, for models that do not speak this API themselves.

Source: Responses API reference; platform.openai.com/docs/api-reference/responses, read 2026-11-20.
"""

from __future__ import annotations

from typing import Any

import msgspec

from portico.server.edge.bodies import read_member
from portico.server.edge.dialects.responses.items import read_input
from portico.server.errors import FieldRequired, PatternMismatch
from portico.wire.requests import NULL, Members

_encode = msgspec.json.Encoder().encode
_SAME = (
    "model", "stream", "temperature", "top_p", "parallel_tool_calls", "metadata", "user", "service_tier",
    "prompt_cache_key", "safety_identifier",
)  # fmt: skip
_EXTRA = ("variables", "threadId", "filters", "revision", "revisionName")
"""Members of the platform for its assistants."""
Json = dict[str, Any]


def read_responses_request(members: Members) -> Members:
    """The members of the chat request. Raises FieldRequired, PatternMismatch naming the field or the tool."""
    made: Members = {name: members[name] for name in (*_SAME, *_EXTRA) if members.get(name, NULL) != NULL}
    messages = read_input(read_member(members, "input"))
    instructions = read_member(members, "instructions")
    if instructions is not None and not isinstance(instructions, str):
        raise PatternMismatch("instructions", "send a string")
    if instructions:
        messages.insert(0, {"role": "system", "content": instructions})
    made["messages"] = _raw(messages)
    limit = members.get("max_output_tokens", NULL)
    if limit == NULL:
        limit = members.get("max_tokens", NULL)
    if limit != NULL:
        made["max_completion_tokens"] = limit
    _write_reasoning(made, members)
    _write_text(made, members)
    _write_tools(made, members)
    return made


def _write_reasoning(made: Members, members: Members) -> None:
    reasoning = read_member(members, "reasoning")
    if reasoning is None:
        return
    if not isinstance(reasoning, dict):
        raise PatternMismatch("reasoning", "send an object")
    if reasoning.get("effort") is not None:
        if not isinstance(reasoning["effort"], str):
            raise PatternMismatch("reasoning.effort", "send a string")
        made["reasoning_effort"] = _raw(reasoning["effort"])


def _write_text(made: Members, members: Members) -> None:
    text = read_member(members, "text")
    if text is None:
        return
    if not isinstance(text, dict):
        raise PatternMismatch("text", "send an object")
    if text.get("verbosity") is not None:
        made["verbosity"] = _raw(text["verbosity"])
    form: Any = text.get("format")
    kind = form.get("type") if isinstance(form, dict) else "text" if form is None else None
    if kind == "json_object":
        made["response_format"] = _raw({"type": "json_object"})
    elif kind == "json_schema":
        if not isinstance(form.get("schema"), dict):
            raise FieldRequired("text.format.schema")
        names = ("name", "description", "schema", "strict")
        wrapped = {name: form[name] for name in names if form.get(name) is not None}
        made["response_format"] = _raw({"type": "json_schema", "json_schema": wrapped})
    elif kind != "text":
        raise PatternMismatch("text.format.type", "send text, json_object or json_schema")


def _write_tools(made: Members, members: Members) -> None:
    tools = read_member(members, "tools") or []
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        raise PatternMismatch("tools", "send an array of tools")
    if not tools:
        made.pop("parallel_tool_calls", None)
        return
    made["tools"] = _raw([_tool(tool, f"tools[{index}]") for index, tool in enumerate(tools)])
    choice = read_member(members, "tool_choice")
    if isinstance(choice, dict):
        made["tool_choice"] = _raw(_named(choice))
    elif choice is not None:
        made["tool_choice"] = _raw(choice)


def _tool(tool: Json, where: str) -> Json:
    kind = tool.get("type") or "function"
    if kind != "function":
        raise PatternMismatch(
            f"{where}.type",
            f"the tool '{kind}' runs on OpenAI's own service; this model takes tools of type function",
        )
    inner = tool.get("function") if isinstance(tool.get("function"), dict) else tool
    if not isinstance(inner, dict) or not isinstance(inner.get("name"), str) or not inner["name"]:
        raise FieldRequired(f"{where}.name")
    names = ("name", "description", "parameters", "strict")
    return {"type": "function", "function": {name: inner[name] for name in names if inner.get(name) is not None}}


def _named(choice: Json) -> Json:
    if choice.get("type") == "allowed_tools":
        tools = choice.get("tools")
        if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
            raise PatternMismatch("tool_choice.tools", "send an array of tools")
        listed = [_named(tool) for tool in tools]
        return {"type": "allowed_tools", "allowed_tools": {"mode": choice.get("mode"), "tools": listed}}
    inner = choice.get("function") if isinstance(choice.get("function"), dict) else choice
    if choice.get("type") != "function" or not isinstance(inner, dict) or not isinstance(inner.get("name"), str):
        raise PatternMismatch("tool_choice", "send none, auto, required or a function by its name")
    return {"type": "function", "function": {"name": inner["name"]}}


def _raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(_encode(value))
