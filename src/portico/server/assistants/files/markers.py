"""`{file:name}` and `{file:*}` in the texts of a conversation: found, and put into words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_SPEC = (
    r"(?:[^{}\n]?[<>=^][-+ ]?#?\d*[,_]?(?:\.\d+)?[a-zA-Z%]?"  # >20, *^10, <8.3f
    r"|[-+ ]?\d*,?\.\d+[eEfFgGns%]|\.\d+|[-+ ]?\d*,[dfeg]?)"  # .2f, 10.1%, .3 and 12,
)
"""How Python formats a value: `{file:>20}` and `{file:.2f}` of a prompt that holds a program name no file. What may be
a name as well (`{file:d}`, `{file:2026}`) is one."""
MARKER = re.compile(rf"\{{file:(?!{_SPEC}\}})([^{{}}\n]{{1,300}})\}}")
EVERY = "*"
_ROLES = ("user", "system", "developer")
Message = dict[str, Any]


def named_in(messages: list[Message]) -> list[str]:
    """The names in their order, each once; "*" among them means all files."""
    found = (match[1].strip() for _, _, text in _texts(messages) for match in MARKER.finditer(text))
    return list(dict.fromkeys(found))


def replace_markers(
    messages: list[Message], words: dict[str, str], parts: Mapping[str, Sequence[dict[str, Any]]]
) -> None:
    """Writes the words of each name in its place, the first time; then only that it was there already.

    `parts` of a name go into the message that names it; for a prompt, which can hold none, into the first one of the
    user.
    """
    said: set[str] = set()
    for message in messages:
        if message.get("role") not in _ROLES:
            continue
        named: list[str] = []

        def put(match: re.Match[str], named: list[str] = named) -> str:
            name = match[1].strip()
            if name in said:
                return f"[file {name}, as above]"
            said.add(name)
            named.append(name)
            return words[name]

        for holder, key, text in list(_texts([message])):
            holder[key] = MARKER.sub(put, text)
        new = [part for name in named for part in parts.get(name, ())]
        if new:
            _attach(message if message["role"] == "user" else _first_of_user(messages, message), new)


def _texts(messages: list[Message]) -> Iterator[tuple[dict[str, Any], str, str]]:
    """Each text that may name files, with the object and the member that hold it."""
    for message in messages:
        if message.get("role") not in _ROLES:
            continue
        content = message.get("content")
        if isinstance(content, str):
            yield message, "content", content
        for part in content if isinstance(content, list) else ():
            if isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str):
                yield part, "text", part["text"]


def _first_of_user(messages: list[Message], otherwise: Message) -> Message:
    return next((message for message in messages if message.get("role") == "user"), otherwise)


def _attach(message: Message, parts: list[dict[str, Any]]) -> None:
    content = message.get("content")
    before = [{"type": "text", "text": content}] if isinstance(content, str) else list(content or ())
    message["content"] = [*before, *parts]
