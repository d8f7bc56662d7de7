"""A live server whose providers are set while it runs: two scripted upstreams, and calls of the admin API."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from portico.server.access.organizations import NewTokens, found
from portico.server.settings import Settings
from portico.server.storage.database import Database
from portico.server.storage.opening import open_database
from portico.server.storage.projects import insert_project
from portico.server.storage.secrets import open_installation_key
from portico.server.storage.tokens import insert_token
from tests.live import Answer, LiveServer
from tests.upstream import Upstream

T = TypeVar("T")
MODEL = "openai/gpt-4o-mini"
FIRST_KEY, SECOND_KEY = "sk-first-0000-aaaa", "sk-second-0000-bbbb"


@dataclass
class Admin:
    """The admin API with one token."""

    server: LiveServer
    token: str

    def __call__(self, method: str, path: str, body: Any = None) -> Answer:
        return self.server.request(method, f"/v3/llm/admin{path}", body, token=self.token)

    def add_key(self, key: str = FIRST_KEY, provider: str = "openai", **members: Any) -> dict[str, Any]:
        made = self("POST", f"/providers/{provider}/keys", {"key": key, **members})
        assert made.status == 201, made.body
        shown: dict[str, Any] = made.json()
        return shown

    def list_keys(self, provider: str = "openai") -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = self("GET", f"/providers/{provider}/keys").json()["keys"]
        return listed

    def set_alias(self, name: str, *targets: Any, **members: Any) -> dict[str, Any]:
        made = self("PUT", f"/aliases/{name}", {"targets": list(targets), **members})
        assert made.status == 200, made.body
        shown: dict[str, Any] = made.json()
        return shown

    def add_provider(self, name: str, url: str, **members: Any) -> dict[str, Any]:
        made = self("POST", "/providers", {"name": name, "baseUrl": url, "needsKey": False, **members})
        assert made.status == 201, made.body
        shown: dict[str, Any] = made.json()
        return shown

    def clear(self) -> None:
        """Takes away whatever an organization has set."""
        for alias in self("GET", "/aliases").json()["aliases"]:
            project = f"?projectId={alias['projectId']}" if "projectId" in alias else ""
            assert self("DELETE", f"/aliases/{alias['name']}{project}").status == 200
        for provider in self("GET", "/providers").json()["providers"]:
            name = quote(provider["name"])
            if provider["isCustom"]:
                assert self("DELETE", f"/providers/{name}").status == 200
            elif provider["name"] != "local":
                for key in self.list_keys(name):
                    assert self("DELETE", f"/providers/{name}/keys/{key['id']}").status == 200
                for model in self("GET", f"/providers/{name}/models").json()["models"]:
                    assert self("DELETE", f"/providers/{name}/models/{model['name']}").status == 200


def serving(folder: Path, upstream: Upstream, **environ: str) -> LiveServer:
    """One whose installation has a key for `openai`, and nothing for any other provider."""
    settings = {
        "PORTICO_PROVIDER_OPENAI_API_KEY": "sk-installation-0000",
        "PORTICO_PROVIDER_OPENAI_BASE_URL": upstream.url,
        "PORTICO_PROVIDER_HOSTS": "127.0.0.1",
        "PORTICO_LOCAL_MODELS": "false",
        "PORTICO_RETRY_BUDGET_S": "10",  # for a machine that stands still before the second try
        "PORTICO_BREAKER_FAILURES": "0",
        **environ,
    }
    return LiveServer(folder, settings)


def keys_seen(*upstreams: Upstream) -> list[str]:
    """The keys that the upstreams were shown."""
    return [asked.headers.get("authorization", "").removeprefix("Bearer ") for one in upstreams for asked in one.asked]


def on_database(server: LiveServer, work: Callable[[Database], Awaitable[T]]) -> T:
    """What `work` finds in the database of a running server."""

    async def go() -> T:
        async with open_database(Settings.load({}, data_dir=server.data_dir)) as database:
            return await work(database)

    return asyncio.run(go())


def make_organization(server: LiveServer, name: str) -> NewTokens:
    """Another tenant of the same server; its tokens are known to it within a second."""

    async def make(database: Database) -> NewTokens:
        key = await open_installation_key(database, server.data_dir, None)
        async with database.begin() as connection:
            return (await found(connection, key, name)).tokens

    return on_database(server, make)


def make_project(server: LiveServer, organization_id: Any, name: str) -> tuple[str, str]:
    """Another project of an organization: its id, and a token."""
    token = f"geai_{name:x<64}"

    async def make(database: Database) -> str:
        key = await open_installation_key(database, server.data_dir, None)
        async with database.begin() as connection:
            project = await insert_project(connection, organization_id, name)
            await insert_token(connection, organization_id, project.project_id, key.hash_token(token), "t")
        return project.project_id

    return on_database(server, make), token


def ask(server: LiveServer, model: str = MODEL, *, token: str = "", **members: Any) -> Answer:
    body = {"model": model, "messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 8, **members}
    return server.post("/v1/chat/completions", body, token=token)
