"""What a user reaches, asked on his behalf: organizations, projects, one project, and a token to work there with."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from portico.server.access.authenticate import authenticate
from portico.server.access.caller import Caller
from portico.server.access.organizations.projects import show
from portico.server.access.policy import may, require
from portico.server.access.tenancy import Tenancy
from portico.server.access.tokens import create_token
from portico.server.errors import FieldRequired, Forbidden, Unauthorized
from portico.server.storage.memberships import MembershipRow, list_memberships
from portico.server.storage.projects import list_projects
from portico.wire.access_control import AuthorizedOrganization, AuthorizedOrganizations, HandedToken
from portico.wire.projects import ProjectList

HANDED_FOR = timedelta(days=30)


async def list_organizations(tenancy: Tenancy, caller: Caller) -> AuthorizedOrganizations:
    """Those in which a user has a role; the one that a token belongs to."""
    found = {caller.organization_id: caller.organization_name} if caller.user_id is None else {}
    for row in await _memberships(tenancy, caller):
        found[row.organization_id] = row.organization_name
    return AuthorizedOrganizations(
        organizations=[
            AuthorizedOrganization(organization_id=one, organization_name=name, id=one, name=name)
            for one, name in found.items()
        ]
    )


async def list_authorized_projects(tenancy: Tenancy, caller: Caller, organization: str | None) -> ProjectList:
    """Of an organization, by id or name: projects in which a user has a role; those that a token acts on.

    Raises FieldRequired, Forbidden where the caller has nothing to look for.
    """
    if not organization:
        raise FieldRequired("organization")
    mine = await _memberships(tenancy, caller)
    places = {row.organization_id: row.organization_name for row in mine}
    if caller.organization_id and caller.scope != "user":
        places.setdefault(caller.organization_id, caller.organization_name)
    wanted = [one for one, name in places.items() if organization == name or organization.lower() == one]
    if not wanted:
        raise Forbidden
    own = {row.project_id for row in mine if row.organization_id == wanted[0]}
    if caller.scope == "project":
        own.add(caller.project_id)
    # Who administers the organization acts on all of its projects.
    whole = caller.scope == "organization" and caller.organization_id == wanted[0]
    async with tenancy.database.begin() as connection:
        rows = await list_projects(connection, wanted[0])
    return ProjectList(projects=[show(row) for row in rows if whole or row.project_id in own])


def find_visitor(tenancy: Tenancy, query: Mapping[str, str]) -> Caller:
    """The user of `accessToken`, acting on `project` of `organization`.

    Raises FieldRequired (400, id 9), Unauthorized for the token, Forbidden and ForeignProject (403) for the place.
    """
    for name in ("organization", "project", "accessToken"):
        if not query.get(name.lower()):
            raise FieldRequired(name)
    if not query["accesstoken"].isascii() or not query["project"].isascii():
        raise Unauthorized
    headers = [
        (b"authorization", b"Bearer " + query["accesstoken"].encode()),
        (b"projectid", query["project"].encode()),
    ]
    visitor = authenticate(headers, tenancy.snapshot)
    named = query["organization"]
    if named.lower() != visitor.organization_id and named != visitor.organization_name:
        raise Forbidden
    if visitor.project_id is None or not may(visitor, "catalog"):
        raise Forbidden
    return visitor


async def hand_out_token(tenancy: Tenancy, visitor: Caller) -> HandedToken:
    """A new token of the project, named for the user and ending after 30 days.

    The reference hands out one that is there. Here the text of a token is known to nobody once it was shown, so this
    makes one for each call; the end keeps them from piling up, and the name tells whose it is. Raises Forbidden for
    anybody who is no user: a token has no business with another one.
    """
    if visitor.user_id is None:
        raise Forbidden
    require(visitor, "project_tokens")
    now = datetime.now(UTC)
    name = f"{visitor.user_email[:150]} {now:%Y-%m-%dT%H:%M:%S.%f}"
    made = await create_token(tenancy, visitor, name, "Handed out to a signed-in user", now + HANDED_FOR)
    return HandedToken(api_token=made.id)


async def _memberships(tenancy: Tenancy, caller: Caller) -> list[MembershipRow]:
    if caller.user_id is None:
        return []
    async with tenancy.database.begin() as connection:
        return await list_memberships(connection, None, caller.user_id, ("Backend", "Frontend"))
