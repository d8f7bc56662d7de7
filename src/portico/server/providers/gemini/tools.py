"""Tools and their choice as Gemini's `tools` and `toolConfig`; tool objects of Google's own pass as they are."""

from __future__ import annotations

from typing import Any

from portico.server.providers.conversation import Tool, Tools
from portico.server.providers.gemini.schema import reduce_schema

Json = dict[str, Any]
_MODES = {"auto": "AUTO", "none": "NONE", "required": "ANY", "named": "ANY"}
_SEARCHES = ("web_search", "google_search")


def write_tools(tools: Tools, *, json_schema: bool, web_search: bool, adjusted: list[str]) -> Json:
    """The members `tools` and `toolConfig`, none without tools. `json_schema`: whether the host takes plain schemas;
    what the older field refuses is named in `adjusted`."""
    declarations = [_declaration(tool, json_schema, adjusted) for tool in tools.functions]
    listed: list[Json] = [{"functionDeclarations": declarations}] if declarations else []
    searches = web_search
    for native in tools.native:
        kind = native.get("type")
        if not isinstance(kind, str):
            listed.append(native)
        elif kind.startswith(_SEARCHES):
            searches = True
        else:
            adjusted.append(f"tool {_ascii(kind)} dropped")
    if searches and not any("googleSearch" in tool or "google_search" in tool for tool in listed):
        listed.append({"googleSearch": {}})
    members: Json = {"tools": listed} if listed else {}
    if declarations and tools.choice in _MODES:
        config: Json = {"mode": _MODES[tools.choice]}
        if tools.choice == "named":
            config["allowedFunctionNames"] = [tools.name]
        members["toolConfig"] = {"functionCallingConfig": config}
    if tools.parallel is False:
        adjusted.append("parallel_tool_calls dropped")
    return members


def _declaration(tool: Tool, json_schema: bool, adjusted: list[str]) -> Json:
    declared: Json = {"name": tool.name}
    if tool.description:
        declared["description"] = tool.description
    if not tool.parameters:
        return declared
    if json_schema:
        declared["parametersJsonSchema"] = tool.parameters
        return declared
    reduced, dropped = reduce_schema(tool.parameters)
    if reduced.get("properties"):  # an object without any is refused there
        declared["parameters"] = reduced
    if dropped:
        adjusted.append(f"tools.{_ascii(tool.name)}: {' '.join(map(_ascii, dropped))} dropped")
    return declared


def _ascii(text: str) -> str:
    return text.encode("ascii", "replace").decode()[:60]
