"""Placeholders of a prompt: `{language}` and the values of one call in, the filled text out.

Source: Chat API reference, "Variables"; Assistant API reference, "Prompt variables".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from portico.server.errors import OutOfRange

INPUT_TEXT = "inputtext"
"""Reserved, in lower case: what the user has written, as it is. The other reserved names belong to RAG."""
LONGEST_PROMPT = 16 * 1024 * 1024
_PLACEHOLDER = re.compile(r"(\{[\w-]+\})")


@lru_cache(maxsize=1024)
def split_prompt(prompt: str) -> tuple[str, ...]:
    """Text, placeholder with its braces, text, placeholder ... text. `{file:...}` and JSON are text."""
    return tuple(_PLACEHOLDER.split(prompt))


def fill(prompt: str, values: Mapping[str, str], question: str = "") -> str:
    """The prompt with its placeholders replaced; those without a value stay. `values` by lower-case key.

    A value is put in as it is: placeholders within it are not filled. Raises OutOfRange when the result is too long.
    """
    pieces = split_prompt(prompt)
    if len(pieces) == 1:
        return prompt
    known = {**values, INPUT_TEXT: question}
    filled = [known.get(piece[1:-1].lower(), piece) if place % 2 else piece for place, piece in enumerate(pieces)]
    if sum(map(len, filled)) > LONGEST_PROMPT:
        raise OutOfRange("variables", f"the filled prompt is longer than {LONGEST_PROMPT} characters")
    return "".join(filled)


def list_variables(prompt: str) -> list[str]:
    """The placeholders of a prompt, each once, in the order and the spelling in which they first stand there."""
    found: dict[str, str] = {}
    for piece in split_prompt(prompt)[1::2]:
        found.setdefault(piece[1:-1].lower(), piece[1:-1])
    return list(found.values())
