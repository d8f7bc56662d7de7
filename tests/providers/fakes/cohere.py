"""Cohere's chat API, version 2, as a fake; and its embeddings and ranks."""

from __future__ import annotations

import json
from typing import Any

from tests.providers.fakes.base import (
    RETRY_AFTER_S,
    Call,
    Counts,
    ErrorKind,
    Fake,
    Finish,
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

_FINISHES: dict[Finish, str] = {
    "stop": "COMPLETE",
    "length": "MAX_TOKENS",
    "tool_calls": "TOOL_CALL",
    "content_filter": "ERROR_TOXIC",
}
_CHOICES = {"REQUIRED": "required", "NONE": "none"}


class CohereFake(Fake):
    """`reasoning_model` does not think on demand; what it plans before a call it shows all the same."""

    provider = "cohere"
    model = "cohere/command-a-03-2025"
    reasoning_model = "cohere/command-a-03-2025"
    key = "C0hereFake0123456789abcdefghijklmnopqrst"
    request_id = "trace-fake-1"
    call_ids = ("look_up_a1b2", "tell_time_c3d4")
    largest_temperature = 1.0
    unsupported = (("logit_bias", {"50256": -100}), ("logprobs", True), ("service_tier", "flex"))
    stream_error_status = 502

    def headers(self) -> dict[str, str]:
        return {"x-debug-trace-id": self.request_id}

    # speaking -------------------------------------------------------------------------------------------------

    def answer(self, say: Say) -> bytes:
        message: dict[str, Any] = {"role": "assistant"}
        if say.calls:
            message["tool_calls"] = [_call(call) for call in say.calls]
        content = [{"type": "thinking", "thinking": say.whole_reasoning}] if say.reasoning and not say.calls else []
        if say.reasoning and say.calls:
            message["tool_plan"] = say.whole_reasoning
        if say.text:
            content.append({"type": "text", "text": say.whole_text})
        if content:
            message["content"] = content
        end = {"finish_reason": _FINISHES[say.finish], "usage": _usage(say.counts)}
        return dumps({"id": "cohere-fake", "message": message, **end})

    def begin_frames(self, say: Say) -> list[bytes]:
        empty = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
        frames = [_event("message-start", id="cohere-fake", delta={"message": empty})]
        if say.reasoning and say.calls:
            frames += [_event("tool-plan-delta", delta={"message": {"tool_plan": piece}}) for piece in say.reasoning]
        elif say.reasoning:
            frames += _content(0, "thinking", say.reasoning)
        if say.text:
            frames += _content(1, "text", say.text)
        for index, call in enumerate(say.calls):
            started = {**_call(call), "function": {"name": call.name, "arguments": ""}}
            frames.append(_event("tool-call-start", index=index, delta={"message": {"tool_calls": started}}))
            for piece in call.arguments:
                delta = {"message": {"tool_calls": {"function": {"arguments": piece}}}}
                frames.append(_event("tool-call-delta", index=index, delta=delta))
            frames.append(_event("tool-call-end", index=index))
        return frames

    def end_frames(self, say: Say) -> list[bytes]:
        return [_event("message-end", delta={"finish_reason": _FINISHES[say.finish], "usage": _usage(say.counts)})]

    def told(self, counts: Counts) -> Counts:
        """Thoughts are counted with the rest of the answer."""
        return Counts(counts.input, counts.cached, counts.completion, 0)

    # refusing -------------------------------------------------------------------------------------------------

    def error(self, kind: ErrorKind) -> Reply:
        if kind == "html":
            return html_reply()
        status, message = self._refusal(kind)
        more = {"retry_after": str(RETRY_AFTER_S)} if kind == "rate_limit" else {}
        return json_reply(status, {"id": "cohere-fake", "message": message}, x_debug_trace_id=self.request_id, **more)

    def error_frame(self, kind: ErrorKind) -> bytes:
        return _event("message-end", delta={"finish_reason": "ERROR", "error": self._refusal(kind)[1]})

    def _refusal(self, kind: ErrorKind) -> tuple[int, str]:
        table: dict[ErrorKind, tuple[int, str]] = {
            "wrong_key": (401, f"invalid api token {self.leak}"),
            "forbidden": (403, "your key may not use this model"),
            "not_found": (404, "model 'command-x' not found, make sure the correct model ID was used"),
            "rate_limit": (429, "You are past the rate limit of 500 API calls / minute, please wait and try again"),
            "quota": (429, "You are using a Trial key, which is limited to 1000 API calls / month."),
            "overloaded": (503, "the service is overloaded"),
            "too_long": (400, "too many tokens: total number of tokens in this request cannot exceed 256000"),
            "bad_request": (400, f"invalid request: unexpected value {self.leak}"),
        }
        return table[kind]

    # hearing --------------------------------------------------------------------------------------------------

    def heard(self, asked: Asked) -> Heard:
        body = asked.body
        assert asked.path == "/v2/chat" and asked.headers["authorization"] == f"Bearer {self.key}"
        turns = [_read_turn(message) for message in body["messages"]]
        form, thinking = body.get("response_format") or {}, body.get("thinking") or {}
        assert not (form and body.get("tools")), "a form and tools exclude each other"
        return Heard(
            model=body["model"],
            stream=bool(body.get("stream")),
            system="\n\n".join(turn.text for turn in turns if turn.role == "system"),
            turns=tuple(turn for turn in turns if turn.role != "system"),
            tools=tuple(_read_tool(tool["function"], body) for tool in body.get("tools") or ()),
            tool_choice=_CHOICES.get(body.get("tool_choice"), ""),
            max_tokens=body.get("max_tokens"),
            temperature=body.get("temperature"),
            top_p=body.get("p"),
            seed=body.get("seed"),
            stop=tuple(body.get("stop_sequences") or ()),
            budget=thinking.get("token_budget"),
            thinking=thinking["type"] == "enabled" if thinking else None,
            schema=form.get("json_schema"),
            json_object=form.get("type") == "json_object" and "json_schema" not in form,
            raw=body,
        )

    def aside(self, asked: Asked) -> Reply | None:
        """Embeddings of two numbers, and ranks in the order of the documents' length."""
        meta = {"api_version": {"version": "2"}}
        if asked.path == "/v2/embed":
            count = len(asked.body.get("texts") or asked.body.get("images") or asked.body.get("inputs") or ())
            billed = {**meta, "billed_units": {"input_tokens": 3.0 * count}}
            vectors = {"float": [[0.6, -0.8]] * count}
            return json_reply(
                200, {"id": "e", "embeddings": vectors, "response_type": "embeddings_by_type", "meta": billed}
            )
        if asked.path == "/v2/rerank":
            lengths = [len(text) for text in asked.body["documents"]]
            order = sorted(range(len(lengths)), key=lambda index: -lengths[index])[: asked.body.get("top_n")]
            results = [{"index": index, "relevance_score": 1 / (place + 1)} for place, index in enumerate(order)]
            return json_reply(
                200, {"id": "r", "results": results, "meta": {**meta, "billed_units": {"search_units": 1.0}}}
            )
        return None


def _event(kind: str, **members: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), dumps({"type": kind, **members}))


