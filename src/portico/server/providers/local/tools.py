"""Tool calls for models whose runtime does not enforce them: a JSON schema that the answer must fit, and its prompt.

In: the members of a chat request with `tools`. Out: members without, that make the model write what `ToolReader` reads.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from portico.server.errors import BadInputText, OutOfRange, PatternMismatch
from portico.server.providers.conversation import allowed_tools, read_member
from portico.wire.requests import Members

Json = dict[str, Any]
_ANY_ARGUMENTS: Json = {"type": "object"}


def has_functions(members: Members) -> bool:
    """Whether there is a tool that a model of ours could call; others (`{"googleSearch":{}}`) are a provider's own."""
    return "tools" in members and any(isinstance(tool.get("function"), dict) for tool in read_member(members, "tools"))


def constrain(members: Members) -> Json:
    """Members with tools, tool_choice and response_format turned into one schema and a system message.

    Raises OutOfRange for a tool choice that names no tool of the request; BadInputText, PatternMismatch.
    """
    given = {name: read_member(members, name) for name in _TURNED if name in members}
    offered, choice = given["tools"], given.get("tool_choice", "auto")
    if isinstance(choice, dict) and choice.get("type") == "allowed_tools":
        choice, offered = allowed_tools(choice, offered)
    tools = [tool["function"] for tool in offered if isinstance(tool.get("function"), dict)]
    if not tools:
        raise OutOfRange("tool_choice", "none of the allowed tools is a function")
    if isinstance(choice, dict):
        tools = _named(tools, choice)
    schema = _schema(tools, choice, given.get("parallel_tool_calls", True), given.get("response_format"))
    turned = {
        "messages": [_instruction(tools, choice), *plain_messages(given["messages"])],
        "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}},
    }
    try:
        written = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in turned.items()}
    except RecursionError:
        raise BadInputText("Bad Input Text: the schemas of the tools are nested too deeply") from None
    return {**{name: raw for name, raw in members.items() if name not in _TURNED}, **written}


_TURNED = ("messages", "tools", "tool_choice", "parallel_tool_calls", "response_format")


def plain_messages(messages: list[Json]) -> list[Json]:
    """Tool calls and their results as text: not every chat template knows these roles (HC-03).

    Raises PatternMismatch for calls that are none.
    """
    plain: list[Json] = []
    names: dict[str, str] = {}
    behind_result = False
    for index, message in enumerate(messages):
        is_result = message["role"] in ("tool", "function")
        if is_result:
            name = names.get(str(message.get("tool_call_id")), message.get("name") or "the tool")
            result = f"Result of {name}: {_flat(message.get('content'))}"
            if behind_result:
                plain[-1]["content"] += "\n" + result
            else:
                plain.append({"role": "user", "content": result})
        elif message.get("tool_calls"):
            calls = _read_calls(message["tool_calls"], f"messages[{index}].tool_calls")
            names |= {str(call.get("id")): str(call["function"].get("name")) for call in calls}
            plain.append({"role": "assistant", "content": _as_text(calls)})
        elif isinstance(message.get("function_call"), dict):  # OpenAI's older form
            plain.append({"role": "assistant", "content": _as_text([{"function": message["function_call"]}])})
        else:
            plain.append(message)
        behind_result = is_result
    return plain


def _read_calls(calls: Any, where: str) -> list[Json]:
    if not isinstance(calls, list):
        raise PatternMismatch(where, "send an array of calls")
    if not all(isinstance(call, dict) and isinstance(call.get("function"), dict) for call in calls):
        raise PatternMismatch(where, "send calls with a function")
    return calls


def _named(tools: list[Json], choice: Json) -> list[Json]:
    function = choice.get("function")
    name = function.get("name") if isinstance(function, dict) else None
    found = [tool for tool in tools if tool["name"] == name]
    if not found:
        raise OutOfRange("tool_choice", f"no tool of the request is called {name!r}")
    return found


def _schema(tools: list[Json], choice: str | Json, parallel: bool, wanted: Json | None) -> Json:
    call = {"anyOf": [_call(tool) for tool in tools]} if len(tools) > 1 else _call(tools[0])
    calls: Json = {"type": "array", "minItems": 1, "items": call}
    if not parallel or isinstance(choice, dict):
        calls["maxItems"] = 1
    call_answer = _object(tool_calls=calls)
    if choice != "auto":
        return call_answer
    return {"anyOf": [call_answer, _object(reply=_reply(wanted))]}


def _call(tool: Json) -> Json:
    return _object(name={"const": tool["name"]}, arguments=tool.get("parameters") or _ANY_ARGUMENTS)


def _reply(wanted: Json | None) -> Json:
    match (wanted or {}).get("type"):
        case "json_schema":
            schema: Json = wanted["json_schema"]["schema"] if wanted else {}
            return schema
        case "json_object":
            return {"type": "object"}
    return {"type": "string"}


def _object(**properties: Json) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _instruction(tools: list[Json], choice: str | Json) -> Json:
    lines = [json.dumps({k: tool[k] for k in ("name", "description", "parameters") if k in tool}) for tool in tools]
    text = (
        "You can call these tools:\n" + "\n".join(lines) + "\nAnswer with one JSON object. To call tools: "
        '{"tool_calls": [{"name": "...", "arguments": {...}}]}.'
    )
    if choice == "auto":
        text += ' When no tool is needed, or their results are already there, answer in words: {"reply": "..."}.'
    return {"role": "system", "content": text}


def _as_text(calls: list[Json]) -> str:
    """As the model itself would have written it; argument text stays as it was."""
    written = []
    for call in calls:
        function = call["function"]
        arguments = function.get("arguments") or "{}"
        if not isinstance(arguments, str):
            arguments = json.dumps(arguments)
        written.append(f'{{"name": {json.dumps(function.get("name", ""))}, "arguments": {arguments}}}')
    return '{"tool_calls": [' + ", ".join(written) + "]}"


def _flat(content: Any) -> str:
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else json.dumps(content)
