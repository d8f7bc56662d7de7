"""Rows of projects, roles and members as the API shows them."""

from __future__ import annotations

from msgspec import UNSET

from portico.server.kit.clock import wire_time
from portico.server.storage.memberships import HeldRole, MemberRow
from portico.server.storage.projects import ProjectRow
from portico.server.storage.roles import RoleRow
from portico.wire.access_control import Member, ProjectAccess, Role, RuntimePolicies


def show_member(row: MemberRow) -> Member:
    return Member(
        email=row.email,
        user_id=row.user_id,
        id=row.user_id,
        name=row.name,
        roles=[show_role(role) for role in row.roles],
        last_login_at=UNSET if row.last_login_at is None else wire_time(row.last_login_at),
    )


def show_role(role: RoleRow | HeldRole) -> Role:
    """With its assistants where users chose them."""
    shown = Role(id=role.role_id, name=role.name, external_id=role.external_id, type=role.type, origin=role.origin)
    if isinstance(role, RoleRow) and role.origin == "User":
        shown.assistants = list(role.assistants)
    return shown


def show_project(row: ProjectRow, organization_name: str) -> ProjectAccess:
    return ProjectAccess(
        project_id=row.project_id,
        project_name=row.name,
        project_description=row.description,
        organization_id=row.organization_id,
        organization_name=organization_name,
        is_active=row.active,
    )


def show_runtime_policies() -> RuntimePolicies:
    """None are kept here. The vendor's client looks for `messages`, our contract for an empty list."""
    return RuntimePolicies(messages={"description": "No policies are defined: those of each plugin apply."})
