"""OpenAI's chat completions as a fake: the dialect of OpenAI, and of every compatible server."""

from __future__ import annotations

import json
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

_ROLES = {"user": "user", "assistant": "assistant", "tool": "tool", "system": "system", "developer": "system"}


class OpenAIFake(Fake):
    provider = "openai"
    model = "openai/gpt-4o-mini"
    reasoning_model = "openai/gpt-5.1"
    efforts = (("Low", "low"), ("high", "high"), ("none", "none"))
    clamped_efforts = (("minimal", "low"), ("xhigh", "high"))
    request_id = "req_fake_1"
    same_dialect = True

    def environ(self, url: str) -> dict[str, str]:
        return super().environ(f"{url}/v1")

    def headers(self) -> dict[str, str]:
        return {"x-request-id": self.request_id}

    # speaking -------------------------------------------------------------------------------------------------

    def answer(self, say: Say) -> bytes:
        message: dict[str, Any] = {"role": "assistant", "content": say.whole_text or None, "refusal": None}
        if say.reasoning:
            message["reasoning_content"] = say.whole_reasoning
        if say.calls:
            message["tool_calls"] = [_call(call) for call in say.calls]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": say.finish}
        return dumps({**self._head("chat.completion"), "choices": [choice], "usage": _usage(say.counts)})

    def begin_frames(self, say: Say) -> list[bytes]:
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": "", "refusal": None}]
        deltas += [{"reasoning_content": piece, "content": None} for piece in say.reasoning]
        deltas += [{"content": piece} for piece in say.text]
        deltas += [{"tool_calls": [{"index": i, **_call(call, "")}]} for i, call in enumerate(say.calls)]
        pieces = [call.arguments or ("{}",) for call in say.calls]
        for turn in range(max(map(len, pieces), default=0)):  # parallel calls take turns
            deltas += [
                {"tool_calls": [{"index": i, "function": {"arguments": texts[turn]}}]}
                for i, texts in enumerate(pieces)
                if turn < len(texts)
            ]
        return [self._chunk(delta) for delta in deltas]

    def end_frames(self, say: Say) -> list[bytes]:
        head = self._head("chat.completion.chunk")
        return [
            self._chunk({}, say.finish),
            _event({**head, "choices": [], "usage": _usage(say.counts)}),
            b"data: [DONE]\n\n",
        ]

    def speak(self, say: Say, asked: Asked) -> Reply:
        """Usage is streamed to those only who ask for it (HC-09)."""
        reply = super().speak(say, asked)
        wanted = (asked.body.get("stream_options") or {}).get("include_usage")
        if asked.body.get("stream") and not wanted and isinstance(reply.body, list):
            reply.body = [frame for frame in reply.body if b'"choices":[],' not in frame]
        return reply

    def _head(self, kind: str) -> dict[str, Any]:
        return {
            "id": "chatcmpl-fake",
            "object": kind,
            "created": 1764000000,
            "model": "gpt-4o-mini-2024-07-18",
            "service_tier": "default",
            "system_fingerprint": "fp_1",
        }

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return _event({**self._head("chat.completion.chunk"), "choices": [choice], "usage": None})

    # refusing -------------------------------------------------------------------------------------------------

    def error(self, kind: ErrorKind) -> Reply:
        if kind == "html":
            return html_reply()
        status, error = self._refusal(kind)
        more = {"retry_after": str(RETRY_AFTER_S)} if kind == "rate_limit" else {}
        return json_reply(status, {"error": error}, x_request_id=self.request_id, **more)

    def error_frame(self, kind: ErrorKind) -> bytes:
        status, error = self._refusal(kind)
        return _event({"error": {**error, "code": error["code"] or status}})

    def _refusal(self, kind: ErrorKind) -> tuple[int, dict[str, Any]]:
        table: dict[ErrorKind, tuple[int, str, str, str | None, str | None]] = {
            "wrong_key": (
                401,
                f"Incorrect API key provided: {self.leak}",
                "invalid_request_error",
                None,
                "invalid_api_key",
            ),
            "forbidden": (403, "Project does not have access to this model.", "invalid_request_error", None, None),
            "not_found": (404, "The model `x` does not exist.", "invalid_request_error", None, "model_not_found"),
            "rate_limit": (429, "Rate limit reached for requests.", "requests", None, "rate_limit_exceeded"),
            "quota": (429, "You exceeded your current quota.", "insufficient_quota", None, "insufficient_quota"),
            "overloaded": (503, "The server is overloaded.", "server_error", None, None),
            "too_long": (
                400,
                "This model's maximum context length is 128000 tokens.",
                "invalid_request_error",
                "messages",
                "context_length_exceeded",
            ),
            "bad_request": (400, f"Invalid value {self.leak}", "invalid_request_error", "messages", "invalid_value"),
        }
        status, message, type_, param, code = table[kind]
        return status, {"message": message, "type": type_, "param": param, "code": code}

    # hearing --------------------------------------------------------------------------------------------------

    def heard(self, asked: Asked) -> Heard:
        body = asked.body
        turns = [_read_turn(message) for message in body["messages"]]
        form = body.get("response_format") or {}
        stop = body.get("stop") or ()
        effort = body.get("reasoning_effort") or ""
        return Heard(
            model=body["model"],
            stream=bool(body.get("stream")),
            system="\n\n".join(turn.text for turn in turns if turn.role == "system"),
            turns=tuple(turn for turn in turns if turn.role != "system"),
            tools=tuple(_read_tool(tool["function"]) for tool in body.get("tools") or ()),
            tool_choice=_read_choice(body.get("tool_choice")),
            parallel=body.get("parallel_tool_calls"),
            max_tokens=body.get("max_completion_tokens", body.get("max_tokens")),
            temperature=body.get("temperature"),
            top_p=body.get("top_p"),
            seed=body.get("seed"),
            stop=(stop,) if isinstance(stop, str) else tuple(stop),
            effort=effort,
            thinking=None if not effort else effort != "none",
            schema=(form.get("json_schema") or {}).get("schema"),
            json_object=form.get("type") == "json_object",
            raw=body,
        )


