"""`portico tokens`: which call each command makes, and what it shows."""

from __future__ import annotations

import json

import pytest

from .conftest import TOKEN, Run
from .fake_server import FakeServer

VALIDATE = "/v1/accessControl/apitoken/validate"
ONE = "/v2/projects/tokens/t-1"
ROW = {"id": "t-1", "name": "ci", "status": "Active", "description": "", "timestamp": "2026-08-20T11:11:44"}


def test_the_list_is_that_of_the_tokens_own_project(run: Run, server: FakeServer) -> None:
    server.answer("GET", VALIDATE, {"organizationId": "o", "projectId": "p"})
    server.answer("GET", "/v1/organization/project/p/tokens", {"tokens": [ROW]})

    assert run("tokens", "list", "-o", "table").out == (
        "Id   Name  Status  Made                 Ends  Last used  Description\n"
        "t-1  ci    Active  2026-08-20T11:11:44  -     -          -\n"
    )  # fmt: skip


def test_the_list_of_a_named_project(run: Run, server: FakeServer) -> None:
    server.answer("GET", "/v1/organization/project/q/tokens", {"tokens": [ROW]})

    assert json.loads(run("tokens", "list", "--project", "q").out) == {"tokens": [ROW]}


def test_a_token_of_no_project_has_to_name_one(run: Run, server: FakeServer) -> None:
    server.answer("GET", VALIDATE, {"organizationId": "o"})

    result = run("tokens", "list")

    assert result.code == 2
    assert "--project" in result.err


def test_a_new_token_is_shown_once(run: Run, server: FakeServer) -> None:
    server.answer("POST", "/v2/projects/tokens", {**ROW, "id": "geai_new"})

    result = run("tokens", "create", "ci", "--description", "pipeline", "--project", "q")

    assert json.loads(result.out)["id"] == "geai_new"
    asked = server.last("/v2/projects/tokens")
    assert asked.body == {"name": "ci", "description": "pipeline"}
    assert asked.headers["project-id"] == "q"


@pytest.mark.parametrize(
    ("line", "body"),
    [
        (["block", "t-1"], {"status": "Blocked"}),
        (["unblock", "t-1"], {"status": "Active"}),
        (["describe", "t-1", "nightly"], {"description": "nightly"}),
        (["expire", "t-1", "2030-01-31"], {"expiresAt": "2030-01-31"}),
        (["expire", "t-1", "never"], {"expiresAt": ""}),
    ],
)
def test_changes(run: Run, server: FakeServer, line: list[str], body: dict[str, str]) -> None:
    server.answer("PUT", ONE, ROW)

    assert json.loads(run("tokens", *line).out) == ROW
    assert server.last(ONE).body == body


def test_one_token(run: Run, server: FakeServer) -> None:
    server.answer("GET", ONE, ROW)

    assert json.loads(run("tokens", "show", "t-1").out) == ROW


def test_deleting_asks_first(run: Run, server: FakeServer) -> None:
    server.answer("DELETE", ONE, {})

    assert run("tokens", "delete", "t-1", stdin="n\n").code == 130
    assert server.asked == []
    assert run("tokens", "delete", "t-1", stdin="y\n").code == 0
    assert server.last(ONE).method == "DELETE"


def test_deleting_without_asking(run: Run, server: FakeServer) -> None:
    server.answer("DELETE", ONE, {})

    assert run("tokens", "delete", "t-1", "--yes").code == 0


def test_validate_shows_whom_the_token_belongs_to(run: Run, server: FakeServer) -> None:
    server.answer("GET", VALIDATE, {"organizationId": "o", "projectId": "p"})

    result = run("tokens", "validate")

    assert json.loads(result.out) == {"organizationId": "o", "projectId": "p"}
    assert server.last(VALIDATE).headers["authorization"] == f"Bearer {TOKEN}"


WHOLE = "/v2/organization/tokens"


@pytest.mark.parametrize(
    ("line", "method", "path", "body"),
    [
        (["list"], "GET", WHOLE, None),
        (["create", "ops", "--expires", "2030-01-31"], "POST", WHOLE, {"name": "ops", "expiresAt": "2030-01-31"}),
        (["show", "t-1"], "GET", f"{WHOLE}/t-1", None),
        (["block", "t-1"], "PUT", f"{WHOLE}/t-1", {"status": "Blocked"}),
        (["delete", "t-1", "--yes"], "DELETE", f"{WHOLE}/t-1", None),
    ],
)
def test_tokens_of_the_organization(
    run: Run, server: FakeServer, line: list[str], method: str, path: str, body: dict[str, str] | None
) -> None:
    server.answer(method, path, {**ROW, "tokens": [ROW]})

    assert run("tokens", *line, "--organization").code == 0
    asked = server.last(path)
    assert (asked.method, asked.body or None) == (method, body)


def test_a_project_and_the_organization_exclude_each_other(run: Run, server: FakeServer) -> None:
    assert run("tokens", "list", "--organization", "--project", "p").code == 2
