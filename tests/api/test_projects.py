"""`/v1/organization/projects` and `/v1/organization/project` through the door."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from tests.live import Answer, LiveServer

ONE = "/v1/organization/project"
MANY = "/v1/organization/projects"
MONTHLY = {
    "subscriptionType": "Monthly",
    "usageUnit": "Requests",
    "softLimit": 80,
    "hardLimit": 100,
    "renewalStatus": "Renewable",
}


class Api:
    """Projects, with the organization's token; what is made here is deleted behind the test."""

    def __init__(self, server: LiveServer) -> None:
        self.server, self.token, self.made = server, server.token("organization"), list[str]()

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        return self.server.request(method, path, body, headers, token=self.token)

    def create(self, name: str = "", **members: Any) -> dict[str, Any]:
        answer = self("POST", ONE, {"name": name or f"project {uuid4()}", **members})
        assert answer.status == 200, answer.body
        made: dict[str, Any] = answer.json()
        self.made.append(made["projectId"])
        return made


@pytest.fixture
def api(server: LiveServer) -> Iterator[Api]:
    found = Api(server)
    yield found
    for project_id in found.made:
        assert found("DELETE", f"{ONE}/{project_id}").status in (200, 404)


def refused(answer: Answer, status: int, number: int, words: str = "") -> None:
    assert answer.status == status, answer.body
    (error,) = answer.json()["errors"]
    assert error["id"] == number
    assert words in error["description"]


def test_a_new_project_is_shown_as_documented(api: Api) -> None:
    own = api("GET", "/v1/accessControl/apitoken/validate").json()
    made = api.create("sales", description="Sales bots")
    (token,) = made["tokens"]
    assert re.fullmatch(r"geai_[A-Za-z0-9_-]{64}", token["id"])
    assert (token["name"], token["status"], token["description"]) == ("Default", "Active", "")
    shown = {
        "projectId": made["projectId"],
        "projectName": "sales",
        "projectDescription": "Sales bots",
        "projectActive": True,
        "projectStatus": 0,
        "organizationId": own["organizationId"],
        "organizationName": own["organizationName"],
        "searchProfiles": [{"name": "Default", "description": ""}],
    }
    assert made == shown | {"tokens": [token]}
    assert api("GET", f"{ONE}/{made['projectId']}").json() == shown
    validated = api.server.get("/v1/accessControl/apitoken/validate", token=token["id"]).json()
    assert validated["projectId"] == made["projectId"]


def test_names_of_members_are_read_in_any_case_and_nulls_are_absent(api: Api) -> None:
    answer = api("POST", ONE, {"Name": "Upper", "DESCRIPTION": "d", "administratorUserEmail": None, "usageLimit": None})
    assert answer.status == 200, answer.body
    api.made.append(answer.json()["projectId"])
    assert (answer.json()["projectName"], answer.json()["projectDescription"]) == ("Upper", "d")


def test_a_usage_limit_comes_with_the_project(api: Api) -> None:
    made = api.create(usageLimit=MONTHLY)
    assert (made["usageLimit"]["hardLimit"], made["usageLimit"]["status"]) == (100, 1)
    assert api("GET", f"{ONE}/{made['projectId']}").json()["usageLimit"] == made["usageLimit"]


@pytest.mark.parametrize(
    ("limit", "number", "words"),
    [
        (MONTHLY | {"hardLimit": 1}, 8, "softLimit"),
        ({"subscriptionType": "Monthly"}, 9, "usageUnit"),
        ("much", 11, "usageLimit"),
    ],
)
def test_with_a_bad_limit_no_project_is_made(api: Api, limit: Any, number: int, words: str) -> None:
    name = f"project {uuid4()}"
    refused(api("POST", ONE, {"name": name, "usageLimit": limit}), 400, number, words)
    assert api("GET", f"{MANY}?name={name.replace(' ', '%20')}").json() == {"projects": []}


def test_its_administrator_is_invited(api: Api) -> None:
    made = api.create(administratorUserEmail="Ana@Acme.example")
    answer = api("GET", "/v2/accessControl/projects/members", **{"project-id": made["projectId"]}).json()
    (member,) = answer["members"]
    assert (member["email"], [role["name"] for role in member["roles"]]) == (
        "ana@acme.example",
        ["Project Administrator"],
    )


