"""Ollama's /api/chat as a fake: lines of JSON, calls with argument objects, no words on cached tokens or thoughts."""

from __future__ import annotations

import base64
import json
import re
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
    verbatim,
)
from tests.upstream import Asked, Reply

_MAGIC = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg"}


class OllamaFake(Fake):
    provider = "ollama"
    model = "ollama/llama3.2"
    fetches_images = False
    reasoning_model = "ollama/qwen3:8b"
    key = "0123456789abcdef0123456789abcdef.fakeOllamaCloudKey012345"
    content_type = "application/x-ndjson"
    call_ids = ("call_9xqv8c2d", "call_k3m4n5p6")
    call_id = re.compile(r".+", re.S)
    efforts = (("low", "low"), ("Medium", "medium"), ("high", "high"), ("none", "none"))
    clamped_efforts = (("minimal", "low"), ("max", "high"))
    unsupported = (("logprobs", True), ("logit_bias", {"50256": -100}))

    def told(self, counts: Counts) -> Counts:
        return Counts(counts.prompt, 0, counts.completion, 0)

    # speaking -------------------------------------------------------------------------------------------------

    def answer(self, say: Say) -> bytes:
        message: dict[str, Any] = {"role": "assistant", "content": say.whole_text}
        if say.reasoning:
            message["thinking"] = say.whole_reasoning
        if say.calls:
            message["tool_calls"] = [_call(call, i) for i, call in enumerate(say.calls)]
        return dumps(self._last(say, message))

    def begin_frames(self, say: Say) -> list[bytes]:
        messages: list[dict[str, Any]] = [{"content": "", "thinking": piece} for piece in say.reasoning]
        messages += [{"content": piece} for piece in say.text]
        messages += [{"content": "", "tool_calls": [_call(call, i)]} for i, call in enumerate(say.calls)]
        return [_line({**_HEAD, "message": {"role": "assistant", **m}, "done": False}) for m in messages]

    def end_frames(self, say: Say) -> list[bytes]:
        return [_line(self._last(say, {"role": "assistant", "content": ""}))]

    def _last(self, say: Say, message: dict[str, Any]) -> dict[str, Any]:
        assert say.finish != "content_filter", "Ollama filters nothing"
        return {
            **_HEAD,
            "message": message,
            "done": True,
            "done_reason": "length" if say.finish == "length" else "stop",
            "total_duration": 4_883_583_458,
            "load_duration": 1_334_875,
            "prompt_eval_count": say.counts.prompt,
            "prompt_eval_duration": 342_546_000,
            "eval_count": say.counts.completion,
            "eval_duration": 4_535_599_000,
        }

    # refusing -------------------------------------------------------------------------------------------------

    def error(self, kind: ErrorKind) -> Reply:
        if kind == "html":
            return html_reply()
        status, message = self._refusal(kind)
        more = {"retry_after": str(RETRY_AFTER_S)} if kind == "rate_limit" else {}
        return json_reply(status, {"error": message}, **more)

    def error_frame(self, kind: ErrorKind) -> bytes:
        return _line({"error": self._refusal(kind)[1]})

    def _refusal(self, kind: ErrorKind) -> tuple[int, str]:
        table: dict[ErrorKind, tuple[int, str]] = {
            "wrong_key": (401, "unauthorized"),
            "forbidden": (403, "this model requires a subscription"),
            "not_found": (404, "model 'llama3.2' not found"),
            "rate_limit": (429, "too many concurrent requests"),
            "quota": (402, "you have reached your weekly usage limit"),
            "overloaded": (503, "server busy, please try again. maximum pending requests exceeded"),
            "too_long": (400, "the input length exceeds the context length"),
            "bad_request": (400, f"invalid options: temperature {self.leak}"),
        }
        return table[kind]

    # hearing --------------------------------------------------------------------------------------------------

    def heard(self, asked: Asked) -> Heard:
        assert asked.path == "/api/chat"
        body = asked.body
        options = body.get("options") or {}
        form, think = body.get("format"), body.get("think")
        turns = [_read_turn(message) for message in body["messages"]]
        return Heard(
            model=body["model"],
            stream=body.get("stream", True),
            system="\n\n".join(turn.text for turn in turns if turn.role == "system"),
            turns=tuple(turn for turn in turns if turn.role != "system"),
            tools=tuple(_read_tool(tool["function"]) for tool in body.get("tools") or ()),
            max_tokens=options.get("num_predict"),
            temperature=options.get("temperature"),
            top_p=options.get("top_p"),
            seed=options.get("seed"),
            stop=tuple(options.get("stop") or ()),
            effort=think if isinstance(think, str) else "",
            thinking=think if isinstance(think, bool) else None,
            schema=form if isinstance(form, dict) else None,
            json_object=form == "json",
            raw=body,
        )


_HEAD = {"model": "llama3.2", "created_at": "2026-11-20T12:00:00.123456Z"}


def _line(value: Any) -> bytes:
    return dumps(value) + b"\n"


def _call(call: Call, index: int) -> dict[str, Any]:
    return {"id": call.id, "function": {"index": index, "name": call.name, "arguments": verbatim(call)}}


def _read_tool(function: dict[str, Any]) -> Tool:
    return Tool(function["name"], function.get("parameters"), function.get("description", ""))


def _read_turn(message: dict[str, Any]) -> Spoken:
    role, text = message["role"], message.get("content") or ""
    assert isinstance(text, str), "cannot unmarshal array into Go struct field"
    if role == "tool":
        return Spoken("tool", (Part("result", text=text, id=message["tool_call_id"], name=message["tool_name"]),))
    parts = [Part("reasoning", text=message["thinking"])] if message.get("thinking") else []
    parts += [Part("text", text=text)] if text else []
    for image in message.get("images") or ():
        data = base64.b64decode(image, validate=True)
        parts.append(Part("image", data=data, mime=next((m for k, m in _MAGIC.items() if data.startswith(k)), "")))
    for call in message.get("tool_calls") or ():
        function = call["function"]
        assert isinstance(function["arguments"], dict), json.dumps(function)
        parts.append(Part("call", id=call.get("id", ""), name=function["name"], value=function["arguments"]))
    return Spoken(role, tuple(parts))
