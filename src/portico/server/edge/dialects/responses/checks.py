"""What the Responses API offers only to those who store: refused, because nothing is stored here.

Names of stored things are those of the operator's account at the provider, hence of all tenants together: they must
not reach it.
"""

from __future__ import annotations

from typing import Any

from portico.server.edge.bodies import read_member
from portico.server.errors import BadInputText, PatternMismatch
from portico.wire.requests import Members

_STORED = {
    "previous_response_id": "responses are not stored here: send the items of the conversation in `input`",
    "conversation": "conversations are not stored here: send their items in `input`",
    "prompt": "prompts of the provider's account cannot be used: send `instructions`",
    "background": "responses are not stored here, so none can be fetched later: leave it out",
}
_KEPT_FILES = ("file_id", "vector_store_ids", "container_id", "skill_id")


def refuse_stored(members: Members) -> None:
    """Raises PatternMismatch for anything that names something stored, BadInputText for what nests too deeply."""
    try:
        _refuse_stored(members)
    except RecursionError:
        raise BadInputText("Bad Input Text: the JSON is nested too deeply") from None


def _refuse_stored(members: Members) -> None:
    for name, why in _STORED.items():
        if read_member(members, name):
            raise PatternMismatch(name, why)
    given = read_member(members, "input")
    for index, item in enumerate(given if isinstance(given, list) else ()):
        if isinstance(item, dict) and item.get("type") == "item_reference":
            raise PatternMismatch(f"input[{index}].type", "items are not kept here: send the item itself")
        _refuse_files(item, f"input[{index}]")
    tools = read_member(members, "tools") or []
    if not isinstance(tools, list):
        raise PatternMismatch("tools", "send an array of tools")
    for index, tool in enumerate(tools):
        if not isinstance(tool, dict) or tool.get("type") in (None, "function", "custom"):
            continue
        _refuse_files(tool, f"tools[{index}]")
        if isinstance(tool.get("container"), str):
            raise PatternMismatch(f"tools[{index}].container", "send a new one: containers are not kept here")


def _refuse_files(value: Any, where: str) -> None:
    """Looks into content parts and settings of tools; function arguments and results are texts."""
    if isinstance(value, list):
        for inner in value:
            _refuse_files(inner, where)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if (name in _KEPT_FILES or name == "file_ids") and inner:
                raise PatternMismatch(f"{where}.{name}", "send the file itself: files are not kept here")
            if name in ("content", "output", "container", "input_image_mask", "skills", "environment"):
                _refuse_files(inner, where)
