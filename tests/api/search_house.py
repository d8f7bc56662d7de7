"""RAG assistants of a live server, made as callers make them; and uploads into them."""

from __future__ import annotations

import asyncio
import json
import secrets
from contextlib import AsyncExitStack
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import text

from portico.server.settings import Settings
from portico.server.storage.database import Database
from portico.server.storage.opening import open_database
from tests.files import FORM, form
from tests.live import Answer, LiveServer

ROOT = "/v1/search"
NOBODY = "5b1d2f8e-0000-4000-8000-000000000002"


def new_name(stem: str = "handbook") -> str:
    """A name that no other test has taken."""
    return f"{stem}-{secrets.token_hex(4)}"


def at(name: str, rest: str = "") -> str:
    return f"{ROOT}/profile/{quote(name, safe='')}{rest}"


def create(server: LiveServer, name: str, *, token: str = "", **members: Any) -> Answer:
    return server.post(f"{ROOT}/profile", {"name": name, **members}, token=token)


def make_profile(server: LiveServer, name: str = "", *, token: str = "", **members: Any) -> str:
    """Its name."""
    name = name or new_name()
    answer = create(server, name, token=token, **members)
    assert answer.status == 200, answer.body
    return name


def change(server: LiveServer, name: str, **members: Any) -> Answer:
    return server.request("PUT", at(name), members)


def upload(
    server: LiveServer,
    name: str,
    content: bytes = b"Four days of leave.",
    filename: str = "leave.txt",
    headers: dict[str, str] | None = None,
    **fields: Any,
) -> Answer:
    """As a form; fields that are no texts go as JSON."""
    told = {key: one if isinstance(one, str) else json.dumps(one) for key, one in fields.items()}
    return server.request("POST", at(name, "/document"), form(content, filename, **told), {**FORM, **(headers or {})})


def uploaded(server: LiveServer, name: str, *args: Any, **fields: Any) -> dict[str, Any]:
    answer = upload(server, name, *args, **fields)
    assert answer.status == 200, answer.body
    document: dict[str, Any] = answer.json()
    return document


def listed(server: LiveServer, name: str, query: str = "?count=999999") -> dict[str, Any]:
    answer = server.get(at(name, f"/documents{query}"))
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.json()
    return found


def refused(answer: Answer, status: int, number: int, words: str = "") -> None:
    assert answer.status == status, answer.body
    (error,) = answer.json()["errors"]
    assert error["id"] == number, answer.body
    assert words in error["description"], answer.body


class _Inside:
    """The database of a server, open beside it."""

    def __init__(self, data_dir: Path) -> None:
        self._runner, self._stack = asyncio.Runner(), AsyncExitStack()
        settings = Settings.load({}, data_dir=data_dir)
        self._database: Database = self._runner.run(self._stack.enter_async_context(open_database(settings)))

    def ask(self, query: str, values: dict[str, Any]) -> list[dict[str, Any]]:
        async def ask() -> list[dict[str, Any]]:
            async with self._database.begin() as connection:
                return [dict(row) for row in (await connection.execute(text(query), values)).mappings()]

        return self._runner.run(ask())

    def close(self) -> None:
        self._runner.run(self._stack.aclose())
        self._runner.close()


_inside = cache(_Inside)
_open: list[_Inside] = []


def rows(server: LiveServer, query: str, **values: Any) -> list[dict[str, Any]]:
    """What is stored. `close_rows` must come before the server ends."""
    inside = _inside(server.data_dir)
    if inside not in _open:
        _open.append(inside)
    return inside.ask(query, values)


def close_rows() -> None:
    while _open:
        _open.pop().close()
    _inside.cache_clear()
