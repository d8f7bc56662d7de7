"""JSON to blocks: a value stands behind the keys that lead to it, a list of objects is a block for each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from portico.server.retrieval.parsing.failure import Unreadable
from portico.server.retrieval.parsing.pile import Pile

_TOGETHER = 800
"""Characters of keys and values below which they stay in one block."""
_DEEPEST_TITLE = 6


def read_json(text: str, pile: Pile, *, as_rows: bool) -> None:
    """Raises Unreadable."""
    _put(_load(text), pile, "", 1, as_rows=as_rows)


def read_json_lines(text: str, pile: Pile, *, as_rows: bool) -> None:
    """Each line a value. Raises Unreadable."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            value = _load(line, number)
            pile.add("row" if as_rows else "text", "\n".join(_flat(value, "")), lines=(number, number))


def _load(text: str, line: int = 0) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise Unreadable("it is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise Unreadable(f"it is no JSON: line {line or error.lineno}, column {error.colno}: {error.msg}") from None
    except ValueError:
        raise Unreadable("it is no JSON: it holds a number that is too long") from None


def _put(value: Any, pile: Pile, key: str, level: int, *, as_rows: bool) -> None:
    if isinstance(value, list) and any(isinstance(one, dict | list) for one in value):
        if key:
            pile.add("title", key, min(level, _DEEPEST_TITLE))
        for one in value:
            pile.add("row" if as_rows else "text", "\n".join(_flat(one, "")))
    elif isinstance(value, dict) and _size(value) > _TOGETHER:
        if key:
            pile.add("title", key, min(level, _DEEPEST_TITLE))
        plain = {name: one for name, one in value.items() if _size(one) <= _TOGETHER}
        pile.add("text", "\n".join(_flat(plain, "")))
        for name, one in value.items():
            if name not in plain:
                _put(one, pile, name, level + 1, as_rows=as_rows)
    else:
        pile.add("text", "\n".join(_flat(value, key)))


def _size(value: Any) -> int:
    """About how many characters; counting stops where it is enough."""
    total = 0
    for line in _flat(value, ""):
        total += len(line)
        if total > _TOGETHER:
            break
    return total


def _flat(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _flat(one, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and any(isinstance(one, dict | list) for one in value):
        for place, one in enumerate(value, 1):
            yield from _flat(one, f"{path}[{place}]")
    elif isinstance(value, list):
        yield _line(path, ", ".join(map(_word, value)))
    else:
        yield _line(path, _word(value))


def _line(path: str, text: str) -> str:
    return f"{path}: {text}" if path else text


def _word(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
