"""OpenAI's Responses API as a fake: items in, items out, and events with their names in streams."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.providers.fakes.base import (
    Call,
    Counts,
    ErrorKind,
    Fake,
    Heard,
    Part,
    Say,
    Spoken,
    Tool,
    dumps,
    json_reply,
    read_data_url,
)
from tests.providers.fakes.openai import OpenAIFake
from tests.upstream import Asked, Reply

_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}
LEAST_OUTPUT = 16


class OpenAIResponsesFake(OpenAIFake):
    variant = "responses"
    model = "openai/gpt-5.3-codex"
    reasoning_model = "openai/gpt-5.3-codex"
    efforts = (("Low", "low"), ("high", "high"))
    clamped_efforts = (("minimal", "low"), ("max", "xhigh"))
    same_dialect = False
    call_id = re.compile(r"[A-Za-z0-9_-]{1,64}")
    unsupported = (("seed", 7), ("logit_bias", {"50256": -100}), ("presence_penalty", 0.5), ("stop", "END"))
    stream_error_status = 502

    # speaking -------------------------------------------------------------------------------------------------

    def answer(self, say: Say) -> bytes:
        return dumps(self._response(say, _items(say)))

    def _response(self, say: Say, output: list[Any], status: str = "") -> dict[str, Any]:
        reason = _INCOMPLETE.get(say.finish)
        status = status or ("incomplete" if reason else "completed")
        return {
            "id": "resp_fake",
            "object": "response",
            "created_at": 1764000000,
            "status": status,
            "background": False,
            "error": None,
            "incomplete_details": {"reason": reason} if reason and status == "incomplete" else None,
            "instructions": None,
            "max_output_tokens": None,
            "model": "gpt-5.3-codex-2026-02-05",
            "output": output,
            "parallel_tool_calls": True,
            "reasoning": {"effort": "medium", "summary": None},
            "store": False,
            "temperature": 1.0,
            "text": {"format": {"type": "text"}},
            "tool_choice": "auto",
            "tools": [],
            "top_p": 1.0,
            "truncation": "disabled",
            "usage": None if status == "in_progress" else _usage(say.counts),
            "metadata": {},
        }

    def begin_frames(self, say: Say) -> list[bytes]:
        begun = self._response(say, [], "in_progress")
        events: list[dict[str, Any]] = [
            {"type": "response.created", "response": begun},
            {"type": "response.in_progress", "response": begun},
        ]
        place = 0
        if say.reasoning:
            events += _thinking(say, place)
            place += 1
        if say.text:
            events += _talking(say, place)
            place += 1
        events += _calling(say.calls, place)
        return [_event({**event, "sequence_number": n}) for n, event in enumerate(events)]

    def end_frames(self, say: Say) -> list[bytes]:
        """Responses streams have no `[DONE]`."""
        response = self._response(say, _items(say))
        return [_event({"type": f"response.{response['status']}", "sequence_number": 99, "response": response})]

    def speak(self, say: Say, asked: Asked) -> Reply:
        return self._refused(asked.body) or Fake.speak(self, say, asked)

    def _refused(self, body: dict[str, Any]) -> Reply | None:
        """What the Responses API refuses of that which the Chat Completions API takes."""
        known = {
            "model", "input", "instructions", "stream", "store", "tools", "tool_choice", "parallel_tool_calls", "text",
            "reasoning", "max_output_tokens", "temperature", "top_p", "user", "metadata", "service_tier",
            "prompt_cache_key", "safety_identifier", "include",
        }  # fmt: skip
        unknown = sorted(set(body) - known)
        if unknown:
            return _wrong(f"Unknown parameter: '{unknown[0]}'.", unknown[0], "unknown_parameter")
        if (body.get("max_output_tokens") or LEAST_OUTPUT) < LEAST_OUTPUT:
            said = f"Expected a value >= {LEAST_OUTPUT}."
            return _wrong(f"Invalid 'max_output_tokens': {said}", "max_output_tokens", "integer_below_min_value")
        return None

    # refusing -------------------------------------------------------------------------------------------------

    def error_frame(self, kind: ErrorKind) -> bytes:
        _, error = self._refusal(kind)
        code = error["code"] or error["type"]
        told = {"type": "error", "code": code, "message": error["message"], "param": error["param"]}
        return _event({**told, "sequence_number": 50})

    def failed_frame(self, code: str, message: str) -> bytes:
        """The other way in which a stream fails: a response that did."""
        response = {**self._response(Say(), [], "failed"), "error": {"code": code, "message": message}}
        return _event({"type": "response.failed", "sequence_number": 50, "response": response})

    # hearing --------------------------------------------------------------------------------------------------

    def heard(self, asked: Asked) -> Heard:
        body = asked.body
        assert asked.path == "/v1/responses" and body["store"] is False, asked.path
        form = (body.get("text") or {}).get("format") or {}
        effort = (body.get("reasoning") or {}).get("effort") or ""
        choice = body.get("tool_choice") or ""
        return Heard(
            model=body["model"],
            stream=bool(body.get("stream")),
            system=body.get("instructions") or "",
            turns=_turns(body["input"]),
            tools=tuple(
                Tool(tool["name"], tool.get("parameters"), tool.get("description", ""), tool.get("strict"))
                for tool in body.get("tools") or ()
            ),
            tool_choice=choice["name"] if isinstance(choice, dict) else choice,
            parallel=body.get("parallel_tool_calls"),
            max_tokens=body.get("max_output_tokens"),
            temperature=body.get("temperature"),
            top_p=body.get("top_p"),
            effort=effort,
            thinking=None if not effort else effort != "none",
            schema=form.get("schema"),
            json_object=form.get("type") == "json_object",
            raw=body,
        )


def _event(value: dict[str, Any]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (value["type"].encode(), dumps(value))


def _wrong(message: str, param: str, code: str) -> Reply:
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return json_reply(400, {"error": error})


def _usage(counts: Counts) -> dict[str, Any]:
    return {
        "input_tokens": counts.prompt,
        "input_tokens_details": {"cached_tokens": counts.cached, "cache_write_tokens": 0},
        "output_tokens": counts.completion,
        "output_tokens_details": {"reasoning_tokens": counts.reasoning},
        "total_tokens": counts.prompt + counts.completion,
    }


def _reasoning_item(say: Say) -> dict[str, Any]:
    return {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": say.whole_reasoning}]}


def _text_part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _message_item(content: list[Any], status: str = "completed") -> dict[str, Any]:
    return {"id": "msg_1", "type": "message", "role": "assistant", "status": status, "content": content}


def _call_item(call: Call, arguments: str, status: str = "completed") -> dict[str, Any]:
    named = {"call_id": call.id, "name": call.name, "arguments": arguments}
    return {"id": f"fc_{call.id}", "type": "function_call", "status": status, **named}


def _items(say: Say) -> list[dict[str, Any]]:
    items = [_reasoning_item(say)] if say.reasoning else []
    if say.text:
        items.append(_message_item([_text_part(say.whole_text)]))
    return [*items, *(_call_item(call, call.text) for call in say.calls)]


def _thinking(say: Say, place: int) -> list[dict[str, Any]]:
    at = {"item_id": "rs_1", "output_index": place}
    part = {**at, "summary_index": 0}
    item = {"id": "rs_1", "type": "reasoning", "summary": []}
    return [
        {"type": "response.output_item.added", "output_index": place, "item": item},
        {"type": "response.reasoning_summary_part.added", **part, "part": {"type": "summary_text", "text": ""}},
        *({"type": "response.reasoning_summary_text.delta", **part, "delta": piece} for piece in say.reasoning),
        {"type": "response.reasoning_summary_text.done", **part, "text": say.whole_reasoning},
        {
            "type": "response.reasoning_summary_part.done",
            **part,
            "part": {"type": "summary_text", "text": say.whole_reasoning},
        },
        {"type": "response.output_item.done", "output_index": place, "item": _reasoning_item(say)},
    ]


def _talking(say: Say, place: int) -> list[dict[str, Any]]:
    at = {"item_id": "msg_1", "output_index": place, "content_index": 0}
    done = _text_part(say.whole_text)
    return [
        {"type": "response.output_item.added", "output_index": place, "item": _message_item([], "in_progress")},
        {"type": "response.content_part.added", **at, "part": _text_part("")},
        *({"type": "response.output_text.delta", **at, "delta": piece, "logprobs": []} for piece in say.text),
        {"type": "response.output_text.done", **at, "text": say.whole_text, "logprobs": []},
        {"type": "response.content_part.done", **at, "part": done},
        {"type": "response.output_item.done", "output_index": place, "item": _message_item([done])},
    ]


def _calling(calls: tuple[Call, ...], first: int) -> list[dict[str, Any]]:
    """Parallel calls take turns."""
    events: list[dict[str, Any]] = [
        {
            "type": "response.output_item.added",
            "output_index": place,
            "item": _call_item(call, "", "in_progress"),
        }
        for place, call in enumerate(calls, first)
    ]
    pieces = [call.arguments for call in calls]
    for turn in range(max(map(len, pieces), default=0)):
        events += [
            {
                "type": "response.function_call_arguments.delta",
                "item_id": f"fc_{calls[i].id}",
                "output_index": first + i,
                "delta": texts[turn],
            }
            for i, texts in enumerate(pieces)
            if turn < len(texts)
        ]
    for place, call in enumerate(calls, first):
        at = {"item_id": f"fc_{call.id}", "output_index": place, "name": call.name, "arguments": call.text}
        events.append({"type": "response.function_call_arguments.done", **at})
        item = _call_item(call, call.text)
        events.append({"type": "response.output_item.done", "output_index": place, "item": item})
    return events


def _turns(items: str | list[dict[str, Any]]) -> tuple[Spoken, ...]:
    if isinstance(items, str):
        return (Spoken("user", (Part("text", text=items),)),)
    turns: list[Spoken] = []
    for item in items:
        match item.get("type", "message"):
            case "message":
                parts = tuple(_read_part(part, item["role"]) for part in item["content"])
                turns.append(Spoken(item["role"], parts))
            case "function_call":
                value = json.loads(item["arguments"])
                turns.append(Spoken("assistant", (Part("call", id=item["call_id"], name=item["name"], value=value),)))
            case "function_call_output":
                turns.append(Spoken("tool", (Part("result", text=item["output"], id=item["call_id"]),)))
            case other:
                raise ValueError(f"the Responses API knows no item of type {other}")
    return tuple(turns)


def _read_part(part: dict[str, Any], role: str) -> Part:
    match part["type"]:
        case "input_text" if role == "user":
            return Part("text", text=part["text"])
        case "output_text" if role == "assistant":
            return Part("text", text=part["text"])
        case "input_image":
            url = part["image_url"]
            if not url.startswith("data:"):
                return Part("image", url=url)
            mime, data = read_data_url(url)
            return Part("image", mime=mime, data=data)
        case "input_file":
            mime, data = read_data_url(part["file_data"])
            return Part("file", mime=mime, data=data, name=part["filename"])
    raise ValueError(f"a message of role {role} has no part of type {part['type']}")
