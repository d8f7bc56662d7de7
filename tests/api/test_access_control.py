"""`/v2/accessControl` through the door: members, roles, memberships, and what a user reaches."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from tests.live import Answer, LiveServer

MEMBERS = "/v2/accessControl/projects/members"
ROLES = "/v2/accessControl/projects/roles"
MISMATCH = "Organization or Project mismatch: verify the provided authorization"


class House:
    """A project of its own, with the organization's token and the header that names it."""

    def __init__(self, server: LiveServer, made: dict[str, Any]) -> None:
        self.server, self.project, self.token = server, made["projectId"], made["tokens"][0]["id"]
        self.organization = server.token("organization")

    def __call__(self, method: str, path: str, body: Any = None, *, project: str | None = "") -> Answer:
        headers = {} if project is None else {"project-id": project or self.project}
        return self.server.request(method, path, body, headers, token=self.organization)

    def invite(self, email: str, *roles: str) -> dict[str, Any]:
        answer = self("POST", MEMBERS, {"userEmail": email, "roles": list(roles)})
        assert answer.status == 201, answer.body
        made: dict[str, Any] = answer.json()
        return made


@pytest.fixture
def house(server: LiveServer) -> Iterator[House]:
    token = server.token("organization")
    made = server.post("/v1/organization/project", {"name": f"house {uuid4()}"}, token=token).json()
    yield House(server, made)
    server.request("DELETE", f"/v1/organization/project/{made['projectId']}", token=token)


def address() -> str:
    return f"{uuid4().hex[:12]}@acme.example"


def refused(answer: Answer, status: int, number: int, words: str = "") -> None:
    assert answer.status == status, answer.body
    (error,) = answer.json()["errors"]
    assert error["id"] == number
    assert words in error["description"]


# roles -------------------------------------------------------------------------------------------------------


def test_a_project_has_its_roles_from_the_first_day(house: House) -> None:
    found = house("GET", f"{ROLES}?orderDirection=asc").json()
    assert [(role["name"], role["type"], role["origin"]) for role in found["roles"]] == [
        ("Access all Project Assistants", "Frontend", "System"),
        ("Project Administrator", "Backend", "System"),
        ("Project Member", "Backend", "System"),
    ]
    assert all(role["externalId"] == role["id"] for role in found["roles"])
    assert found["projects"][0]["roles"] == found["roles"]
    assert (found["count"], found["pages"], found["projects"][0]["projectId"]) == (3, 1, house.project)
    assert house("GET", ROLES.replace("/v2", "/v1") + "?orderDirection=asc").json() == found
    assert house.server.get(f"{ROLES}?orderDirection=asc", token=house.token).json() == found


def test_roles_come_in_pages_and_by_type(house: House) -> None:
    for size in (1, 2, 3):
        page = house("GET", f"{ROLES}?startPage=1&pageSize={size}").json()
        assert (page["count"], page["pages"], len(page["roles"])) == (3, math.ceil(3 / size), size)
    assert house("GET", f"{ROLES}?startPage=3&pageSize=2").json()["roles"] == []
    names = [role["name"] for role in house("GET", f"{ROLES}?roleTypes=BACKEND").json()["roles"]]
    assert names == ["Project Member", "Project Administrator"]
    both = house("GET", f"{ROLES}?roleTypes=backend,Frontend").json()
    assert both["count"] == 3


@pytest.mark.parametrize("path", [ROLES, MEMBERS])
@pytest.mark.parametrize(
    ("query", "number", "words"),
    [
        ("roleTypes=odd", 8, "Field roleTypes is out of range"),
        ("orderKey=id", 8, "Invalid order (expected: name)"),
        ("orderDirection=up", 8, "orderDirection"),
        ("startPage=0", 8, "startPage"),
        ("pageSize=1001", 8, "pageSize"),
        ("pageSize=many", 11, "pageSize"),
        ("startPage=99999999999999999999", 8, "startPage"),
    ],
)
def test_a_bad_page_is_refused_by_name(house: House, path: str, query: str, number: int, words: str) -> None:
    refused(house("GET", f"{path}?{query}"), 400, number, words)