def _content(index: int, kind: str, pieces: tuple[str, ...]) -> list[bytes]:
    begun = {"message": {"content": {"type": kind, kind: ""}}}
    deltas = [_event("content-delta", index=index, delta={"message": {"content": {kind: piece}}}) for piece in pieces]
    return [_event("content-start", index=index, delta=begun), *deltas, _event("content-end", index=index)]


def _call(call: Call) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": "".join(call.arguments)}}


def _usage(counts: Counts) -> dict[str, Any]:
    """Billed is what the caller wrote; the other count has Cohere's own additions in it."""
    return {
        "billed_units": {"input_tokens": float(counts.prompt), "output_tokens": float(counts.completion)},
        "tokens": {"input_tokens": counts.prompt + 500.0, "output_tokens": counts.completion + 2.0},
        "cached_tokens": float(counts.cached),
    }


def _read_tool(function: dict[str, Any], body: dict[str, Any]) -> Tool:
    return Tool(function["name"], function["parameters"], function.get("description", ""), body.get("strict_tools"))


def _read_turn(message: dict[str, Any]) -> Spoken:
    role, content = message["role"], message.get("content")
    parts = [Part("text", text=content)] if isinstance(content, str) else [_read_part(part) for part in content or ()]
    if role == "tool":
        return Spoken("tool", (Part("result", text=parts[0].text, id=message["tool_call_id"]),))
    if message.get("tool_plan"):
        parts.insert(0, Part("reasoning", text=message["tool_plan"]))
    for call in message.get("tool_calls") or ():
        function = call["function"]
        parts.append(Part("call", id=call["id"], name=function["name"], value=json.loads(function["arguments"])))
    return Spoken(role, tuple(parts))


def _read_part(part: dict[str, Any]) -> Part:
    match part["type"]:
        case "text":
            return Part("text", text=part["text"])
        case "thinking":
            return Part("reasoning", text=part["thinking"])
        case "image_url":
            url = part["image_url"]["url"]
            if not url.startswith("data:"):
                return Part("image", url=url)
            mime, data = read_data_url(url)
            return Part("image", mime=mime, data=data)
    raise ValueError(f"Cohere knows no part of type {part['type']}")
