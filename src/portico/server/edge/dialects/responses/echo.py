"""What a response repeats of its request, with the documented value where the request said nothing."""

from __future__ import annotations

from typing import Any

from portico.server.edge.bodies import read_member
from portico.wire.requests import Members

Echo = dict[str, Any]
_DEFAULTS: dict[str, Any] = {
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "reasoning": None,
    "service_tier": None,
    "temperature": 1,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_p": 1,
    "user": None,
}


def read_echo(members: Members) -> Echo:
    """`truncation` is what is done, not what was asked for: nothing is ever cut out of a conversation here."""
    told = {name: value if (value := read_member(members, name)) is not None else _DEFAULTS[name] for name in _DEFAULTS}
    if told["max_output_tokens"] is None:
        told["max_output_tokens"] = read_member(members, "max_tokens")
    return {**told, "truncation": "disabled", "background": False, "store": False}


def wants_sealed(members: Members) -> bool:
    """Whether reasoning shall come in a form that can be sent back."""
    included = read_member(members, "include")
    return isinstance(included, list) and "reasoning.encrypted_content" in included