@pytest.mark.parametrize("path", [ROLES, MEMBERS])
def test_another_project_is_refused_in_the_words_of_the_reference(house: House, path: str) -> None:
    refused(house("GET", path, project=str(uuid4())), 403, 2006, MISMATCH)
    refused(house("GET", path, project="invalid-project-id"), 403, 2006, MISMATCH)
    refused(house("GET", path, project=None), 400, 9, MISMATCH)


def test_a_role_is_made_changed_used_and_deleted(house: House) -> None:
    made = house("POST", ROLES, {"Name": "readers", "externalId": "group-7"})
    assert made.status == 201, made.body
    role = made.json()
    assert (role["type"], role["origin"], role["externalId"], role["assistants"]) == ("Frontend", "User", "group-7", [])
    refused(house("POST", ROLES, {"name": "READERS"}), 409, 4002, "Role already exists")
    assert house("PUT", f"{ROLES}/readers", {"name": "editors"}).json() == role | {"name": "editors"}
    refused(house("PUT", f"{ROLES}/editors", {"name": "Project Member"}), 409, 4002)
    for project in ("", None):  # an id needs no project beside it
        assert house("GET", f"{ROLES}/{role['id'].upper()}", project=project).json()["name"] == "editors"
    refused(house("GET", f"{ROLES}/{uuid4()}", project=None), 404, 4000, "Not Found, Role")
    refused(house("GET", f"{ROLES}/editors", project=None), 400, 9, "project-id")
    email = address()
    house.invite(email, role["id"])
    refused(house("DELETE", f"{ROLES}/editors"), 409, 409, "in use")
    assert house("DELETE", f"/v2/accessControl/projects/{house.project}/members/{email}").status == 200
    assert house("DELETE", f"{ROLES}/editors").json()["id"] == role["id"]
    refused(house("DELETE", f"{ROLES}/editors"), 404, 4000, "Not Found, Role")


@pytest.mark.parametrize(
    ("body", "status", "number"),
    [
        ({}, 400, 2007),
        ({"name": 7}, 400, 11),
        ({"name": "a", "externalId": 7}, 400, 11),
        ({"name": "a", "assistants": "Translator"}, 400, 11),
        ({"name": "a", "assistants": ["nobody"]}, 404, 1),
        ({"name": "a", "assistants": [str(uuid4())]}, 404, 1),
    ],
)
def test_bad_roles_are_refused_by_name(house: House, body: dict[str, Any], status: int, number: int) -> None:
    refused(house("POST", ROLES, body), status, number)
    assert house("GET", ROLES).json()["count"] == 3


def test_roles_of_the_system_do_not_change(house: House) -> None:
    refused(house("PUT", f"{ROLES}/Project%20Member", {"name": "x"}), 409, 409, "role of the system")
    refused(house("DELETE", f"{ROLES}/Project%20Member"), 409, 409, "role of the system")


# members -----------------------------------------------------------------------------------------------------


def test_a_member_is_invited_listed_and_removed(house: House) -> None:
    email = address()
    made = house.invite(email.upper(), "Project Member", "access all project assistants")
    assert (made["email"], made["name"], made["accessType"]) == (email, email, "User")
    listed = house("GET", MEMBERS).json()
    assert (listed["count"], listed["pages"], len(listed["members"])) == (1, 1, 1)
    assert listed["projects"][0]["members"] == listed["members"]
    (member,) = listed["members"]
    assert member["id"] == member["userId"] == made["userId"]
    assert {role["name"] for role in member["roles"]} == {"Project Member", "Access all Project Assistants"}
    assert set(member["roles"][0]) == {"id", "name", "externalId", "type", "origin"}
    path = f"/v2/accessControl/projects/{house.project}/members/{member['userId']}"
    left = house("DELETE", f"{path}?roles=Project%20Member")
    assert [role["name"] for role in left.json()["roles"]] == ["Access all Project Assistants"]
    assert house("DELETE", path).json()["roles"] == []
    refused(house("DELETE", path), 404, 4000, "Not Found, Email")
    assert house("GET", MEMBERS).json()["members"] == []


