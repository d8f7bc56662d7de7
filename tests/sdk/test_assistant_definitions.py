"""Assistants, both levels: what is sent, and typed objects out of what comes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from portico import Assistant, AsyncPortico, Portico, PorticoError
from portico.wire.assistants import Authentication
from tests.sdk.odd_server import OddServer, reply_json

REVISION = {
    "revisionId": 2,
    "revisionName": "second",
    "providerName": "openai",
    "modelName": "gpt-4o",
    "prompt": "Translate to {language}.",
    "timestamp": "2026-01-01T00:00:00",
    "metadata": [{"key": "temperature", "value": "0.10", "type": "Decimal"}],
    "variables": [{"key": "language"}],
}
ASSISTANT: dict[str, Any] = {
    "assistantId": "a1",
    "assistantName": "Translator",
    "assistantStatus": 1,
    "assistantType": "chat",
    "intents": [{"assistantIntentId": "i", "assistantIntentDefaultRevision": 2, "revisions": [REVISION]}],
    "welcomeData": {"title": "T"},
    "news": 1,
}
DIFF = {"assistantId": "a1", "fromRevision": 1, "toRevision": 2, "prompt": "+x",
        "changes": [{"key": "topP", "before": None, "after": "1.00"}]}  # fmt: skip


def test_an_assistant_is_made_and_typed(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_json(ASSISTANT)
    made = client.assistants.create(
        "Translator", "Translate to {language}.", llm_settings={"temperature": 0.1}, welcome_data={"title": "T"}
    )
    assert isinstance(made, Assistant)
    assert (made.assistant_id, made.active_revision, made.extra) == ("a1", 2, {"news": 1})
    (revision,) = made.revisions
    assert (revision.revision_id, revision.model_name, revision.metadata[0].value) == (2, "gpt-4o", "0.10")
    (seen,) = server.seen
    assert (seen.method, seen.path) == ("POST", "/v1/assistant")
    assert seen.json == {
        "type": "chat",
        "name": "Translator",
        "prompt": "Translate to {language}.",
        "llmSettings": {"temperature": 0.1},
        "welcomeData": {"title": "T"},
    }


def test_an_api_assistant_has_a_document_and_authentication(server: OddServer, client: Portico) -> None:
    document, opens = {"openapi": "3.0.0"}, {"type": "apiKey", "authType": "Bearer", "apiKeySecret": "KEY"}
    word = {**REVISION, "openApi": document, "authentication": opens}
    shown = {**ASSISTANT, "intents": [{"assistantIntentDefaultRevision": 2, "revisions": [word]}]}
    server.answer = lambda seen: reply_json(shown)
    made = client.assistants.create("Weather", "Be kind.", type="api", open_api=document, authentication=opens)

    async def make() -> Assistant:
        async with AsyncPortico(base_url=server.url, api_key="t") as another:
            return await another.assistants.create(
                "Weather", "Be kind.", type="api", open_api=document, authentication=opens
            )

    assert asyncio.run(make()) == made
    (revision,) = made.revisions
    assert revision.open_api == document
    assert revision.authentication == Authentication(type="apiKey", auth_type="Bearer", api_key_secret="KEY")
    body = {"type": "api", "name": "Weather", "prompt": "Be kind.", "openApi": document, "authentication": opens}
    assert [seen.json for seen in server.seen] == [body, body]


def test_changing_publishing_and_deleting(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_json(ASSISTANT)
    client.assistants.update("a1", prompt="x", action="save", revision_id=2, revision_name="n", revision_description="")
    client.assistants.publish("a1", 1)
    client.assistants.delete("a1")
    update, publish, delete = server.seen
    assert (update.method, update.path) == ("PUT", "/v1/assistant/a1")
    assert update.json == {
        "prompt": "x",
        "action": "save",
        "revisionId": 2,
        "revisionName": "n",
        "revisionDescription": "",
    }
    assert publish.json == {"action": "publish", "revisionId": 1}
    assert (delete.method, delete.path) == ("DELETE", "/v1/assistant/a1")


@pytest.mark.parametrize("name", ["a b/c", "ü", "a?b#c", "100%", "a+b"])
def test_any_name_is_one_segment(server: OddServer, client: Portico, name: str) -> None:
    server.answer = lambda seen: reply_json(ASSISTANT)
    client.assistants.get(name)
    assert (server.seen[0].path, server.seen[0].query) == (f"/v1/assistant/{name}", {})


def test_what_is_no_name_is_refused_before_anything_is_sent(server: OddServer, client: Portico) -> None:
    for call in (client.assistants.get, client.assistants.delete, client.assistants.diff):
        for name, words in ((" ", "empty"), ("..", "address")):
            with pytest.raises(PorticoError, match=words):
                call(name)
    assert server.seen == []


def test_listing_revisions_differences_and_history(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_json({**ASSISTANT, "assistants": [{"assistantId": "a1"}], "words": [REVISION]})
    assert [item.assistant_id for item in client.assistants.list(project_id="p")] == ["a1"]
    assert [one.revision_name for one in client.assistants.revisions("a1")] == ["second"]
    assert [one.prompt for one in client.assistants.history("a1", 2)] == ["Translate to {language}."]
    server.answer = lambda seen: reply_json(DIFF)
    found = client.assistants.diff("a1", before=1, after=2)
    assert (found.from_revision, found.changes[0].key, found.changes[0].before, found.prompt) == (1, "topP", None, "+x")
    listing, revisions, history, diff = server.seen
    assert (listing.path, listing.headers["project-id"]) == ("/v1/organization/assistants", "p")
    assert revisions.query == {"detail": "full"}
    assert history.path == "/v2/assistant/a1/revisions/2/history"
    assert (diff.path, diff.query) == ("/v2/assistant/a1/diff", {"from": "1", "to": "2"})


def test_what_was_sent_once_is_not_sent_again(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_json({"errors": [{"id": 1, "description": "no"}]}, status=503)
    for call in (
        lambda: client.assistants.create("n", "p"),
        lambda: client.assistants.update("a1", prompt="p"),
        lambda: client.assistants.delete("a1"),
    ):
        server.seen.clear()
        with pytest.raises(PorticoError):
            call()
        assert len(server.seen) == 1


def test_the_same_is_awaited(server: OddServer) -> None:
    server.answer = lambda seen: reply_json({**ASSISTANT, **DIFF, "assistants": [ASSISTANT], "words": [REVISION]})

    async def go() -> None:
        async with AsyncPortico("key", server.url) as client:
            assert (await client.assistants.create("n", "p")).assistant_id == "a1"
            assert (await client.assistants.get("a1")).assistant_name == "Translator"
            assert (await client.assistants.update("a1", status=2)).assistant_id == "a1"
            assert (await client.assistants.publish("a1", 2)).active_revision == 2
            assert [item.assistant_id async for item in client.assistants.list()] == ["a1"]
            assert [one.revision_id async for one in client.assistants.revisions("a1")] == [2]
            assert [one.revision_id async for one in client.assistants.history("a1", 2)] == [2]
            assert (await client.assistants.diff("a1")).to_revision == 2
            await client.assistants.delete("a1")

    asyncio.run(go())
