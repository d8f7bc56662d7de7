"""A chat request as the body of Converse and ConverseStream: ChatRequest and Target in, JSON out."""

from __future__ import annotations

from typing import Any

import msgspec

from portico.server.providers import answer_tool
from portico.server.providers.anthropic.schema import OpenSchema, strict_schema
from portico.server.providers.base import Target, Turn, read_limit
from portico.server.providers.bedrock.cache_points import cache_point, mark_cache_points
from portico.server.providers.bedrock.family import Family, family_of
from portico.server.providers.bedrock.files import Block
from portico.server.providers.bedrock.messages import (
    names_of_calls,
    open_tool_turn_lacks_thoughts,
    write_messages,
    write_system,
)
from portico.server.providers.bedrock.thinking import Thinking, limit_for, read_thinking, refuses_limits
from portico.server.providers.conversation import (
    Conversation,
    Text,
    Tools,
    Turned,
    read_conversation,
    read_schema,
    read_stop,
    read_tools,
    read_value,
)
from portico.server.providers.unsupported import SAMPLING_EXTRAS, note_dropped
from portico.wire.requests import NULL, ChatRequest

_encode = msgspec.json.Encoder().encode
_OWN = ("guardrailConfig", "requestMetadata", "serviceTier")
_ANY_OBJECT = {"type": "object"}
_ONLY_JSON = "Answer with one JSON object and nothing else."


