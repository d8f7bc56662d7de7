"""`portico usage-limits`: which call each command makes, and what it shows."""

from __future__ import annotations

import json

import pytest

from .conftest import Run
from .fake_server import Answer, FakeServer

VALIDATE = "/v1/accessControl/apitoken/validate"
PROJECT = "/v2/usageLimits/organizations/o/projects/p"
ORGANIZATION = "/v2/usageLimits/organizations/o"
LIMIT = {
    "id": "l-1", "relatedEntityName": "Pia.Data.Project", "subscriptionType": "Monthly", "usageUnit": "Cost",
    "softLimit": 80, "hardLimit": 100, "usedAmount": 12.5, "remainingUsage": 87.5, "renewalStatus": "Renewable",
    "status": 1, "validFrom": "2026-05-01T00:00:00", "validUntil": "2026-06-01T00:00:00",
}  # fmt: skip


@pytest.fixture(autouse=True)
def token_of_a_project(server: FakeServer) -> None:
    server.answer("GET", VALIDATE, {"organizationId": "o", "projectId": "p"})


def test_create_sets_the_limit_of_the_tokens_project(run: Run, server: FakeServer) -> None:
    server.answer("POST", f"{PROJECT}/limits", LIMIT)

    result = run("usage-limits", "create", "--type", "monthly", "--unit", "cost", "--soft", "80", "--hard", "100")

    assert json.loads(result.out) == LIMIT
    assert server.last(f"{PROJECT}/limits").body == {
        "subscriptionType": "Monthly",
        "usageUnit": "Cost",
        "softLimit": 80.0,
        "hardLimit": 100.0,
        "renewalStatus": "Renewable",
    }


def test_create_for_the_organization_without_renewal(run: Run, server: FakeServer) -> None:
    server.answer("GET", VALIDATE, {"organizationId": "o"})
    server.answer("POST", f"{ORGANIZATION}/limits", LIMIT)

    line = ["--organization", "--type", "Freemium", "--unit", "Cost", "--soft", "1", "--hard", "2"]
    assert run("usage-limits", "create", *line).code == 0
    assert "renewalStatus" not in server.last(f"{ORGANIZATION}/limits").body


def test_the_list_as_a_table(run: Run, server: FakeServer) -> None:
    server.answer("GET", f"{PROJECT}/limits", {"usageLimits": [LIMIT]})

    assert run("usage-limits", "list", "-o", "table").out == (
        "Id   Status  Type     Unit  Soft  Hard  Used  Until                Renewal\n"
        "l-1  active  Monthly  Cost  80    100   12.5  2026-06-01T00:00:00  Renewable\n"
    )


@pytest.mark.parametrize(("options", "tail"), [([], "active"), (["--latest"], "latest")])
def test_show(run: Run, server: FakeServer, options: list[str], tail: str) -> None:
    server.answer("GET", f"/v2/usageLimits/organizations/o/projects/q/limits/{tail}", LIMIT)

    assert json.loads(run("usage-limits", "show", "--project", "q", *options).out) == LIMIT


@pytest.mark.parametrize(("options", "tail", "told"), [([], "active", "in force"), (["--latest"], "latest", "yet")])
def test_show_says_that_there_is_none(run: Run, server: FakeServer, options: list[str], tail: str, told: str) -> None:
    nothing = Answer({"errors": [{"id": 4000, "description": "Not Found"}]}, 404)
    server.answer("GET", f"{PROJECT}/limits/{tail}", nothing)

    result = run("usage-limits", "show", *options)

    assert result.code == 1
    assert f"{told}. portico usage-limits create sets one." in result.err


def test_update_makes_one_call_per_member_and_shows_the_last_answer(run: Run, server: FakeServer) -> None:
    for member in ("hardLimit", "softLimit", "renewalStatus"):
        server.answer("PUT", f"{PROJECT}/limits/l-1/{member}", LIMIT | {"changed": member})

    line = ["update", "l-1", "--hard", "150", "--soft", "0", "--renewal", "nonrenewable"]
    assert json.loads(run("usage-limits", *line).out)["changed"] == "renewalStatus"
    assert [asked.body for asked in server.asked if asked.method == "PUT"] == [
        {"hardLimit": 150.0},
        {"softLimit": 0.0},
        {"renewalStatus": "NonRenewable"},
    ]


def test_update_asks_for_something_to_change(run: Run) -> None:
    result = run("usage-limits", "update", "l-1")

    assert result.code == 2
    assert "--hard" in result.err


def test_cancelling_asks_first(run: Run, server: FakeServer) -> None:
    server.answer("DELETE", f"{PROJECT}/limits/l-1", LIMIT | {"status": 4})

    assert run("usage-limits", "cancel", "l-1", stdin="n\n").code == 130
    assert server.asked == []
    result = run("usage-limits", "cancel", "l-1", stdin="y\n")
    assert (result.code, server.last(f"{PROJECT}/limits/l-1").method) == (0, "DELETE")


def test_rates(run: Run, server: FakeServer) -> None:
    server.answer("GET", f"{PROJECT}/rates", {"rates": [{"projectId": "p", "requestsPerMinute": 600}]})

    assert run("usage-limits", "rates", "-o", "table").out == (
        "Token      Requests a minute  Tokens a minute\n(project)  600                -\n"
    )


@pytest.mark.parametrize(
    ("options", "body"),
    [
        (["--requests", "600", "--tokens", "90000"], {"requestsPerMinute": 600, "tokensPerMinute": 90000}),
        (["--requests", "10", "--token", "t-1"], {"requestsPerMinute": 10, "tokenId": "t-1"}),
        (["--off"], {}),
        (["--off", "--token", "t-1"], {"tokenId": "t-1"}),
    ],
)
def test_rate(run: Run, server: FakeServer, options: list[str], body: dict[str, object]) -> None:
    server.answer("PUT", f"{PROJECT}/rates", {"projectId": "p"})

    assert run("usage-limits", "rate", *options).code == 0
    assert server.last(f"{PROJECT}/rates").body == body


@pytest.mark.parametrize(
    "line", [["rate"], ["rate", "--off", "--requests", "1"], ["show", "--project", "p", "--organization"]]
)
def test_lines_that_say_too_little_or_too_much(run: Run, server: FakeServer, line: list[str]) -> None:
    assert run("usage-limits", *line).code == 2
    assert server.asked == []


def test_the_organizations_token_has_to_say_whose_limit(run: Run, server: FakeServer) -> None:
    server.answer("GET", VALIDATE, {"organizationId": "o"})

    result = run("usage-limits", "show")

    assert result.code == 2
    assert "--organization" in result.err
