"""Tool calls for models whose runtime does not enforce them: a JSON schema that the answer must fit, and its prompt.

In: the members of a chat request with `tools`. Out: members without, that make the model write what `ToolReader` reads.
"""

from __future__ import annotations

import json
from typing import Any

from portico.server.errors import OutOfRange
from portico.wire.requests import Members

Json = dict[str, Any]
_ANY_ARGUMENTS: Json = {"type": "object"}


def constrain(members: Members) -> Json:
    """Members (decoded) with tools, tool_choice and response_format turned into one schema and a system message.

    Raises OutOfRange for a tool choice that names no tool of the request.
    """
    decoded = {name: json.loads(bytes(raw)) for name, raw in members.items()}
    tools = [tool["function"] for tool in decoded.pop("tools") if isinstance(tool.get("function"), dict)]
    choice = decoded.pop("tool_choice", "auto")
    parallel = decoded.pop("parallel_tool_calls", True)
    wanted = decoded.pop("response_format", None)
    if isinstance(choice, dict):
        tools = _named(tools, choice)
    schema = _schema(tools, choice, parallel, wanted)
    decoded["messages"] = [_instruction(tools, choice), *plain_messages(decoded["messages"])]
    decoded["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    return decoded


def plain_messages(messages: list[Json]) -> list[Json]:
    """Tool calls and their results as text: not every chat template knows these roles (HC-03)."""
    plain: list[Json] = []
    names: dict[str, str] = {}
    for message in messages:
        if message.get("tool_calls"):
            plain.append({"role": "assistant", "content": _as_text(message["tool_calls"], names)})
        elif message["role"] in ("tool", "function"):
            name = names.get(message.get("tool_call_id", ""), message.get("name") or "the tool")
            result = f"Result of {name}: {_flat(message.get('content'))}"
            if plain and plain[-1].get("results"):
                plain[-1]["content"] += "\n" + result
            else:
                plain.append({"role": "user", "content": result, "results": True})
        else:
            plain.append(message)
    return [{k: v for k, v in message.items() if k != "results"} for message in plain]


def _named(tools: list[Json], choice: Json) -> list[Json]:
    name = choice.get("function", {}).get("name")
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


def _as_text(calls: list[Json], names: dict[str, str]) -> str:
    written = []
    for call in calls:
        function = call.get("function", {})
        names[call.get("id", "")] = function.get("name", "")
        written.append(f'{{"name": {json.dumps(function.get("name", ""))}, "arguments": {function.get("arguments")}}}')
    return '{"tool_calls": [' + ", ".join(written) + "]}"


def _flat(content: Any) -> str:
    if isinstance(content, list):
        return "\n".join(part.get("text", "") for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else json.dumps(content)
