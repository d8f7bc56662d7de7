"""`portico projects`, `organizations`, `members`, `roles`: which call each command makes, and what it shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import Run
from .fake_server import Answer, FakeServer

PROJECT = {"projectId": "p-1", "projectName": "sales", "projectActive": True, "projectDescription": ""}
ROLE = {"id": "r-1", "name": "readers", "type": "Frontend", "origin": "User", "externalId": "r-1"}
MEMBER = {"email": "ana@acme.example", "userId": "u-1", "name": "Ana", "roles": [ROLE]}
ACCESS = "/v2/accessControl"
ONE = "/v1/organization/project"


def test_projects_are_listed(run: Run, server: FakeServer) -> None:
    server.answer("GET", "/v1/organization/projects", {"projects": [PROJECT]})

    assert run("projects", "list", "-o", "table").out == (
        "Id   Name   Active  Description\np-1  sales  yes     -\n"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("line", "method", "path", "body"),
    [
        (["projects", "show", "p-1"], "GET", f"{ONE}/p-1", None),
        (["projects", "create", "sales"], "POST", ONE, {"name": "sales"}),
        (
            ["projects", "create", "sales", "--administrator", "ana@acme.example", "--type", "monthly", "--unit",
             "cost", "--soft", "8", "--hard", "10"],
            "POST",
            ONE,
            {"name": "sales", "administratorUserEmail": "ana@acme.example", "usageLimit": {
                "subscriptionType": "Monthly", "usageUnit": "Cost", "softLimit": 8.0, "hardLimit": 10.0,
                "renewalStatus": "Renewable"}},
        ),
        (["projects", "update", "p-1", "--hide"], "PUT", f"{ONE}/p-1", {"active": False}),
        (["projects", "update", "p-1", "--name", "x", "--activate"], "PUT", f"{ONE}/p-1",
         {"name": "x", "active": True}),
        (["projects", "delete", "p-1", "--yes"], "DELETE", f"{ONE}/p-1", None),
        (["organizations", "create", "Acme", "--administrator", "ana@acme.example"], "POST", "/v2/admin/organizations",
         {"name": "Acme", "administratorUserEmail": "ana@acme.example"}),
        (["organizations", "delete", "o-1", "-y"], "DELETE", "/v2/admin/organizations/o-1", None),
        (["members", "invite", "ana@acme.example", "readers", "--project", "p-1"], "POST", f"{ACCESS}/projects/members",
         {"userEmail": "ana@acme.example", "roles": ["readers"]}),
        (["members", "invite", "ana@acme.example", "--organization"], "POST", f"{ACCESS}/organizations/members",
         {"userEmail": "ana@acme.example"}),
        (["members", "remove", "u-1", "--project", "p-1", "--yes"], "DELETE",
         f"{ACCESS}/projects/p-1/members/u-1", None),
        (["members", "remove", "u-1", "--organization", "-y"], "DELETE", f"{ACCESS}/organizations/members/u-1", None),
        (["roles", "show", "readers"], "GET", f"{ACCESS}/projects/roles/readers", None),
        (["roles", "create", "readers", "--assistant", "a", "--assistant", "b"], "POST", f"{ACCESS}/projects/roles",
         {"name": "readers", "assistants": ["a", "b"]}),
        (["roles", "update", "readers", "--external-id", "g"], "PUT", f"{ACCESS}/projects/roles/readers",
         {"externalId": "g"}),
        (["roles", "delete", "readers", "--yes"], "DELETE", f"{ACCESS}/projects/roles/readers", None),
    ],
)  # fmt: skip
def test_calls(
    run: Run, server: FakeServer, line: list[str], method: str, path: str, body: dict[str, Any] | None
) -> None:
    server.answer(method, path, PROJECT)

    result = run(*line)

    assert result.code == 0, result.err
    asked = server.last(path)
    assert (asked.method, asked.body or None) == (method, body)


@pytest.mark.parametrize(
    ("line", "path", "answer", "shown"),
    [
        (["organizations", "list"], "/v2/admin/organizations", {"organizations": [{"organizationId": "o-1"}]}, "o-1"),
        (["members", "list"], f"{ACCESS}/projects/members", {"members": [MEMBER]}, "ana@acme.example"),
        (["members", "list", "--organization"], f"{ACCESS}/organizations/members", {"members": [MEMBER]}, "u-1"),
        (["members", "history"], f"{ACCESS}/projects/invitations",
         {"invitations": [{"action": "invite", "email": "ana@acme.example", "roles": ["readers"]}]}, "readers"),
        (["members", "places", "ana@acme.example"], f"{ACCESS}/memberships",
         {"organizations": [{"organizationName": "Acme", "roles": [ROLE], "projects": [{**PROJECT, "roles": []}]}]},
         "sales: -"),
        (["roles", "list"], f"{ACCESS}/projects/roles", {"roles": [ROLE]}, "readers"),
    ],
)  # fmt: skip
def test_listings(run: Run, server: FakeServer, line: list[str], path: str, answer: dict[str, Any], shown: str) -> None:
    server.answer("GET", path, {"count": 1, "pages": 1, **answer})

    assert shown in run(*line, "-o", "table").out
    assert json.loads(run(*line, "-o", "json").out) == answer


@pytest.mark.parametrize(
    "line",
    [
        ["projects", "update", "p-1"],
        ["members", "invite", "ana@acme.example"],
        ["members", "list", "--organization", "--project", "p"],
        ["roles", "update", "readers"],
        ["organizations", "create", "Acme"],
    ],
)
def test_what_says_too_little_is_refused_here(run: Run, server: FakeServer, line: list[str]) -> None:
    assert run(*line).code == 2
    assert server.asked == []


@pytest.mark.parametrize(
    "line",
    [
        ["projects", "delete", "p-1"],
        ["organizations", "delete", "o-1"],
        ["members", "remove", "u-1", "--project", "p-1"],
        ["roles", "delete", "r-1"],
    ],
)
def test_taking_away_asks_first(run: Run, server: FakeServer, line: list[str]) -> None:
    assert run(*line, stdin="n\n").code == 130
    assert server.asked == []


def test_the_project_of_a_removed_member_is_the_tokens_own(run: Run, server: FakeServer) -> None:
    server.answer("GET", "/v1/accessControl/apitoken/validate", {"organizationId": "o", "projectId": "p-1"})
    server.answer("DELETE", f"{ACCESS}/projects/p-1/members/u-1", MEMBER)

    assert run("members", "remove", "u-1", "--role", "readers", "--yes").code == 0
    server.answer("GET", "/v1/accessControl/apitoken/validate", {"organizationId": "o"})
    assert run("members", "remove", "u-1", "--yes").code == 2


USER = "/v1/accessControl/user"
VISIT = {"organization": "Acme", "project": "p-1", "accessToken": "eyJ.x"}


def test_what_the_caller_reaches(run: Run, server: FakeServer) -> None:
    server.answer("GET", f"{USER}/organizations", {"organizations": [{"organizationId": "o-1"}]})
    server.answer("GET", f"{USER}/organization/projects", {"projects": [PROJECT]})

    assert "o-1" in run("members", "reach", "-o", "table").out
    assert "sales" in run("members", "reach", "Acme", "-o", "table").out
    assert server.last(f"{USER}/organization/projects").query == {"organization": "Acme"}


def test_a_user_is_named_by_an_access_token_in_a_file(run: Run, server: FakeServer, tmp_path: Path) -> None:
    server.answer("GET", f"{USER}/access/project", {})
    server.answer("GET", f"{USER}/token/project", {"apiToken": "geai_x"})
    file = tmp_path / "token"
    file.write_text("eyJ.x\n")

    assert run("members", "check", "Acme", "p-1", f"@{file}").code == 0
    assert server.last(f"{USER}/access/project").query == VISIT
    assert json.loads(run("members", "token", "Acme", "p-1", f"@{file}", "-o", "json").out) == {"apiToken": "geai_x"}
    assert server.last(f"{USER}/token/project").query == VISIT


def test_a_user_who_does_not_see_the_project_is_told_by_the_exit_code(run: Run, server: FakeServer) -> None:
    refusal = {"errors": [{"id": 2003, "description": "Forbidden"}]}
    server.answer("GET", f"{USER}/access/project", Answer(refusal, 403))

    assert run("members", "check", "Acme", "p-1", "-", stdin="eyJ.x").code == 1


@pytest.mark.parametrize("command", ["check", "token"])
def test_an_access_token_is_no_word_of_a_command_line(run: Run, server: FakeServer, command: str) -> None:
    result = run("members", command, "Acme", "p-1", "eyJ.x")

    assert (result.code, "write @file" in result.err, "eyJ.x" in result.err) == (2, True, False)
    assert server.asked == []
