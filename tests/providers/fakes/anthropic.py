"""Anthropic's Messages API as a fake. It is as strict as the API about what it hears."""

from __future__ import annotations

import base64
import re
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
    verbatim,
)
from tests.upstream import Asked, Reply

_STOPS: dict[Finish, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}
_CHOICES = {"auto": "auto", "any": "required", "none": "none"}
_LEAST_BUDGET = 1024
_VERSIONS = ("2023-06-01", "2026-10-21")
"""Ours, and that of the SDK (which also sends the key as a bearer token)."""


class AnthropicFake(Fake):
    provider = "Anthropic"
    model = "Anthropic/claude-3-5-sonnet-20241022"
    reasoning_model = "Anthropic/claude-sonnet-4-20250514"
    file_model = "Anthropic/claude-sonnet-4-20250514"
    key = "sk-ant-api03-fake-0123456789abcdefghij"
    request_id = "req_fake_1"
    call_id = re.compile(r"[a-zA-Z0-9_-]{1,64}")
    call_ids = ("toolu_01A", "toolu_01B")
    alternates = True
    signs_thoughts = True
    largest_temperature = 1.0
    max_tokens_needed = True
    efforts = (("Low", "4172"), ("high", "32511"), ("none", ""))
    clamped_efforts = (("minimal", "4172"), ("max", "32511"))
    unsupported = (("seed", 7), ("logit_bias", {"50256": -100}), ("frequency_penalty", 0.5), ("logprobs", True))

    def headers(self) -> dict[str, str]:
        return {"request-id": self.request_id}

    # speaking -------------------------------------------------------------------------------------------------

    def answer(self, say: Say) -> bytes:
        return dumps(
            {
                **self._message(),
                "content": [{**block, **whole} for block, whole, _ in _blocks(say)],
                **_end(say.finish),
                "usage": _usage(say.counts),
            }
        )

    def begin_frames(self, say: Say) -> list[bytes]:
        begun = {"output_tokens": 1, "output_tokens_details": {"thinking_tokens": 0}}
        frames = [
            _event("message_start", message={**self._message(), "content": [], "usage": _usage(say.counts) | begun})
        ]
        for index, (block, _, deltas) in enumerate(_blocks(say)):
            frames.append(_event("content_block_start", index=index, content_block=block))
            frames += [_event("ping")] if index == 0 else []
            frames += [_event("content_block_delta", index=index, delta=delta) for delta in deltas]
            frames.append(_event("content_block_stop", index=index))
        return frames

    def end_frames(self, say: Say) -> list[bytes]:
        usage = {"output_tokens": say.counts.completion, "output_tokens_details": _details(say.counts)}
        return [_event("message_delta", delta=_end(say.finish), usage=usage), _event("message_stop")]

    def _message(self) -> dict[str, Any]:
        return {"id": "msg_fake", "type": "message", "role": "assistant", "model": "claude-fake-20260101"}

    # refusing -------------------------------------------------------------------------------------------------

    def error(self, kind: ErrorKind) -> Reply:
        if kind == "html":
            return html_reply()
        status, error = self._refusal(kind)
        more = {"retry_after": str(RETRY_AFTER_S)} if kind == "rate_limit" else {}
        body = {"type": "error", "error": error, "request_id": self.request_id}
        return json_reply(status, body, request_id=self.request_id, **more)

    def error_frame(self, kind: ErrorKind) -> bytes:
        return _event("error", error=self._refusal(kind)[1])

    def _refusal(self, kind: ErrorKind) -> tuple[int, dict[str, Any]]:
        table: dict[ErrorKind, tuple[int, str, str]] = {
            "wrong_key": (401, "authentication_error", f"invalid x-api-key {self.leak}"),
            "forbidden": (403, "permission_error", "Your API key does not have permission to use this model."),
            "not_found": (404, "not_found_error", "model: claude-x"),
            "rate_limit": (429, "rate_limit_error", "This request would exceed your organization's rate limit."),
            "quota": (400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API."),
            "overloaded": (529, "overloaded_error", "Overloaded"),
            "too_long": (400, "invalid_request_error", "prompt is too long: 213462 tokens > 200000 maximum"),
            "bad_request": (400, "invalid_request_error", f"messages.0: unexpected value {self.leak}"),
        }
        status, kind_, message = table[kind]
        return status, {"type": kind_, "message": message}

    # hearing --------------------------------------------------------------------------------------------------

    def heard(self, asked: Asked) -> Heard:
        body = asked.body
        assert asked.path == "/v1/messages" and asked.headers["anthropic-version"] in _VERSIONS
        assert self.key in (asked.headers.get("x-api-key"), asked.headers.get("authorization", "")[7:])
        _check(body)
        thinking, output = body.get("thinking") or {}, body.get("output_config") or {}
        choice = body.get("tool_choice") or {}
        parallel = choice.get("disable_parallel_tool_use")
        return Heard(
            model=body["model"],
            stream=bool(body.get("stream")),
            system="\n\n".join(block["text"] for block in body.get("system") or ()),
            turns=tuple(_read_turn(message) for message in body["messages"]),
            tools=tuple(_read_tool(tool) for tool in body.get("tools") or ()),
            tool_choice=choice["name"] if choice.get("type") == "tool" else _CHOICES.get(choice.get("type"), ""),
            parallel=None if parallel is None else not parallel,
            max_tokens=body["max_tokens"],
            temperature=body.get("temperature"),
            top_p=body.get("top_p"),
            stop=tuple(body.get("stop_sequences") or ()),
            effort=output.get("effort") or "",
            budget=thinking.get("budget_tokens"),
            thinking=thinking["type"] != "disabled" if thinking else None,
            schema=(output.get("format") or {}).get("schema"),
            raw=body,
        )


def _blocks(say: Say) -> list[tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]]:
    """Each block as it begins in a stream, what it is besides when whole, and its deltas."""
    blocks: list[tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]] = []
    if say.reasoning:
        deltas = [{"type": "thinking_delta", "thinking": piece} for piece in say.reasoning]
        deltas.append({"type": "signature_delta", "signature": say.signature})
        whole = {"thinking": say.whole_reasoning, "signature": say.signature}
        blocks.append(({"type": "thinking", "thinking": "", "signature": ""}, whole, deltas))
    if say.text:
        deltas = [{"type": "text_delta", "text": piece} for piece in say.text]
        blocks.append(({"type": "text", "text": ""}, {"text": say.whole_text, "citations": None}, deltas))
    for call in say.calls:
        begun = {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}
        blocks.append((begun, {"input": verbatim(call)}, _pieces(call)))
    return blocks