@pytest.mark.parametrize(
    ("body", "status", "number"),
    [
        ({}, 400, 2007),
        ({"name": " "}, 400, 2007),
        ({"name": "x" * 201}, 400, 2000),
        ({"name": 5}, 400, 11),
        ({"name": "a", "description": []}, 400, 11),
        ({"name": "a", "administratorUserEmail": "nobody"}, 400, 11),
        ({"name": "a", "administratorUserEmail": "all-members@acme.example"}, 400, 8),
        ({"name": "Default"}, 409, 2002),
    ],
)
def test_bad_projects_are_refused_by_name(api: Api, body: dict[str, Any], status: int, number: int) -> None:
    refused(api("POST", ONE, body), status, number)


def test_projects_are_listed_by_detail_and_name(api: Api) -> None:
    made = api.create("hidden one")
    changed = api("PUT", f"{ONE}/{made['projectId']}", {"name": "hidden one", "active": False})
    assert (changed.json()["projectActive"], changed.json()["projectStatus"]) == (False, 2)

    def names(query: str) -> list[str]:
        return [project["projectName"] for project in api("GET", MANY + query).json()["projects"]]

    assert "Default" in names("")
    assert "hidden one" not in names("?detail=summary&name=")
    assert "hidden one" in names("?detail=FULL")
    assert names("?detail=full&name=hidden%20one") == ["hidden one"]
    (listed,) = api("GET", f"{MANY}?name=Default").json()["projects"]
    assert set(listed) == {"projectId", "projectName", "projectDescription", "projectActive", "projectStatus"}
    refused(api("GET", f"{MANY}?detail=all"), 400, 8, "detail")


def test_rename_and_describe(api: Api) -> None:
    made = api.create()
    changed = api(
        "PUT", f"{ONE}/{made['projectId']}", {"name": "renamed", "description": None, "active": "true"}
    ).json()
    assert (changed["projectName"], changed["projectDescription"]) == ("renamed", "")
    assert "usageLimit" not in changed and "tokens" not in changed
    refused(api("PUT", f"{ONE}/{made['projectId']}", {"name": "Default"}), 409, 2029)
    refused(api("PUT", f"{ONE}/{made['projectId']}", {"name": ""}), 400, 2007)
    refused(api("PUT", f"{ONE}/{made['projectId']}", {"active": "perhaps"}), 400, 11, "active")


@pytest.mark.parametrize("unknown", ["0b9a4c1e-6f57-4d0e-9d52-7c1f3a8e2b64", "no-guid", "%00"])
def test_an_unknown_project_is_404(api: Api, unknown: str) -> None:
    for method in ("GET", "PUT", "DELETE"):
        refused(api(method, f"{ONE}/{unknown}", {"name": "x"} if method == "PUT" else None), 404, 2005)


def test_the_token_of_a_project_reads_its_own_and_changes_none(api: Api) -> None:
    server = api.server
    own = server.get("/v1/accessControl/apitoken/validate").json()["projectId"]
    other = api.create()["projectId"]
    assert server.get(f"{ONE}/{own}").json()["projectName"] == "Default"
    refused(server.get(f"{ONE}/{other}"), 404, 2006)
    for method, path in (("GET", MANY), ("POST", ONE), ("PUT", f"{ONE}/{own}"), ("DELETE", f"{ONE}/{own}")):
        refused(server.request(method, path, {"name": "x"} if method != "GET" else None), 403, 7)


def test_deletion_says_what_went_and_refuses_the_tokens(api: Api) -> None:
    made = api.create(administratorUserEmail="ana@acme.example", usageLimit=MONTHLY)
    project, token = made["projectId"], made["tokens"][0]["id"]
    role = api("POST", "/v2/accessControl/projects/roles", {"name": "readers"}, **{"project-id": project})
    assert role.status == 201
    alias = {"name": f"fast-{uuid4().hex[:6]}", "targets": [{"model": "openai/gpt-4o-mini"}]}
    api("POST", "/v2/providers/aliases", alias, **{"project-id": project})
    deleted = api("DELETE", f"{ONE}/{project}")
    assert deleted.status == 200, deleted.body
    body = deleted.json()
    assert (body["projectId"], body["removed"]["members"], body["removed"]["tokens"]) == (project, 1, 1)
    assert body["removed"]["usageLimits"] == 1
    assert "error" not in body and "errors" not in body
    refused(api.server.get("/v1/accessControl/apitoken/validate", token=token), 401, 6)
    refused(api("GET", f"{ONE}/{project}"), 404, 2005)
    refused(api("DELETE", f"{ONE}/{project}"), 404, 2005)
    again = api.create(made["projectName"])
    assert again["projectId"] != project
