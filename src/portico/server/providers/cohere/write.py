"""A chat request to the body of Cohere's chat API, version 2. Source: docs.cohere.com/reference/chat."""

from __future__ import annotations

from typing import Any

import msgspec

from portico.server.providers import answer_tool
from portico.server.providers.base import Members, Target, Traits, Turn
from portico.server.providers.budgets import budget_of
from portico.server.providers.cohere.messages import write_messages
from portico.server.providers.conversation import Tool, Tools, read_conversation, read_schema, read_stop, read_tools
from portico.server.providers.unsupported import note_dropped
from portico.wire.requests import NULL, ChatRequest

_LACKING = (
    "n", "logit_bias", "logprobs", "top_logprobs", "audio", "modalities", "prediction", "verbosity", "service_tier",
    "web_search_options",
)  # fmt: skip
_OWN = ("seed", "documents", "citation_options", "safety_mode", "k", "priority")
"""Members with the same name and meaning; all but `seed` are known to Cohere alone. They pass as they came."""
_RANGES = (("top_p", "p", 0.01, 0.99), ("frequency_penalty", "frequency_penalty", 0.0, 1.0),
           ("presence_penalty", "presence_penalty", 0.0, 1.0))  # fmt: skip
_NO_PARAMETERS: Members = {"type": "object", "properties": {}}
_MOST_STOPS = 5


def write_body(request: ChatRequest, target: Target, turn: Turn) -> tuple[Members, bool]:
    """The members of the body without `model` and `stream`, and whether the answer comes as a call to be unwrapped."""
    members = request.members
    body: Members = {"messages": write_messages(read_conversation(request), target.traits, turn)}
    thinking = _thinking(request, target.traits, turn)
    if thinking is not None:
        body["thinking"] = thinking
    if len(members) == 1:
        return body, False
    unwrap = _write_tools(body, request, turn)
    for name in ("max_completion_tokens", "max_tokens"):
        if members.get(name, NULL) != NULL:
            body["max_tokens"] = members[name]
            break
    if "stop" in members and (stop := read_stop(request)):
        body["stop_sequences"] = stop[:_MOST_STOPS]
    _write_numbers(body, request, turn)
    note_dropped(request, _LACKING, turn)
    return body, unwrap


def _write_numbers(body: Members, request: ChatRequest, turn: Turn) -> None:
    members = request.members
    if members.get("temperature", NULL) != NULL:
        body["temperature"] = members["temperature"]
    if members.get("top_k", NULL) != NULL:
        body["k"] = members["top_k"]
    for name, native, low, high in _RANGES:
        raw = members.get(name, NULL)
        if raw == NULL:
            continue
        value = msgspec.json.decode(raw)
        fitting = min(max(value, low), high)
        body[native] = raw if fitting == value else fitting
        if fitting != value and not (name == "top_p" and value == 1):  # 1 only says: no limit
            turn.adjusted.append(f"{name} {value:g}->{fitting:g}")
    for name in _OWN:
        if members.get(name, NULL) != NULL:
            body[name] = members[name]


def _thinking(request: ChatRequest, traits: Traits, turn: Turn) -> Members | None:
    """Models that can think do so unless told otherwise; -1 and the highest effort leave them the length of it."""
    effort, budget = request.effort, request.budget
    if not effort and budget is None:
        return None
    off = budget == 0 or (effort == "none" and not budget)
    if traits.thinking_mode == "none":
        if not off:
            turn.adjusted.append("reasoning_effort dropped")
        return None
    if off:
        return {"type": "disabled"}
    if budget == -1:
        return {"type": "enabled"}
    return {"type": "enabled", "token_budget": budget or budget_of(effort, traits, least=1)}


def _write_tools(body: Members, request: ChatRequest, turn: Turn) -> bool:
    """Tools, their choice and the form of the answer; True when the answer tool was added."""
    given = read_tools(request) if "tools" in request.members else Tools()
    functions = given.functions
    if given.choice == "named":  # the only one that is left must be called
        functions = tuple(tool for tool in functions if tool.name == given.name) or functions
    tools: list[Any] = [_tool(tool) for tool in functions]
    tools += given.native
    choice = {"required": "REQUIRED", "named": "REQUIRED", "none": "NONE"}.get(given.choice, "")
    if functions and all(tool.strict for tool in functions):
        body["strict_tools"] = True
    elif any(tool.strict for tool in functions):
        turn.adjusted.append("strict dropped")
    if given.parallel is False:
        turn.adjusted.append("parallel_tool_calls dropped")
    kind, schema, _ = read_schema(request) if "response_format" in request.members else ("", {}, "")
    unwrap = bool(kind and tools and choice != "NONE")
    if unwrap:  # a form and tools exclude each other
        body.pop("strict_tools", None)
        if given.choice != "named":
            tools.append(_tool(Tool(answer_tool.NAME, answer_tool.DESCRIPTION, answer_tool.answer_schema(schema))))
            choice = "REQUIRED"
    elif kind:
        tools, choice = [], ""  # they were not to be called
        body["response_format"] = {"type": "json_object", "json_schema": schema} if schema else {"type": "json_object"}
    if tools:
        body["tools"] = tools
        if choice:
            body["tool_choice"] = choice
    return unwrap


def _tool(tool: Tool) -> Members:
    function: Members = {"name": tool.name, "parameters": tool.parameters or _NO_PARAMETERS}
    if tool.description:
        function["description"] = tool.description
    return {"type": "function", "function": function}