def _pieces(call: Call) -> list[dict[str, Any]]:
    """The API opens arguments with an empty piece."""
    return [{"type": "input_json_delta", "partial_json": piece} for piece in ("", *call.arguments)]


def _event(kind: str, **members: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), dumps({"type": kind, **members}))


def _end(finish: Finish) -> dict[str, Any]:
    details = {"type": "refusal", "category": "general_harms", "explanation": "Not that."}
    return {
        "stop_reason": _STOPS[finish],
        "stop_sequence": None,
        "stop_details": details if finish == "content_filter" else None,
    }


def _details(counts: Counts) -> dict[str, Any]:
    return {"thinking_tokens": counts.reasoning}


def _usage(counts: Counts) -> dict[str, Any]:
    return {
        "input_tokens": counts.input,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": counts.cached,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": counts.completion,
        "output_tokens_details": _details(counts),
        "service_tier": "standard",
    }


def _check(body: dict[str, Any]) -> None:
    """What the API answers with 400, a fake must not let pass."""
    assert body["max_tokens"] >= 1 and body["messages"][0]["role"] == "user"
    thinking = body.get("thinking") or {}
    if thinking.get("type") == "enabled":
        assert _LEAST_BUDGET <= thinking["budget_tokens"] < body["max_tokens"]
        assert body.get("temperature", 1) == 1 and (body.get("tool_choice") or {}).get("type", "auto") in (
            "auto",
            "none",
        )
    assert 0 <= body.get("temperature", 0) <= 1
    assert body.get("tools") or not any(
        block["type"] in ("tool_use", "tool_result")
        for message in body["messages"]
        if isinstance(message["content"], list)
        for block in message["content"]
    )
    for message in body["messages"]:
        assert message["content"], "an empty message"
        results = [block["type"] == "tool_result" for block in message["content"] if isinstance(block, dict)]
        assert results == sorted(results, reverse=True), "results come first"


def _read_tool(tool: dict[str, Any]) -> Tool:
    return Tool(tool["name"], tool.get("input_schema"), tool.get("description", ""), tool.get("strict"))


def _read_turn(message: dict[str, Any]) -> Spoken:
    content = message["content"]
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    return Spoken(message["role"], tuple(_read_block(block) for block in blocks))


def _read_block(block: dict[str, Any]) -> Part:
    match block["type"]:
        case "text":
            assert block["text"].strip(), "text content blocks must be non-empty"
            return Part("text", text=block["text"])
        case "thinking":
            return Part("reasoning", text=block["thinking"], signature=block["signature"])
        case "redacted_thinking":
            return Part("reasoning", signature=block["data"])
        case "tool_use":
            assert isinstance(block["input"], dict)
            return Part("call", id=block["id"], name=block["name"], value=block["input"])
        case "tool_result":
            inner = block.get("content", "")
            text = inner if isinstance(inner, str) else "".join(b.get("text", "") for b in inner)
            return Part("result", text=text, id=block["tool_use_id"])
        case "image" | "document":
            kind: Any = "image" if block["type"] == "image" else "file"
            source = block["source"]
            if source["type"] == "url":
                return Part(kind, url=source["url"])
            data = base64.b64decode(source["data"]) if source["type"] == "base64" else source["data"].encode()
            return Part(kind, mime=source["media_type"], data=data, name=block.get("title", ""))
    raise ValueError(f"the Messages API knows no block of type {block['type']}")
