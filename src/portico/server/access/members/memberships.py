"""Where a user belongs: organizations, projects and roles; and the history of who was invited and removed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import TypeVar

import msgspec

from portico.server.access.caller import Caller
from portico.server.access.emails import read_email
from portico.server.access.members.views import show_project, show_role
from portico.server.access.paging import Page, read_page, read_role_types
from portico.server.access.places import find_place
from portico.server.access.policy import may, require
from portico.server.access.refusals import EmailNotFound
from portico.server.access.tenancy import Tenancy
from portico.server.errors import Forbidden
from portico.server.ids import OrganizationId, UserId
from portico.server.kit.clock import wire_time
from portico.server.storage.memberships import (
    MembershipRow,
    count_invitations,
    list_invitations,
    list_memberships,
    maybe_user_id,
)
from portico.server.storage.projects import list_projects
from portico.wire.access_control import (
    Invitation,
    InvitationList,
    Memberships,
    OrganizationAccess,
    ProjectAccess,
    ProjectMemberships,
)

T = TypeVar("T")


async def list_of_user(tenancy: Tenancy, caller: Caller, query: Mapping[str, str]) -> Memberships:
    """Organizations and projects of the user with `email`; of the caller without one.

    An administrator sees his own organization, a system administrator all of them. A token is no member of anything:
    without `email` it sees what it reaches. Raises EmailNotFound (404), Forbidden, OutOfRange (400, id 8).
    """
    page, types = read_page(query, "organizationName"), read_role_types(query)
    within, user_id = await _whom(tenancy, caller, query.get("email"))
    if user_id is None:
        found = [await _reach(tenancy, caller)]
    else:
        async with tenancy.database.begin() as connection:
            rows = await list_memberships(connection, within, user_id, types)
        found = [_show_organization(part) for part in _split(rows)]
    shown = _cut(sorted(found, key=lambda one: one.organization_name, reverse=page.descending), page)
    return Memberships(count=len(found), pages=max(1, page.pages(len(found))), organizations=shown)


async def list_projects_of_user(tenancy: Tenancy, caller: Caller, query: Mapping[str, str]) -> ProjectMemberships:
    """Projects and roles in the caller's organization of the user with `userEmail`; of the caller without one."""
    page, types = read_page(query, "projectName"), read_role_types(query)
    _, user_id = await _whom(tenancy, caller, query.get("useremail") or query.get("email"))
    if user_id is None:
        found = (await _reach(tenancy, caller)).projects
    else:
        async with tenancy.database.begin() as connection:
            rows = await list_memberships(connection, caller.organization_id, user_id, types)
        found = [project for part in _split(rows) for project in _show_organization(part).projects]
    shown = _cut(sorted(found, key=lambda one: one.project_name, reverse=page.descending), page)
    return ProjectMemberships(
        count=len(found),
        pages=max(1, page.pages(len(found))),
        organization_id=caller.organization_id,
        projects=shown,
    )


async def list_history(tenancy: Tenancy, caller: Caller, query: Mapping[str, str]) -> InvitationList:
    """Who gave or took which roles of the caller's project, newest first, as the audit log has it."""
    require(caller, "project_members")
    page = read_page(query, "at")
    async with tenancy.database.begin() as connection:
        place = await find_place(connection, caller)
        count = await count_invitations(connection, caller.organization_id, place.project.project_id)
        rows = await list_invitations(
            connection, caller.organization_id, place.project.project_id, size=page.size, offset=page.offset
        )
    shown = [
        Invitation(
            action=row.action,
            at=wire_time(row.at),
            by=row.by,
            email=row.email,
            user_id=row.user_id,
            roles=_read_roles(row.details),
        )
        for row in rows
    ]
    return InvitationList(count=count, pages=page.pages(count), invitations=shown)


async def _whom(tenancy: Tenancy, caller: Caller, email: str | None) -> tuple[OrganizationId | None, UserId | None]:
    """Within which organization (None: all), and which user; no user for a token that names none."""
    everywhere = may(caller, "installation")
    own = caller.user_id
    if email is None:
        return (None, own) if own is not None else (caller.organization_id, None)
    wanted = read_email(email, "email")
    if own is not None and wanted == caller.user_email.lower():
        return None, own
    if not everywhere and not may(caller, "organization_members"):
        if own is not None:
            raise Forbidden
        require(caller, "organization_members")
    within = None if everywhere else caller.organization_id
    async with tenancy.database.begin() as connection:
        user_id = await maybe_user_id(connection, within, wanted)
    if user_id is None:
        raise EmailNotFound(email)
    return within, user_id


async def _reach(tenancy: Tenancy, caller: Caller) -> OrganizationAccess:
    """What a token acts on: its organization with all its projects, or with the one it belongs to."""
    async with tenancy.database.begin() as connection:
        rows = await list_projects(connection, caller.organization_id, hidden=True)
    if caller.scope != "organization":
        rows = [row for row in rows if row.project_id == caller.project_id]
    shown = [show_project(row, caller.organization_name) for row in rows]
    for project in shown:
        project.roles = []
    return OrganizationAccess(
        organization_id=caller.organization_id, organization_name=caller.organization_name, projects=shown
    )


def _split(rows: Iterable[MembershipRow]) -> list[list[MembershipRow]]:
    return [list(part) for _, part in groupby(rows, key=lambda row: row.organization_id)]


def _show_organization(rows: list[MembershipRow]) -> OrganizationAccess:
    """Rows of one organization, those of a project standing together."""
    shown = OrganizationAccess(organization_id=rows[0].organization_id, organization_name=rows[0].organization_name)
    for project_id, part in groupby(rows, key=lambda row: row.project_id):
        held = list(part)
        roles = [show_role(row.role) for row in held]
        if project_id is None:
            shown.roles = roles
        else:
            shown.projects.append(
                ProjectAccess(
                    project_id=project_id,
                    project_name=held[0].project_name,
                    project_description=held[0].project_description,
                    organization_id=held[0].organization_id,
                    organization_name=held[0].organization_name,
                    is_active=held[0].project_active,
                    roles=roles,
                )
            )
    return shown


def _cut(items: list[T], page: Page) -> list[T]:
    return items[page.offset : page.offset + page.size]


def _read_roles(details: str) -> list[str]:
    return [str(role) for role in msgspec.json.decode(details).get("roles", [])] if details else []
