"""A whole response as the events of a stream: for callers who asked for a stream where the provider sent none (HC-11).

Source: Responses API reference; platform.openai.com/docs/api-reference/responses-streaming, read 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from portico.server.errors import ProviderUnknown
from portico.server.kit.ascii_json import ascii_encode
from portico.server.providers.base import Members, ResponsesEvent

_read_output = msgspec.json.Decoder(list[dict[str, Any]]).decode
Json = dict[str, Any]
_NOT_YET: Json = {"status": "in_progress", "output": [], "usage": None, "incomplete_details": None}
_EMPTY: dict[str, Json] = {
    "message": {"content": []},
    "function_call": {"arguments": ""},
    "custom_tool_call": {"input": ""},
    "reasoning": {"summary": []},
}
"""What an item that has just begun does not have yet, by its type."""
_WRITTEN = {
    "function_call": ("function_call_arguments", "arguments"),
    "custom_tool_call": ("custom_tool_call_input", "input"),
}


def write_events(response: Members) -> Iterator[ResponsesEvent]:
    """All events of a response that did not fail; the last one has the response itself, as `read_responses_event` does.

    Raises ProviderUnknown for a response without readable items.
    """
    try:
        items = _read_output(response["output"])
    except (KeyError, msgspec.DecodeError, RecursionError):
        raise ProviderUnknown("the provider's answer is not a response") from None
    number = 0
    for kind, members in _events(response, items):
        data = ascii_encode({"type": kind, "sequence_number": number, **members})
        yield ResponsesEvent(kind, data)
        number += 1
    incomplete = response.get("status") is not None and bytes(response["status"]) == b'"incomplete"'
    last = "response.incomplete" if incomplete else "response.completed"
    yield ResponsesEvent(last, b"", {"type": last, "sequence_number": number}, response)


def _events(response: Members, items: list[Json]) -> Iterator[tuple[str, Json]]:
    begun = {**response, **_NOT_YET}
    yield "response.created", {"response": begun}
    yield "response.in_progress", {"response": begun}
    for index, item in enumerate(items):
        opened = {**item, **_EMPTY.get(str(item.get("type")), {})}
        if "status" in item:
            opened["status"] = "in_progress"
        yield "response.output_item.added", {"output_index": index, "item": opened}
        place = {"item_id": item.get("id", ""), "output_index": index}
        for kind, members in _inside(item):
            yield f"response.{kind}", {**place, **members}
        yield "response.output_item.done", {"output_index": index, "item": item}


def _inside(item: Json) -> Iterator[tuple[str, Json]]:
    """What happens between the beginning and the end of an item."""
    match item.get("type"):
        case "message":
            for index, part in enumerate(_objects(item.get("content"))):
                yield from _part(index, part)
        case "reasoning":
            for index, part in enumerate(_objects(item.get("summary"))):
                place, text = {"summary_index": index}, part.get("text", "")
                yield "reasoning_summary_part.added", {**place, "part": {**part, "text": ""}}
                yield "reasoning_summary_text.delta", {**place, "delta": text}
                yield "reasoning_summary_text.done", {**place, "text": text}
                yield "reasoning_summary_part.done", {**place, "part": part}
        case "function_call" | "custom_tool_call" as kind:
            name, member = _WRITTEN[kind]
            text = item.get(member, "")
            yield f"{name}.delta", {"delta": text}
            yield f"{name}.done", {"name": item.get("name", ""), member: text}


def _part(index: int, part: Json) -> Iterator[tuple[str, Json]]:
    place = {"content_index": index}
    if part.get("type") == "refusal":
        text = part.get("refusal", "")
        yield "content_part.added", {**place, "part": {**part, "refusal": ""}}
        yield "refusal.delta", {**place, "delta": text}
        yield "refusal.done", {**place, "refusal": text}
    else:
        text, annotations = part.get("text", ""), part.get("annotations") or []
        choices = [{"index": 0, "delta": {"content": text}}]
        yield "content_part.added", {**place, "part": {**part, "text": "", "annotations": []}}
        yield "output_text.delta", {**place, "delta": text, "logprobs": [], "choices": choices}
        for number, annotation in enumerate(annotations):
            yield "output_text.annotation.added", {**place, "annotation_index": number, "annotation": annotation}
        yield "output_text.done", {**place, "text": text, "logprobs": part.get("logprobs") or []}
    yield "content_part.done", {**place, "part": part}


def _objects(value: object) -> list[Json]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
