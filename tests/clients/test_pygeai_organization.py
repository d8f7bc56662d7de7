"""`pygeai` 0.8.0 and its command `geai`, unchanged, with projects, tokens, members and roles of an organization."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.clients.pygeai_host import import_pygeai, profiles_of, run_geai
from tests.live import LiveServer

Command = Callable[..., Any]
MISMATCH = "Organization or Project mismatch: verify the provided authorization"
ROLE_MEMBERS = {"externalId", "id", "name", "origin", "type"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server of these tests' own, so that listings hold nothing of other tests."""
    with LiveServer(tmp_path_factory.mktemp("house"), {"PORTICO_LOCAL_MODELS": "false"}) as live:
        yield live


@pytest.fixture(scope="module")
def ids(house: LiveServer) -> tuple[str, str]:
    found = house.get("/v1/accessControl/apitoken/validate").json()
    return found["organizationId"], found["projectId"]


@pytest.fixture(scope="module", autouse=True)
def _vendor(tmp_path_factory: pytest.TempPathFactory) -> None:
    import_pygeai(tmp_path_factory.mktemp("vendor-home"))


@pytest.fixture(autouse=True)
def credentials(house: LiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with profiles_of(house, tmp_path, monkeypatch) as file:
        yield file


@pytest.fixture
def key(house: LiveServer) -> tuple[str, str]:
    """The organization's token and the address."""
    return house.token("organization"), house.url


def client(key: tuple[str, str]) -> Any:
    from pygeai.organization.clients import OrganizationClient

    return OrganizationClient(*key)


def manager(key: tuple[str, str]) -> Any:
    from pygeai.organization.managers import OrganizationManager

    return OrganizationManager(*key)


def refusal() -> type[Exception]:
    from pygeai.core.common.exceptions import APIResponseError

    return APIResponseError


# projects ----------------------------------------------------------------------------------------------------


def test_the_client_for_projects(key: tuple[str, str]) -> None:
    whole = client(key)
    limit = {"subscriptionType": "Daily", "usageUnit": "Requests", "softLimit": "5", "hardLimit": "9",
             "renewalStatus": "Renewable"}  # fmt: skip
    made = whole.create_project("sales", "ana@acme.example", "Sales bots", limit)
    assert made["tokens"][0]["id"].startswith("geai_")
    project = made["projectId"]
    assert whole.get_project_data(project)["usageLimit"]["hardLimit"] == 9
    assert project in [one["projectId"] for one in whole.get_project_list("full")["projects"]]
    assert [one["projectId"] for one in whole.get_project_list("full", "sales")["projects"]] == [project]
    assert whole.update_project(project, "sales 2", "still")["projectName"] == "sales 2"
    (token,) = whole.get_project_tokens(project)["tokens"]
    assert {"description", "id", "name", "status", "timestamp"} <= set(token)
    deleted = whole.delete_project(project)
    assert (deleted["projectId"], deleted["removed"]["tokens"]) == (project, 1)
    with pytest.raises(refusal(), match="Project Not Found"):
        whole.get_project_data(project)
    with pytest.raises(refusal(), match="Project not in Organization"):
        whole.get_project_tokens("invalid-project-id")
    with pytest.raises(refusal(), match="Not Found"):
        whole.get_project_tokens("")


def test_the_manager_for_projects(key: tuple[str, str], ids: tuple[str, str]) -> None:
    from pygeai.core.models import Project, UsageLimit

    whole = manager(key)
    limit = UsageLimit(
        subscriptionType="Monthly", usageUnit="Cost", softLimit=1, hardLimit=2, renewalStatus="Renewable"
    )
    wanted = Project(name="shop", email="ana@acme.example", description="Shop", usage_limit=limit)
    made = whole.create_project(wanted).project
    assert (made.name, made.active, made.status, made.organization.id) == ("shop", True, 0, ids[0])
    assert (made.tokens[0].name, made.usage_limit.hard_limit) == ("Default", 2)
    assert whole.get_project_data(made.id).project.description == "Shop"
    assert "shop" in [one.name for one in whole.get_project_list("full").projects]
    changed = whole.update_project(Project(id=made.id, name="shop 2", description="Shop"))
    assert changed.project.name == "shop 2"
    assert whole.get_project_tokens(made.id).tokens[0].status == "Active"
    assert whole.delete_project(made.id) is not None


# tokens ------------------------------------------------------------------------------------------------------


def test_the_client_for_tokens_and_its_live_tests(key: tuple[str, str], ids: tuple[str, str]) -> None:
    from pygeai.auth.clients import AuthClient

    auth, name = AuthClient(*key), f"token {uuid4()}"
    made = auth.create_project_api_token(ids[1], name, "A" * 500)
    assert {"description", "id", "name", "scope", "status", "timestamp"} <= set(made)
    assert (made["name"], made["status"], len(made["description"])) == (name, "Active", 200)
    for status in ("Blocked", "Active"):
        assert auth.update_project_api_token(made["id"], "still", status)["status"] == status
    assert auth.get_project_api_token(made["apiTokenId"])["id"] == made["apiTokenId"]
    for call, words in (
        (lambda: auth.create_project_api_token(ids[1], name, "again"), "Token ‘name’ already exists"),
        (lambda: auth.create_project_api_token(ids[1], "", "d"), "Input data is missing (required %1) Name"),
        (lambda: auth.create_project_api_token(ids[1], f"very_long_token_name_{'x' * 200}", "d"), "Not Found"),
        (lambda: auth.create_project_api_token("", name, "d"), "Input data is missing (required %1) project-id"),
        (lambda: auth.create_project_api_token("invalid", name, "d"), "Input data is missing (required %1) project-id"),
        (lambda: auth.create_project_api_token(str(uuid4()), name, "d"), "Forbidden"),
        (lambda: auth.update_project_api_token(made["id"], "", "Active"), "(required %1) Description"),
        (lambda: auth.update_project_api_token(made["id"], "d", "inactive"), "[ inactive ] is not a valid status"),
        (lambda: auth.get_project_api_token("not-a-uuid"), "Not Found"),
        (lambda: auth.get_project_api_token(""), "Method Not Allowed"),
        (lambda: auth.delete_project_api_token(""), "Method Not Allowed"),
    ):
        with pytest.raises(refusal()) as failed:
            call()
        assert words in str(failed.value)
    assert isinstance(auth.delete_project_api_token(made["id"]), dict)
    with pytest.raises(refusal(), match="Not Found"):
        auth.delete_project_api_token(made["id"])


# access control ----------------------------------------------------------------------------------------------


@pytest.fixture
def project(key: tuple[str, str]) -> Iterator[str]:
    whole = client(key)
    made = whole.create_project(f"project {uuid4()}", "boss@acme.example")["projectId"]
    for email in ("cid@acme.example", "ann@acme.example"):
        whole.add_project_member(made, email, ["Project Member", "Access all Project Assistants"])
    yield made
    whole.delete_project(made)


def test_members_as_the_live_tests_want_them(key: tuple[str, str], project: str) -> None:
    whole = client(key)
    found = whole.get_project_members(project)
    assert (found["count"], found["pages"]) == (3, 1)
    for member in found["projects"][0]["members"]:
        assert {"accessType", "id", "name", "roles"} <= set(member)
        assert all(set(role) >= ROLE_MEMBERS for role in member["roles"])
    for size in (1, 2, 3):
        assert whole.get_project_members(project, 1, size)["pages"] == math.ceil(3 / size)
    for direction, names in (("asc", "abc"), ("desc", "cba")):
        ordered = whole.get_project_members(project, order_key="name", order_direction=direction)
        assert "".join(member["name"][0] for member in ordered["projects"][0]["members"]) == names
    for wanted in ("backend", "frontend"):
        part = whole.get_project_members(project, role_types=wanted)["projects"][0]["members"]
        assert {role["type"].lower() for member in part for role in member["roles"]} == {wanted}
    for wrong in ("invalid-project-id", "", str(uuid4())):
        with pytest.raises(refusal(), match=MISMATCH):
            whole.get_project_members(wrong)
    with pytest.raises(refusal(), match="Field roleTypes is out of range"):
        whole.get_project_members(project, role_types="nonexistent")


def test_roles_as_the_live_tests_want_them(key: tuple[str, str], project: str) -> None:
    whole = client(key)
    found = whole.get_project_roles(project)
    (place,) = found["projects"]
    assert {"organizationId", "organizationName", "projectDescription", "projectId", "projectName"} <= set(place)
    assert all(set(role) >= ROLE_MEMBERS for role in place["roles"])
    assert whole.get_project_roles(project, page_size=2)["pages"] == 2
    for wrong in ("invalid-project-id", "", str(uuid4())):
        with pytest.raises(refusal(), match=MISMATCH):
            whole.get_project_roles(wrong)


def test_memberships_as_the_live_tests_want_them(key: tuple[str, str], project: str) -> None:
    whole = client(key)
    found = whole.get_project_memberships("ANN@acme.example")
    (place,) = found["projects"]
    assert {"organizationId", "organizationName", "projectDescription", "projectId", "projectName", "roles"} <= set(
        place
    )
    assert whole.get_project_memberships("ann@acme.example", page_size=1)["pages"] == 1
    assert whole.get_memberships("ann@acme.example")["organizations"][0]["projects"][0]["projectId"] == project
    assert whole.get_memberships()["count"] == 1
    with pytest.raises(refusal(), match="Not Found, Email"):
        whole.get_project_memberships("invalid@example.com")
    with pytest.raises(refusal(), match="expected: projectName"):
        whole.get_project_memberships("ann@acme.example", order_key="organizationName")


def test_the_managers_for_access_control(key: tuple[str, str], ids: tuple[str, str], project: str) -> None:
    whole = manager(key)
    assert {role.name for role in whole.get_project_roles(project).roles} >= {"Project Member"}
    assert [member.email for member in whole.get_project_members(project).members] == [
        "cid@acme.example",
        "boss@acme.example",
        "ann@acme.example",
    ]
    assert whole.get_organization_members(ids[0]).members == []
    assert whole.get_memberships("ann@acme.example").organizations[0].projects[0].roles[0].type
    assert whole.get_project_memberships("ann@acme.example").projects[0].project_id == project
    assert whole.add_project_member(project, "dan@acme.example", ["Project Member"]) is not None


def test_policies_and_what_a_token_reaches(key: tuple[str, str], ids: tuple[str, str]) -> None:
    from pygeai.admin.clients import AdminClient

    assert client(key).get_runtime_policies(ids[0])["policies"] == []
    admin = AdminClient(*key)
    assert admin.validate_api_token()["scope"] == "Pia.Data.Organization"
    assert admin.get_authorized_organizations()["organizations"][0]["organizationId"] == ids[0]
    found = admin.get_authorized_projects_by_organization(ids[0])["projects"]
    assert ids[1] in [one["projectId"] for one in found]
    with pytest.raises(refusal(), match="Unauthorized"):
        admin.get_project_visibility(ids[0], ids[1], "nobody")


def test_organizations_are_for_the_system_administrator(key: tuple[str, str]) -> None:
    whole = client(key)
    for call in (
        whole.get_organization_list,
        lambda: whole.create_organization("Acme", "ana@acme.example"),
        lambda: whole.delete_organization(str(uuid4())),
    ):
        with pytest.raises(refusal(), match="403"):
            call()
    with pytest.raises(refusal(), match="Access token not found, login again"):
        client(("invalid", key[1])).get_organization_list()


# the command -------------------------------------------------------------------------------------------------


@pytest.fixture
def geai(credentials: Path, tmp_path: Path) -> Command:
    """`geai organization ...` with the organization's profile; the first object it prints, as Python wrote it."""

    def run(group: str, *arguments: str) -> dict[str, Any]:
        profile = ("--credentials", str(credentials), "--alias", "organization")
        done = run_geai(tmp_path / "home", *profile, group, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        found: dict[str, Any] = ast.literal_eval(done.stdout[done.stdout.index("{") :].strip())
        return found

    return run


def test_the_commands(geai: Command, ids: tuple[str, str]) -> None:
    made = geai("organization", "create-project", "-n", "cli", "-e", "ana@acme.example", "-d", "by geai")
    project = made["projectId"]
    assert geai("organization", "get-project", "--pid", project)["projectDescription"] == "by geai"
    assert geai("organization", "list-projects", "-d", "full", "-n", "cli")["projects"][0]["projectId"] == project
    assert geai("organization", "update-project", "--pid", project, "-n", "cli 2")["projectName"] == "cli 2"
    assert len(geai("organization", "get-tokens", "--pid", project)["tokens"]) == 1
    geai("organization", "add-project-member", "--pid", project, "-e", "bob@acme.example", "-r", "Project Member")
    members = geai("organization", "get-project-members", "--pid", project)["members"]
    assert {member["email"] for member in members} == {"ana@acme.example", "bob@acme.example"}
    assert geai("organization", "get-project-roles", "--pid", project)["count"] == 3
    assert geai("organization", "get-memberships", "-e", "bob@acme.example")["count"] == 1
    assert geai("organization", "get-organization-members", "--oid", ids[0])["members"] == []
    assert geai("admin", "list-authorized-projects", "-o", ids[0])["projects"]
    assert geai("organization", "delete-project", "--pid", project)["projectId"] == project
