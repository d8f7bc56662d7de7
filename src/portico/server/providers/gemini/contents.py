"""The turns of a conversation as Gemini's `contents`, and the system texts as its `systemInstruction`.

In: a `Conversation`. Out: JSON values; argument texts stay as the model wrote them.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from portico.server.providers.conversation import Call, Conversation, Media, Part, Result, Text, Turned
from portico.server.providers.gemini.signatures import SKIP, Signatures

Json = dict[str, Any]
OPENING = {"role": "user", "parts": [{"text": "..."}]}
"""Stands before a conversation that the assistant begins: the first turn must be the user's."""
_USUAL = {"image/*": "image/jpeg", "video/*": "video/mp4"}
_TYPED = ("https://generativelanguage.googleapis.com/", "https://www.youtube.com/", "https://youtu.be/")


class Route(NamedTuple):
    """Where signatures hold, whether calls need one there, and whether calls carry ids there."""

    name: str
    needs_signature: bool
    sends_ids: bool


def write_system(conversation: Conversation) -> Json | None:
    if not conversation.system or not conversation.turns:
        return None
    return {"parts": [{"text": text} for text in conversation.system]}


def write_contents(conversation: Conversation, route: Route, signatures: Signatures) -> list[Json]:
    """All turns; a conversation of system texts alone is said by the user."""
    if not conversation.turns and conversation.system:
        return [{"role": "user", "parts": [{"text": text} for text in conversation.system]}]
    contents: list[Json] = []
    calls: list[Call] = []
    for turn in conversation.turns:
        if turn.role == "assistant":
            parts = _model_parts(turn, route, signatures)
            calls = [part for part in turn.parts if isinstance(part, Call)]
        else:
            parts = _user_parts(turn, calls, route)
        role = "model" if turn.role == "assistant" else "user"
        if parts and contents and contents[-1]["role"] == role:  # a turn of thoughts alone stood between
            contents[-1]["parts"] += parts
        elif parts:
            contents.append({"role": role, "parts": parts})
    if not contents or contents[0]["role"] == "model":
        contents.insert(0, OPENING)
    return contents


def _model_parts(turn: Turned, route: Route, signatures: Signatures) -> list[Json]:
    """Thoughts stay behind: it is the signatures that carry them. Of parallel calls only the first needs one."""
    parts: list[Json] = []
    first = True
    for part in turn.parts:
        if isinstance(part, Call):
            parts.append(_call(part, route, signatures, first=first))
            first = False
        elif isinstance(part, Text | Media):
            parts.append(_plain(part))
    return parts


def _call(call: Call, route: Route, signatures: Signatures, *, first: bool) -> Json:
    function: Json = {"name": call.name, "args": _arguments(call.arguments)}
    if route.sends_ids and call.id:
        function["id"] = call.id
    part: Json = {"functionCall": function}
    google = call.extra.get("google")
    given = google.get("thought_signature") if isinstance(google, dict) else None
    signature = signatures.find(call.id, call.name, route.name, given if isinstance(given, str) else "")
    if not signature and first and route.needs_signature:
        signature = SKIP
    if signature:
        part["thoughtSignature"] = signature
    return part


def _arguments(text: str) -> msgspec.Raw | Json:
    """Argument text as the object it is, character by character (HC-02)."""
    return msgspec.Raw(text.encode()) if _is_object(text) else {"arguments": text}


def _is_object(text: str) -> bool:
    if not text.lstrip().startswith("{"):
        return False
    try:
        msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _user_parts(turn: Turned, calls: Sequence[Call], route: Route) -> list[Json]:
    """Results in the order of the calls (HC-03), then their files, then what the user says."""
    results = [part for part in turn.parts if isinstance(part, Result)]
    order = {call.id: position for position, call in enumerate(calls)}
    results.sort(key=lambda result: order.get(result.id, len(order)))
    parts = [_result(result, route) for result in results]
    files: list[Part] = [part for result in results for part in result.parts if isinstance(part, Media)]
    rest = [part for part in turn.parts if isinstance(part, Text | Media)]
    return parts + [_plain(part) for part in (*files, *rest) if isinstance(part, Text | Media)]


def _result(result: Result, route: Route) -> Json:
    text = result.text
    response: Any = msgspec.Raw(text.encode()) if _is_object(text) else {"output": text}
    function: Json = {"name": result.name, "response": response}
    if route.sends_ids and result.id:
        function["id"] = result.id
    return {"functionResponse": function}


def _plain(part: Text | Media) -> Json:
    if isinstance(part, Text):
        return {"text": part.text}
    if part.data:
        return {"inlineData": {"mimeType": part.media_type, "data": part.data}}
    kind = _kind_of(part)
    return {"fileData": {"fileUri": part.url, "mimeType": kind} if kind else {"fileUri": part.url}}


def _kind_of(part: Media) -> str:
    """The type of a file that Google fetches; "" for addresses whose type it knows by itself. Others need one, so a
    picture is taken for a JPEG where its name does not tell: what the bytes say counts more there."""
    kind = part.media_type
    if not kind.endswith("/*"):
        return kind
    if part.url.startswith(_TYPED):
        return ""
    named = mimetypes.guess_type(part.url.partition("?")[0])[0] or ""
    return named if named.startswith(kind[:-1]) else _USUAL.get(kind, "")
