"""Mistral's chat completions as a fake: OpenAI's shape with content in chunks, calls in one piece, ids of nine."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import Any

from tests.providers.fakes.base import (
    RETRY_AFTER_S,
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
    html_reply,
    json_reply,
    read_data_url,
)
from tests.upstream import Asked, Reply

_KNOWN = {
    "model", "messages", "stream", "temperature", "top_p", "max_tokens", "stop", "random_seed", "metadata",
    "response_format", "tools", "tool_choice", "presence_penalty", "frequency_penalty", "min_tokens",
    "repetition_penalty", "top_k", "logprobs", "top_logprobs", "prompt_logprobs", "top_prompt_logprobs", "n",
    "prediction", "parallel_tool_calls", "reasoning_effort", "prompt_mode", "guardrails", "prompt_cache_key",
    "service_tier", "safe_prompt",
}  # fmt: skip


class MistralFake(Fake):
    provider = "mistral"
    model = "mistral/mistral-small-latest"
    reasoning_model = "mistral/magistral-medium-latest"
    key = "fake0Mistral1Key2abcdefghijklmno"
    request_id = "0199d0e6-aaaa-7000-8000-000000000001"
    call_id = re.compile(r"[a-zA-Z0-9]{9}")
    call_ids = ("D681PevKs", "a1B2c3D4e")
    largest_temperature = 1.5
    efforts = (("High", "on"), ("none", "none"))
    clamped_efforts = (("low", "on"), ("max", "on"))
    unsupported = (("logit_bias", {"50256": -100}),)
    id = "cmpl-fake-0001"

    def environ(self, url: str) -> dict[str, str]:
        return super().environ(f"{url}/v1")

    def headers(self) -> dict[str, str]:
        return {"mistral-correlation-id": self.request_id}

    def told(self, counts: Counts) -> Counts:
        """Thoughts are counted as output."""
        return Counts(counts.input, counts.cached, counts.completion, 0)

    # speaking -------------------------------------------------------------------------------------------------

    def answer(self, say: Say) -> bytes:
        content: Any = say.whole_text
        if say.reasoning:
            content = [_thinking(say.whole_reasoning), *([{"type": "text", "text": content}] if content else [])]
        calls = [_call(call, i) for i, call in enumerate(say.calls)] or None
        message = {"role": "assistant", "content": content, "tool_calls": calls, "prefix": False}
        choice = {"index": 0, "message": message, "finish_reason": say.finish}
        return dumps({**self._head("chat.completion"), "choices": [choice], "usage": _usage(say.counts)})

    def begin_frames(self, say: Say) -> list[bytes]:
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
        deltas += [{"content": [_thinking(piece)]} for piece in say.reasoning]
        deltas += [{"content": piece} for piece in say.text]
        if say.calls:
            deltas.append({"content": "", "tool_calls": [_call(call, i) for i, call in enumerate(say.calls)]})
        return [self._chunk(delta) for delta in deltas]

    def end_frames(self, say: Say) -> list[bytes]:
        """The last chunk has the usage, unasked."""
        return [self._chunk({"content": ""}, say.finish, usage=_usage(say.counts)), b"data: [DONE]\n\n"]

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": 1764000000, "model": "mistral-small-2506"}

    def _chunk(self, delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return _event({**self._head("chat.completion.chunk"), "choices": [choice], **more})

    # refusing -------------------------------------------------------------------------------------------------

    def error(self, kind: ErrorKind) -> Reply:
        if kind == "html":
            return html_reply()
        status, error = self._refusal(kind)
        more = {"retry_after": str(RETRY_AFTER_S)} if kind == "rate_limit" else {}
        body = {"message": error["message"], "request_id": self.request_id} if status in (401, 429) else error
        return json_reply(status, body, mistral_correlation_id=self.request_id, **more)

    def error_frame(self, kind: ErrorKind) -> bytes:
        return _event(self._refusal(kind)[1])

    def _refusal(self, kind: ErrorKind) -> tuple[int, dict[str, Any]]:
        table: dict[ErrorKind, tuple[int, str, str, str | None]] = {
            "wrong_key": (401, f"Unauthorized {self.leak}", "invalid_request_error", None),
            "forbidden": (403, "You cannot access this model.", "invalid_request_error", "1100"),
            "not_found": (400, "Invalid model: x", "invalid_model", "1500"),
            "rate_limit": (429, "Requests rate limit exceeded", "rate_limited", "1300"),
            "quota": (402, "Payment required: your plan has no tokens left.", "payment_required", None),
            "overloaded": (503, "Service unavailable.", "service_unavailable", "3505"),
            "too_long": (
                400,
                "Prompt contains 140000 tokens, too large for model with 131072 maximum context length",
                "invalid_request_prompt",
                "3051",
            ),
            "bad_request": (
                400,
                f"Expected last role User or Tool {self.leak}",
                "invalid_request_message_order",
                "3230",
            ),
        }
        status, message, type_, code = table[kind]
        error = {"object": "error", "message": message, "type": type_, "param": None, "code": code}
        return status, {**error, "raw_status_code": status}

    # hearing --------------------------------------------------------------------------------------------------

    def heard(self, asked: Asked) -> Heard:
        body = asked.body
        assert set(body) <= _KNOWN, f"extra inputs are not permitted: {set(body) - _KNOWN}"
        _check_order([message["role"] for message in body["messages"]], body["messages"][-1])
        turns = [_read_turn(message) for message in body["messages"]]
        form = body.get("response_format") or {}
        stop = body.get("stop") or ()
        effort = body.get("reasoning_effort") or ""
        thinking = body["prompt_mode"] == "reasoning" if "prompt_mode" in body else None
        return Heard(
            model=body["model"],
            stream=bool(body.get("stream")),
            system="\n\n".join(turn.text for turn in turns if turn.role == "system"),
            turns=tuple(turn for turn in turns if turn.role != "system"),
            tools=tuple(_read_tool(tool["function"]) for tool in body.get("tools") or ()),
            tool_choice=_read_choice(body.get("tool_choice")),
            parallel=body.get("parallel_tool_calls"),
            max_tokens=body.get("max_tokens"),
            temperature=body.get("temperature"),
            top_p=body.get("top_p"),
            seed=body.get("random_seed"),
            stop=(stop,) if isinstance(stop, str) else tuple(stop),
            effort=effort,
            thinking=effort != "none" if effort else thinking,
            schema=(form.get("json_schema") or {}).get("schema"),
            json_object=form.get("type") == "json_object",
            raw=body,
        )


def _event(value: Any) -> bytes:
    return b"data: %b\n\n" % dumps(value)


def _thinking(text: str) -> dict[str, Any]:
    return {"type": "thinking", "thinking": [{"type": "text", "text": text}]}


def _call(call: Call, index: int) -> dict[str, Any]:
    return {"id": call.id, "function": {"name": call.name, "arguments": call.text}, "index": index}


def _usage(counts: Counts) -> dict[str, Any]:
    return {
        "prompt_tokens": counts.prompt,
        "completion_tokens": counts.completion,
        "total_tokens": counts.prompt + counts.completion,
        "prompt_tokens_details": {"cached_tokens": counts.cached},
    }


def _check_order(roles: list[str], last: dict[str, Any]) -> None:
    """What the API refuses: a system message behind others, a user's behind a tool's, an answer without `prefix`."""
    assert "system" not in roles[1:], roles
    assert ("tool", "user") not in set(pairwise(roles)), "Unexpected role 'user' after role 'tool'"
    assert roles[-1] in ("user", "tool") or last.get("prefix"), "Expected last role User or Tool"


def _read_tool(function: dict[str, Any]) -> Tool:
    strict = function.get("strict")
    return Tool(function["name"], function.get("parameters"), function.get("description", ""), strict)


def _read_choice(choice: Any) -> str:
    if isinstance(choice, dict):
        return str(choice["function"]["name"])
    assert choice in (None, "auto", "none", "any", "required"), choice
    return "required" if choice == "any" else choice or ""


def _read_turn(message: dict[str, Any]) -> Spoken:
    role = message["role"]
    content = message.get("content")
    parts = [Part("text", text=content)] if isinstance(content, str) else [_read_chunk(c) for c in content or ()]
    if role == "tool":
        text = "".join(part.text for part in parts)
        return Spoken("tool", (Part("result", text=text, id=message["tool_call_id"], name=message["name"]),))
    for call in message.get("tool_calls") or ():
        function = call["function"]
        parts.append(Part("call", id=call["id"], name=function["name"], value=json.loads(function["arguments"])))
    return Spoken(role, tuple(part for part in parts if part.kind != "text" or part.text))


def _read_chunk(chunk: dict[str, Any]) -> Part:
    match chunk["type"]:
        case "text":
            return Part("text", text=chunk["text"])
        case "thinking":
            return Part("reasoning", text="".join(inner["text"] for inner in chunk["thinking"]))
        case "image_url":
            url = chunk["image_url"] if isinstance(chunk["image_url"], str) else chunk["image_url"]["url"]
            return _read_file("image", url)
        case "document_url":
            return _read_file("file", chunk["document_url"], chunk.get("document_name", ""))
    raise ValueError(f"Mistral knows no chunk of type {chunk['type']}")


def _read_file(kind: Any, url: str, name: str = "") -> Part:
    if not url.startswith("data:"):
        return Part(kind, url=url, name=name)
    mime, data = read_data_url(url)
    return Part(kind, mime=mime, data=data, name=name)