class Body:
    """One request being written. `answer_tool` is the tool whose input is the answer, "" when none is."""

    def __init__(self, request: ChatRequest, target: Target, turn: Turn) -> None:
        self._request = mark_cache_points(request)
        self._traits = target.traits
        self._turn = turn
        self.family: Family = family_of(target.model, target.upstream_model)
        self.answer_tool = ""
        self._members: dict[str, Any] = {}
        self._fields: dict[str, Any] = {}

    def write(self) -> bytes:
        request, members = self._request, self._members
        conversation = _with_a_turn(read_conversation(request))
        system = write_system(conversation.system, self.family)
        messages = write_messages(conversation, self.family)
        limit = read_limit(request)
        thinking = read_thinking(request, self._traits, self.family, limit, self._turn)
        if thinking.budget and open_tool_turn_lacks_thoughts(messages):
            self._turn.adjusted.append("thinking off: the thoughts before the tool calls are missing")
            thinking = Thinking()
        self._fields.update(thinking.fields)
        members["messages"] = messages
        self._write_format(thinking, system, names_of_calls(messages))
        if system:
            members["system"] = system
        self._write_sampling(thinking, limit_for(thinking, limit, self._traits))
        note_dropped(request, SAMPLING_EXTRAS, self._turn)
        self._write_own()
        if self._fields:
            members["additionalModelRequestFields"] = self._fields
        return _encode(members)

    def _write_own(self) -> None:
        """Members of Converse that have no other name in a chat request pass as they came."""
        given = self._request.members
        for name in _OWN:
            if given.get(name, NULL) != NULL:
                self._members[name] = given[name]
        fields = read_value(self._request, "additionalModelRequestFields")
        if isinstance(fields, dict):
            self._fields = {**fields, **self._fields}

    def _write_sampling(self, thinking: Thinking, limit: int | None) -> None:
        request, family, config = self._request, self.family, {}
        temperature, top_p = read_value(request, "temperature"), read_value(request, "top_p")
        top_k = read_value(request, "top_k")
        if temperature is not None and temperature > 1:
            self._turn.adjusted.append(f"temperature {temperature:g}->1")
            temperature = 1
        if thinking.on and family.claude:
            temperature = self._only(temperature, temperature == 1, "temperature")
            top_p = self._only(top_p, top_p is not None and top_p >= 0.95, "top_p")
            top_k = self._only(top_k, False, "top_k")
        if refuses_limits(thinking, family):
            temperature = self._only(temperature, False, "temperature")
            top_p = self._only(top_p, False, "top_p")
            limit = self._only(limit, False, "max_tokens")
        if family.claude and family.native_schema and temperature is not None:
            top_p = self._only(top_p, False, "top_p")  # from Claude 4.5 on it is one of the two
        for name, value in (("maxTokens", limit), ("temperature", temperature), ("topP", top_p)):
            if value is not None:
                config[name] = value
        stop = read_stop(request)
        if stop:
            config["stopSequences"] = stop
        if config:
            self._members["inferenceConfig"] = config
        if top_k is not None and family.claude:
            self._fields["top_k"] = top_k
        elif top_k is not None and family.nova:
            self._fields["inferenceConfig"] = {"topK": top_k}

    def _only(self, value: Any, allowed: bool, name: str) -> Any:
        """The value where the model takes it beside thinking; else None, and a note."""
        if value is None or allowed:
            return value
        self._turn.adjusted.append(f"{name} dropped")
        return None

    # tools and the form of the answer ---------------------------------------------------------------------------

    def _write_format(self, thinking: Thinking, system: list[Block], used: list[str]) -> None:
        """A schema natively where the model takes one; else a tool whose input is the answer (HC-23)."""
        tools = read_tools(self._request)
        kind, schema, name = read_schema(self._request)
        specs = self._specs(tools)
        choice = self._choice(tools, thinking, bool(specs))
        if kind == "json_schema" and self._write_schema(schema, name):
            pass
        elif kind and thinking.on and self.family.claude:  # a forced tool and thinking exclude each other
            self._turn.adjusted.append("response_format best effort")
            system.append({"text": _ONLY_JSON + (f" Its JSON schema: {_encode(schema).decode()}" if schema else "")})
        elif kind:
            self.answer_tool = answer_tool.NAME
            specs.append(_spec(answer_tool.NAME, answer_tool.DESCRIPTION, answer_tool.answer_schema(schema), None))
            choice = self._force_answer(specs, system)
        if tools.choice == "none" and not kind:
            specs = self._without_tools(specs, used)
        elif not specs and used:  # calls in the history demand the tools they are calls of
            specs = [_spec(name, "", _ANY_OBJECT, None) for name in used]
        if specs:
            self._members["toolConfig"] = {"tools": specs, **({"toolChoice": choice} if choice else {})}
            self._limit_calls(tools, choice)

    def _force_answer(self, specs: list[Block], system: list[Block]) -> Block | None:
        if not self.family.takes_choice:
            self._turn.adjusted.append("response_format best effort")
            system.append({"text": answer_tool.INSTRUCTION})
            return None
        forced = len(specs) == 1 and (self.family.claude or self.family.nova)
        return {"tool": {"name": answer_tool.NAME}} if forced else {"any": {}}

    def _write_schema(self, schema: dict[str, Any], name: str) -> bool:
        """Whether the model is held to the schema natively; open objects cannot be told so."""
        if not (self.family.native_schema and self._traits.structured_output):
            return False
        try:
            strict, moved = strict_schema(schema)
        except OpenSchema:
            return False
        if moved:
            self._turn.adjusted.append(f"response_format: {', '.join(moved)} not enforced")
        form = {"name": name, "schema": _encode(strict).decode()}
        self._members["outputConfig"] = {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": form}}}
        return True

    def _specs(self, tools: Tools) -> list[Block]:
        """The functions; tools of Bedrock's own (`toolSpec`, `systemTool`, `cachePoint`) pass as they are."""
        marked = self._marked_tools()
        specs: list[Block] = []
        for tool in tools.functions:
            strict = tool.strict if self.family.native_schema else None
            specs.append(_spec(tool.name, tool.description, tool.parameters or _ANY_OBJECT, strict))
            if tool.name in marked:
                specs.append(cache_point(marked[tool.name]))
        for native in tools.native:
            if native.keys() & {"toolSpec", "systemTool", "cachePoint"}:
                specs.append(native)
            else:
                self._turn.adjusted.append("tools: a tool of another provider dropped")
        return specs

    def _marked_tools(self) -> dict[str, str]:
        """Names of the tools behind which the caller wants a cache point; Claude alone has one there."""
        raw = self._request.members.get("tools")
        if raw is None or not self.family.claude or b'"cache_control"' not in bytes(raw):
            return {}
        marked: dict[str, str] = {}
        for tool in read_value(self._request, "tools"):
            function = tool.get("function")
            if not isinstance(function, dict):
                continue
            control = tool.get("cache_control") or function.get("cache_control")
            if isinstance(control, dict):
                marked[str(function.get("name"))] = str(control.get("ttl") or "")
        return marked

    def _choice(self, tools: Tools, thinking: Thinking, has_tools: bool) -> Block | None:
        if not has_tools or tools.choice in ("", "none"):
            return None
        auto: Block | None = {"auto": {}} if self.family.takes_choice else None
        if tools.choice == "auto":
            return auto
        if auto is None or (thinking.on and self.family.claude):
            self._turn.adjusted.append(f"tool_choice {tools.choice}->auto")
            return auto
        return {"any": {}} if tools.choice == "required" else {"tool": {"name": tools.name}}

    def _without_tools(self, specs: list[Block], used: list[str]) -> list[Block]:
        """The API has no choice of none: the tools stay away, unless the history speaks of them."""
        if not used:
            return []
        self._turn.adjusted.append("tool_choice none->auto")
        return specs or [_spec(name, "", _ANY_OBJECT, None) for name in used]

    def _limit_calls(self, tools: Tools, choice: Block | None) -> None:
        """One call at a time is a word of Claude's own; it goes beside the choice, or as the choice itself."""
        if tools.parallel is not False or self.answer_tool:
            return
        if not self.family.claude:
            self._turn.adjusted.append("parallel_tool_calls dropped")
            return
        only_one: dict[str, Any] = {"disable_parallel_tool_use": True}
        if choice is None or "auto" in choice:  # the model's own field wants a type, and then no toolChoice beside it
            self._members["toolConfig"].pop("toolChoice", None)
            only_one["type"] = "auto"
        self._fields["tool_choice"] = only_one


def _with_a_turn(conversation: Conversation) -> Conversation:
    """The API wants a message: a request of system texts alone becomes the user's."""
    if conversation.turns or not conversation.system:
        return conversation
    return Conversation((), (Turned("user", tuple(Text(text) for text in conversation.system)),))


def _spec(name: str, description: str, schema: Any, strict: bool | None) -> Block:
    spec: Block = {"name": name, "inputSchema": {"json": schema}}
    if description.strip():
        spec["description"] = description
    if strict:
        spec["strict"] = True
    return {"toolSpec": spec}
