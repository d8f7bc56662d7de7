"""Keys, aliases, own providers and models from the SDK: what is sent, what is read, what is never sent twice."""

from __future__ import annotations

import asyncio

import pytest

from portico import AsyncPortico, Portico, PorticoError, RequestConflict
from tests.sdk.odd_server import OddServer, reply_json

ROOT = "/v3/llm/admin"
KEY = {
    "id": "k-1", "provider": "openai", "name": "main", "weight": 2, "lastCharacters": "aaaa", "scope": "project",
    "projectId": "p", "baseUrl": "", "options": {"region": "eu"}, "blocked": False,
    "createdAt": "2026-05-01T00:00:00", "changedAt": "2026-05-01T00:00:00",
}  # fmt: skip
ALIAS = {"name": "team/fast", "targets": [{"model": "openai/gpt-4o", "weight": 3, "tier": 0}], "strategy": "weighted"}
PROVIDER = {"name": "acme", "baseUrl": "https://h/v1", "models": [{"name": "m", "fullName": "acme/m", "type": "Chat"}]}


def test_a_key_is_added_and_read(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_json(KEY, 201)
    made = client.providers.add_key("openai", "sk-1", weight=2, options={"region": "eu"}, project_id="p")
    assert (made.id, made.last_characters, made.project_id, made.options) == ("k-1", "aaaa", "p", {"region": "eu"})
    assert (server.seen[0].method, server.seen[0].path) == ("POST", f"{ROOT}/providers/openai/keys")
    assert server.seen[0].json == {"key": "sk-1", "weight": 2, "options": {"region": "eu"}, "projectId": "p"}


def test_every_call_has_its_address(server: OddServer, client: Portico) -> None:
    lists = {"providers": [{"name": "openai"}], "keys": [KEY], "aliases": [ALIAS], "models": [{"name": "m"}]}
    server.answer = lambda seen: reply_json({**KEY, **lists, "targets": []})
    providers = client.providers
    assert [one.name for one in providers.list()] == ["openai"]
    providers.get("acme")
    providers.add("acme", "https://h/v1", members={"needsKey": False})
    providers.change("acme", "https://h/v2", models=[{"name": "m", "type": "Chat"}])
    providers.remove("acme")
    assert [one.name for one in providers.models("acme")] == ["m"]
    providers.add_model("acme", "m", "Chat", {"contextWindow": 9})
    providers.change_model("acme", "org/m", "Chat")
    providers.remove_model("acme", "org/m")
    assert [one.id for one in providers.keys("openai", project_id="p")] == ["k-1"]
    providers.change_key("openai", "k-1", blocked=True)
    providers.rotate_key("openai", "k-1", "sk-2")
    providers.remove_key("openai", "k-1")
    assert [one.name for one in providers.aliases()] == ["team/fast"]
    providers.set_alias("team/fast", ["openai/gpt-4o"], strategy="least_busy")
    providers.remove_alias("team/fast", project_id="p")
    assert [
        (seen.method, seen.path.removeprefix(ROOT), seen.json if seen.body else seen.query) for seen in server.seen
    ] == [
        ("GET", "/providers", {}),
        ("GET", "/providers/acme", {}),
        ("POST", "/providers", {"needsKey": False, "name": "acme", "baseUrl": "https://h/v1"}),
        (
            "PUT",
            "/providers/acme",
            {"name": "acme", "baseUrl": "https://h/v2", "models": [{"name": "m", "type": "Chat"}]},
        ),
        ("DELETE", "/providers/acme", {}),
        ("GET", "/providers/acme/models", {}),
        ("POST", "/providers/acme/models", {"contextWindow": 9, "name": "m", "type": "Chat"}),
        ("PUT", "/providers/acme/models/org/m", {"type": "Chat"}),
        ("DELETE", "/providers/acme/models/org/m", {}),
        ("GET", "/providers/openai/keys", {"projectId": "p"}),
        ("PUT", "/providers/openai/keys/k-1", {"blocked": True}),
        ("PUT", "/providers/openai/keys/k-1", {"key": "sk-2"}),
        ("DELETE", "/providers/openai/keys/k-1", {}),
        ("GET", "/aliases", {}),
        ("PUT", "/aliases/team/fast", {"targets": ["openai/gpt-4o"], "strategy": "least_busy"}),
        ("DELETE", "/aliases/team/fast", {"projectId": "p"}),
    ]


def test_own_providers_and_aliases_are_typed(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_json(PROVIDER if "providers" in seen.path else ALIAS)
    assert [model.full_name for model in client.providers.get("acme").models] == ["acme/m"]
    assert client.providers.set_alias("team/fast", ["openai/gpt-4o"]).targets[0].weight == 3


def test_the_same_for_asyncio(server: OddServer) -> None:
    server.answer = lambda seen: reply_json({"keys": [KEY, KEY], **PROVIDER})

    async def ask() -> list[str]:
        async with AsyncPortico("key-1", server.url) as client:
            assert (await client.providers.get("acme")).base_url == "https://h/v1"
            return [one.id async for one in client.providers.keys("openai")]

    assert asyncio.run(ask()) == ["k-1", "k-1"]


def test_what_adds_something_is_never_sent_twice(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_json({"errors": [{"id": 409, "description": "Conflict"}]}, 409)
    with pytest.raises(RequestConflict):
        client.providers.add_key("openai", "sk-1", name="main")
    server.answer = lambda seen: reply_json({"errors": [{"id": 500, "description": "?"}]}, 500)
    with pytest.raises(PorticoError):
        client.providers.add("acme", "https://h/v1")
    assert len(server.seen) == 2


def test_an_empty_name_is_refused_here(server: OddServer, client: Portico) -> None:
    with pytest.raises(PorticoError, match="alias is empty"):
        client.providers.remove_alias(" ")
    assert server.seen == []
