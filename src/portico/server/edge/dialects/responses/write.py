"""Tells a chat answer as a response: items with their typed events, numbered, and the response around them.

Each `response.output_text.delta` carries `choices`, too: the vendor's client reads nothing else of a stream.
Source: Responses API reference; platform.openai.com/docs/api-reference/responses-streaming, read 2026-11-20.
"""

from __future__ import annotations

import time
from typing import Any

from portico.server.edge.dialects.responses.echo import Echo
from portico.server.edge.dialects.responses.items import seal
from portico.server.edge.dialects.steps import (
    CallBegin,
    CallEnd,
    CallPiece,
    Cited,
    End,
    Head,
    Refusal,
    Step,
    Text,
    Thought,
    ThoughtBlock,
)
from portico.server.kit.ascii_json import ascii_encode
from portico.wire.sse import DONE

_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}
Json = dict[str, Any]


class ResponseWriter:
    """One answer. `echo` are the settings of the request that a response repeats; `sealed`: thoughts are wanted in a
    form that can be sent back (`include: ["reasoning.encrypted_content"]`)."""

    end = DONE

    def __init__(self, request_id: str, echo: Echo, *, sealed: bool = False) -> None:
        self._request_id = request_id
        self._tail = request_id.replace("-", "")
        self._echo = echo
        self._sealed = sealed
        self._output: list[Json] = []
        self._thoughts: list[Json] = []
        self._pieces: list[str] = []
        self._open = ""
        self._number = 0
        self._head = Head()
        self._reason = "stop"

    def begin(self, head: Head) -> bytes:
        self._head = head
        response = self._response("in_progress", None)
        return self._event("response.created", {"response": response}) + self._event(
            "response.in_progress", {"response": response}
        )

    def write(self, step: Step) -> bytes:
        match step:
            case Text():
                return self._text(step.text)
            case Thought():
                return self._thought(step.text)
            case ThoughtBlock():
                return self._thought_block(step.block)
            case Refusal():
                return self._refusal(step.text)
            case CallBegin():
                return self._call(step)
            case CallPiece():
                self._pieces.append(step.text)
                return self._of_item("response.function_call_arguments.delta", {"delta": step.text})
            case CallEnd():
                return self._close()
            case Cited():
                return b"".join(self._cite(given) for given in step.annotations)
            case End():
                self._reason = step.reason
                return self._close()

    def finish(self, usage: Json) -> bytes:
        closed = self._close()
        response = self._response(self._status(), usage)
        return closed + self._event(f"response.{response['status']}", {"response": response})

    def whole(self, usage: Json) -> bytes:
        self._close()
        return ascii_encode(self._response(self._status(), usage))

    # items ----------------------------------------------------------------------------------------------------

    def _text(self, text: str) -> bytes:
        opened = b"" if self._open == "output_text" else self._open_part("output_text", _TEXT_PART)
        self._pieces.append(text)
        choices = [{"index": 0, "delta": {"content": text}}]
        more = {"content_index": self._part_index, "delta": text, "logprobs": [], "choices": choices}
        return opened + self._of_item("response.output_text.delta", more)

    def _refusal(self, text: str) -> bytes:
        opened = b"" if self._open == "refusal" else self._open_part("refusal", {"type": "refusal", "refusal": ""})
        self._pieces.append(text)
        return opened + self._of_item("response.refusal.delta", {"content_index": self._part_index, "delta": text})

    @property
    def _part_index(self) -> int:
        return len(self._output[-1]["content"]) - 1

    def _open_part(self, kind: str, part: Json) -> bytes:
        closed = self._close()
        item: Json = {
            "id": self._id("msg"),
            "type": "message",
            "role": "assistant",
            "status": "in_progress",
            "content": [],
        }
        added = self._add(kind, item)
        item["content"] = [dict(part)]
        return closed + added + self._of_item("response.content_part.added", {"content_index": 0, "part": part})

    def _thought(self, text: str) -> bytes:
        opened = b""
        if self._open != "reasoning":
            opened = self._close() + self._add("reasoning", self._reasoning_item())
            part = {"type": "summary_text", "text": ""}
            opened += self._of_item("response.reasoning_summary_part.added", {"summary_index": 0, "part": part})
        self._pieces.append(text)
        return opened + self._of_item("response.reasoning_summary_text.delta", {"summary_index": 0, "delta": text})

    def _thought_block(self, block: Json) -> bytes:
        if self._open == "reasoning":
            self._thoughts.append(block)
            return self._close()
        if not self._sealed:
            return b""
        opened = self._close() + self._add("reasoning", self._reasoning_item())
        self._thoughts.append(block)
        return opened + self._close()

    def _reasoning_item(self) -> Json:
        return {"id": self._id("rs"), "type": "reasoning", "summary": [], "status": "in_progress"}

    def _call(self, step: CallBegin) -> bytes:
        item = {
            "id": self._id("fc"),
            "type": "function_call",
            "name": step.name,
            "arguments": "",
            "call_id": step.id,
            "status": "in_progress",
        }
        return self._close() + self._add("function_call", item)

    def _cite(self, given: Json) -> bytes:
        """Annotations belong to the text before them, which may be closed already: then they are told in the item."""
        parts = (part for item in reversed(self._output) for part in item.get("content") or ())
        part = next((part for part in parts if "annotations" in part), None)
        if part is None:
            return b""
        inner = given.get("url_citation")
        flat = {"type": given.get("type"), **inner} if isinstance(inner, dict) else given
        part["annotations"] = [*part["annotations"], flat]
        if self._open != "output_text":
            return b""
        place = {"content_index": self._part_index, "annotation_index": len(part["annotations"]) - 1}
        return self._of_item("response.output_text.annotation.added", {**place, "annotation": flat})

    def _id(self, kind: str) -> str:
        return f"{kind}_{self._tail}{len(self._output)}"

    def _add(self, kind: str, item: Json) -> bytes:
        self._open, self._pieces = kind, []
        self._output.append(item)
        return self._event("response.output_item.added", {"output_index": len(self._output) - 1, "item": item})

    def _close(self) -> bytes:
        if not self._open:
            return b""
        item, text, kind = self._output[-1], "".join(self._pieces), self._open
        self._open = ""
        item["status"] = "completed"
        match kind:
            case "output_text" | "refusal":
                told = self._close_part(item, kind, text)
            case "function_call":
                item["arguments"] = text
                told = self._of_item("response.function_call_arguments.done", {"name": item["name"], "arguments": text})
            case _:
                told = self._close_reasoning(item, text)
        return told + self._event("response.output_item.done", {"output_index": len(self._output) - 1, "item": item})

    def _close_part(self, item: Json, kind: str, text: str) -> bytes:
        part = item["content"][0]
        part["text" if kind == "output_text" else "refusal"] = text
        place = {"content_index": 0}
        told = {"text": text, "logprobs": []} if kind == "output_text" else {"refusal": text}
        done = self._of_item(f"response.{kind}.done", {**place, **told})
        return done + self._of_item("response.content_part.done", {**place, "part": part})

    def _close_reasoning(self, item: Json, text: str) -> bytes:
        thoughts, self._thoughts = self._thoughts, []
        if self._sealed and thoughts:
            item["encrypted_content"] = seal(thoughts)
        if not text:
            return b""
        part = {"type": "summary_text", "text": text}
        item["summary"] = [part]
        done = self._of_item("response.reasoning_summary_text.done", {"summary_index": 0, "text": text})
        return done + self._of_item("response.reasoning_summary_part.done", {"summary_index": 0, "part": part})

    # around them ------------------------------------------------------------------------------------------------

    def _status(self) -> str:
        return "incomplete" if self._reason in _INCOMPLETE else "completed"

    def _response(self, status: str, usage: Json | None) -> Json:
        reason = _INCOMPLETE.get(self._reason) if status == "incomplete" else None
        told = {
            "id": f"resp_{self._tail}",
            "object": "response",
            "created_at": self._head.created or int(time.time()),
            "status": status,
            "error": None,
            "incomplete_details": {"reason": reason} if reason else None,
            "model": self._head.model,
            "output": self._output if usage is not None else [],
            **self._echo,
            "usage": None if usage is None else read_usage(usage),
        }
        return told if usage is None else {**told, "requestId": self._request_id}

    def _of_item(self, name: str, more: Json) -> bytes:
        return self._event(name, {"item_id": self._output[-1]["id"], "output_index": len(self._output) - 1, **more})

    def _event(self, name: str, members: Json) -> bytes:
        self._number += 1
        data = ascii_encode({"type": name, "sequence_number": self._number - 1, **members})
        return b"event: %b\ndata: %b\n\n" % (name.encode(), data)


def read_usage(usage: Json) -> Json:
    """Counts and costs under the chat names, which are documented, and the counts under OpenAI's names, too."""
    read, made = usage.get("prompt_tokens_details") or {}, usage.get("completion_tokens_details") or {}
    return {
        "input_tokens": usage.get("prompt_tokens") or 0,
        "input_tokens_details": {
            "cached_tokens": read.get("cached_tokens") or 0,
            "cache_write_tokens": read.get("cache_write_tokens") or 0,
        },
        "output_tokens": usage.get("completion_tokens") or 0,
        "output_tokens_details": {"reasoning_tokens": made.get("reasoning_tokens") or 0},
        **usage,
    }


_TEXT_PART: Json = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
