"""Tools, their choice and structured output, as the Messages API takes them."""

from __future__ import annotations

from typing import Any

import msgspec

from portico.server.providers import answer_tool
from portico.server.providers.anthropic.marks import tool_marks
from portico.server.providers.anthropic.schema import OpenSchema, strict_schema
from portico.server.providers.base import Traits, Turn
from portico.server.providers.conversation import Call, Conversation, Tool, Tools, read_schema, read_tools, read_value
from portico.wire.requests import NULL, ChatRequest

Block = dict[str, Any]

_NO_PARAMETERS: Block = {"type": "object", "properties": {}}
_SEARCHES = {"low": 1, "medium": 5, "high": 10}


class Offer(msgspec.Struct):
    """`tools` and `choice` as they go out; `form` is the format for `output_config`. `unwrap`: the answer comes as a
    call of the answer tool; `instruction` then has to be said, because the call cannot be forced."""

    tools: list[Block] = []
    choice: Block | None = None
    form: Block | None = None
    unwrap: bool = False
    instruction: str = ""


def write_offer(request: ChatRequest, traits: Traits, conversation: Conversation, manual: bool, turn: Turn) -> Offer:
    """`manual`: thinking with a budget is on, which forbids forced calls."""
    offer = Offer()
    given = Tools()
    if "tools" in request.members or "parallel_tool_calls" in request.members:
        given = read_tools(request)
        marks = tool_marks(request)
        offer.tools = [_tool(tool, marks.get(tool.name), traits, turn) for tool in given.functions]
        offer.tools += given.native
    if request.members.get("web_search_options", NULL) != NULL:
        offer.tools.append(_web_search(read_value(request, "web_search_options")))
    if offer.tools:
        offer.choice = _choice(given, manual, turn)
    elif (called := _called(conversation)) is not None:  # calls in the history want their tools to be defined
        offer.tools = [{"name": name, "input_schema": _NO_PARAMETERS} for name in called]
        offer.choice = {"type": "none"}
    if "response_format" in request.members:
        _write_format(offer, request, traits, given, manual, turn)
    return offer


def _tool(tool: Tool, mark: Any, traits: Traits, turn: Turn) -> Block:
    schema = tool.parameters or _NO_PARAMETERS
    block: Block = {"name": tool.name, "input_schema": schema if "type" in schema else {"type": "object", **schema}}
    if tool.description:
        block["description"] = tool.description
    if tool.strict:
        try:
            if not traits.structured_output:
                raise OpenSchema
            block["input_schema"], _ = strict_schema(schema) if tool.parameters else (schema, [])
            block["strict"] = True
        except OpenSchema:
            turn.adjusted.append("strict dropped")
    if mark is not None:
        block["cache_control"] = mark
    return block


def _web_search(options: Any) -> Block:
    """The search tool of the API for OpenAI's `web_search_options`."""
    tool: Block = {"type": "web_search_20250305", "name": "web_search"}
    given = options if isinstance(options, dict) else {}
    size = given.get("search_context_size")
    if isinstance(size, str) and size in _SEARCHES:
        tool["max_uses"] = _SEARCHES[size]
    location = given.get("user_location")
    place = location.get("approximate") if isinstance(location, dict) else None
    if isinstance(place, dict):
        known = {key: place[key] for key in ("city", "region", "country", "timezone") if place.get(key)}
        tool["user_location"] = {"type": "approximate", **known}
    return tool


def _choice(given: Tools, manual: bool, turn: Turn) -> Block | None:
    choice: Block | None = None
    match given.choice:
        case "none":
            return {"type": "none"}
        case "auto":
            choice = {"type": "auto"}
        case "required":
            choice = {"type": "any"}
        case "named":
            choice = {"type": "tool", "name": given.name}
    if manual and choice is not None and choice["type"] != "auto":
        turn.adjusted.append(f"tool_choice {given.choice}->auto")
        choice = {"type": "auto"}
    if given.parallel is False:
        choice = {**(choice or {"type": "auto"}), "disable_parallel_tool_use": True}
    return choice


def _called(conversation: Conversation) -> list[str] | None:
    names = {part.name: None for turned in conversation.turns for part in turned.parts if isinstance(part, Call)}
    return list(names) or None


def _write_format(offer: Offer, request: ChatRequest, traits: Traits, given: Tools, manual: bool, turn: Turn) -> None:
    kind, schema, _ = read_schema(request)
    if not kind:
        return
    if kind == "json_schema" and traits.structured_output:
        try:
            strict, moved = strict_schema(schema)
        except OpenSchema:
            moved = []
        else:
            turn.adjusted += [f"schema {name} not enforced" for name in moved]
            offer.form = {"type": "json_schema", "schema": strict}
            return
    _ask_by_tool(offer, schema, given, manual, turn)


def _ask_by_tool(offer: Offer, schema: Block, given: Tools, manual: bool, turn: Turn) -> None:
    """The answer as a call. Beside tools of the caller the model may also call one of those first."""
    offer.unwrap = True
    tool = {"name": answer_tool.NAME, "description": answer_tool.DESCRIPTION}
    own = bool(offer.tools) and given.choice != "none" and (given.functions or given.native)
    offer.tools = [*offer.tools, {**tool, "input_schema": answer_tool.answer_schema(schema)}]
    if given.choice == "named" and not manual:
        return  # this call first; the answer comes in a later turn
    if manual:
        offer.choice = {"type": "auto"}
        offer.instruction = answer_tool.INSTRUCTION
        turn.adjusted.append("response_format best effort")
    elif own:
        offer.choice = {"type": "any"}
        if given.parallel is False:
            offer.choice["disable_parallel_tool_use"] = True
    else:
        offer.choice = {"type": "tool", "name": answer_tool.NAME, "disable_parallel_tool_use": True}
