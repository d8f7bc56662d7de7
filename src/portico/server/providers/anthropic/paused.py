"""Answers that pause: after many calls of its own tools the provider stops, and goes on when it gets its words back.

Source: platform.claude.com/docs/build-with-claude/handling-stop-reasons, read 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from portico.server.errors import ProviderUnknown
from portico.server.providers.base import Members, Outgoing

PAUSED = "pause_turn"
_encode = msgspec.json.Encoder().encode
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST = msgspec.json.Decoder(list[msgspec.Raw])


def write_rest(outgoing: Outgoing, answers: Sequence[bytes]) -> Outgoing:
    """The same request with the answers so far, verbatim, behind its messages."""
    body: Members = dict(_MEMBERS.decode(outgoing.body))
    said = {"role": "assistant", "content": _content(answers)}
    body["messages"] = [*_LIST.decode(body["messages"]), said]
    return msgspec.structs.replace(outgoing, body=_encode(body))


def join_answers(answers: Sequence[bytes]) -> bytes:
    """One message of several: the last one, with the content of all and what all of them took.

    Raises ProviderUnknown for one that is no message.
    """
    try:
        read = [_MEMBERS.decode(answer) for answer in answers]
        taken: dict[str, Any] = {}
        for message in read:
            usage = message.get("usage")
            _add(taken, None if usage is None else msgspec.json.decode(usage))
        return _encode({**read[-1], "content": _content(answers), "usage": taken or None})
    except (msgspec.DecodeError, RecursionError, KeyError):
        raise ProviderUnknown("the provider's answer is not a message") from None


def _content(answers: Sequence[bytes]) -> list[msgspec.Raw]:
    return [block for answer in answers for block in _LIST.decode(_MEMBERS.decode(answer)["content"])]


def _add(total: dict[str, Any], more: object) -> None:
    """Each request is billed for itself: counts add up, whatever is no count is as the last one says."""
    for name, value in more.items() if isinstance(more, dict) else ():
        if isinstance(value, dict):
            inner = total.get(name)
            total[name] = inner if isinstance(inner, dict) else {}
            _add(total[name], value)
        elif isinstance(value, int) and not isinstance(value, bool):
            known = total.get(name)
            total[name] = (known if isinstance(known, int) else 0) + value
        elif value is not None or name not in total:
            total[name] = value
