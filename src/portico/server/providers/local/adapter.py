"""The embedded models as a provider: the OpenAI protocol on loopback, plus what this runtime lacks (tool calls)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from portico.server.errors import MediaNotSupported, ProviderError
from portico.server.kit.ascii_json import ascii_encode
from portico.server.providers.base import Credential, Members, Outgoing, Reached, Target, Turn
from portico.server.providers.conversation import read_value
from portico.server.providers.local.rerank import Rerank, refusal_of
from portico.server.providers.local.runtime import LocalRuntime
from portico.server.providers.local.tool_reader import CallArguments, CallStart, Content, Delta, ToolReader
from portico.server.providers.local.tools import constrain, has_functions, plain_messages
from portico.server.providers.local.whole import join_chunks
from portico.server.providers.openai.chat import Chat
from portico.server.providers.openai.embeddings import Embeddings
from portico.server.providers.openai.foreign import as_own
from portico.wire.requests import ChatRequest

MAX_TOKENS = 1024
"""Where a caller sets no limit: a small model that begins to repeat itself would fill the whole context."""
_TOOL_ROLES = (b'"tool_calls"', b'"tool"', b'"function"')
Json = dict[str, Any]


class Local(Rerank, Chat, Embeddings):
    name = "local"

    def __init__(self, runtime: LocalRuntime) -> None:
        self._runtime = runtime

    def endpoint(self, credential: Credential) -> None:
        """Each model has a port of its own, and only while it is loaded."""
        return

    async def reach(self, target: Target) -> Reached:
        return await self._runtime.take(target.upstream_model)

    def write_chat(self, request: ChatRequest, target: Target, turn: Turn) -> Outgoing:
        if request.media:
            raise MediaNotSupported(f"{MediaNotSupported.text} The local models read text only.", param="messages")
        request = as_own(request, turn)
        members: Json = dict(request.members)
        wanted = bytes(request.members.get("tool_choice", b"")) != b'"none"'
        if request.has_tools and wanted and has_functions(request.members):
            members = constrain(request.members)
            turn.reader = {}
        else:
            for name in ("tools", "tool_choice", "parallel_tool_calls"):
                members.pop(name, None)
            if any(role in bytes(request.members["messages"]) for role in _TOOL_ROLES):
                members["messages"] = plain_messages(read_value(request, "messages"))
        if "max_tokens" not in members and "max_completion_tokens" not in members:
            members["max_tokens"] = MAX_TOKENS
        if not request.stream:  # see read_chat
            members |= {"stream": True, "stream_options": {"include_usage": True}}
        return super().write_chat(_with(request, members), target, turn)

    def read_chat(self, body: bytes, request: ChatRequest, turn: Turn) -> Members:
        """A stream to its end, for the runtime is always asked for one: it looks for a caller who has hung up with
        every piece it writes, but hardly ever while it holds an answer back (its wait of a second begins anew with
        each token of any other answer)."""
        members = super().read_chat(join_chunks(body), request, turn)
        if turn.reader is None:
            return members
        choices = msgspec.json.decode(members["choices"])
        for choice in choices:
            _read_whole(choice, members.get("id"))
        turn.finish_reason = choices[0]["finish_reason"]
        members["choices"] = choices
        return members

    def read_frame(self, data: bytes, request: ChatRequest, turn: Turn) -> Sequence[bytes]:
        frames = super().read_frame(data, request, turn)
        if turn.reader is None:
            return frames
        return [converted for frame in frames for converted in _convert(frame, turn)]

    def read_error(self, status: int, headers: dict[bytes, bytes], body: bytes) -> ProviderError:
        return refusal_of(super().read_error(status, headers, body))


def _with(request: ChatRequest, members: Json) -> ChatRequest:
    return ChatRequest(request.ref, members, request.stream, request.include_usage, False)


def _read_whole(choice: Json, answer_id: object) -> None:
    """A whole choice in place: the constrained JSON in `content` becomes a reply or tool calls."""
    reader, calls, text = ToolReader(), [], ""
    for delta in reader.feed(choice["message"].get("content") or ""):
        match delta:
            case Content():
                text += delta.text
            case CallStart():
                calls.append(_call(delta, answer_id))
            case CallArguments():
                calls[-1]["function"]["arguments"] += delta.text
    choice["message"]["content"] = text
    if calls:
        choice["message"]["tool_calls"] = calls
        if choice["finish_reason"] == "stop":
            choice["finish_reason"] = "tool_calls"


def _convert(frame: bytes, turn: Turn) -> list[bytes]:
    """One chunk of constrained JSON to the chunks that a caller expects: content or tool-call fragments (HC-01)."""
    chunk: Json = msgspec.json.decode(frame)
    out: list[bytes] = []
    for choice in chunk.get("choices", ()):
        reader: ToolReader = turn.reader.setdefault(choice["index"], ToolReader())
        text = choice["delta"].pop("content", None)
        if choice.get("finish_reason") == "stop" and reader.calls:
            choice["finish_reason"] = turn.finish_reason = "tool_calls"
        if choice["delta"] or choice.get("finish_reason"):
            delta = {**choice["delta"], "content": ""} if "role" in choice["delta"] else choice["delta"]
            out.append(_chunk(chunk, {**choice, "delta": delta}))
        for found in reader.feed(text or ""):
            out.append(_chunk(chunk, {**choice, "finish_reason": None, "delta": _delta(found, chunk.get("id"))}))
    return out


def _delta(delta: Delta, answer_id: object) -> Json:
    match delta:
        case Content():
            return {"content": delta.text}
        case CallStart():
            return {"tool_calls": [{"index": delta.index, **_call(delta, answer_id)}]}
        case CallArguments():
            return {"tool_calls": [{"index": delta.index, "function": {"arguments": delta.text}}]}


def _call(start: CallStart, answer_id: object) -> Json:
    """The id follows from answer and position, so that a replay gives the same one; 40 characters at most (HC-04)."""
    digest = hashlib.sha256(f"{answer_id}:{start.index}".encode()).hexdigest()
    return {"id": f"call_{digest[:24]}", "type": "function", "function": {"name": start.name, "arguments": ""}}


def _chunk(chunk: Json, choice: Json) -> bytes:
    return ascii_encode({**chunk, "choices": [choice]})
