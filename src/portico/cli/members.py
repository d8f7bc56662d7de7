"""`portico members`: who belongs to a project or to the organization, with which roles, and what a user reaches."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

import click

from .groups import Command, Group
from .inputs import confirm, read_word
from .output import Columns, Row, emit, note
from .paging import gather, paging_options
from .shared_options import project_option

if TYPE_CHECKING:
    from portico.sdk.call import JsonObject
    from portico.sdk.clients.access_control import AsyncAccessControlClient, Part

_EMAIL = "bob@acme.example"
_ID = "5b1d2f8e-0000-4000-8000-000000000002"

whole = click.option("--organization", "whole", is_flag=True, help="Members of the organization itself.")


def visit(command: Callable[..., None]) -> Callable[..., None]:
    """Who is asked about: an access token, which stands in a file or comes in, for all can read a command line."""
    for argument in (
        click.argument("access_token", metavar="@FILE|-"),
        click.argument("project", metavar="PROJECT"),
        click.argument("organization", metavar="ORGANIZATION"),
    ):
        command = argument(command)
    return command


Ask = Callable[["AsyncAccessControlClient", "Part"], Awaitable["JsonObject"]]


def _roles(row: Row) -> str:
    return ", ".join(role["name"] for role in row.get("roles", []))


_MEMBERS: Columns = {
    "Id": "userId",
    "Email": "email",
    "Name": lambda row: "" if row.get("name") == row.get("email") else row.get("name"),
    "Roles": _roles,
    "Signed in": lambda row: row.get("lastLoginAt", "invited"),
}
_HISTORY: Columns = {
    "When": "at",
    "What": "action",
    "Who": "email",
    "Roles": lambda row: ", ".join(row.get("roles", [])),
    "By": "by",
}
_ORGANIZATIONS: Columns = {"Id": "organizationId", "Name": "organizationName"}
_PROJECTS: Columns = {"Id": "projectId", "Name": "projectName", "Description": "projectDescription"}
_PLACES: Columns = {
    "Organization": "organizationName",
    "Roles": _roles,
    "Projects": lambda row: "; ".join(f"{one['projectName']}: {_roles(one) or '-'}" for one in row.get("projects", [])),
}


@click.group(
    cls=Group,
    examples=[
        f"portico members list --project {_ID}",
        f"portico members invite {_EMAIL} 'Project Member' --project {_ID}",
        f"portico members places {_EMAIL}",
    ],
)
def members() -> None:
    """Invite people to a project or to the organization, give them roles and take them away."""


@members.command("list", cls=Command, examples=["portico members list", "portico members list --organization"])
@project_option
@whole
@paging_options
def list_(project_id: str | None, whole: bool, limit: int | None) -> None:
    """List members and their roles."""
    _check(project_id, whole)

    def ask(client: AsyncAccessControlClient, part: Part) -> Awaitable[JsonObject]:
        if whole:
            return client.list_organization_members(**part)
        return client.list_project_members(project_id=project_id, **part)

    _emit(ask, "members", limit, _MEMBERS)


@members.command(
    cls=Command,
    examples=[
        f"portico members invite {_EMAIL} 'Project Member' --project {_ID}",
        f"portico members invite {_EMAIL} --organization",
    ],
)
@click.argument("email")
@click.argument("roles", metavar="[ROLE]...", nargs=-1)
@project_option
@whole
def invite(email: str, roles: tuple[str, ...], project_id: str | None, whole: bool) -> None:
    """Give a user roles, by name or id. Who is unknown yet is invited."""
    from .remote import opened

    _check(project_id, whole)
    if not roles and not whole:
        raise click.UsageError("name a role: `portico roles list` shows them")
    with opened() as remote:
        client = remote.access_control
        if whole:
            emit(remote.run(client.add_organization_member(email, roles)))
        else:
            emit(remote.run(client.add_project_member(email, roles, project_id=project_id)))


@members.command(
    cls=Command,
    examples=[
        f"portico members remove {_EMAIL} --project {_ID}",
        f"portico members remove {_EMAIL} --role readers --yes",
    ],
)
@click.argument("user", metavar="EMAIL|ID")
@click.option("--role", "roles", multiple=True, metavar="NAME", help="This role only; may be given again.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@project_option
@whole
def remove(user: str, roles: tuple[str, ...], yes: bool, project_id: str | None, whole: bool) -> None:
    """Take roles from a user: all of them in the project, or in the organization, unless told."""
    from .remote import opened

    _check(project_id, whole)
    if not yes:
        confirm(f"Take {', '.join(roles) or 'all roles'} from {user}?")
    with opened() as remote:
        client = remote.access_control
        if whole:
            remote.run(client.remove_organization_member(user, roles=roles))
        else:
            place = project_id or str(remote.run(remote.tokens.validate_api_token()).get("projectId") or "")
            if not place:
                raise click.UsageError("the token in use belongs to no project: name one with --project ID")
            remote.run(client.remove_project_member(place, user, roles=roles))
    note(f"{', '.join(roles) or 'all roles'} taken from {user}")


@members.command(cls=Command, examples=[f"portico members history --project {_ID}"])
@project_option
@paging_options
def history(project_id: str | None, limit: int | None) -> None:
    """List who gave or took which roles of a project, newest first."""
    _emit(lambda client, part: client.list_invitations(project_id=project_id, **part), "invitations", limit, _HISTORY)


@members.command(cls=Command, examples=["portico members places", f"portico members places {_EMAIL}"])
@click.argument("email", required=False)
@paging_options
def places(email: str | None, limit: int | None) -> None:
    """List organizations, projects and roles of a user; of the one who asks, without an address."""
    _emit(lambda client, part: client.list_memberships(email=email, **part), "organizations", limit, _PLACES)


@members.command(cls=Command, examples=["portico members reach", "portico members reach Acme"])
@click.argument("organization", required=False)
def reach(organization: str | None) -> None:
    """List organizations that the one who asks reaches; of one of them the projects."""
    from .remote import opened

    with opened() as remote:
        client = remote.access_control
        if organization is None:
            answer, member, columns = remote.run(client.list_user_organizations()), "organizations", _ORGANIZATIONS
        else:
            answer, member, columns = remote.run(client.list_user_projects(organization)), "projects", _PROJECTS
    emit(answer, rows=answer.get(member, []), columns=columns)


@members.command(cls=Command, examples=[f"portico members check Acme {_ID} @access-token.txt"])
@visit
def check(organization: str, project: str, access_token: str) -> None:
    """Check whether the user of an access token sees a project; the exit code tells, too."""
    from .remote import opened

    with opened() as remote:
        remote.run(remote.access_control.check_project_access(organization, project, _read_token(access_token)))
    note("the user sees the project")


@members.command("token", cls=Command, examples=[f"portico members token Acme {_ID} @access-token.txt"])
@visit
def token(organization: str, project: str, access_token: str) -> None:
    """Make a token of a project for the user of an access token; it ends after 30 days."""
    from .remote import opened

    with opened() as remote:
        emit(remote.run(remote.access_control.get_project_token(organization, project, _read_token(access_token))))


def _read_token(word: str) -> str:
    if word != "-" and not word.startswith("@"):
        raise click.UsageError("write @file, or - for standard input: a command line is seen by all, and remembered")
    return read_word(word).strip()


def _check(project_id: str | None, whole: bool) -> None:
    if whole and project_id is not None:
        raise click.UsageError("--project and --organization exclude each other")


def _emit(ask: Ask, member: str, limit: int | None, columns: Columns) -> None:
    from .remote import opened

    with opened() as remote:
        found = remote.run(gather(walk(remote.access_control, ask, member, limit)))
    emit({member: found}, rows=found, columns=columns)


async def walk(
    client: AsyncAccessControlClient, ask: Ask, member: str, limit: int | None
) -> AsyncIterator[dict[str, Any]]:
    """The items of a listing of people or roles, page after page."""
    from portico.sdk.paging import Page, Place, paged_async

    async def fetch(place: Place) -> Page[dict[str, Any]]:
        answer = await ask(client, {"start_page": place.number, "page_size": place.size})
        return Page(answer.get(member, []), answer.get("count"))

    async for item in paged_async(fetch, limit=limit):
        yield item
