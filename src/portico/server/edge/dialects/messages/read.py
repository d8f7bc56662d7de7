"""A request of the Messages API to the members of a chat request. Pure; the model reference stays where it is.

What only Anthropic's models know (cache breakpoints, signatures of thoughts, tools that run there, some beta features)
goes on under its own name: adapters of other protocols leave it out (`ChatRequest.dialect`). Members that manage the
context or the speed of a request are passed over; the answer is the same without them.
Source: platform.claude.com/docs/en/api/messages, read 2026-11-20.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from portico.server.edge.bodies import read_member
from portico.server.edge.dialects.messages.blocks import keep_inputs, read_message, read_system
from portico.server.edge.dialects.messages.errors import ThreadUnsupported
from portico.server.errors import FieldRequired, OutOfRange, PatternMismatch
from portico.wire.requests import NULL, Members

_encode = msgspec.json.Encoder().encode
_SAME = (
    "temperature", "top_p", "top_k", "thinking", "stream", "service_tier", "cache_control",
    "variables", "revision", "revisionName", "threadId", "filters",  # of the platform, for its assistants
)  # fmt: skip
_REFUSED = {
    "container": "containers of the provider's account cannot be used",
    "compaction": "no model is asked to shorten a conversation: do that with a request of its own",
    "inference_geo": "where a model runs is set by the operator of this server",
    "user_profile_id": "profiles of the provider's account cannot be used",
    "workspace_id": "workspaces of the provider's account cannot be chosen",
    "mcp_servers": "the provider would call these servers; call them yourself and offer their tools",
}
_BETA = re.compile(
    r"(interleaved-thinking|fine-grained-tool-streaming|token-efficient-tools|extended-cache-ttl|effort"
    r"|structured-outputs|output-128k)-\d{4}-\d{2}-\d{2}"
)
"""Beta features that change neither what is billed, nor what is kept, nor the shape of the answer."""
Json = dict[str, Any]


def read_messages_request(members: Members, betas: Iterable[str] = ()) -> Members:
    """The members of the chat request. Raises FieldRequired, PatternMismatch, OutOfRange, naming the field.

    `betas` are the values of the headers `anthropic-beta`.
    """
    if read_member(members, "thread"):
        raise ThreadUnsupported
    for name, why in _REFUSED.items():
        if read_member(members, name):
            raise PatternMismatch(name, why)
    made: Members = {name: members[name] for name in _SAME if members.get(name, NULL) != NULL}
    if "model" in members:
        made["model"] = members["model"]
    made["max_completion_tokens"] = _max_tokens(members)
    made["messages"] = _raw(_messages(members))
    _write_tools(made, members)
    output = read_member(members, "output_config") or {}
    _write_output(made, output, members)
    metadata = read_member(members, "metadata") or {}
    if isinstance(metadata, dict) and metadata.get("user_id"):
        made["user"] = _raw(str(metadata["user_id"]))
    wanted = _betas(betas)
    if wanted:
        made["anthropic_beta"] = _raw(wanted)
    return made


def read_stop_sequences(members: Members) -> list[str]:
    """As many as there are: this API sets no number."""
    stops = read_member(members, "stop_sequences") or []
    if not isinstance(stops, list) or not all(isinstance(stop, str) for stop in stops):
        raise PatternMismatch("stop_sequences", "send an array of strings")
    return stops


def _max_tokens(members: Members) -> msgspec.Raw:
    value = read_member(members, "max_tokens")
    if value is None:
        raise FieldRequired("max_tokens")
    if isinstance(value, bool) or not isinstance(value, int):
        raise PatternMismatch("max_tokens", "send a whole number")
    if value < 1:
        raise OutOfRange("max_tokens", "send 1 or more")
    return members["max_tokens"]


def _messages(members: Members) -> list[Json]:
    given = read_member(members, "messages")
    if given is None or given == []:
        raise FieldRequired("messages")
    if not isinstance(given, list):
        raise PatternMismatch("messages", "send an array of messages")
    keep_inputs(given, members["messages"])
    system = read_system(read_member(members, "system"))
    return [*system, *(made for index, one in enumerate(given) for made in read_message(one, f"messages[{index}]"))]


def _write_tools(made: Members, members: Members) -> None:
    tools = read_member(members, "tools") or []
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        raise PatternMismatch("tools", "send an array of tools")
    if not tools:
        return
    made["tools"] = _raw([_tool(tool, f"tools[{index}]") for index, tool in enumerate(tools)])
    choice = read_member(members, "tool_choice")
    if choice is None:
        return
    if not isinstance(choice, dict) or choice.get("type") not in ("auto", "any", "tool", "none"):
        raise PatternMismatch("tool_choice.type", "send auto, any, tool or none")
    if choice["type"] == "tool":
        if not isinstance(choice.get("name"), str):
            raise FieldRequired("tool_choice.name")
        made["tool_choice"] = _raw({"type": "function", "function": {"name": choice["name"]}})
    else:
        made["tool_choice"] = _raw({"auto": "auto", "any": "required", "none": "none"}[choice["type"]])
    if choice.get("disable_parallel_tool_use") is not None:
        made["parallel_tool_calls"] = _raw(not choice["disable_parallel_tool_use"])


def _tool(tool: Json, where: str) -> Json:
    """A tool with a schema of its own is a function; all others are the provider's, and pass as they came."""
    if tool.get("type") not in (None, "custom"):
        return tool
    if not isinstance(tool.get("name"), str) or not tool["name"]:
        raise FieldRequired(f"{where}.name")
    schema = tool.get("input_schema")
    if not isinstance(schema, dict):
        raise FieldRequired(f"{where}.input_schema")
    function: Json = {"name": tool["name"], "parameters": schema}
    for name in ("description", "strict"):
        if tool.get(name) is not None:
            function[name] = tool[name]
    made: Json = {"type": "function", "function": function}
    if tool.get("cache_control") is not None:
        made["cache_control"] = tool["cache_control"]
    return made


def _write_output(made: Members, output: Any, members: Members) -> None:
    """`output_config`: effort, and the schema of the answer (the older name of it is `output_format`)."""
    if not isinstance(output, dict):
        raise PatternMismatch("output_config", "send an object")
    if output.get("effort") is not None:
        made["reasoning_effort"] = _raw(output["effort"])
    form = output.get("format") or read_member(members, "output_format")
    if form is None:
        return
    if not isinstance(form, dict) or form.get("type") != "json_schema" or not isinstance(form.get("schema"), dict):
        raise PatternMismatch("output_config.format", "send a json_schema with its schema")
    wrapped = {"name": "answer", "schema": form["schema"], "strict": True}
    made["response_format"] = _raw({"type": "json_schema", "json_schema": wrapped})


def _betas(values: Iterable[str]) -> list[str]:
    names = [name.strip() for value in values for name in value.split(",")]
    return [name for name in dict.fromkeys(names) if _BETA.fullmatch(name)]


def _raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(_encode(value))
