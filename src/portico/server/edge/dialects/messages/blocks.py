"""Messages of the Messages API to chat messages: system texts, content blocks, tool calls and their results.

Marks (`cache_control`) stay on what they stand on; thoughts keep their place among the texts (HC-05).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from portico.server.errors import FieldRequired, PatternMismatch

Json = dict[str, Any]
_THOUGHTS = ("thinking", "redacted_thinking")
_PROVIDER_RUN = (
    "server_tool_use",
    "web_search_tool_result",
    "web_fetch_tool_result",
    "code_execution_tool_result",
    "bash_code_execution_tool_result",
    "text_editor_code_execution_tool_result",
    "tool_search_tool_result",
    "mcp_tool_use",
    "mcp_tool_result",
    "compaction",
)
"""What the provider did on its own in an earlier turn; the texts beside it tell what came of it."""


class _Block(msgspec.Struct):
    input: msgspec.Raw = msgspec.Raw()


class _Message(msgspec.Struct):
    content: list[_Block] | str = ""


_read_inputs = msgspec.json.Decoder(list[_Message]).decode


def keep_inputs(messages: list[Any], raw: msgspec.Raw) -> None:
    """Puts the inputs of tool calls into `messages` as the texts that they are in `raw`: read and written anew, 1e5
    would be 100000.0, and a number of many digits another one (HC-02)."""
    blocks = [one for message in messages if isinstance(message, dict) for one in _objects(message.get("content"))]
    if not any(block.get("input") for block in blocks):
        return
    try:
        found = _read_inputs(raw)
    except msgspec.ValidationError:  # refused with the name of the field as soon as it is read
        return
    for message, told in zip(messages, found, strict=True):
        if isinstance(told.content, str):
            continue
        for block, kept in zip(message["content"], told.content, strict=True):
            if block.get("input"):
                block["input"] = kept.input


def _objects(content: Any) -> list[Json]:
    return [one for one in content if isinstance(one, dict)] if isinstance(content, list) else []


def read_system(system: Any) -> list[Json]:
    """The system prompt as no message or one."""
    if not system:
        return []
    if isinstance(system, str):
        return [{"role": "system", "content": system}]
    if not isinstance(system, list):
        raise PatternMismatch("system", "send a string or an array of text blocks")
    parts = [_read(block, f"system[{index}]", {"text": _text}) for index, block in enumerate(system)]
    found = [part for part in parts if part is not None and part["text"]]
    return [{"role": "system", "content": found}] if found else []


def read_message(given: Any, where: str) -> list[Json]:
    """One message as chat messages: tool results come first, each a message of its own (HC-03)."""
    if not isinstance(given, dict):
        raise PatternMismatch(where, "send an object with role and content")
    role, content = given.get("role"), given.get("content")
    if role not in ("user", "assistant", "system"):
        raise PatternMismatch(f"{where}.role", "send user or assistant")
    if content is None:
        raise FieldRequired(f"{where}.content")
    if isinstance(content, str):
        return [{"role": role, "content": content}]
    if not isinstance(content, list):
        raise PatternMismatch(f"{where}.content", "send a string or an array of blocks")
    results: list[Json] = []
    calls: list[Json] = []
    parts: list[Json] = []
    for index, block in enumerate(content):
        here = f"{where}.content[{index}]"
        kind = block.get("type") if isinstance(block, dict) else None
        if kind == "tool_result" and role == "user":
            results.append(_result(block, here))
        elif kind == "tool_use" and role == "assistant":
            calls.append(_call(block, here))
        elif kind in _THOUGHTS and role == "assistant":
            parts.append(_thought(block))
        elif kind not in _PROVIDER_RUN:
            part = _read(block, here, _READERS)
            if part is not None:
                parts.append(part)
    message: Json = {"role": role, "content": _content(parts)}
    if calls:
        message["tool_calls"] = calls
    return [*results, message] if parts or calls else results


def _content(parts: list[Json]) -> str | list[Json]:
    if not parts:
        return ""
    only = parts[0]
    plain = len(parts) == 1 and only["type"] == "text" and "cache_control" not in only
    return str(only["text"]) if plain else parts


def _read(block: Any, where: str, readers: dict[str, Callable[[Json, str], Json | None]]) -> Json | None:
    if not isinstance(block, dict):
        raise PatternMismatch(where, "send a content block")
    read = readers.get(str(block.get("type")))
    if read is None:
        raise PatternMismatch(f"{where}.type", f"'{block.get('type')}' is not understood here")
    part = read(block, where)
    if part is not None and block.get("cache_control") is not None:
        part["cache_control"] = block["cache_control"]
    return part


def _text(block: Json, where: str) -> Json:
    if not isinstance(block.get("text"), str):
        raise FieldRequired(f"{where}.text")
    return {"type": "text", "text": block["text"]}


def _thought(block: Json) -> Json:
    if block["type"] == "redacted_thinking":
        return {"type": "redacted_thinking", "data": block.get("data") or ""}
    return {
        "type": "thinking",
        "thinking": block.get("thinking") or "",
        "signature": block.get("signature") or "",
    }


def _call(block: Json, where: str) -> Json:
    if not isinstance(block.get("name"), str) or not isinstance(block.get("id"), str):
        raise FieldRequired(f"{where}.name" if not isinstance(block.get("name"), str) else f"{where}.id")
    given = block.get("input")
    arguments = bytes(given).decode() if isinstance(given, msgspec.Raw) else "{}"
    call: Json = {"id": block["id"], "type": "function", "function": {"name": block["name"], "arguments": arguments}}
    if block.get("cache_control") is not None:
        call["cache_control"] = block["cache_control"]
    return call


def _result(block: Json, where: str) -> Json:
    if not isinstance(block.get("tool_use_id"), str):
        raise FieldRequired(f"{where}.tool_use_id")
    content = block.get("content")
    if isinstance(content, list):
        parts = [_read(inner, f"{where}.content[{index}]", _READERS) for index, inner in enumerate(content)]
        content = _content([part for part in parts if part is not None])
    elif content is not None and not isinstance(content, str):
        raise PatternMismatch(f"{where}.content", "send a string or an array of blocks")
    message: Json = {"role": "tool", "tool_call_id": block["tool_use_id"], "content": content or ""}
    if block.get("is_error"):
        message["is_error"] = True
    if block.get("cache_control") is not None:
        message["cache_control"] = block["cache_control"]
    return message


def _image(block: Json, where: str) -> Json:
    source = _source(block, where)
    match source.get("type"):
        case "base64" if isinstance(source.get("data"), str):
            return {"type": "image_url", "image_url": {"url": _data_url(source, "image/png")}}
        case "url" if isinstance(source.get("url"), str):
            return {"type": "image_url", "image_url": {"url": source["url"]}}
    raise _not_here(where)


def _document(block: Json, where: str) -> Json:
    source = _source(block, where)
    title = block.get("title")
    named = {"filename": title} if isinstance(title, str) and title else {}
    match source.get("type"):
        case "base64" if isinstance(source.get("data"), str):
            address = _data_url(source, "application/pdf")
        case "text" if isinstance(source.get("data"), str):
            return {"type": "text", "text": f"{title}\n\n{source['data']}" if named else source["data"]}
        case "url" if isinstance(source.get("url"), str):
            address = source["url"]
        case "content":
            return {"type": "text", "text": _texts(source.get("content"))}
        case _:
            raise _not_here(where)
    return {"type": "file", "file": {"file_data": address, **named}}


def _search_result(block: Json, where: str) -> Json:
    head = "\n".join(str(block[name]) for name in ("title", "source") if block.get(name))
    return {"type": "text", "text": f"{head}\n{_texts(block.get('content'))}".strip()}


def _nothing(block: Json, where: str) -> None:
    """Blocks that say nothing to a model of another provider."""


def _source(block: Json, where: str) -> Json:
    source = block.get("source")
    if not isinstance(source, dict):
        raise FieldRequired(f"{where}.source")
    return source


def _data_url(source: Json, otherwise: str) -> str:
    return f"data:{source.get('media_type') or otherwise};base64,{source['data']}"


def _texts(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(block["text"] for block in _objects(content) if isinstance(block.get("text"), str))


def _not_here(where: str) -> PatternMismatch:
    return PatternMismatch(f"{where}.source", "send base64, text or a url: files are not kept here")


_READERS: dict[str, Callable[[Json, str], Json | None]] = {
    "text": _text,
    "image": _image,
    "document": _document,
    "search_result": _search_result,
    "tool_reference": _nothing,
}
