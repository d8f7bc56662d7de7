"""Secrets, feedback and the audit log, both levels: what is sent, and typed objects out of what comes."""

from __future__ import annotations

import asyncio

from portico import AsyncPortico, Portico, ProjectSecret, SecretAccess
from tests.sdk.odd_server import OddServer, Seen, reply_json

SECRET = {"id": "s1", "name": "jira", "description": "d", "status": "active", "createdAt": "2026-01-01T00:00:00",
          "updatedAt": "2026-01-02T00:00:00", "news": 1}  # fmt: skip
ACCESS = {"accessLevel": "write", "principalType": "service"}
ENTRY = {
    "sequence": 7,
    "at": "2026-01-01T00:00:00.000001",
    "actor": {"kind": "token", "id": "t", "name": "ci"},
    "action": "create",
    "kind": "secret",
    "targetId": "s1",
    "targetName": "jira",
    "details": {"x": [1]},
}


def test_a_secret_is_made_changed_and_deleted(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_json(SECRET)
    made = client.secrets.create("jira", "s3cr3t", description="d", project_id="p")
    assert isinstance(made, ProjectSecret) and (made.id, made.updated_at) == ("s1", "2026-01-02T00:00:00")
    assert made.extra == {"news": 1}
    client.secrets.update("s1", value="other", status="inactive")
    client.secrets.delete("s1")
    create, update, delete = server.seen
    assert (create.method, create.path, create.headers["project-id"]) == ("POST", "/v1/secrets", "p")
    assert create.json == {"secretDefinition": {"name": "jira", "secretString": "s3cr3t", "description": "d"}}
    assert (update.method, update.path) == ("PUT", "/v1/secrets/s1")
    assert update.json == {"secretDefinition": {"secretString": "other", "status": "inactive"}}
    assert (delete.method, delete.path) == ("DELETE", "/v1/secrets/s1")


def test_the_listing_asks_for_page_after_page(server: OddServer, client: Portico) -> None:
    def answer(seen: Seen) -> object:
        start = int(seen.query["start"])
        page = [{**SECRET, "id": f"s{number}"} for number in range(start, min(start + 100, 150))]
        return reply_json({"secrets": page, "count": 150})

    server.answer = answer  # type: ignore[assignment]
    assert [secret.id for secret in client.secrets.list()] == [f"s{number}" for number in range(150)]
    assert [seen.query["start"] for seen in server.seen] == ["0", "100"]
    assert len(list(client.secrets.list(limit=3))) == 3


def test_accesses_are_objects_or_json(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_json({"accessList": [ACCESS]})
    (access,) = client.secrets.accesses("s1")
    assert (access.access_level, access.principal_type) == ("write", "service")
    client.secrets.set_accesses("s1", [SecretAccess(access_level="write", principal_type="service"), ACCESS])
    assert server.seen[1].json == {"secretDefinition": {"accessList": [ACCESS, ACCESS]}}
    assert server.seen[1].path == "/v1/secrets/s1/accesses"


def test_feedback_is_one_word(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_json({})
    client.feedback.good("r1")
    client.feedback.bad("r1", "wrong date")
    assert [seen.path for seen in server.seen] == ["/v1/feedback/request/r1"] * 2
    assert server.seen[0].json == {"origin": "user-feedback", "answerScore": 1}
    assert server.seen[1].json == {"origin": "user-feedback", "answerScore": 2, "comments": "wrong date"}


def test_the_log_is_walked_by_its_cursor_and_checked(server: OddServer, client: Portico) -> None:
    answers = iter(
        [
            {"entries": [ENTRY], "nextCursor": "7"},
            {"entries": [{**ENTRY, "sequence": 6}]},
            {"valid": False, "entries": 4, "head": "ab", "brokenAt": 5, "reason": "entry 5 is missing"},
        ]
    )
    server.answer = lambda seen: reply_json(next(answers))
    entries = list(client.audit.list(kind="secret", since="2026-01-01", project_id="p"))
    assert [(entry.sequence, entry.actor.name, entry.details) for entry in entries] == [
        (7, "ci", {"x": [1]}),
        (6, "ci", {"x": [1]}),
    ]
    first, second = server.seen
    assert (first.path, first.query["kind"], first.headers["project-id"]) == ("/v1/audit", "secret", "p")
    assert second.query["cursor"] == "7" and "cursor" not in first.query
    check = client.audit.verify("ab")
    assert (check.valid, check.broken_at, check.reason) == (False, 5, "entry 5 is missing")
    assert server.seen[2].query == {"head": "ab"}


def test_the_same_is_awaited(server: OddServer) -> None:
    server.answer = lambda seen: reply_json(
        {**SECRET, "secrets": [SECRET], "count": 1, "entries": [ENTRY], "accessList": [ACCESS], "valid": True}
    )

    async def go() -> None:
        async with AsyncPortico("key", server.url) as client:
            assert (await client.secrets.create("jira", "x")).id == "s1"
            assert (await client.secrets.get("s1")).name == "jira"
            assert (await client.secrets.update("s1", name="n")).id == "s1"
            assert [secret.id async for secret in client.secrets.list()] == ["s1"]
            assert len(await client.secrets.accesses("s1")) == 1
            assert len(await client.secrets.set_accesses("s1", [ACCESS])) == 1
            await client.secrets.delete("s1")
            await client.feedback.good("r")
            await client.feedback.bad("r")
            assert [entry.sequence async for entry in client.audit.list(limit=1)] == [7]

    asyncio.run(go())
    server.answer = lambda seen: reply_json({"valid": True, "entries": 1, "head": "ab"})

    async def verify() -> bool:
        async with AsyncPortico("key", server.url) as client:
            return (await client.audit.verify()).valid

    assert asyncio.run(verify())
