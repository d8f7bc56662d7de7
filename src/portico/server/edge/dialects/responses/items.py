"""The `input` of the Responses API to chat messages: texts, pictures, files, calls, their outputs, reasoning.

Neighbouring items of the assistant become one message, as the chat API has them.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec

from portico.server.errors import FieldRequired, PatternMismatch

Json = dict[str, Any]
SEALED = "portico1."
"""Beginning of the `encrypted_content` that we give out: blocks of thoughts with their signatures."""
_ROLES = ("user", "assistant", "system", "developer")
_BLOCKS = msgspec.json.Decoder(list[dict[str, Any]])


def seal(blocks: list[Json]) -> str:
    """Blocks of thoughts as the `encrypted_content` of a reasoning item: opaque to the caller, not secret."""
    return SEALED + base64.urlsafe_b64encode(msgspec.json.encode(blocks)).decode()


def read_input(given: Any) -> list[Json]:
    """Raises FieldRequired, PatternMismatch naming the item."""
    if given is None or given in ("", []):
        raise FieldRequired("input")
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    if not isinstance(given, list):
        raise PatternMismatch("input", "send a string or an array of items")
    reader = _Reader()
    for index, item in enumerate(given):
        reader.add(item, f"input[{index}]")
    reader.close()
    return reader.messages


class _Reader:
    """Items one after the other; `_open` is the assistant's message that is being put together."""

    def __init__(self) -> None:
        self.messages: list[Json] = []
        self._open: Json | None = None

    def add(self, item: Any, where: str) -> None:
        if not isinstance(item, dict):
            raise PatternMismatch(where, "send an item")
        match item.get("type") or "message":
            case "message":
                self._message(item, where)
            case "function_call":
                self._call(item, where)
            case "function_call_output":
                self._output(item, where)
            case "reasoning":
                self._reasoning(item)
            case kind:
                raise PatternMismatch(f"{where}.type", _why_not(str(kind)))

    def close(self) -> None:
        if self._open is not None:
            self.messages.append(self._open)
            self._open = None

    def _message(self, item: Json, where: str) -> None:
        role, content = item.get("role"), item.get("content")
        if role not in _ROLES:
            raise PatternMismatch(f"{where}.role", f"send one of {', '.join(_ROLES)}")
        if content is None:
            raise FieldRequired(f"{where}.content")
        parts = _content(content, f"{where}.content")
        if role != "assistant":
            self.close()
            self.messages.append({"role": role, "content": parts})
            return
        if self._open is not None and "tool_calls" in self._open:  # a text behind calls begins a message of its own
            self.close()
        mine = self._assistant()["content"]
        mine += [{"type": "text", "text": parts}] if isinstance(parts, str) else parts

    def _call(self, item: Json, where: str) -> None:
        for name in ("call_id", "name"):
            if not isinstance(item.get(name), str) or not item[name]:
                raise FieldRequired(f"{where}.{name}")
        function = {"name": item["name"], "arguments": str(item.get("arguments") or "{}")}
        calls = self._assistant().setdefault("tool_calls", [])
        calls.append({"id": item["call_id"], "type": "function", "function": function})

    def _output(self, item: Json, where: str) -> None:
        self.close()
        if not isinstance(item.get("call_id"), str):
            raise FieldRequired(f"{where}.call_id")
        output = item.get("output")
        content = "" if output is None else _content(output, f"{where}.output")
        self.messages.append({"role": "tool", "tool_call_id": item["call_id"], "content": content})

    def _reasoning(self, item: Json) -> None:
        """Only what we sealed ourselves can be told to a model again."""
        sealed = item.get("encrypted_content")
        if not isinstance(sealed, str) or not sealed.startswith(SEALED):
            return
        try:
            blocks = _BLOCKS.decode(base64.urlsafe_b64decode(sealed.removeprefix(SEALED)))
        except (binascii.Error, ValueError, RecursionError):
            return
        kept = [block for block in blocks if block.get("type") in ("thinking", "redacted_thinking")]
        self._assistant()["content"] += kept

    def _assistant(self) -> Json:
        if self._open is None:
            self._open = {"role": "assistant", "content": []}
        return self._open


def _why_not(kind: str) -> str:
    if kind == "item_reference":
        return "items are not kept here: send the item itself"
    return f"items of type '{kind}' belong to OpenAI's own service; this model does not know them"


def _content(content: Any, where: str) -> str | list[Json]:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise PatternMismatch(where, "send a string or an array of parts")
    return [_part(part, f"{where}[{index}]") for index, part in enumerate(content)]


def _part(part: Any, where: str) -> Json:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    if not isinstance(part, dict):
        raise PatternMismatch(where, "send a content part")
    match part.get("type"):
        case "input_text" | "output_text" | "text" | "summary_text":
            if not isinstance(part.get("text"), str):
                raise FieldRequired(f"{where}.text")
            return {"type": "text", "text": part["text"]}
        case "refusal":
            return {"type": "text", "text": str(part.get("refusal") or "")}
        case "input_image" | "image_url":
            return _image(part, where)
        case "input_file":
            return _file(part, where)
        case "input_audio":
            return {"type": "input_audio", "input_audio": part.get("input_audio") or {}}
    raise PatternMismatch(f"{where}.type", "send input_text, input_image, input_file, input_audio or output_text")


def _image(part: Json, where: str) -> Json:
    address = part.get("image_url")
    if isinstance(address, dict):  # as the chat API has it
        address = address.get("url")
    if not isinstance(address, str) or not address:
        raise PatternMismatch(f"{where}.image_url", "send a data URL or an address: files are not kept here")
    detail = {"detail": part["detail"]} if part.get("detail") in ("low", "high", "auto") else {}
    return {"type": "image_url", "image_url": {"url": address, **detail}}


def _file(part: Json, where: str) -> Json:
    address = part.get("file_data") or part.get("file_url")
    if not isinstance(address, str) or not address:
        raise PatternMismatch(f"{where}.file_data", "send a data URL or an address: files are not kept here")
    if not address.startswith("data:") and "://" not in address[:16]:
        address = f"data:application/pdf;base64,{address}"
    named = {"filename": part["filename"]} if isinstance(part.get("filename"), str) else {}
    return {"type": "file", "file": {"file_data": address, **named}}
