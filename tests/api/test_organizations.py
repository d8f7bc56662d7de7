"""`/v2/admin/organizations` with the root token; and what people with roles may do in organizations and projects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from tests.live import Answer, LiveServer

ROOT = "root-token-of-these-tests-0123456789"
ADMIN = "/v2/admin/organizations"
MEMBERS = "/v2/accessControl/projects/members"
PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    environ = {"PORTICO_LOCAL_MODELS": "false", "PORTICO_ROOT_TOKEN": ROOT}
    with LiveServer(tmp_path_factory.mktemp("tenants"), environ) as live:
        yield live


def refused(answer: Answer, status: int, number: int, words: str = "") -> None:
    assert answer.status == status, answer.body
    (error,) = answer.json()["errors"]
    assert error["id"] == number
    assert words in error["description"]


def address() -> str:
    return f"{uuid4().hex[:12]}@acme.example"


def found(house: LiveServer, name: str = "", email: str = "") -> dict[str, Any]:
    body = {"name": name or f"tenant {uuid4()}", "administratorUserEmail": email or address()}
    answer = house.post(ADMIN, body, token=ROOT)
    assert answer.status == 201, answer.body
    made: dict[str, Any] = answer.json()
    return made


# organizations -----------------------------------------------------------------------------------------------


def test_an_unknown_access_token_is_told_as_such(house: LiveServer) -> None:
    """Administrators of the installation come here with access tokens; without any token nothing is told (id 401)."""
    for path in (ADMIN, f"{ADMIN}/{uuid4()}", "/admin/organizations"):
        refused(house.get(path, token="unknown"), 401, 112, "Access token not found, login again.")
        refused(house.get(path, token=None), 401, 401, "Unauthorized")
    refused(house.get("/v1/organization/projects", token="unknown"), 401, 401, "Unauthorized")


def test_the_root_token_makes_lists_and_deletes_organizations(house: LiveServer) -> None:
    made = found(house, "Acme", "Ana@acme.example")
    assert (made["organizationName"], made["administratorUserEmail"]) == ("Acme", "ana@acme.example")
    assert made["invitation"].startswith(f"{house.url}/setup#invitation-")
    whole, own = (token["id"] for token in made["tokens"])
    assert house.get("/v1/accessControl/apitoken/validate", token=own).json()["organizationName"] == "Acme"
    listed = house.get(f"{ADMIN}?filterKey=name&filterValue=acm&pageSize=5", token=ROOT).json()
    assert (listed["count"], listed["pages"]) == (1, 1)
    shown = {"id": made["organizationId"], "name": "Acme", "isStationAvailable": False}
    assert listed["organizations"][0].items() >= shown.items()
    assert house.get("/admin/organizations", token=ROOT).json()["count"] == 2
    refused(house.post(ADMIN, {"name": "Acme", "administratorUserEmail": "a@b.example"}, token=ROOT), 409, 2003)
    gone = house.request("DELETE", f"{ADMIN}/{made['organizationId']}", token=ROOT)
    assert (gone.status, gone.json()["removed"]["projects"]) == (200, 1)
    refused(house.get("/v1/organization/projects", token=whole), 401, 6)
    refused(house.request("DELETE", f"{ADMIN}/{made['organizationId']}", token=ROOT), 404, 2004)


def test_bad_organizations_and_searches_are_refused_by_name(house: LiveServer) -> None:
    refused(house.post(ADMIN, {"name": "A"}, token=ROOT), 400, 9, "administratorUserEmail")
    refused(house.post(ADMIN, {"name": "A", "administratorUserEmail": "x"}, token=ROOT), 400, 11)
    refused(house.post(ADMIN, {"administratorUserEmail": "a@b.example"}, token=ROOT), 400, 2007)
    refused(house.get(f"{ADMIN}?filterValue=nobody", token=ROOT), 404, 4000, "No Organizations found")
    refused(house.get(f"{ADMIN}?orderKey=created", token=ROOT), 400, 8, "Invalid order (expected: |name|)")
    refused(house.request("DELETE", f"{ADMIN}/no-guid", token=ROOT), 404, 2004)


@pytest.mark.parametrize("section", ["default", "organization"])
def test_no_other_token_reaches_them(house: LiveServer, section: str) -> None:
    token = house.token(section)
    for method, path in (("GET", ADMIN), ("POST", ADMIN), ("DELETE", f"{ADMIN}/{uuid4()}")):
        refused(house.request(method, path, token=token), 403, 7)


def test_the_root_token_does_nothing_in_an_organization(house: LiveServer) -> None:
    for method, path in (
        ("GET", "/v1/organization/projects"),
        ("POST", "/v1/organization/project"),
        ("GET", "/v2/organization/tokens"),
        ("GET", MEMBERS),
    ):
        assert house.request(method, path, token=ROOT).status == 403


# people ------------------------------------------------------------------------------------------------------


@dataclass
class Person:
    """A user who signed in, acting in one project."""

    house: LiveServer
    email: str
    token: str
    project: str

    def __call__(self, method: str, path: str, body: Any = None) -> Answer:
        return self.house.request(method, path, body, {"project-id": self.project}, token=self.token)


@pytest.fixture(scope="module")
def tenant(house: LiveServer) -> dict[str, Any]:
    made = found(house)
    whole = made["tokens"][0]["id"]
    project = house.post("/v1/organization/project", {"name": "sales"}, token=whole).json()
    return {"organization": made["organizationId"], "token": whole, "project": project["projectId"]}


def join(house: LiveServer, tenant: dict[str, Any], *roles: str) -> Person:
    """Invited with these roles, in by a link, signed in."""
    email, headers = address(), {"project-id": tenant["project"]}
    invited = house.request("POST", MEMBERS, {"userEmail": email, "roles": roles}, headers, token=tenant["token"])
    assert invited.status == 201, invited.body
    link = house.post(f"/v2/users/{email}/setup-link", {}, token=ROOT)
    assert link.status == 201, link.body
    setup = next(value for value in link.json().values() if "/setup#" in str(value))
    assert house.post("/setup", {"link": setup, "password": PASSWORD}, token=None).status == 200
    body = {"client_id": "tests", "username": email, "password": PASSWORD}
    signed_in = house.post("/oauth/access_token", body, token=None)
    assert signed_in.status == 200, signed_in.body
    return Person(house, email, signed_in.json()["access_token"], tenant["project"])


def test_a_project_administrator_invites_and_makes_roles(house: LiveServer, tenant: dict[str, Any]) -> None:
    boss = join(house, tenant, "Project Administrator")
    email = address()
    assert boss("POST", MEMBERS, {"userEmail": email, "roles": ["Project Member"]}).status == 201
    assert boss("POST", "/v2/accessControl/projects/roles", {"name": f"role {uuid4()}"}).status == 201
    listed = boss("GET", "/v2/accessControl/projects/invitations").json()["invitations"]
    assert (listed[0]["email"], listed[0]["by"]) == (email, boss.email)
    path = f"/v2/accessControl/projects/{tenant['project']}/members/{email}"
    assert boss("DELETE", path).status == 200
    refused(boss("GET", "/v1/organization/projects"), 403, 403)
    refused(boss("POST", "/v2/accessControl/organizations/members", {"userEmail": email}), 403, 403)


def test_a_project_member_looks_and_makes_tokens(house: LiveServer, tenant: dict[str, Any]) -> None:
    member = join(house, tenant, "Project Member")
    assert member("GET", MEMBERS).status == 200
    assert member("POST", "/v2/projects/tokens", {"name": f"token {uuid4()}"}).status == 201
    refused(member("POST", MEMBERS, {"userEmail": address(), "roles": ["Project Member"]}), 403, 403)
    refused(member("POST", "/v2/accessControl/projects/roles", {"name": "x"}), 403, 403)
    refused(member("GET", f"/v2/accessControl/memberships?email={address()}"), 403, 403)


def test_a_frontend_user_manages_nothing(house: LiveServer, tenant: dict[str, Any]) -> None:
    guest = join(house, tenant, "Access all Project Assistants")
    for method, path in (
        ("GET", MEMBERS),
        ("POST", "/v2/projects/tokens"),
        ("GET", "/v2/accessControl/projects/roles"),
    ):
        refused(guest(method, path, {"name": "x"} if method == "POST" else None), 403, 403)
    assert guest("GET", "/v1/plugins").json() == {"plugins": []}


def test_users_see_their_own_memberships(house: LiveServer, tenant: dict[str, Any]) -> None:
    member = join(house, tenant, "Project Member")
    own = house.get("/v2/accessControl/memberships", token=member.token).json()
    (place,) = own["organizations"]
    assert (place["organizationId"], place["projects"][0]["projectId"]) == (tenant["organization"], tenant["project"])
    assert house.get(f"/v2/accessControl/memberships?email={member.email}", token=member.token).json() == own
    (reached,) = house.get("/v1/accessControl/user/organizations", token=member.token).json()["organizations"]
    assert reached["organizationId"] == tenant["organization"]
    path = f"/v1/accessControl/user/organization/projects?organization={tenant['organization']}"
    projects = house.get(path, token=member.token).json()["projects"]
    assert [project["projectId"] for project in projects] == [tenant["project"]]


def test_a_token_is_handed_out_to_a_member_and_not_to_a_guest(house: LiveServer, tenant: dict[str, Any]) -> None:
    member, guest = join(house, tenant, "Project Member"), join(house, tenant, "Access all Project Assistants")
    asked = f"organization={tenant['organization']}&project={tenant['project']}&accessToken="
    for person in (member, guest):
        sees = house.get(f"/v1/accessControl/user/access/project?{asked}{person.token}")
        assert (sees.status, sees.json()) == (200, {})
    handed = house.get(f"/v1/accessControl/user/token/project?{asked}{member.token}")
    assert handed.status == 200, handed.body
    token = handed.json()["apiToken"]
    assert house.get("/v1/accessControl/apitoken/validate", token=token).json()["projectId"] == tenant["project"]
    listed = house.get("/v2/projects/tokens", token=token).json()["tokens"]
    assert any(one["name"].startswith(member.email) and one["expiresAt"] for one in listed)
    refused(house.get(f"/v1/accessControl/user/token/project?{asked}{guest.token}"), 403, 403)
    other = f"organization={tenant['organization']}&project={uuid4()}&accessToken={member.token}"
    assert house.get(f"/v1/accessControl/user/access/project?{other}").status == 403


def test_who_is_removed_is_out_at_once(house: LiveServer, tenant: dict[str, Any]) -> None:
    member = join(house, tenant, "Project Member")
    assert member("GET", MEMBERS).status == 200
    path = f"/v2/accessControl/projects/{tenant['project']}/members/{member.email}"
    assert house.request("DELETE", path, token=tenant["token"]).status == 200
    assert member("GET", MEMBERS).status == 403
