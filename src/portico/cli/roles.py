"""`portico roles`: the roles of a project, and those that open some of its assistants."""

from __future__ import annotations

import click

from .groups import Command, Group
from .inputs import confirm
from .members import walk
from .output import Columns, emit, note
from .paging import gather, paging_options
from .shared_options import project_option

_COLUMNS: Columns = {
    "Id": "id",
    "Name": "name",
    "Type": "type",
    "Origin": "origin",
    "External id": "externalId",
}
_ID = "5b1d2f8e-0000-4000-8000-000000000002"

assistant = click.option(
    "--assistant", "assistants", multiple=True, metavar="NAME", help="Opens this assistant; may be given again."
)
external = click.option("--external-id", metavar="ID", help="The group of an identity provider that it stands for.")


@click.group(
    cls=Group,
    examples=[
        "portico roles list",
        f"portico roles create readers --assistant Translator --project {_ID}",
        "portico roles delete readers",
    ],
)
def roles() -> None:
    """Show the roles of a project; make, change and delete those that open some assistants."""


@roles.command("list", cls=Command, examples=["portico roles list", f"portico roles list --project {_ID}"])
@project_option
@paging_options
def list_(project_id: str | None, limit: int | None) -> None:
    """List the roles that a member of a project can have."""
    from .remote import opened

    with opened() as remote:
        pages = walk(
            remote.access_control,
            lambda client, part: client.list_roles(project_id=project_id, **part),
            "roles",
            limit,
        )
        found = remote.run(gather(pages))
    emit({"roles": found}, rows=found, columns=_COLUMNS)


@roles.command(cls=Command, examples=["portico roles show readers"])
@click.argument("role", metavar="NAME|ID")
@project_option
def show(role: str, project_id: str | None) -> None:
    """Show a role."""
    from .remote import opened

    with opened() as remote:
        emit(remote.run(remote.access_control.get_role(role, project_id=project_id)))


@roles.command(cls=Command, examples=["portico roles create readers --assistant Translator --assistant Summarizer"])
@click.argument("name")
@assistant
@external
@project_option
def create(name: str, assistants: tuple[str, ...], external_id: str | None, project_id: str | None) -> None:
    """Make a role that opens some assistants; its type is Frontend."""
    from .remote import opened

    with opened() as remote:
        made = remote.access_control.create_role(
            name, assistants=assistants, external_id=external_id, project_id=project_id
        )
        emit(remote.run(made))


@roles.command(
    cls=Command,
    examples=["portico roles update readers --name editors", "portico roles update readers --assistant Translator"],
)
@click.argument("role", metavar="NAME|ID")
@click.option("--name", metavar="NAME", help="Its new name.")
@assistant
@external
@project_option
def update(
    role: str, name: str | None, assistants: tuple[str, ...], external_id: str | None, project_id: str | None
) -> None:
    """Change a role that was made here; --assistant replaces those it opened before."""
    from .remote import opened

    if name is None and not assistants and external_id is None:
        raise click.UsageError("say what to change: --name, --assistant or --external-id")
    with opened() as remote:
        changed = remote.access_control.update_role(
            role, name=name, assistants=assistants or None, external_id=external_id, project_id=project_id
        )
        emit(remote.run(changed))


@roles.command(cls=Command, examples=["portico roles delete readers --yes"])
@click.argument("role", metavar="NAME|ID")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@project_option
def delete(role: str, yes: bool, project_id: str | None) -> None:
    """Delete a role that nobody holds."""
    from .remote import opened

    if not yes:
        confirm(f"Delete role {role}?")
    with opened() as remote:
        remote.run(remote.access_control.delete_role(role, project_id=project_id))
    note(f"role {role} deleted")