def test_members_come_in_pages_in_order_and_by_type(house: House) -> None:
    for letter in "cab":
        house.invite(f"{letter}-{uuid4().hex[:8]}@acme.example", "Project Member")
    house.invite(f"d-{uuid4().hex[:8]}@acme.example", "Access all Project Assistants")

    def initials(query: str) -> str:
        return "".join(member["name"][0] for member in house("GET", f"{MEMBERS}?{query}").json()["members"])

    assert initials("orderKey=name&orderDirection=asc") == "abcd"
    assert initials("") == initials("orderKey=name&orderDirection=desc") == "dcba"
    assert initials("orderDirection=asc&pageSize=3&startPage=2") == "d"
    assert initials("roleTypes=frontend") == "d"
    assert house("GET", f"{MEMBERS}?pageSize=3").json()["pages"] == 2


@pytest.mark.parametrize(
    ("body", "status", "number", "words"),
    [
        ({"roles": ["Project Member"]}, 400, 9, "userEmail"),
        ({"userEmail": "nobody", "roles": ["Project Member"]}, 400, 11, "userEmail"),
        ({"userEmail": 3, "roles": ["Project Member"]}, 400, 11, "userEmail"),
        ({"userEmail": "all-members@acme.example", "roles": ["Project Member"]}, 400, 8, "userEmail"),
        ({"userEmail": "x@acme.example"}, 400, 9, "roles"),
        ({"userEmail": "x@acme.example", "roles": [7]}, 400, 11, "roles"),
        ({"userEmail": "x@acme.example", "roles": ["Nobody"]}, 404, 4000, "Not Found, Role"),
        ({"userEmail": "x@acme.example", "roles": ["Project Member", str(uuid4())]}, 404, 4000, "Not Found, Role"),
    ],
)
def test_a_bad_invitation_is_refused_by_name(
    house: House, body: dict[str, Any], status: int, number: int, words: str
) -> None:
    refused(house("POST", MEMBERS, body), status, number, words)
    assert house("GET", MEMBERS).json()["count"] == 0


def test_the_token_of_a_project_sees_members_and_changes_none(house: House) -> None:
    email = address()
    house.invite(email, "Project Member")
    server = house.server
    assert server.get(MEMBERS, token=house.token).json()["count"] == 1
    for method, path in (
        ("POST", MEMBERS),
        ("DELETE", f"/v2/accessControl/projects/{house.project}/members/{email}"),
        ("POST", ROLES),
        ("PUT", f"{ROLES}/x"),
        ("DELETE", f"{ROLES}/x"),
        ("GET", "/v2/accessControl/organizations/members"),
        ("POST", "/v2/accessControl/organizations/members"),
        ("GET", "/v2/accessControl/organization/plugin-runtime-policies"),
    ):
        body = {"name": "x"} if method in ("POST", "PUT") else None
        refused(server.request(method, path, body, token=house.token), 403, 7)


def test_the_history_says_who_invited_whom(house: House) -> None:
    email = address()
    house.invite(email, "Project Member")
    house("DELETE", f"/v2/accessControl/projects/{house.project}/members/{email}")
    found = house("GET", "/v2/accessControl/projects/invitations").json()
    assert (found["count"], found["pages"]) == (2, 1)
    assert [(line["action"], line["email"], line["roles"]) for line in found["invitations"]] == [
        ("remove", email, ["Project Member"]),
        ("invite", email, ["Project Member"]),
    ]
    assert all(line["by"] and line["at"] for line in found["invitations"])


def test_members_of_the_organization(house: House) -> None:
    email, path = address(), "/v2/accessControl/organizations/members"
    own = house("GET", "/v1/accessControl/apitoken/validate").json()["organizationId"]
    made = house("POST", path, {"userEmail": email})
    assert (made.status, [role["name"] for role in made.json()["roles"]]) == (201, ["Organization Member"])
    listed = house("GET", f"{path}?organizationId={own}&pageSize=1000&orderKey=email").json()
    assert email in [member["email"] for member in listed["members"]]
    refused(house("GET", f"{path}?organizationId={uuid4()}"), 404, 2004)
    assert house("DELETE", f"{path}/{email}").status == 200
    refused(house("DELETE", f"{path}/{email}"), 404, 4000, "Not Found, Email")


# memberships -------------------------------------------------------------------------------------------------