def _event(value: Any) -> bytes:
    return b"data: %b\n\n" % dumps(value)


def _call(call: Call, arguments: str | None = None) -> dict[str, Any]:
    text = call.text if arguments is None else arguments
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": text}}


def _usage(counts: Counts) -> dict[str, Any]:
    return {
        "prompt_tokens": counts.prompt,
        "completion_tokens": counts.completion,
        "total_tokens": counts.prompt + counts.completion,
        "prompt_tokens_details": {"cached_tokens": counts.cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": counts.reasoning, "audio_tokens": 0},
    }


def _read_tool(function: dict[str, Any]) -> Tool:
    strict = function.get("strict")
    return Tool(function["name"], function.get("parameters"), function.get("description", ""), strict)


def _read_choice(choice: Any) -> str:
    if isinstance(choice, dict):
        return str(choice["function"]["name"])
    return choice or ""


def _read_turn(message: dict[str, Any]) -> Spoken:
    role = _ROLES[message["role"]]
    content = message.get("content")
    parts = [Part("text", text=content)] if isinstance(content, str) else [_read_part(p) for p in content or ()]
    if role == "tool":
        return Spoken("tool", (Part("result", text="".join(p.text for p in parts), id=message["tool_call_id"]),))
    if message.get("reasoning_content"):
        parts.insert(0, Part("reasoning", text=message["reasoning_content"]))
    for call in message.get("tool_calls") or ():
        function = call["function"]
        parts.append(Part("call", id=call["id"], name=function["name"], value=json.loads(function["arguments"])))
    return Spoken(role, tuple(parts))  # type: ignore[arg-type]


def _read_part(part: dict[str, Any]) -> Part:
    match part["type"]:
        case "text":
            return Part("text", text=part["text"])
        case "image_url":
            url = part["image_url"]["url"]
            if not url.startswith("data:"):
                return Part("image", url=url)
            mime, data = read_data_url(url)
            return Part("image", mime=mime, data=data)
        case "file":
            mime, data = read_data_url(part["file"]["file_data"])
            return Part("file", mime=mime, data=data, name=part["file"].get("filename", ""))
    raise ValueError(f"OpenAI knows no part of type {part['type']}")
