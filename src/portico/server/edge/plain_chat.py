"""The chat requests that most callers send: a few members, each in its documented form, read in one go.

In: the body and its raw members. Out: a ChatRequest that is what the checks one by one would have made of it, or None
for every request with anything else in it, which then takes that way.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from portico.server.edge.bodies import MODEL_LIMIT
from portico.server.edge.routes.messages import PlainMessage
from portico.wire.model_ref import BareModel, DirectModel, ModelRefError, read_model_ref
from portico.wire.requests import ChatRequest, Members


class _StreamOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    include_usage: bool = False


_NO_OPTIONS = _StreamOptions()


class _Plain(msgspec.Struct, forbid_unknown_fields=True):
    """Bounds as in `routes/chat.py`; null, which means absent there, is none of these types."""

    model: Annotated[str, Meta(min_length=1, max_length=MODEL_LIMIT)]
    messages: Annotated[list[PlainMessage], Meta(min_length=1)]
    stream: bool = False
    stream_options: _StreamOptions = _NO_OPTIONS
    temperature: Annotated[float, Meta(ge=0, le=2)] = 0
    top_p: Annotated[float, Meta(ge=0, le=1)] = 0
    max_tokens: Annotated[int, Meta(ge=1, le=2**53)] = 1
    max_completion_tokens: Annotated[int, Meta(ge=1, le=2**53)] = 1
    frequency_penalty: Annotated[float, Meta(ge=-2, le=2)] = 0
    presence_penalty: Annotated[float, Meta(ge=-2, le=2)] = 0
    stop: str = ""
    user: str = ""


_PLAIN = msgspec.json.Decoder(_Plain)


def maybe_plain(body: bytes | bytearray, members: Members) -> ChatRequest | None:
    """The request; `members` lose what is not the provider's. None, and `members` as they were: it is not plain."""
    try:
        plain = _PLAIN.decode(body)
        ref = read_model_ref(plain.model)
    except (msgspec.DecodeError, RecursionError, ModelRefError):
        return None
    if not isinstance(ref, DirectModel | BareModel) or plain.model != plain.model.strip():
        return None
    for name in ("model", "stream", "stream_options"):
        members.pop(name, None)
    return ChatRequest(ref, members, plain.stream, plain.stream_options.include_usage, body_bytes=len(body))
