"""The scope matrix of the reference, row by row."""

from __future__ import annotations

from typing import get_args

import pytest

from portico.server.access.caller import Caller, Roles, Scope, Standing
from portico.server.access.policy import ALLOWED, LEAST, Area, may, require, require_assistant, require_backend
from portico.server.errors import FieldRequired, Forbidden, OutOfScope
from portico.server.ids import OrganizationId, ProjectId, TokenId, UserId

MATRIX: list[tuple[Area, bool, bool]] = [  # area, project token, organization token
    ("execution", True, False),
    ("models", True, False),
    ("catalog", True, True),
    ("assistants", True, False),
    ("organization", False, True),
    ("organization_reads", True, True),
    ("organization_limits", False, True),
    ("project_limits", True, True),
    ("project_tokens", True, True),
    ("provider_settings", True, True),
    ("own_providers", False, True),
    ("token_check", True, True),
    ("project_members", True, True),
    ("project_administration", False, True),
    ("organization_members", False, True),
    ("files", True, True),
    ("secrets", True, True),
    ("audit", True, True),
    ("audit_check", False, True),
    ("installation", False, False),
]


def caller(scope: Scope) -> Caller:
    return Caller(OrganizationId("o"), "O", TokenId("t"), scope, ProjectId("p") if scope == "project" else None)


def test_every_area_has_a_row_here_and_in_the_policy() -> None:
    assert {row[0] for row in MATRIX} == set(ALLOWED) == set(LEAST) == set(get_args(Area))


@pytest.mark.parametrize(("area", "project", "organization"), MATRIX)
def test_scope_decides(area: Area, project: bool, organization: bool) -> None:
    scopes: list[tuple[Scope, bool]] = [("project", project), ("organization", organization)]
    for scope, allowed in scopes:
        if allowed:
            require(caller(scope), area)
            continue
        with pytest.raises(OutOfScope) as refusal:
            require(caller(scope), area)
        assert (refusal.value.status, refusal.value.id, refusal.value.message) == (403, 7, "ApiToken out of scope")


def user(standing: Standing = "none", *, project: bool = True, assistants: frozenset[str] | None = frozenset(),
         organization: bool = False, system: bool = False) -> Caller:  # fmt: skip
    scope: Scope = "project" if project else "organization" if organization else "user"
    roles = Roles(standing, assistants, organization, system)
    return Caller(
        OrganizationId("o"), "O", TokenId("u"), scope, ProjectId("p") if project else None,
        user_id=UserId("u"), roles=roles,
    )  # fmt: skip


STANDINGS: list[tuple[Standing, set[Area]]] = [
    ("none", {"token_check"}),
    ("frontend", {"token_check", "execution", "catalog"}),
    ("backend", {area for area, role in LEAST.items() if role in ("anyone", "frontend", "backend")}),
    ("administrator", {area for area, role in LEAST.items() if role not in ("organization", "installation")}),
]


@pytest.mark.parametrize(("standing", "areas"), STANDINGS)
def test_what_a_user_may_in_a_project(standing: Standing, areas: set[Area]) -> None:
    assert {area for area in get_args(Area) if may(user(standing), area)} == areas


def test_an_administrator_of_the_organization_may_all_but_the_installation() -> None:
    inside = {area for area in get_args(Area) if may(user("administrator", organization=True), area)}
    assert inside == set(get_args(Area)) - {"installation"}
    outside = {area for area in get_args(Area) if may(user(project=False, organization=True), area)}
    assert outside == {area for area, scopes in ALLOWED.items() if "organization" in scopes}


def test_a_system_administrator_may_the_installation_and_no_more() -> None:
    assert {area for area in get_args(Area) if may(user(project=False, system=True), area)} == {
        "installation", "token_check",
    }  # fmt: skip
    root = Caller(OrganizationId("o"), "", TokenId("r"), "installation")
    assert {area for area in get_args(Area) if may(root, area)} == {"installation"}


def test_400_id_9_for_a_user_without_a_project() -> None:
    with pytest.raises(FieldRequired) as refusal:
        require(user(project=False), "execution")
    assert (refusal.value.status, refusal.value.id, refusal.value.message) == (400, 9, "Field project-id is required")


def test_403_id_403_where_the_role_forbids() -> None:
    with pytest.raises(Forbidden) as refusal:
        require(user("frontend"), "assistants")
    assert (refusal.value.status, refusal.value.id, refusal.value.message) == (403, 403, "Forbidden")
    with pytest.raises(Forbidden):
        require_backend(user("frontend"))
    for passes in (user("backend"), user(organization=True), caller("project")):
        require_backend(passes)


def test_a_frontend_role_lets_into_the_assistants_it_lists() -> None:
    require_assistant(user("frontend", assistants=frozenset({"a"})), "a")
    with pytest.raises(Forbidden):
        require_assistant(user("frontend", assistants=frozenset({"a"})), "b")
    for passes in (user("frontend", assistants=None), user("backend"), caller("project")):
        require_assistant(passes, "b")