def test_memberships_of_a_user(house: House) -> None:
    email = address()
    house.invite(email, "Project Member")
    house("POST", "/v2/accessControl/organizations/members", {"userEmail": email})
    found = house("GET", f"/v2/accessControl/memberships?email={email.upper()}").json()
    assert (found["count"], found["pages"]) == (1, 1)
    (place,) = found["organizations"]
    assert [role["name"] for role in place["roles"]] == ["Organization Member"]
    (project,) = place["projects"]
    assert (project["projectId"], project["isActive"]) == (house.project, True)
    assert [role["name"] for role in project["roles"]] == ["Project Member"]
    inner = house("GET", f"/v2/accessControl/projects/memberships?userEmail={email}").json()
    assert (inner["projects"], inner["organizationId"]) == ([project], place["organizationId"])
    none = house("GET", f"/v2/accessControl/projects/memberships?userEmail={email}&roleTypes=frontend").json()
    assert (none["count"], none["pages"], none["projects"]) == (0, 1, [])


@pytest.mark.parametrize(
    ("path", "key"), [("memberships?email=", "organizationName"), ("projects/memberships?userEmail=", "projectName")]
)
def test_memberships_are_refused_in_the_words_of_the_reference(house: House, path: str, key: str) -> None:
    email = address()
    refused(house("GET", f"/v2/accessControl/{path}{email}"), 404, 4000, "Not Found, Email")
    house.invite(email, "Project Member")
    base = f"/v2/accessControl/{path}{email}"
    refused(house("GET", f"{base}&orderKey=id"), 400, 8, f"Invalid order (expected: {key})")
    refused(house("GET", f"{base}&roleTypes=odd"), 400, 8, "Field roleTypes is out of range")
    assert house("GET", f"{base}&orderKey={key}&orderDirection=asc&pageSize=1000").status == 200


def test_a_token_without_an_address_sees_what_it_acts_on(house: House) -> None:
    whole = house("GET", "/v2/accessControl/memberships?email=", project=None).json()["organizations"][0]
    assert house.project in [project["projectId"] for project in whole["projects"]]
    mine = house.server.get("/v2/accessControl/projects/memberships", token=house.token).json()
    assert [project["projectId"] for project in mine["projects"]] == [house.project]
    refused(house.server.get("/v2/accessControl/memberships?email=a@b.example", token=house.token), 403, 7)


def test_no_policies_are_no_restriction(house: House) -> None:
    found = house("GET", "/v2/accessControl/organization/plugin-runtime-policies").json()
    assert found["policies"] == []
    assert found["messages"]["description"]


# what a user reaches -----------------------------------------------------------------------------------------


def test_a_token_reaches_its_organization_and_projects(house: House) -> None:
    (place,) = house("GET", "/v1/accessControl/user/organizations").json()["organizations"]
    for name in (place["organizationId"], place["organizationName"]):
        path = f"/v1//accessControl/user/organization/projects?organization={name}"
        found = [project["projectId"] for project in house("GET", path, project=None).json()["projects"]]
        assert house.project in found and len(found) > 1
        mine = house.server.get(path.replace("/v1//", "/v2/"), token=house.token).json()["projects"]
        assert [project["projectId"] for project in mine] == [house.project]
    refused(house("GET", "/v1/accessControl/user/organization/projects"), 400, 9, "organization")
    refused(house("GET", "/v1/accessControl/user/organization/projects?organization=Nobody"), 403, 403)


@pytest.mark.parametrize("tail", ["access/project", "token/project"])
def test_on_behalf_of_a_user_all_must_be_said_and_be_true(house: House, tail: str) -> None:
    path = f"/v1/accessControl/user/{tail}"
    own = house("GET", "/v1/accessControl/apitoken/validate").json()["organizationId"]
    refused(house("GET", path), 400, 9, "organization")
    refused(house("GET", f"{path}?organization={own}"), 400, 9, "project")
    refused(house("GET", f"{path}?organization={own}&project={house.project}"), 400, 9, "accessToken")
    asked = f"{path}?organization={own}&project={house.project}&accessToken="
    assert house("GET", f"{asked}nobody").status == 401
    other = f"{path}?organization={uuid4()}&project={house.project}&accessToken={house.token}"
    refused(house("GET", other), 403, 403)


def test_a_token_is_not_handed_out_to_a_token(house: House) -> None:
    own = house("GET", "/v1/accessControl/apitoken/validate").json()["organizationId"]
    asked = f"organization={own}&project={house.project}&accessToken={house.token}"
    assert house("GET", f"/v1/accessControl/user/access/project?{asked}").json() == {}
    refused(house("GET", f"/v1/accessControl/user/token/project?{asked}"), 403, 403)
