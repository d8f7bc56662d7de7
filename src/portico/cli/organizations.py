"""`portico organizations`: the tenants of an installation, for its system administrators."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import click

from .groups import Command, Group
from .inputs import confirm
from .output import Columns, chosen_format, emit, note
from .paging import gather, paging_options

if TYPE_CHECKING:
    from portico.sdk.call import JsonObject
    from portico.sdk.clients.organizations import AsyncOrganizationsClient

_SCOPES = {"Pia.Data.Organization": "organization", "Pia.Data.Project": "project"}
_COLUMNS: Columns = {"Id": "organizationId", "Name": "organizationName"}
_ID = "5b1d2f8e-0000-4000-8000-000000000002"


@click.group(
    cls=Group,
    examples=[
        "portico organizations list",
        "portico organizations create Acme --administrator ana@acme.example",
        f"portico organizations delete {_ID}",
    ],
)
def organizations() -> None:
    """List, make and delete organizations.

    Asks for the root token of the installation, or for a system administrator.
    """


@organizations.command(
    "list", cls=Command, examples=["portico organizations list", "portico organizations list --name acme --all"]
)
@click.option("--name", metavar="TEXT", help="Those with this in their name.")
@paging_options
def list_(name: str | None, limit: int | None) -> None:
    """List organizations by name."""
    from .remote import opened

    with opened() as remote:
        found = remote.run(gather(_pages(remote.organizations, name, limit)))
    emit({"organizations": found}, rows=found, columns=_COLUMNS)


@organizations.command(cls=Command, examples=["portico organizations create Acme --administrator ana@acme.example"])
@click.argument("name")
@click.option("--administrator", required=True, metavar="EMAIL", help="Who administers it; invited when unknown.")
def create(name: str, administrator: str) -> None:
    """Make an organization with a project and a token for each. The tokens are shown now, and never again."""
    from .remote import opened

    with opened() as remote:
        answer = remote.run(remote.organizations.create_organization(name, administrator))
    shown = {member: value for member, value in answer.items() if member != "tokens"}
    secrets = {f"token of the {_SCOPES.get(one['scope'], one['scope'])}": one["id"] for one in answer.get("tokens", [])}
    emit(answer, short=shown | secrets)
    if chosen_format() == "table" and sys.stdout.isatty():
        note("keep the tokens now: they are not shown again")


@organizations.command(cls=Command, examples=[f"portico organizations delete {_ID} --yes"])
@click.argument("organization_id", metavar="ID")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def delete(organization_id: str, yes: bool) -> None:
    """Delete an organization with all its projects. Its usage and the audit log stay."""
    from .remote import opened

    if not yes:
        confirm(f"Delete organization {organization_id} with all its projects?")
    with opened() as remote:
        emit(remote.run(remote.organizations.delete_organization(organization_id)))
    note(f"organization {organization_id} deleted")


async def _pages(client: AsyncOrganizationsClient, name: str | None, limit: int | None) -> AsyncIterator[JsonObject]:
    from portico.sdk.errors import NotFound
    from portico.sdk.paging import Page, Place, paged_async

    async def fetch(place: Place) -> Page[JsonObject]:
        try:
            answer = await client.list_organizations(start_page=place.number, page_size=place.size, name_contains=name)
        except NotFound:  # how the server says that none fits
            return Page([], 0)
        return Page(answer.get("organizations", []), answer.get("count"))

    async for item in paged_async(fetch, limit=limit):
        yield item
