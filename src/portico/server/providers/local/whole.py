"""A stream of the chat runtime, read to its end, to the answer that the same request brings in one piece."""

from __future__ import annotations

from typing import Any

import msgspec

from portico.server.errors import ProviderUnknown
from portico.wire.sse import SSEDecoder

Json = dict[str, Any]
_ABSENT = msgspec.Raw(b"")


class _Chunk(msgspec.Struct):
    choices: list[Json] = []
    usage: msgspec.Raw = _ABSENT
    error: msgspec.Raw = _ABSENT


_read = msgspec.json.Decoder(_Chunk).decode
_members = msgspec.json.Decoder(Json).decode
_encode = msgspec.json.Encoder().encode


def join_chunks(body: bytes) -> bytes:
    """One `chat.completion` as JSON; of a stream that tells a failure, that failure.

    Raises ProviderUnknown for what is no stream of chunks, or ends before its `[DONE]`.
    """
    decoder = SSEDecoder(max_frame_bytes=len(body) + 1)
    events = [*decoder.feed(body), *decoder.close()]
    if not events or not events[-1].done:
        raise ProviderUnknown("the local model's answer ended before it was whole")
    try:
        return _join([event.data for event in events[:-1]])
    except (msgspec.DecodeError, LookupError, TypeError):
        raise ProviderUnknown("the local model's answer is not a chat completion") from None


def _join(chunks: list[bytes]) -> bytes:
    head = _members(chunks[0])
    choices: dict[int, Json] = {}
    for data in chunks:
        chunk = _read(data)
        if chunk.error is not _ABSENT:
            return _encode({"error": chunk.error})
        if chunk.usage is not _ABSENT:
            head["usage"] = chunk.usage
        for piece in chunk.choices:
            _add(choices, piece)
    head["object"] = "chat.completion"
    head["choices"] = [choices[index] for index in sorted(choices)]
    return _encode(head)


def _add(choices: dict[int, Json], piece: Json) -> None:
    """One piece of a choice: texts follow each other, and so do the probabilities of their tokens."""
    index = piece["index"]
    empty = {"index": index, "message": {"role": "assistant", "content": ""}, "finish_reason": None}
    whole = choices.setdefault(index, empty)
    message = whole["message"]
    for name, text in piece["delta"].items():
        if name != "role" and text:
            message[name] = message.get(name, "") + text
    if piece.get("logprobs"):
        whole.setdefault("logprobs", {"content": []})["content"] += piece["logprobs"]["content"]
    whole["finish_reason"] = piece["finish_reason"] or whole["finish_reason"]
