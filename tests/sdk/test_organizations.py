"""Projects, organizations, members and roles from the SDK: what is sent, what is read, page after page."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from portico import AsyncPortico, Forbidden, Portico, PorticoError, RequestConflict
from tests.sdk.odd_server import OddServer, reply_json

ACCESS = "/v2/accessControl"
PROJECT = {"projectId": "p-1", "projectName": "sales", "projectActive": True, "projectStatus": 0}
ROLE = {"id": "r-1", "name": "readers", "type": "Frontend", "origin": "User", "assistants": ["a-1"]}
MEMBER = {"email": "ana@acme.example", "userId": "u-1", "id": "u-1", "roles": [ROLE]}


def sent(server: OddServer) -> list[tuple[str, str, Any]]:
    return [(seen.method, seen.path, seen.body and seen.json) for seen in server.seen]


def test_projects(server: OddServer, client: Portico) -> None:
    secret = {"id": "geai_x", "name": "Default", "apiTokenId": "t-1"}
    server.answer = lambda seen: reply_json(
        {**PROJECT, "tokens": [secret], "usageLimit": {"hardLimit": 9}, "projects": [PROJECT], "removed": {"files": 2},
         "plugins": [{"pluginId": "a-1", "pluginName": "Translator"}]}
    )  # fmt: skip
    made = client.projects.create("sales", administrator_user_email="ana@acme.example", usage_limit={"hardLimit": 9})
    assert isinstance(made.tokens, list)
    assert (made.tokens[0].id, made.usage_limit.hard_limit) == ("geai_x", 9)  # type: ignore[union-attr]
    assert [one.project_id for one in client.projects.list(hidden=True, name="sales")] == ["p-1"]
    assert client.projects.get("p/1").project_name == "sales"
    client.projects.update("p-1", active=False)
    assert client.projects.delete("p-1").removed == {"files": 2}
    assert [one.plugin_name for one in client.projects.plugins(project="p-1")] == ["Translator"]
    root = "/v1/organization/project"
    assert sent(server) == [
        ("POST", root, {"name": "sales", "administratorUserEmail": "ana@acme.example", "usageLimit": {"hardLimit": 9}}),
        ("GET", "/v1/organization/projects", b""),
        ("GET", f"{root}/p/1", b""),
        ("PUT", f"{root}/p-1", {"active": False}),
        ("DELETE", f"{root}/p-1", b""),
        ("GET", "/v1/plugins", b""),
    ]
    with pytest.raises(PorticoError, match="id is empty"):
        client.projects.get(" ")


def test_organizations_come_page_after_page(server: OddServer, client: Portico) -> None:
    names = [f"o-{number:03}" for number in range(150)]

    def answer(seen: Any) -> Any:
        number, size = int(seen.query["startPage"]), int(seen.query["pageSize"])
        part = names[(number - 1) * size : number * size]
        return reply_json({"count": 150, "pages": 2, "organizations": [{"organizationId": name} for name in part]})

    server.answer = answer
    assert [one.organization_id for one in client.organizations.list(name_contains="o")] == names
    assert len(server.seen) == 2
    server.answer = lambda seen: reply_json({"errors": [{"id": 4000, "description": "No Organizations found"}]}, 404)
    assert list(client.organizations.list(name_contains="x")) == []
    server.answer = lambda seen: reply_json({"organizationId": "o-1", "removed": {"projects": 2}})
    assert client.organizations.create("Acme", "ana@acme.example").organization_id == "o-1"
    assert client.organizations.delete("o-1").removed == {"projects": 2}
    with pytest.raises(PorticoError, match="id is empty"):
        client.organizations.delete("")


def test_members_and_roles(server: OddServer, client: Portico) -> None:
    lists = {"members": [MEMBER], "roles": [ROLE], "projects": [PROJECT], "invitations": [{"action": "invite"}]}
    server.answer = lambda seen: reply_json(
        {**MEMBER, **ROLE, **lists, "count": 1, "organizations": [{"organizationId": "o-1"}]}
    )
    access = client.access_control
    assert [one.email for one in access.members(project_id="p-1")] == ["ana@acme.example"]
    assert [one.roles[0].name for one in access.organization_members()] == ["readers"]
    assert [one.id for one in access.roles()] == ["r-1"]
    assert [one.organization_id for one in access.memberships(email="ana@acme.example")] == ["o-1"]
    assert [one.project_id for one in access.project_memberships()] == ["p-1"]
    assert [one.action for one in access.invitations()] == ["invite"]
    assert access.invite("ana@acme.example", ["readers"], project_id="p-1").user_id == "u-1"
    access.remove("p-1", "u-1", roles=["readers", "r-2"])
    access.invite_to_organization("ana@acme.example")
    access.remove_from_organization("u-1")
    assert access.get_role("readers").assistants == ["a-1"]
    access.create_role("readers", assistants=["Translator"], external_id="g-1")
    access.update_role("readers", assistants=[])
    access.delete_role("r-1")
    assert server.seen[0].headers["project-id"] == "p-1"
    assert sent(server)[6:] == [
        ("POST", f"{ACCESS}/projects/members", {"userEmail": "ana@acme.example", "roles": ["readers"]}),
        ("DELETE", f"{ACCESS}/projects/p-1/members/u-1", b""),
        ("POST", f"{ACCESS}/organizations/members", {"userEmail": "ana@acme.example"}),
        ("DELETE", f"{ACCESS}/organizations/members/u-1", b""),
        ("GET", f"{ACCESS}/projects/roles/readers", b""),
        ("POST", f"{ACCESS}/projects/roles", {"name": "readers", "externalId": "g-1", "assistants": ["Translator"]}),
        ("PUT", f"{ACCESS}/projects/roles/readers", {"assistants": []}),
        ("DELETE", f"{ACCESS}/projects/roles/r-1", b""),
    ]
    with pytest.raises(PorticoError, match="role is empty"):
        access.get_role("")


def test_a_role_in_use_is_a_conflict(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_json({"errors": [{"id": 409, "description": "Conflict"}]}, 409)
    with pytest.raises(RequestConflict):
        client.access_control.delete_role("readers")
    assert len(server.seen) == 1


def test_tokens_of_the_organization(server: OddServer, client: Portico) -> None:
    row = {"id": "t-1", "apiTokenId": "t-1", "lastUsedAt": "2026-08-20T11:11:44"}
    server.answer = lambda seen: reply_json({**row, "tokens": [row]})
    assert [one.last_used_at for one in client.tokens.list_of_organization()] == ["2026-08-20T11:11:44"]
    client.tokens.create_of_organization("ops", expires_at="2030-01-31")
    client.tokens.update_of_organization("t-1", status="Blocked")
    client.tokens.delete_of_organization("t-1")
    client.tokens.update("t-1", expires_at="")
    root = "/v2/organization/tokens"
    assert sent(server) == [
        ("GET", root, b""),
        ("POST", root, {"name": "ops", "expiresAt": "2030-01-31"}),
        ("PUT", f"{root}/t-1", {"status": "Blocked"}),
        ("DELETE", f"{root}/t-1", b""),
        ("PUT", "/v2/projects/tokens/t-1", {"expiresAt": ""}),
    ]


def test_the_same_for_asyncio(server: OddServer) -> None:
    server.answer = lambda seen: reply_json(
        {**PROJECT, "count": 1, "projects": [PROJECT], "members": [MEMBER], "roles": [ROLE], "tokens": [{"id": "t-1"}],
         "organizations": [{"organizationId": "o-1"}], "invitations": [{"action": "invite"}]}
    )  # fmt: skip

    async def ask() -> list[list[str]]:
        async with AsyncPortico("key-1", server.url) as client:
            access = client.access_control
            assert (await client.projects.get("p-1")).project_name == "sales"
            return [
                [one.project_id async for one in client.projects.list()],
                [one.organization_id async for one in client.organizations.list()],
                [one.email async for one in access.members()],
                [one.email async for one in access.organization_members()],
                [one.name async for one in access.roles()],
                [one.organization_id async for one in access.memberships()],
                [one.project_id async for one in access.project_memberships()],
                [one.action async for one in access.invitations()],
                [one.id async for one in client.tokens.list_of_organization()],
            ]

    assert asyncio.run(ask()) == [
        ["p-1"], ["o-1"], ["ana@acme.example"], ["ana@acme.example"], ["readers"], ["o-1"], ["p-1"], ["invite"],
        ["t-1"],
    ]  # fmt: skip


USER = "/v1/accessControl/user"
VISIT = {"organization": "Acme & Co", "project": "p-1", "accessToken": "eyJ.x"}
REACHED = {"organizations": [{"organizationId": "o-1", "organizationName": "Acme"}], "projects": [PROJECT]}


def test_what_a_user_reaches(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_json({**REACHED, "apiToken": "geai_x"})
    access = client.access_control
    assert [one.organization_name for one in access.user_organizations()] == ["Acme"]
    assert [one.project_id for one in access.user_projects("Acme & Co")] == ["p-1"]
    access.check_access("Acme & Co", "p-1", "eyJ.x")
    assert access.hand_out_token("Acme & Co", "p-1", "eyJ.x") == "geai_x"
    assert [(seen.path, dict(seen.query)) for seen in server.seen] == [
        (f"{USER}/organizations", {}),
        (f"{USER}/organization/projects", {"organization": "Acme & Co"}),
        (f"{USER}/access/project", VISIT),
        (f"{USER}/token/project", VISIT),
    ]
    server.answer = lambda seen: reply_json({"errors": [{"id": 2003, "description": "Forbidden"}]}, 403)
    with pytest.raises(Forbidden):
        access.check_access("Acme", "p-1", "eyJ.x")


def test_a_token_is_not_made_twice_because_an_answer_was_lost(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_json({}, 503)
    with pytest.raises(PorticoError):
        client.access_control.hand_out_token("Acme", "p-1", "eyJ.x")
    assert len(server.seen) == 1


def test_what_a_user_reaches_for_asyncio(server: OddServer) -> None:
    server.answer = lambda seen: reply_json({**REACHED, "apiToken": "geai_x"})

    async def ask() -> list[Any]:
        async with AsyncPortico(api_key="geai_t", base_url=server.url) as client:
            access = client.access_control
            await access.check_access("Acme", "p-1", "eyJ.x")
            return [
                (await access.user_organizations())[0].organization_id,
                (await access.user_projects("Acme"))[0].project_name,
                await access.hand_out_token("Acme", "p-1", "eyJ.x"),
            ]

    assert asyncio.run(ask()) == ["o-1", "sales", "geai_x"]
