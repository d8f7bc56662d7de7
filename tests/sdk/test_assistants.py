"""Assistants by the SDK, both levels, sync and async: what is sent, and what becomes of the answers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from portico import AsyncPortico, Portico
from portico.sdk.errors import PorticoError
from tests.sdk.odd_server import OddServer, Seen, reply_json

REVISION = {
    "revisionId": 2, "revisionName": "2", "revisionDescription": "", "providerName": "openai",
    "modelName": "gpt-4o-mini", "prompt": "Translate to {language}.", "timestamp": "2026-11-20T11:11:44",
    "metadata": [{"key": "temperature", "value": "0.10", "type": "Decimal"}], "variables": [{"key": "language"}],
}  # fmt: skip
MADE = {
    "assistantId": "a-1", "assistantName": "Translator", "assistantStatus": 1, "assistantType": "chat",
    "intents": [{"assistantIntentId": "i", "assistantIntentDefaultRevision": "1", "revisions": [REVISION]}],
    "projectId": "p", "projectName": "Default",
}  # fmt: skip
DIFF = {
    "assistantId": "a-1", "fromRevision": 1, "toRevision": 2, "prompt": "-a\n+b",
    "changes": [{"key": "temperature", "before": None, "after": "0.10"}],
}  # fmt: skip


def answer(seen: Seen) -> Any:
    if seen.path == "/v1/organization/assistants":
        return reply_json({"assistants": [{"assistantId": "a-1", "assistantName": "Translator"}]})
    if seen.path.endswith("/diff"):
        return reply_json(DIFF)
    if seen.path.endswith("/history"):
        return reply_json({"assistantId": "a-1", "revisionId": 2, "words": [REVISION]})
    return reply_json({} if seen.method == "DELETE" else MADE)


def test_an_assistant_is_made_as_the_api_has_it(server: OddServer, client: Portico) -> None:
    server.answer = answer
    made = client.assistants.create(
        "Translator", "Hi", type="text", llm_settings={"modelName": "m"}, welcome_data={"title": "T"}
    )
    assert (made.assistant_id, made.assistant_status, made.active_revision) == ("a-1", 1, 1), "numbers also in quotes"
    (revision,) = made.revisions
    assert (revision.revision_id, revision.prompt, revision.metadata[0].value) == (2, REVISION["prompt"], "0.10")
    (seen,) = server.seen
    assert (seen.method, seen.path) == ("POST", "/v1/assistant")
    assert seen.json == {
        "type": "text", "name": "Translator", "prompt": "Hi", "llmSettings": {"modelName": "m"},
        "welcomeData": {"title": "T"},
    }  # fmt: skip


def test_a_change_sends_what_was_said(server: OddServer, client: Portico) -> None:
    server.answer = answer
    client.assistants.update("Vertex/T x", prompt="Hi", revision_id=2, action="save", description=None)
    client.assistants.publish("a-1", 2)
    first, second = server.seen
    assert (first.method, first.path) == ("PUT", "/v1/assistant/Vertex/T x")
    assert first.json == {"prompt": "Hi", "revisionId": 2, "action": "save"}
    assert second.json == {"action": "publish", "revisionId": 2}


def test_reads(server: OddServer, client: Portico) -> None:
    server.answer = answer
    assert [one.assistant_name for one in client.assistants.list(project_id="p")] == ["Translator"]
    assert client.assistants.get("Translator").assistant_id == "a-1"
    assert [one.revision_id for one in client.assistants.revisions("Translator")] == [2]
    diff = client.assistants.diff("a-1", before=1, after=2)
    assert (diff.from_revision, diff.changes[0].before, diff.changes[0].after) == (1, None, "0.10")
    assert [one.revision_id for one in client.assistants.history("a-1", 2)] == [2]
    client.assistants.delete("a-1")
    assert [(seen.method, seen.path, seen.query) for seen in server.seen] == [
        ("GET", "/v1/organization/assistants", {}),
        ("GET", "/v1/assistant/Translator", {}),
        ("GET", "/v1/assistant/Translator", {"detail": "full"}),
        ("GET", "/v2/assistant/a-1/diff", {"from": "1", "to": "2"}),
        ("GET", "/v2/assistant/a-1/revisions/2/history", {}),
        ("DELETE", "/v1/assistant/a-1", {}),
    ]
    assert server.seen[0].headers["project-id"] == "p"


def test_nobody_is_not_asked_about(server: OddServer, client: Portico) -> None:
    with pytest.raises(PorticoError, match="The assistant's id is empty"):
        client.assistants.get(" ")
    assert server.seen == []


@pytest.mark.parametrize("verb", ["create", "update", "publish", "delete"])
def test_what_changes_something_is_not_sent_twice(server: OddServer, client: Portico, verb: str) -> None:
    server.answer = lambda seen: reply_json({"errors": [{"id": 503, "description": "later"}]}, 503)
    calls: dict[str, Any] = {
        "create": lambda: client.assistants.create("T", "Hi"),
        "update": lambda: client.assistants.update("T", prompt="Hi"),
        "publish": lambda: client.assistants.publish("T", 1),
        "delete": lambda: client.assistants.delete("T"),
    }
    with pytest.raises(PorticoError):
        calls[verb]()
    assert len(server.seen) == 1


def test_the_asynchronous_ones_do_the_same(server: OddServer, client: Portico) -> None:
    server.answer = answer

    async def ask() -> None:
        async with AsyncPortico("key-1", server.url) as remote:
            assistants = remote.assistants
            assert (await assistants.create("T", "Hi")).assistant_id == "a-1"
            assert (await assistants.update("T", prompt="Hi")).assistant_id == "a-1"
            assert (await assistants.publish("T", 2)).active_revision == 1
            assert (await assistants.get("T")).assistant_id == "a-1"
            assert [one.assistant_id async for one in assistants.list()] == ["a-1"]
            assert [one.revision_id async for one in assistants.revisions("T")] == [2]
            assert [one.revision_id async for one in assistants.history("T", 2)] == [2]
            assert (await assistants.diff("T")).to_revision == 2
            await assistants.delete("T")

    asyncio.run(ask())
    mine = [(seen.method, seen.path, seen.query, seen.body) for seen in server.seen]
    server.seen.clear()
    client.assistants.create("T", "Hi")
    client.assistants.update("T", prompt="Hi")
    client.assistants.publish("T", 2)
    client.assistants.get("T")
    list(client.assistants.list())
    list(client.assistants.revisions("T"))
    list(client.assistants.history("T", 2))
    client.assistants.diff("T")
    client.assistants.delete("T")
    assert mine == [(seen.method, seen.path, seen.query, seen.body) for seen in server.seen]
